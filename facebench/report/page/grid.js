// The table: a grid of scores, its groups, and how it is sorted.

function grid() {
  const seen = columns();
  const others = new Map(folded().map((one) => [one.row, one.others]));
  const rows = sorted([...others.keys()], value);
  const quoted = quotedGroups();
  const span = seen.length + 1;
  const usual = new Map(seen.map((column) => [column, shared(column)]));
  const lines = rows.flatMap((row) => [line(row, seen, usual, others.get(row)),
    ...(state.open.has(row.method) ? others.get(row) : [])
      .map((other) => line(other, seen, usual, null))]);
  const bodies = [group("Evaluated here", explanation(), lines, span)];
  if (board().floors.length) {
    const note = "what no learning at all would score";
    bodies.push(group("Floors", note, board().floors.map((row) => floorLine(row, seen)), span));
  }
  for (const [title, rows] of quoted)
    bodies.push(group(title, "not evaluated here", rows.map((row) => quotedLine(row, seen)), span,
      "quoted"));
  const table = h("table", { role: "grid", "aria-label": caption() }, head(seen), bodies);
  rove(table, [...table.rows].map((row) => [...row.querySelectorAll("[data-stop]")])
    .filter((stops) => stops.length));
  return h("div", { class: "scroll" }, table);
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

// A table that fits scrolls with the page; one that does not scrolls inside its frame. Either way
// its headings stay in sight.
function fit() {
  const frame = document.querySelector(".scroll");
  if (!frame) return;
  frame.classList.remove("wide");
  frame.classList.toggle("wide", frame.scrollWidth > frame.clientWidth + 1);
}

function caption() {
  const kind = board().synthetic ? "synthetic" : "real";
  return `Scores on ${kind} data, ${PROTOCOLS[state.protocol]}`;
}

function head(seen) {
  const titles = [];
  for (const column of seen) {
    const last = titles.at(-1);
    if (last && last.family === column.family) last.span += 1;
    else titles.push({ family: column.family, span: 1 });
  }
  return h("thead", {},
    h("tr", { class: "families" }, h("td", { class: "stick" }),
      titles.map(({ family, span }) => h("th", { colspan: span, scope: "colgroup" }, family))),
    h("tr", { class: "headings" },
      h("th", { scope: "col", class: "stick", "aria-sort": ariaSort(null) },
        sorter("method", "Method", "", "")),
      seen.map((column, i) => h("th", {
        scope: "col", "aria-sort": ariaSort(column),
        class: i && seen[i - 1].family !== column.family ? "first" : null,
      }, sorter(column.id, column.title, `${column.metric} ${direction(column)}`, column.note,
        shared(column))))));
}

function sorter(key, title, metric, note, warned = []) {
  return h("button", { type: "button", "data-stop": true, "data-sort": key,
    title: warned.join("\n") || null, onclick: () => sortBy(key) },
  h("span", { class: "title" }, title, h("i", { class: "mark", "aria-hidden": "true" }),
    warned.length > 0 && h("span", { class: "doubt" }, " !")),
  [metric, note].filter(Boolean).map((text) => h("span", { class: "metric" }, text)));
}

function ariaSort(column) {
  if (sortColumn()?.id !== column?.id) return "none";
  // Best first is falling where higher is better, and rising where it is not (or for names).
  const falling = (column !== null && column.higher) !== state.sort.worst;
  return falling ? "descending" : "ascending";
}

function sortBy(key) {
  const same = (sortColumn()?.id ?? "method") === key;
  state.sort = { by: key, worst: same && !state.sort.worst };
  draw();
  document.querySelector(`[data-sort="${key}"]`).focus();
}

function group(title, note, lines, span, kind) {
  if (!lines.length) return [];
  return h("tbody", { class: kind },
    h("tr", { class: "group" }, h("th", { scope: "rowgroup", colspan: span },
      h("span", {}, title, note && h("small", {}, note)))), lines);
}

function rowHead(title, ...below) {
  return h("th", { scope: "row", class: "stick", tabindex: "-1", "data-stop": true },
    h("b", {}, title), below.map((text) => h("small", {}, text)));
}

// A button that shows the other rows of a method, or hides them.
function unfold(row, others) {
  const open = state.open.has(row.method);
  return h("button", { type: "button", class: "unfold", "data-unfold": row.method,
    "aria-expanded": String(open), onclick: () => {
      state.open[open ? "delete" : "add"](row.method);
      draw();
      document.querySelector(`[data-unfold="${CSS.escape(row.method)}"]`).focus();
    } }, open ? "fewer" : `+ ${plural(others.length, "more run")}`);
}

const gap = (why) => h("td", { class: "gap", tabindex: "-1", "data-stop": true, "aria-label": why },
  DASH);

// `others` are the rows that it stands for; null for one of these.
function line(row, seen, usual, others) {
  const below = [joined(row.feature, row.backbone, seedCount(row)), row.pretraining, row.detail]
    .filter(Boolean);
  const head = rowHead(row.method, ...below);
  if (others && chip(row)) head.append(h("small", { class: "chip" }, chip(row)));
  if (others?.length) head.append(unfold(row, others));
  const kind = others === null ? "other" : null;
  return h("tr", { "data-row": row.id, class: kind }, head, seen.map((column) => {
    const one = score(row, column);
    if (one === null || one.value === null) return gap("not run");
    const doubt = doubtful(cell(row, column), usual.get(column));
    const said = [row.method, column.title, shown(one.value),
      one.low === null ? "" : `interval ${shown(one.low)} to ${shown(one.high)}`,
      one.rank ? `rank ${range(one.rank).replace("–", " to ")}` : "",
      doubt ? "with a warning" : ""].filter(Boolean).join(", ");
    return h("td", {}, h("button", { type: "button", class: "score", "data-stop": true,
      "aria-haspopup": "dialog", "aria-label": said, onclick: () => openScore(row, column) },
    h("span", { class: "numbers" },
      h("span", { class: one.best ? "value best" : "value" }, shown(one.value)),
      h("span", { class: "rank" }, one.rank ? range(one.rank) : ""),
      doubt && h("span", { class: "doubt" }, "!")),
    whisker(column, one, extent(column))));
  }));
}

function whisker(column, one, ends) {
  const at = (v) => `${(100 * place(column, v, ends)).toFixed(2)}%`;
  const marks = [s("line", { class: "rail", x1: "0", x2: "100%", y1: 5, y2: 5 })];
  if (one.low !== null) {
    marks.push(s("line", { class: "span", x1: at(one.low), x2: at(one.high), y1: 5, y2: 5 }));
    for (const end of [one.low, one.high])
      marks.push(s("line", { class: "span", x1: at(end), x2: at(end), y1: 2, y2: 8 }));
  }
  marks.push(s("circle", { cx: at(one.value), cy: 5, r: 2.6 }));
  return s("svg", { class: "whisker", "aria-hidden": "true", width: "100%", height: 10 }, marks);
}

function floorLine(row, seen) {
  return h("tr", { class: "floor" }, rowHead(row.name), seen.map((column) => {
    const v = row.cells[column.id];
    return v === undefined ? gap("none")
      : h("td", { tabindex: "-1", "data-stop": true, class: "plain" }, shown(v));
  }));
}

function quotedLine(row, seen) {
  return h("tr", { "data-printed": row.method }, rowHead(row.method), seen.map((column) => {
    const one = cell(row, column);
    if (one === null) return gap("not published");
    return h("td", {}, h("button", { type: "button", class: "score", "data-stop": true,
      "aria-haspopup": "dialog",
      "aria-label": `${row.method}, ${column.title}, published ${shown(one.value)}`,
      onclick: () => openPrinted(row, column) },
    h("span", { class: "numbers" }, h("span", { class: "value" }, shown(one.value)),
      h("span", { class: "rank" }, one.reproduced ? "*" : ""))));
  }));
}

// The table as text: every row that is shown, unfolded ones too.
function gridSheet() {
  const seen = columns();
  const others = new Map(folded().map((one) => [one.row, one.others]));
  const rows = sorted([...others.keys()], value).flatMap((row) => [row,
    ...(state.open.has(row.method) ? others.get(row) : [])]);
  const ours = (row, column) => {
    const one = score(row, column);
    if (one === null || one.value === null) return DASH;
    return one.low === null ? shown(one.value)
      : `${shown(one.value)} [${shown(one.low)}, ${shown(one.high)}]`;
  };
  const theirs = (row, column) => {
    const one = cell(row, column);
    return one ? `${shown(one.value)}${one.reproduced ? "*" : ""}` : DASH;
  };
  return { name: "leaderboard", title: caption(), labels: 2,
    head: ["Method", "Setting", ...seen.map((column) =>
      joined(label(column), `${column.metric} ${direction(column)}`))],
    rows: [
      ...rows.map((row) => [row.method, variant(row), ...seen.map((c) => ours(row, c))]),
      ...board().floors.map((row) => [row.name, "floor",
        ...seen.map((c) => shown(row.cells[c.id]))]),
      ...quotedGroups().flatMap(([title, own]) => own.map((row) =>
        [row.method, title, ...seen.map((c) => theirs(row, c))])),
    ] };
}
