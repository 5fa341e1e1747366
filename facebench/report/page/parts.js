// Long tables: lines are made in parts, where they can be seen, and are removed where they cannot;
// on paper all are.

const PART = { lines: 20, from: 120, margin: 1500, height: 72, above: 3 };
// height: of a line in pixels, until it is known; above: rows of headings
const lazy = new WeakMap(); // the body of a part -> { makers, span, first, height, made }
let observer = null;

// The bodies of a group: all in one, or in parts that hold the place of their lines.
function parts(makers, span, kind, top) {
  if (makers.length <= PART.from) return h("tbody", { class: kind }, top, makers.map((make) => make()));
  const bodies = [h("tbody", { class: kind }, top)];
  for (let first = 0; first < makers.length; first += PART.lines) {
    const body = h("tbody", { class: kind });
    const own = makers.slice(first, first + PART.lines);
    lazy.set(body, { makers: own, span, first, height: own.length * PART.height, made: false });
    bodies.push(body);
    if (first) removeLines(body);
    else makePart(body);
  }
  return bodies;
}

function makePart(body) {
  const part = lazy.get(body);
  if (!part || part.made) return;
  part.made = true;
  body.replaceChildren(...part.makers.map((make, i) => {
    const row = make();
    row.setAttribute("aria-rowindex", PART.above + part.first + i + 1);
    return row;
  }));
}

function removeLines(body) {
  const part = lazy.get(body);
  if (part.made) part.height = body.getBoundingClientRect().height || part.height;
  part.made = false;
  const space = h("td", { colspan: part.span, class: "space" });
  space.style.height = `${part.height}px`;
  body.replaceChildren(h("tr", { "aria-hidden": "true" }, space));
}

// Where the focus is, or the tab stop of the table, lines stay.
const needed = (body) => body.contains(document.activeElement) || body.querySelector("[tabindex='0']");

function watchParts(frame) {
  observer?.disconnect();
  const bodies = [...frame.querySelectorAll("tbody")].filter((body) => lazy.has(body));
  if (!bodies.length) return;
  lockWidths(frame.querySelector("table"));
  const root = frame.classList.contains("wide") ? frame : null;
  observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) makePart(target);
      else if (lazy.get(target).made && !needed(target)) removeLines(target);
    }
  }, { root, rootMargin: `${PART.margin}px 0px` });
  for (const body of bodies) observer.observe(body);
}

// Columns keep the width that they have with the first lines, whichever lines are there.
function lockWidths(table) {
  if (table.querySelector("colgroup")) return;
  const cells = [...table.querySelectorAll(".headings > *")];
  const widths = cells.map((each) => each.getBoundingClientRect().width);
  const group = h("colgroup", {}, widths.map((width) => {
    const col = h("col");
    col.style.width = `${width}px`;
    return col;
  }));
  table.prepend(group);
  table.style.tableLayout = "fixed";
}

addEventListener("beforeprint", () => document.querySelectorAll("tbody").forEach(makePart));
