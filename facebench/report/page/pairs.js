// The pairwise matrix: the difference between every two rows of one budget on the same test items.

const PAIRS = { cell: 66, slim: 58, names: 172, row: 42, head: 30, alpha: 0.05, narrow: 6 }; // narrow: two figures side by side

function pairs() {
  const compared = columns().filter((column) => column.headline);
  if (!compared.length) return h("p", { class: "empty" }, "Main metrics alone are compared.");
  const seen = new Set(leads().map((row) => row.id));
  const most = Math.max(0, ...compared.map((column) => (testsOf(column)?.rows ?? []).filter((id) => seen.has(id)).length));
  const wide = compared.length < 2 || most > PAIRS.narrow;
  return h("div", {}, budgetNotice(), h("div", { class: wide ? "figures wide" : "figures" },
    drawnFirst(compared.map((column) => pairFigure(column, wide ? 1 : 2)))));
}

function pairFigure(column, figures) {
  const data = testsOf(column);
  const note = `${column.metric} ${direction(column)}, row minus column`;
  const seen = new Set(leads().map((row) => row.id));
  const places = data ? data.rows.map((id, place) => ({ row: rowOf(id), place }))
    .filter(({ row }) => seen.has(row.id)) : [];
  if (places.length < 2) {
    const what = "Differences are taken between runs of one budget, and fewer than two of these are ";
    if (data) return lacking(label(column), note, what, "shown. Clear the filters, or choose “All runs”.");
    return lacking(label(column), note, what, "evaluated here. Run another method on "
      + `${board().budget || "the same images and epochs"}.`);
  }
  const left = leads().filter((row) => value(row, column) !== null
    && !data.rows.includes(row.id)).length;
  return drawing({ title: label(column), note, svg: pairMatrix(column, data, places, figures),
    sheet: () => pairSheet(column, data, places), below: pairNotes(data, places, left) });
}

const rowOf = (id) => once(`row ${state.board} ${id}`,
  () => board().rows.find((row) => row.id === id));

// { value, low, high, p } of the row at place a less the row at place b.
function differenceOf(data, a, b) {
  const [first, second] = a < b ? [a, b] : [b, a];
  const k = data.rows.length;
  const index = first * k - (first * (first + 1)) / 2 + second - first - 1;
  const [v, low, high, p] = data.differences[index];
  const turned = (x) => (x === null ? null : -x);
  return a < b ? { value: v, low, high, p }
    : { value: turned(v), low: turned(high), high: turned(low), p };
}

const signed = (v) => (v === null ? DASH : `${v > 0 ? "+" : v < 0 ? "−" : ""}${shown(Math.abs(v))}`);
// A p value is not rounded up to the level of significance that it is below.
function pText(p) {
  if (p === null) return "no p";
  if (p < 0.001) return "p < 0.001";
  return p < PAIRS.alpha && Number(p.toFixed(3)) >= PAIRS.alpha ? `p < ${PAIRS.alpha}` : `p ${p.toFixed(3)}`;
}

function pairMatrix(column, data, places, figures) {
  const names = rowNames(places.map(({ row }) => row));
  const whole = figureWidth(figures, 1400);
  const lineNames = places.map(({ row }, i) => `${i + 1}  ${names.get(row)}`);
  const fits = (cell) => nameSpace(lineNames, PAIRS.names) + places.length * cell <= whole;
  const across = fits(PAIRS.cell) ? PAIRS.cell : PAIRS.slim;
  const left = nameSpace(lineNames, Math.max(PAIRS.names, Math.min(360, whole - places.length * across)));
  const width = left + places.length * across;
  const height = PAIRS.head + places.length * PAIRS.row;
  const heads = places.map((_, i) => s("text", { class: "strong", "text-anchor": "middle",
    x: left + (i + 0.5) * across, y: PAIRS.head - 9 }, i + 1));
  const lines = places.map(({ row, place: a }, down) => {
    const top = PAIRS.head + down * PAIRS.row;
    return places.map(({ row: other, place: b }, i) => pairCell(column, row, other,
      a === b ? null : differenceOf(data, a, b), left + i * across, top, across));
  });
  const said = places.map(({ row }, down) => s("text", { class: "who", x: 0,
    y: PAIRS.head + (down + 0.5) * PAIRS.row + 4 },
  s("title", {}, joined(row.method, variant(row))), clipped(lineNames[down], left - 10)));
  return s("svg", { class: "plot sized", viewBox: `0 0 ${width} ${height}`, width, height,
    role: "img", "aria-label": `Differences on ${label(column)} between every two of `
      + `${plural(places.length, "row")}; the numbers are in the table below` },
  s("g", { class: "axes" }, heads), lines, pinned(said, left, height));
}

function pairCell(column, row, other, one, x, y, across) {
  const box = { x: x + 1, y: y + 1, width: across - 2, height: PAIRS.row - 2, rx: 3 };
  if (one === null) return s("rect", { class: "heat same", ...box });
  const differs = one.p !== null && one.p < PAIRS.alpha;
  const better = differs && (one.value > 0) === column.higher;
  const middle = { x: x + across / 2, "text-anchor": "middle" };
  return s("g", {},
    s("title", {}, `${row.method} minus ${other.method}: ${signed(one.value)}, `
      + `95 % interval ${signed(one.low)} to ${signed(one.high)}, ${pText(one.p)}`),
    s("rect", { class: `heat ${differs ? (better ? "better" : "worse") : "none"}`, ...box }),
    s("text", { class: differs ? "amount best" : "amount", y: y + 18, ...middle },
      `${signed(one.value)}${differs ? "*" : ""}`),
    s("text", { class: "what", y: y + 33, ...middle }, pText(one.p)));
}

function pairNotes(data, places, left) {
  const number = (data.rows.length * (data.rows.length - 1)) / 2;
  const test = { McNemar: "McNemar’s test", bootstrap: `the paired bootstrap over ${data.units}`,
    none: "no test: too few items" }[data.test];
  const said = [`Runs at ${board().budget || "one budget"}, and what learned nothing. `
    + `* and shade: p < ${PAIRS.alpha} by ${test}, Holm-corrected for the `
    + `${plural(number, "comparison")} of this column.`];
  const hidden = data.rows.length - places.length;
  if (hidden) said.push(`${plural(hidden, "compared run")} not shown`
    + (state.rows === "all" ? "." : `; “All runs” shows ${hidden === 1 ? "it" : "them"}.`));
  if (data.competing > data.rows.length) said.push(
    `The ${data.rows.length} best of ${count(data.competing)} runs are compared.`);
  if (left) said.push(`${plural(left, "row")} not compared: of another budget`
    + (data.competing > data.rows.length ? " or not among the best." : "."));
  return said.map((text) => h("p", { class: "floor-note" }, text));
}

function pairSheet(column, data, places) {
  const names = rowNames(places.map(({ row }) => row));
  const rows = [];
  places.forEach(({ row, place: a }, i) => places.slice(i + 1).forEach(({ row: other, place: b }) => {
    const one = differenceOf(data, a, b);
    rows.push([names.get(row), names.get(other), signed(one.value),
      one.low === null ? DASH : `${signed(one.low)} to ${signed(one.high)}`, pText(one.p)]);
  }));
  return { name: fileName("pairs", label(column)), title: `Differences, ${label(column)}`, labels: 2,
    head: ["First", "Second", "First minus second", "95 % interval", "p (Holm)"], rows };
}
