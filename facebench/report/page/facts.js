// Columns about the runs behind a row, each where something is stored for it.

const FACTS = [
  { title: "Images seen", read: (row) => (row.images ? count(row.images) : "") },
  { title: "Learning took", read: (row) => (row.images ? duration(learningSeconds(row)) : "") },
  { title: "Feature length", read: (row) => each(row, (run) => run.length && count(run.length)) },
  { title: "Written", read: (row) => each(row, (run) => run.created.slice(0, 10), true) },
  { title: "Signed by key", read: (row) => each(row, (run) => run.signed) },
  { title: "Paper of the method", read: (row) => each(row, (run) => run.paper) },
];

const runsOfRow = (row) => once(`runs ${state.board} ${row.id}`,
  () => [...new Set(Object.values(row.cells).flatMap((one) => one.results))]
    .map((index) => DATA.results[index]));

// What the runs of a row have, each once; of several dates the last.
function each(row, read, last = false) {
  const found = [...new Set(runsOfRow(row).map(read).filter(Boolean))].sort();
  return last ? found.at(-1) ?? "" : found.join(", ");
}

// Seconds of learning with one seed, the mean over seeds.
function learningSeconds(row) {
  const of = new Map(runsOfRow(row).map((run) => [run.seed, run.seconds.pretrain]));
  return [...of.values()].reduce((sum, one) => sum + one, 0) / of.size;
}

function shownFacts() {
  if (!state.facts) return [];
  return once(`facts ${state.board}`, () =>
    FACTS.filter(({ read }) => board().rows.some((row) => read(row))));
}
