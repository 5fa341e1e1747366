// One tab stop for a whole table; arrows move inside it, also to lines that are yet to be made.

const stopsOf = (row) => (row ? [...row.querySelectorAll("[data-stop]")] : []);

function rove(table) {
  let stop = stopsOf(table)[0];
  if (stop) stop.tabIndex = 0;
  table.addEventListener("focusin", ({ target }) => {
    if (!target.dataset || !("stop" in target.dataset)) return;
    if (stop) stop.tabIndex = -1;
    stop = target;
    stop.tabIndex = 0;
  });
  table.onkeydown = (event) => {
    if (!("stop" in event.target.dataset) || event.altKey || event.metaKey) return;
    const next = step(table, event.target, event);
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
}

function step(table, from, { key, ctrlKey }) {
  const row = from.closest("tr");
  const own = stopsOf(row);
  const x = own.indexOf(from);
  switch (key) {
    case "ArrowRight": return own[x + 1];
    case "ArrowLeft": return own[x - 1];
    case "ArrowDown": return nearest(row, x, true);
    case "ArrowUp": return nearest(row, x, false);
    case "Home": return ctrlKey ? stopsOf(table)[0] : own[0];
    case "End": return ctrlKey ? lastStop(table) : own.at(-1);
    default: return null;
  }
}

// The stop below or above; lines are unequally long: that of headings has one more than others.
function nearest(row, x, down) {
  for (let at = beside(row, down); at; at = beside(at, down)) {
    const stops = stopsOf(at);
    if (stops.length) return stops[Math.min(x, stops.length - 1)];
  }
  return null;
}

function beside(row, down) {
  const next = down ? row.nextElementSibling : row.previousElementSibling;
  if (next) return next;
  const part = down ? row.parentElement.nextElementSibling
    : row.parentElement.previousElementSibling;
  if (!part) return null;
  makePart(part);
  return down ? part.firstElementChild : part.lastElementChild;
}

function lastStop(table) {
  makePart(table.lastElementChild);
  return stopsOf(table.rows[table.rows.length - 1]).at(-1);
}
