// What is shown: the data as facebench wrote it, the reader's choices, and what follows from both.

const DATA = JSON.parse(byId("data").textContent);

const state = {
  board: 0, // real and synthetic data are two boards; one is shown at a time
  protocol: "honest",
  family: "", // "": every family, one headline column for each task
  backbone: "",
  data: "", // what was learned from
  query: "", // words that a row must have
  printed: true,
  papers: "", // whether published rows are unfolded: "shown"
  facts: "", // columns about the runs, such as "images,paper"; "shown" for all
  view: "table",
  measure: "rank", // what a cell of the heat map shows
  compute: "images", // what scores are drawn against: see curve.js
  rows: "shared", // which of a method's rows stands for it: see rows.js
  open: new Set(), // method keys whose other rows are shown, too
  sort: { by: null, worst: false }, // by: a column's id, "method", a key of FACTS; null: first headline
};
const PROTOCOLS = ["honest", "paper"];
const NOTHING = "nothing learned"; // what a fixed feature learned from

// What follows from the data alone is computed once.
const known = new Map();
function once(key, make) {
  if (!known.has(key)) known.set(key, make());
  return known.get(key);
}

const board = () => DATA.boards[state.board];
const families = () => [...new Set(board().columns.map((column) => column.family))];

function columns() {
  return board().columns.filter((column) =>
    state.family ? column.family === state.family : column.headline);
}

// What a reader calls each score. A probe that selects nothing has none that is test-selected.
function scoreNames() {
  const selected = [...new Set(columns().map((column) => column.selected))];
  return { honest: "validated", paper: selected.join(" or ") || "test-selected" };
}

const cell = (row, column) => row.cells[column.id] ?? null;
const score = (row, column) => cell(row, column)?.[state.protocol] ?? null;
const value = (row, column) => score(row, column)?.value ?? null;

function measured() {
  const seen = columns();
  return board().rows.filter((row) =>
    (!state.backbone || row.backbone === state.backbone) &&
    (!state.data || row.data === state.data) &&
    found(row) &&
    seen.some((column) => value(row, column) !== null));
}

function printed() {
  const seen = columns();
  return state.printed ? board().printed.filter((row) =>
    found(row) && seen.some((column) => cell(row, column))) : [];
}

// What a paper prints for the method of a row, where it is of the row's options; null if nothing.
function publishedOf(row, column) {
  if (!row.as_printed) return null;
  const found = board().printed.find((each) => each.method === row.method && cell(each, column));
  return found ? { ...cell(found, column), short: found.short } : null;
}

// Whether a row has every word of the search in what is said of it.
function found(row) {
  const words = state.query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return true;
  const text = once(`text ${state.board} ${row.id ?? `printed ${row.order}`}`, () => [row.method,
    row.feature, row.backbone, row.preset, row.data, row.pretraining, row.detail, row.paper,
    row.short, row.section].filter(Boolean).join(" ").toLowerCase());
  return words.every((word) => text.includes(word));
}

const filtered = () => Boolean(state.family || state.backbone || state.data || state.query);

// The column that rows are sorted by; null for the method's name. Where none is asked for it is a
// headline of runs at the shared budget, since that of other runs alone would sort nothing.
function sortColumn() {
  if (state.sort.by === "method") return null;
  const seen = columns();
  const asked = seen.find((column) => column.id === state.sort.by);
  return asked ?? seen.find((column) => column.headline && testsOf(column))
    ?? seen.find((column) => column.headline) ?? seen[0] ?? null;
}

// Rows best first (or worst first); a row without a score stands last either way.
function sorted(rows, read) {
  const column = sortColumn();
  const turn = state.sort.worst && !sortFact() ? -1 : 1;
  const byName = (a, b) => a.method.localeCompare(b.method, "en") || a.order - b.order;
  if (column === null) return [...rows].sort((a, b) => turn * byName(a, b));
  return [...rows].sort((a, b) => {
    const [x, y] = [read(a, column), read(b, column)];
    if (x === null || y === null) return (x === null) - (y === null) || byName(a, b);
    return turn * (column.higher ? y - x : x - y) || byName(a, b);
  });
}

// The range of a column over the whole board, so that filters do not move a whisker.
const extent = (column) => once(`extent ${state.board} ${state.protocol} ${column.id}`, () => {
  let [low, high] = [Infinity, -Infinity];
  for (const row of board().rows) {
    const one = score(row, column);
    if (!one || one.value === null) continue;
    low = Math.min(low, one.low ?? one.value, one.value);
    high = Math.max(high, one.high ?? one.value, one.value);
  }
  const margin = (high - low) * 0.04 || 1;
  return [low - margin, high + margin];
});

// Where a value stands between two ends, 0 to 1; the better end is 1.
function place(column, v, [low, high]) {
  const share = Math.min(1, Math.max(0, (v - low) / (high - low)));
  return column.higher ? share : 1 - share;
}

const joined = (...parts) => parts.filter(Boolean).join(" · ");
const seedCount = (row) => (row.seeds.length > 1 ? plural(row.seeds.length, "seed") : "");
const backbone = (row) => (row.backbone === NO_BACKBONE ? "" : row.backbone);
const variant = (row) =>
  joined(row.feature, backbone(row), row.pretraining, seedCount(row), row.detail);
const unlearned = (row) => row.data === NOTHING; // neither here nor elsewhere, as imported weights
const brief = (row) => joined(row.feature, backbone(row), row.data);

const origin = (run) => DATA.origins[run.origin];
const runsOf = (one) => one.results.map((index) => DATA.results[index]);

// The warnings that all scores of a column have in common: they are about its test images, and
// stand in its heading.
const shared = (column) => once(`shared ${state.board} ${column.id}`, () => {
  const of = board().rows.map((row) => cell(row, column)).filter(Boolean)
    .map((one) => new Set(runsOf(one).flatMap((run) => run.warnings)));
  return of.length ? [...of[0]].filter((text) => of.every((each) => each.has(text))) : [];
});

// Whether a reader should look behind one score before using it.
function doubtful(one, usual) {
  return runsOf(one).some((run) => run.n_scored < run.n_test
    || run.warnings.some((text) => !usual.includes(text)));
}
