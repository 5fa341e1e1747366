// Above the table: who leads on each task at equal images seen, and by how much.

const LEADERS = 4; // tasks that are shown without unfolding

function leaders() {
  if (!board().budget || state.backbone || state.data || state.query) return [];
  const told = columns().filter((column) => column.headline).map(leader).filter(Boolean);
  if (!told.length) return [];
  const more = told.slice(LEADERS);
  return [h("section", { class: "leaders", "aria-labelledby": "leaders-title" },
    h("h2", { id: "leaders-title" }, "Who leads at equal images seen",
      h("small", {}, `runs that learned from ${board().budget}, ${scoreNames()[state.protocol]}`)),
    h("div", { class: "cards" }, told.slice(0, LEADERS)),
    more.length > 0 && h("details", { class: "fold" },
      h("summary", {}, `${plural(more.length, "more task")}`), h("div", { class: "cards" }, more)))];
}

// The best method that learned, against the next one and against the best that did not learn.
function leader(column) {
  const data = board().pairs[state.protocol]?.[column.id];
  if (!data) return null;
  const places = data.rows.map((id, place) => ({ row: rowOf(id), place }));
  const learned = places.filter(({ row }) => row.images > 0);
  const [first] = learned;
  if (!first) return null;
  const next = learned.find(({ row }) => row.method !== first.row.method);
  const fixed = places.find(({ row }) => row.images === 0);
  const best = value(first.row, column);
  return h("div", { class: "card" },
    h("p", { class: "of" }, joined(column.title, `${column.metric} ${direction(column)}`, column.note)),
    h("p", { class: "first" }, h("b", {}, first.row.method), " ",
      h("button", { type: "button", class: "cell", "aria-haspopup": "dialog",
        "aria-label": `${first.row.method}, ${column.title}, ${shown(best)}: where it comes from`,
        onclick: () => openScore(first.row, column) }, shown(best))),
    next ? apart(column, data, first, next, "") : h("p", {}, "no other method at this budget"),
    fixed && apart(column, data, first, fixed, ", without learning"));
}

// A row's method; of a fixed feature also what tells it from another of the same name.
const rowTitle = (row) =>
  (row.images === 0 && row.detail ? `${row.method} (${row.detail})` : row.method);

function apart(column, data, first, other, what) {
  const one = differenceOf(data, first.place, other.place);
  const ahead = (one.value > 0) === column.higher;
  const by = one.value === 0 ? "Equal to"
    : `${shown(Math.abs(one.value))} ${ahead ? "ahead of" : "behind"}`;
  const sure = one.p !== null && one.p < PAIRS.alpha ? "significant" : "not told apart";
  const ends = one.low === null ? "" : `, 95 % interval ${signed(one.low)} to ${signed(one.high)}`;
  return h("p", { title: `difference ${signed(one.value)}${ends}` }, h("b", {}, by),
    ` ${rowTitle(other.row)} ${shown(value(other.row, column))}${what}: ${sure} `,
    h("small", {}, pText(one.p)));
}
