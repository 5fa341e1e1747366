// The heat map: methods down, tasks across; a cell is a rank, or a share of the published number.

const MEASURES = { rank: "Rank", share: "Share of published" };
const HEAT = { cell: 104, slim: 74, row: 38, line: 14, steps: 5 }; // slim: a cell on a phone

function heat() {
  const rows = sorted(leads(), value);
  const seen = columns().filter((column) => rows.some((row) => value(row, column) !== null));
  const measure = board().synthetic ? "rank" : state.measure;
  const cells = new Map(seen.map((column) => [column, measure === "rank"
    ? ranksIn(column, rows) : sharesOf(column, rows)]));
  const filled = [...cells.values()].some((column) => column.size);
  const choice = !board().synthetic && h("div", { class: "choice" }, segmented("measure",
    "A cell shows", Object.entries(MEASURES), measure,
    (to) => { state.measure = to; draw(); refocus("measure", to); }));
  const title = measure === "rank" ? "Rank of each method by task"
    : "Share of the published number, in percent";
  if (!filled) {
    return h("div", {}, choice, lacking(title, "", "No method here has a published number on these "
      + "tasks. Choose Rank, or run a method that a paper prints: PCL, SimCLR, FaceCycle, …"));
  }
  const elsewhere = rows.filter(chip).map((row) => row.method);
  return h("div", {}, choice, drawing({ title, note: heatNote(measure),
    svg: heatMap(rows.slice(0, FOREST.most), seen, cells, measure, title),
    sheet: () => heatSheet(rows, seen, cells, title),
    below: [
      elsewhere.length > 0 && h("p", { class: "floor-note" },
        `Of another budget: ${[...new Set(elsewhere)].join(", ")}.`),
      rows.length > FOREST.most && h("p", { class: "floor-note" },
        `The first ${FOREST.most} of ${count(rows.length)} rows are drawn; all are below.`)] }));
}

function heatNote(measure) {
  if (measure === "rank") return "1 is the best of the rows that are shown; the stronger the colour, the better";
  return "100 is what the paper prints, from its own data and budget; for errors the published "
    + "number over ours. It says how near a run comes, not which method is better";
}

// Equals share the better rank.
function ranksIn(column, rows) {
  const scored = rows.filter((row) => value(row, column) !== null)
    .map((row) => [row, value(row, column)])
    .sort(([, a], [, b]) => (column.higher ? b - a : a - b));
  const ranks = new Map();
  scored.forEach(([row, v], i) => {
    const same = i && scored[i - 1][1] === v;
    const rank = same ? ranks.get(scored[i - 1][0]).value : i + 1;
    const last = scored.length;
    ranks.set(row, { value: rank, text: String(rank), depth: last < 2 ? 1 : (last - rank) / (last - 1) });
  });
  return ranks;
}

function sharesOf(column, rows) {
  const shares = new Map();
  for (const row of rows) {
    const [ours, theirs] = [value(row, column), publishedOf(row, column)?.value ?? null];
    if (ours === null || theirs === null || !ours || !theirs) continue;
    const share = 100 * (column.higher ? ours / theirs : theirs / ours);
    shares.set(row, { value: share, text: `${share.toFixed(0)} %`,
      depth: Math.min(1, Math.max(0, (share - 40) / 60)) });
  }
  return shares;
}

function heatMap(rows, seen, cells, measure, title) {
  const names = rowNames(rows);
  const space = figureWidth(1, 1400);
  const across = space < 480 ? HEAT.slim : HEAT.cell;
  const left = nameSpace([...names.values()],
    Math.min(360, Math.max(Math.round(space * 0.44), space - seen.length * across)));
  const titles = seen.map((column) => wrapped(label(column, seen).replaceAll(" · ", " "), across - 6));
  const head = 12 + HEAT.line * Math.max(...titles.map((lines) => lines.length));
  const [width, height] = [left + seen.length * across, head + rows.length * HEAT.row];
  const heads = seen.map((column, i) => s("g", { class: "axes" },
    s("title", {}, joined(column.title, column.metric, column.note)),
    titles[i].map((text, line, all) => s("text", { class: "strong", x: left + (i + 0.5) * across,
      y: head - 8 - HEAT.line * (all.length - 1 - line), "text-anchor": "middle" }, text))));
  const marks = rows.flatMap((row, down) => {
    const top = head + down * HEAT.row;
    return seen.map((column, i) => heatCell(row, column, cells.get(column).get(row),
      left + i * across, top, across));
  });
  const said = rows.map((row, down) => s("text", { class: "who", x: 0,
    y: head + (down + 0.5) * HEAT.row + 4 },
  s("title", {}, joined(row.method, variant(row))), clipped(names.get(row), left - 10)));
  return s("svg", { class: "plot sized", viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    "aria-label": `${title}: ${plural(rows.length, "row")}, ${plural(seen.length, "column")}; `
      + "the numbers are in the table below" }, heads, marks, pinned(said, left, height));
}

function heatCell(row, column, one, x, y, across) {
  const box = { x: x + 1, y: y + 1, width: across - 2, height: HEAT.row - 2, rx: 3 };
  const middle = { x: x + across / 2, y: y + HEAT.row / 2 + 4, "text-anchor": "middle" };
  if (!one) return s("g", {}, s("rect", { class: "heat none", ...box }), s("text", { class: "what", ...middle }, DASH));
  const step = Math.round(one.depth * (HEAT.steps - 1));
  return s("g", { class: "press", onclick: () => openScore(row, column) },
    s("title", {}, `${row.method}, ${label(column)}: ${one.text}, score ${shown(value(row, column))}`),
    s("rect", { class: `heat h${step}`, ...box }),
    s("text", { class: "amount", ...middle }, one.text));
}

function heatSheet(rows, seen, cells, title) {
  return { name: fileName("heat", title), title, labels: 2,
    head: ["Method", "Setting", ...seen.map((column) => label(column))],
    rows: rows.map((row) => [row.method, variant(row), ...seen.map((column) => {
      const one = cells.get(column).get(row);
      return one ? { text: one.text, act: () => openScore(row, column) } : DASH;
    })]) };
}
