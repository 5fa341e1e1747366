// What methods are compared at: the images that they saw, or the time that their learning took.

const ALIKE = 1.25; // the longest of runs of equal time took at most this factor of the shortest
const ELSEWHERE = 1000; // on another machine or data is further than any number of doublings

const timed = (row) => row.images > 0 && learningSeconds(row) > 0;

// What runs of equal time have in common besides; seconds depend on it.
function circumstances(row) {
  const runs = runsOfRow(row);
  const machines = [...new Set(runs.map(device))].sort();
  const size = DATA.options[runs[0].options.pretrain].image_size;
  return `${row.data} at ${size} px on ${machines.join("; ")}`;
}

// The time that the most methods have: { what, from, to }, in seconds; null where none is stored.
// Of several it is the one with the most seeds, then the longest.
const sharedTime = () => once(`time ${state.board}`, () => {
  const alike = new Map();
  for (const row of board().rows.filter(timed)) {
    const what = circumstances(row);
    if (!alike.has(what)) alike.set(what, []);
    alike.get(what).push(row);
  }
  const found = [...alike].flatMap(([what, rows]) => spans(rows).map((span) => ({ what, ...span })));
  return found.reduce((best, one) => (!best || (one.methods - best.methods
    || one.seeds - best.seeds || one.from - best.from) > 0 ? one : best), null);
});

// For each row, the rows that took as long as it, or up to ALIKE as long, from the quickest.
function spans(rows) {
  const ordered = [...rows].sort((a, b) => learningSeconds(a) - learningSeconds(b));
  const methods = new Map(); // how many rows each has
  let [seeds, end] = [0, 0];
  const add = (row, by) => {
    const number = (methods.get(row.method) ?? 0) + by;
    if (number) methods.set(row.method, number);
    else methods.delete(row.method);
    seeds += by * row.seeds.length;
  };
  return ordered.map((row, i) => {
    if (i) add(ordered[i - 1], -1);
    const from = learningSeconds(row);
    while (end < ordered.length && learningSeconds(ordered[end]) <= ALIKE * from)
      add(ordered[end++], 1);
    return { from, to: learningSeconds(ordered[end - 1]), methods: methods.size, seeds };
  });
}

// 0 at what is compared or without learning; else 1 and more, by how many doublings it is away.
function distance(row) {
  if (!row.budget) return 0;
  return state.rows === "time" ? fromSharedTime(row) : fromSharedImages(row);
}

function fromSharedImages(row) {
  if (!board().budget || row.budget === board().budget) return 0;
  const images = once(`budget ${state.board}`, () =>
    board().rows.find((each) => each.budget === board().budget)?.images) ?? row.images;
  return 1 + Math.abs(Math.log2(row.images / images));
}

function fromSharedTime(row) {
  if (!timed(row)) return Infinity;
  const [{ what, from, to }, own] = [sharedTime(), learningSeconds(row)];
  const same = circumstances(row) === what;
  if (same && own >= from && own <= to) return 0;
  return (same ? 1 : ELSEWHERE) + Math.abs(Math.log2(own / Math.sqrt(from * to)));
}

// "16 to 18 minutes", "50 seconds to 3 minutes"
function span(first, last) {
  const [number, unit] = first.split(" ");
  if (first === last) return first;
  return `${unit === last.split(" ")[1] ? number : first} to ${last}`;
}

// The budget that rows are shown at, in words; empty where nothing was learned.
function budgetText() {
  if (state.rows !== "time") return board().budget;
  const { what, from, to } = sharedTime();
  return `${span(duration(from), duration(to))} of learning from ${what}`;
}

// Among what a rank of the board is.
const ranked = () => (board().budget
  ? `runs that learned from ${board().budget}, or learned nothing` : "all runs");
