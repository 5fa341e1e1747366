// The table: a grid of scores, its groups, and how it is sorted.

function grid() {
  const [rows, more] = [unfoldedRows(), shownFacts()];
  const seen = tableColumns(rows.map(({ row }) => row));
  const span = seen.length + more.length + 1;
  const usual = new Map(seen.map((column) => [column, shared(column)]));
  const makers = rows.map(({ row, others }) => () =>
    line(row, seen, more, usual, others));
  const bodies = [group("Evaluated here", explanation(), makers, span)];
  bodies.push(papersFold(span));
  for (const [title, rows] of papersShown() ? quotedGroups() : [])
    bodies.push(group(title, "from its own data and budget",
      rows.map((row) => () => quotedLine(row, seen, more)), span, "quoted"));
  const long = makers.length > PART.from ? makers.length + PART.above : null;
  const table = h("table", { role: "grid", "aria-label": caption(), "aria-rowcount": long },
    head(seen, more), bodies);
  rove(table);
  return h("div", { class: "scroll" }, table);
}

// The columns that a row has a number in; those of other runs alone would be empty.
function tableColumns(rows) {
  const papers = papersShown() ? printed() : [];
  const filled = columns().filter((column) => rows.some((row) => value(row, column) !== null)
    || papers.some((row) => cell(row, column)));
  return filled.length ? filled : columns();
}

// [{ row, others }], from the top; `others` is null for a row that another one stands for.
function unfoldedRows() {
  const others = new Map(folded().map((one) => [one.row, one.others]));
  const [rows, fact] = [[...others.keys()], sortFact()];
  return (fact ? byFact(rows, fact) : sorted(rows, value)).flatMap((row) => [{ row, others: others.get(row) },
    ...(state.open.has(row.method_key) ? others.get(row) : [])
      .map((other) => ({ row: other, others: null }))]);
}

// The rows of papers by the paper's own sections, in the order of their best.
function quotedGroups() {
  const groups = new Map();
  for (const row of sorted(printed(), (row, column) => cell(row, column)?.value ?? null)) {
    const title = `Published in ${row.short}: ${row.section}`;
    if (!groups.has(title)) groups.set(title, []);
    groups.get(title).push(row);
  }
  return [...groups].sort(([, [a]], [, [b]]) => a.order - b.order);
}

// A search looks into the published rows, too, so that it unfolds them.
const papersShown = () => Boolean(state.papers || state.query);

function papersFold(span) {
  const number = printed().length;
  if (!number || state.query) return [];
  const button = h("button", { type: "button", class: "papers", "aria-expanded": String(papersShown()),
    onclick: () => {
      state.papers = papersShown() ? "" : "shown";
      draw();
      document.querySelector(".papers").focus();
    } }, state.papers ? "Fold the published rows"
      : `+ ${plural(number, "published row")}`);
  return h("tbody", { class: "quoted" }, h("tr", { class: "group" },
    h("th", { scope: "rowgroup", colspan: span }, h("span", {}, button))));
}

// A table that fits scrolls with the page; one that does not scrolls inside its frame. Either way
// its headings stay in sight.
function fit() {
  reachable();
  const frame = document.querySelector(".scroll");
  if (!frame) return;
  frame.classList.remove("wide");
  frame.classList.toggle("wide", frame.scrollWidth > frame.clientWidth + 1);
  watchParts(frame);
}

// What scrolls sideways can be scrolled with the keyboard, too.
function reachable() {
  for (const frame of document.querySelectorAll("figure > .across")) {
    if (frame.scrollWidth <= frame.clientWidth) continue;
    const title = frame.closest("figure").querySelector("b").textContent;
    for (const [name, said] of [["tabindex", "0"], ["role", "region"], ["aria-label", `Drawing: ${title}`]])
      frame.setAttribute(name, said);
  }
}

function caption() {
  const kind = board().synthetic ? "synthetic" : "real";
  return `Scores on ${kind} data, ${scoreNames()[state.protocol]}`;
}

function head(seen, more) {
  const titles = [];
  for (const column of seen) {
    const last = titles.at(-1);
    if (last && last.family === column.family) last.span += 1;
    else titles.push({ family: column.family, span: 1 });
  }
  return h("thead", {},
    h("tr", { class: "families" }, h("td", { class: "stick" }),
      titles.map(({ family, span }) => h("th", { colspan: span, scope: "colgroup" }, family)),
      more.length > 0 && h("th", { colspan: more.length, scope: "colgroup" }, "Run")),
    h("tr", { class: "headings" },
      h("th", { scope: "col", class: "stick", "aria-sort": ariaSort("method", false) },
        sorter("method", "Method", "", "")),
      seen.map((column, i) => h("th", {
        scope: "col", "aria-sort": ariaSort(column.id, column.higher),
        class: i && seen[i - 1].family !== column.family ? "first" : null,
      }, sorter(column.id, column.title, `${column.metric} ${direction(column)}`, column.note,
        shared(column)), floorKeys(column))),
      more.map((fact, i) => factHead(fact,
        ["fact", i ? "" : "first", fact.digits ? "digits" : ""].filter(Boolean).join(" ")))));
}

function sorter(key, title, metric, note, warned = []) {
  return h("button", { type: "button", tabindex: "-1", "data-stop": true, "data-sort": key,
    title: warned.join("\n") || null, onclick: () => sortBy(key) },
  h("span", { class: "title" }, title, h("i", { class: "mark", "aria-hidden": "true" }),
    warned.length > 0 && h("span", { class: "doubt" }, " !")),
  metric && h("span", { class: "metric" }, metric), note && h("span", { class: "metric note" }, note));
}

// A column about runs; one of numbers can be sorted by.
function factHead(fact, kind) {
  const key = Object.keys(FACTS).find((each) => FACTS[each] === fact);
  if (!fact.number) return h("th", { scope: "col", class: kind, tabindex: "-1", "data-stop": true },
    h("span", { class: "title" }, fact.title));
  return h("th", { scope: "col", class: kind, "aria-sort": ariaSort(key, true) },
    sorter(key, fact.title, "", ""));
}

// What rows are sorted by: the id of a column, "method", or the key of a column about runs.
const sortKey = () => (sortFact() ? state.sort.by : sortColumn()?.id ?? "method");

// Best first is falling where higher is better, and rising where it is not (or for names).
function ariaSort(key, higher) {
  if (sortKey() !== key) return "none";
  return higher !== state.sort.worst ? "descending" : "ascending";
}

function sortBy(key) {
  state.sort = { by: key, worst: sortKey() === key && !state.sort.worst };
  draw();
  document.querySelector(`[data-sort="${key}"]`).focus();
}

// `makers` make its lines, when they are needed.
function group(title, note, makers, span, kind) {
  if (!makers.length) return [];
  const top = h("tr", { class: "group" }, h("th", { scope: "rowgroup", colspan: span },
    h("span", {}, title, note && h("small", {}, note))));
  return parts(makers, span, kind, top);
}
