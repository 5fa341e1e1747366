// One row for each method, which stands for all of its runs, and the others below it.

const ROWS = {
  shared: "Equal images seen", // its row at the budget that the most methods have, or the nearest
  time: "Equal time", // likewise, at the time of learning
  best: "Best available", // its best row in the column that rows are sorted by
  all: "All runs",
};

// [{ row, others }], in no order; `others` is empty where every run has a line of its own.
function folded() {
  const rows = measured();
  if (state.rows === "all") return rows.map((row) => ({ row, others: [] }));
  const methods = new Map();
  for (const row of rows) methods.set(row.method_key, [...methods.get(row.method_key) ?? [], row]);
  return [...methods.values()].map((own) => {
    const [row, ...others] = inOrder(own);
    return { row, others: others.sort((a, b) => b.images - a.images || a.order - b.order) };
  });
}

const leads = () => folded().map(({ row }) => row);

function inOrder(rows) {
  if (state.rows === "best") return [...rows].sort(byScore);
  const seen = columns();
  const keys = new Map(rows.map((row) => [row,
    [distance(row), seen.filter((column) => value(row, column) !== null).length]]));
  return [...rows].sort((a, b) => byBudget(a, b, keys));
}

function byScore(a, b) {
  const column = sortColumn() ?? columns()[0];
  const [x, y] = [value(a, column), value(b, column)];
  if (x === null || y === null) return (x === null) - (y === null) || a.order - b.order;
  return (column.higher ? y - x : x - y) || a.order - b.order;
}

// Nearest to the shared budget first, then the one with the most scores; `keys` holds both. Of
// several it is the best, as it is for who leads.
function byBudget(a, b, keys) {
  const [[far, filled], [otherFar, otherFilled]] = [keys.get(a), keys.get(b)];
  return far - otherFar || otherFilled - filled || byScore(a, b);
}

// What a reader must know of a row that stands for its method.
const chip = (row) => (["shared", "time"].includes(state.rows) && distance(row) ? "another budget" : "");

// Why a reader cannot choose what to compare at; empty where that is possible.
const unavailable = (choice) => (choice === "time" && !sharedTime()
  ? "No result here says how long its learning took" : "");

// What has a row: a method, and where nothing is learned each setting of one.
function rowPer() {
  const titles = leads().map((row) => row.method);
  const twice = new Set(titles.filter((title, i) => titles.indexOf(title) < i));
  return `one row per method${twice.size ? `, and per setting of ${[...twice].join(", ")}` : ""}`;
}

function explanation() {
  const elsewhere = board().rows.some((row) => row.budget && row.budget !== board().budget);
  return rowsText() + (state.rows !== "shared" && elsewhere ? `; ranks are among ${ranked()}` : "");
}

function rowsText() {
  if (state.rows === "all") return "every run has a row";
  const best = `best on ${label(sortColumn() ?? columns()[0])}`;
  if (state.rows === "best") return `${rowPer()}: its ${best}, at whatever budget`;
  const budget = budgetText();
  const several = folded().some(({ row, others }) =>
    others.some((other) => distance(other) === distance(row)));
  const at = budget ? `: at ${budget}, where it has such a run` : "";
  return `${rowPer()}${at}${several ? `; of several such runs the ${best}` : ""}`;
}
