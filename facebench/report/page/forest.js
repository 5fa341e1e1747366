// The forest plot: for each column the score of each row with its interval, on one axis.

const FOREST = { most: 60, row: 34, axis: 42, value: 148, top: 6 };

function forest() {
  return h("div", { class: "figures" }, drawnFirst(columns().map(forestFigure)));
}

function forestFigure(column) {
  const all = leads().filter((row) => value(row, column) !== null)
    .sort((a, b) => (value(b, column) - value(a, column)) * (column.higher ? 1 : -1));
  const note = `${column.metric} ${direction(column)}, 95 % interval over test items`;
  if (!all.length) return lacking(label(column), note, ...noRuns(column));
  const rows = all.slice(0, FOREST.most);
  const floor = floorsOf(column)[0] ?? null; // the strongest
  const below = [
    floor && h("p", { class: "floor-note" }, `Dashed: the trivial baseline “${floor.name}”, ${shown(floor.value)}.`),
    all.length > rows.length && h("p", { class: "floor-note" },
      `The ${rows.length} best of ${count(all.length)} rows are drawn; all are below.`)];
  return drawing({ title: label(column), note, svg: forestPlot(column, rows, floor),
    sheet: () => forestSheet(column, all), below });
}

function forestPlot(column, rows, floor) {
  const width = figureWidth(columns().length);
  const said = settings(rows);
  const left = Math.ceil(Math.min(width * 0.42, 12 + Math.max(
    ...rows.flatMap((row) => [widthOf(row.method), widthOf(said(row), 11, 400)]))));
  const right = width < 480 ? 50 : FOREST.value;
  const ends = rows.flatMap((row) => {
    const one = score(row, column);
    return [one.low ?? one.value, one.high ?? one.value];
  }).concat(floor ? [floor.value] : []);
  const margin = (Math.max(...ends) - Math.min(...ends)) * 0.05 || 1;
  const [low, high] = [Math.min(...ends) - margin, Math.max(...ends) + margin];
  // As in the table, the better end is on the right.
  const x = (v) => left + (width - left - right) * place(column, v, [low, high]);
  const bottom = FOREST.top + rows.length * FOREST.row;
  const marks = [forestAxis(column, x, [low, high], bottom)];
  if (floor) marks.push(s("line", { class: "floor-mark", x1: x(floor.value), x2: x(floor.value),
    y1: FOREST.top, y2: bottom }));
  rows.forEach((row, i) => marks.push(forestRow(row, column, said(row), x,
    FOREST.top + i * FOREST.row, { left, right, width })));
  return s("svg", { class: "plot", viewBox: `0 0 ${width} ${bottom + FOREST.axis}`, role: "img",
    width, height: bottom + FOREST.axis,
    "aria-label": `Forest plot of ${label(column)}, ${plural(rows.length, "row")}, from `
      + `${rows[0].method} ${shown(value(rows[0], column))} to ${rows.at(-1).method} `
      + `${shown(value(rows.at(-1), column))}; the numbers are in the table below` }, marks);
}

function forestRow(row, column, said, x, top, { left, right, width }) {
  const one = score(row, column);
  const y = top + FOREST.row / 2;
  const marks = [s("circle", { class: "point", cx: x(one.value), cy: y, r: 3.4 })];
  if (one.low !== null) {
    marks.push(s("line", { class: "span", x1: x(one.low), x2: x(one.high), y1: y, y2: y }));
    for (const end of [one.low, one.high])
      marks.push(s("line", { class: "span", x1: x(end), x2: x(end), y1: y - 4, y2: y + 4 }));
  }
  const text = right < FOREST.value || one.low === null ? shown(one.value)
    : `${shown(one.value)} [${shown(one.low)}, ${shown(one.high)}]`;
  return s("g", { class: "forest-row", onclick: () => openScore(row, column) },
    s("title", {}, joined(row.method, variant(row), `${shown(one.value)} ${interval(one)}`)),
    s("rect", { class: "hit", x: 0, y: top, width, height: FOREST.row }),
    s("text", { class: "who", x: 0, y: y - 2 }, clipped(row.method, left - 10)),
    s("text", { class: "what", x: 0, y: y + 12 }, clipped(said, left - 10, 11, 400)),
    marks,
    s("text", { class: bold(row, column) ? "amount best" : "amount", x: width, y: y + 4,
      "text-anchor": "end" }, text));
}

function forestAxis(column, x, [low, high], bottom) {
  const [first, last] = [x(low), x(high)].sort((a, b) => a - b);
  const { found, digits } = ticks(low, high, Math.max(3, Math.floor((last - first) / 30)));
  return s("g", { class: "axes" },
    s("line", { x1: first, x2: last, y1: bottom, y2: bottom }),
    s("text", { x: (first + last) / 2, y: bottom + 31, "text-anchor": "middle" }, column.metric),
    found.map((v) => [s("line", { class: "rule", x1: x(v), x2: x(v), y1: FOREST.top, y2: bottom }),
      s("text", { x: x(v), y: bottom + 15, "text-anchor": "middle" }, v.toFixed(digits))]));
}

function forestSheet(column, rows) {
  return { name: fileName("forest", label(column)), title: label(column), labels: 2,
    head: ["Method", "Setting", `${column.metric} ${direction(column)}`, "95 % interval", "Rank"],
    rows: rows.map((row) => {
      const one = score(row, column);
      return [row.method, variant(row),
        { text: shown(one.value), act: () => openScore(row, column) },
        interval(one) || DASH, one.rank ? range(one.rank) : DASH];
    }) };
}

// What to do where nothing was judged.
function noRuns(column) {
  const more = measured().filter((row) => value(row, column) !== null).length;
  if (more) return [`No row that is shown is evaluated here. “All runs” shows ${plural(more, "run")}.`];
  return ["Nothing is evaluated here. ",
    code(`facebench run --method simclr --task ${column.task}`), " adds a row."];
}
