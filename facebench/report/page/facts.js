// Columns about the runs behind a row. `read` returns a text, `links` [[text, address]]; a column
// that nothing is stored for is not offered. Rows can be sorted by `number`, 0 or NaN for none; `digits`
// says that a column is of plain numbers, which stand below each other.

const FACTS = {
  parameters: { title: "Backbone parameters",
    read: (row) => each(row, (run) => run.parameters !== null && count(run.parameters)),
    number: (row) => most(row, (run) => run.parameters), digits: true },
  length: { title: "Feature length", read: (row) => each(row, (run) => run.length && count(run.length)),
    number: (row) => most(row, (run) => run.length), digits: true },
  images: { title: "Images seen", read: (row) => (row.images ? count(row.images) : ""),
    number: (row) => row.images, digits: true },
  seconds: { title: "Learning took",
    read: (row) => (row.images ? duration(learningSeconds(row)) : ""),
    number: (row) => row.images && learningSeconds(row) },
  written: { title: "Written", read: (row) => each(row, (run) => run.created.slice(0, 10), true),
    number: (row) => most(row, (run) => Date.parse(run.created)) },
  signed: { title: "Submitted by key", read: (row) => each(row, (run) => run.signed) },
  paper: { title: "Paper", links: (row) => addresses(row, (run) => [origin(run).paper, origin(run).paper_url]) },
  code: { title: "Authors’ code",
    links: (row) => addresses(row, (run) =>
    [origin(run).code_url.replace(/^https?:\/\/(www\.)?/, ""), origin(run).code_url]) },
  files: { title: "Result files",
    links: (row) => runsOfRow(row).map((run) => [`${run.spec.task} s${run.seed}`,
      DATA.base ? resultAddress(run) : ""]) },
};

const runsOfRow = (row) => once(`runs ${state.board} ${row.id}`,
  () => [...new Set(Object.values(row.cells).flatMap((one) => one.results))]
    .map((index) => DATA.results[index]));

// The machine of a run; results of earlier versions say "1 threads".
const device = (run) => DATA.environments[run.environment].device.replace(/\b1 threads$/, "1 thread");

// What the runs of a row have, each once; of several dates the last.
function each(row, read, last = false) {
  const found = [...new Set(runsOfRow(row).map(read).filter(Boolean))].sort();
  return last ? found.at(-1) ?? "" : found.join(", ");
}

const most = (row, read) => Math.max(0, ...runsOfRow(row).map(read));

// [[text, address]] of the runs of a row, each once.
function addresses(row, read) {
  const found = new Map(runsOfRow(row).map(read).filter(([text]) => text));
  return [...found];
}

// Seconds of learning with one seed, the mean over seeds; 0 where nothing was learned.
const learningSeconds = (row) => once(`seconds ${state.board} ${row.id}`, () => {
  const of = new Map(runsOfRow(row).map((run) => [run.seed, run.seconds.pretrain]));
  return [...of.values()].reduce((sum, one) => sum + one, 0) / of.size;
});

const factText = (fact, row) => (fact.read ? fact.read(row)
  : fact.links(row).map(([text]) => text).join(", "));

// A cell of the table. The arrow keys reach the cell, or the links in it.
function factCell(fact, row) {
  const stop = { tabindex: "-1", "data-stop": true };
  if (fact.read) return h("td", { class: fact.digits ? "plain fact digits" : "plain fact", ...stop }, fact.read(row) || DASH);
  const found = fact.links(row);
  return h("td", { class: "plain fact links", ...(found.some(([, address]) => address) ? {} : stop) },
    found.length ? found.map(([text, address]) =>
      h("span", { class: "item" }, outward(text, address, stop))) : DASH);
}

// An address from a foreign file is a link only if it leads to the web or to a result.
const outward = (text, address, attributes = {}) => (/^(https?:\/\/|[^:]+$)/.test(address)
  ? h("a", { href: address, rel: "noreferrer", ...attributes }, text) : text);

// Those for which anything is stored: [[key, fact]].
const storedFacts = () => once(`facts ${state.board}`, () => Object.entries(FACTS)
  .filter(([, fact]) => board().rows.some((row) => factText(fact, row))));

// "shown" in an address stands for all of them.
function shownFacts() {
  const asked = state.facts.split(",");
  return storedFacts().filter(([key]) => asked.includes(key) || asked.includes("shown"))
    .map(([, fact]) => fact);
}

// What rows are sorted by, if it is a column about runs that is shown; else undefined.
const sortFact = () => shownFacts().find((fact) => fact.number && FACTS[state.sort.by] === fact);

function forgetHiddenSort() {
  if (state.sort.by in FACTS && !sortFact()) state.sort = { by: null, worst: false };
}

// The largest first (or the smallest); what has no number stands last either way.
function byFact(rows, fact) {
  const turn = state.sort.worst ? -1 : 1;
  const numbers = new Map(rows.map((row) => [row, fact.number(row) || 0]));
  return [...rows].sort((a, b) => {
    const [x, y] = [numbers.get(a), numbers.get(b)];
    return (x && y ? turn * (y - x) : y - x) || a.method.localeCompare(b.method, "en")
      || a.order - b.order;
  });
}

// Switches for the columns.
function factChoice() {
  const stored = storedFacts();
  const boxes = stored.map(([key, fact]) => h("label", { class: "check" },
    h("input", { type: "checkbox", name: "fact", value: key, autocomplete: "off",
      checked: shownFacts().includes(fact), onchange: choose }), fact.title));
  function choose() {
    const chosen = [...byId("facts").querySelectorAll("input:checked")].map((box) => box.value);
    state.facts = chosen.length === stored.length ? "shown" : chosen.join(",");
    forgetHiddenSort();
    draw();
  }
  const all = h("button", { type: "button", class: "tool", onclick: () => {
    const on = byId("facts").querySelector("input:not(:checked)") !== null;
    for (const box of byId("facts").querySelectorAll("input")) box.checked = on;
    choose();
  } }, "All or none");
  return [h("summary", {}, "Columns about runs"), h("div", { class: "boxes" }, boxes, all)];
}
