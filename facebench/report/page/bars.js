// The bar view: one figure for each column, its rows sorted by that column alone.

function bars() {
  return h("div", { class: "figures" }, columns().map(figure));
}

function figure(column) {
  const rows = leads().filter((row) => value(row, column) !== null)
    .sort((a, b) => (value(b, column) - value(a, column)) * (column.higher ? 1 : -1));
  const floor = floorOf(column);
  const most = Math.max(floor?.value ?? 0,
    ...board().rows.map((row) => score(row, column)?.high ?? value(row, column) ?? 0));
  // From zero, always: a bar's length is its score.
  const at = (v) => `${(100 * Math.max(0, v) / (most * 1.02 || 1)).toFixed(2)}%`;
  const items = rows.map((row) => bar(row, column, at, floor));
  const list = h("ol", {}, items.map((item) => h("li", {}, item)));
  rove(list, items.map((item) => [item]));
  const better = column.higher ? "longer is better" : "shorter is better";
  return h("figure", {},
    h("figcaption", {}, h("b", {}, label(column)),
      h("small", {}, `${column.metric} ${direction(column)}, ${better}`)),
    rows.length ? list : h("p", { class: "empty" }, "Nothing evaluated."),
    floor && h("p", { class: "floor-note" }, `dashed: ${floor.name}, ${shown(floor.value)}`));
}

// A title that no other column here has.
function label(column) {
  const same = columns().filter((other) => other.title === column.title);
  return same.length < 2 ? column.title : joined(column.title, column.metric, column.note);
}

function floorOf(column) {
  const rows = board().floors.filter((each) => each.cells[column.id] !== undefined)
    .map((each) => ({ name: each.name, value: each.cells[column.id] }))
    .sort((a, b) => (column.higher ? b.value - a.value : a.value - b.value));
  return rows[0] ?? null; // the strongest
}

function bar(row, column, at, floor) {
  const one = score(row, column);
  const marks = [s("rect", { class: "bar", x: 0, y: 3, width: at(one.value), height: 8, rx: 1 })];
  if (floor) marks.push(s("line", { class: "floor-mark", x1: at(floor.value),
    x2: at(floor.value), y1: 0, y2: 14 }));
  if (one.low !== null) {
    marks.push(s("line", { class: "span", x1: at(one.low), x2: at(one.high), y1: 7, y2: 7 }));
    for (const end of [one.low, one.high])
      marks.push(s("line", { class: "span", x1: at(end), x2: at(end), y1: 4, y2: 10 }));
  }
  return h("button", { type: "button", class: "bar-row", "aria-haspopup": "dialog",
    onclick: () => openScore(row, column) },
  h("span", { class: "who" }, h("b", {}, row.method), h("small", {}, brief(row))),
  h("span", { class: one.best ? "value best" : "value" }, shown(one.value)),
  s("svg", { "aria-hidden": "true", width: "100%", height: 14 }, marks));
}
