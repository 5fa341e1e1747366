// Above the table: who leads on each task at the budget that the reader chose, and by how much.

const LEADERS = 4; // tasks that are shown without unfolding
const LEADING = {
  shared: "Who leads at equal images seen", time: "Who leads at equal time",
  best: "Who leads with the best run of each method", all: "Who leads among all runs",
};

function leaders() {
  if (state.backbone || state.data || state.query) return [];
  const rows = leads();
  const told = columns().filter((column) => column.headline)
    .map((column) => leader(column, standing(column, rows))).filter(Boolean);
  if (!told.length) return [];
  const more = told.slice(LEADERS);
  return [h("section", { class: "leaders", "aria-labelledby": "leaders-title" },
    h("h2", { id: "leaders-title" }, LEADING[state.rows],
      h("small", {}, `${compared()}, ${scoreNames()[state.protocol]}`)),
    h("div", { class: "cards" }, told.slice(0, LEADERS)),
    more.length > 0 && h("details", { class: "fold" },
      h("summary", {}, `${plural(more.length, "more task")}`), h("div", { class: "cards" }, more)))];
}

addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll(".leaders details")) fold.open = true;
});

// Which runs the leader is the best of, in words.
function compared() {
  switch (state.rows) {
    case "shared": return `runs that learned from ${board().budget}`;
    case "time": return `runs of ${budgetText()}`;
    case "best": return `one run per method, its best on ${label(sortColumn() ?? columns()[0])}, `
      + "at whatever budget";
    default: return "at whatever budget";
  }
}

// The rows that are compared, the best first: those with stored tests, or those that are shown.
function standing(column, rows) {
  if (state.rows === "shared") return (testsOf(column)?.rows ?? []).map(rowOf);
  return rows.filter((row) => value(row, column) !== null
    && (state.rows !== "time" || distance(row) === 0)).sort((a, b) => byScoreIn(column, a, b));
}

const testsOf = (column) => board().pairs[state.protocol]?.[column.id];

// The best method that learned here, against the next one and the best of those that did not.
function leader(column, rows) {
  const learned = rows.filter((row) => row.images > 0);
  const [first] = learned;
  if (!first) return null;
  const next = learned.find((row) => row.method !== first.method);
  const [fixed, imported] = [true, false].map((nothing) =>
    rows.find((row) => row.images === 0 && unlearned(row) === nothing));
  const best = value(first, column);
  const mixed = ["best", "all"].includes(state.rows);
  return h("div", { class: "card" },
    h("p", { class: "of" }, joined(column.title, `${column.metric} ${direction(column)}`, column.note)),
    h("p", { class: "first" }, h("b", {}, first.method), " ",
      h("button", { type: "button", class: "cell", "aria-haspopup": "dialog",
        "aria-label": `${first.method}, ${column.title}, ${shown(best)}: where it comes from`,
        onclick: () => openScore(first, column) }, shown(best)),
      mixed && h("small", {}, ` from ${first.budget}`)),
    next ? apart(column, first, next, "") : h("p", {}, "no other method at this budget"),
    fixed && apart(column, first, fixed, ", without learning"),
    imported && apart(column, first, imported, ", imported weights"));
}

// A row's method; of a fixed feature also what tells it from another of the same name.
const rowTitle = (row) =>
  (row.images === 0 && row.detail ? `${row.method} (${row.detail})` : row.method);

// What a difference is counted in, by the unit of its metric.
function unit(column) {
  const [, of] = column.metric.match(/\((.+)\)/) ?? [];
  return of === "%" ? " points" : of ? ` ${of}` : "";
}

// Whether two rows differ is said only where a test is stored, which is within one image budget.
function apart(column, first, other, what) {
  const tests = testsOf(column);
  const [a, b] = [first, other].map((row) => tests?.rows.indexOf(row.id) ?? -1);
  const tested = a >= 0 && b >= 0 ? differenceOf(tests, a, b) : null;
  const amount = tested ? tested.value : value(first, column) - value(other, column);
  const by = amount === 0 ? "Equal to" : `${shown(Math.abs(amount))}${unit(column)} `
    + `${(amount > 0) === column.higher ? "ahead of" : "behind"}`;
  const ends = !tested || tested.low === null ? ""
    : `, 95 % interval ${signed(tested.low)} to ${signed(tested.high)}`;
  const elsewhere = other.images > 0 && other.budget !== first.budget;
  return h("p", { title: `difference ${signed(amount)}${ends}` }, h("b", {}, by),
    ` ${rowTitle(other)} ${shown(value(other, column))}${what}`,
    elsewhere ? ` from ${other.budget}: ` : ": ",
    tested ? [tested.p !== null && tested.p < PAIRS.alpha ? "significant " : "not significant ",
      h("small", {}, pText(tested.p))]
      : elsewhere ? "not tested across budgets" : "not tested");
}

// Bold says that a score is significantly the best of one image budget; among runs of several
// budgets it says so only where each run of the column is of that one.
const bold = (row, column) => score(row, column).best
  && (state.rows === "shared" || ofOneBudget(column));

const ofOneBudget = (column) => once(`one budget ${state.board} ${state.protocol} ${column.id}`,
  () => board().rows.every((row) => value(row, column) === null || !row.budget
    || row.budget === board().budget));

// Stands above what is of equal images whichever budget is chosen.
function budgetNotice() {
  if (state.rows === "shared" || !board().budget) return null;
  return h("p", { class: "banner" }, `Compared at equal images seen, ${board().budget}, although `
    + `“${ROWS[state.rows]}” is chosen: there are tests only between runs of one image budget.`);
}
