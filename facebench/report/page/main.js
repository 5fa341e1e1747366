// The controls, and drawing what they ask for.

const VIEWS = {
  table: ["Table", grid], curves: ["Curves", curves], forest: ["Forest", forest],
  pairs: ["Pairs", pairs], ranks: ["Mean ranks", ranks], heat: ["Heat map", heat],
};

// A choice is [key, text], or [key, text, why it cannot be chosen].
function segmented(name, title, choices, chosen, choose) {
  return h("fieldset", { class: `segmented of-${name}` }, h("legend", {}, title), h("div", {},
    choices.map(([key, text, why]) => h("label", { title: why || null },
      h("input", { type: "radio", name, value: key, checked: String(key) === String(chosen),
        disabled: Boolean(why), title: why || null, onchange: () => choose(key) }),
      h("span", {}, text)))));
}

function select(name, title, all, values, choose) {
  return h("label", { class: "select" }, h("span", {}, title),
    h("select", { name, onchange: (event) => choose(event.target.value) },
      h("option", { value: "" }, all),
      values.map((each) => h("option", { value: each, selected: state[name] === each },
        name === "family" ? each.charAt(0).toUpperCase() + each.slice(1) : each))));
}

function search() {
  return h("label", { class: "search" }, h("span", {}, "Search rows"),
    h("input", { type: "search", name: "query", value: state.query, spellcheck: "false",
      placeholder: "method, backbone, data …",
      oninput: (event) => { state.query = event.target.value; draw(); } }));
}

function controls() {
  const set = (name) => (to) => { state[name] = to; draw(); };
  const distinct = (name) => [...new Set(board().rows.map((row) => row[name]))].sort();
  const kinds = DATA.boards.map((each, i) => [i, each.synthetic ? "Synthetic" : "Real"]);
  byId("facts").replaceChildren(...factChoice());
  byId("controls").replaceChildren(
    more(),
    segmented("board", "Data", kinds, state.board, switchBoard),
    segmented("protocol", "Score", Object.entries(scoreNames()), state.protocol, set("protocol")),
    segmented("rows", "Budget", Object.entries(ROWS).map(([key, text]) =>
      [key, text, unavailable(key)]), state.rows, set("rows")),
    select("family", "Task family", "All, headline metrics", families(), set("family")),
    select("backbone", "Backbone", "All", distinct("backbone"), set("backbone")),
    select("data", "Learned from", "All", distinct("data"), set("data")),
    search(),
    segmented("view", "View", Object.entries(VIEWS).map(([key, [title]]) => [key, title]),
      state.view, set("view")));
}

// On a phone the filters are put away, so that results are on the first screen.
function more() {
  const form = byId("controls");
  const button = h("button", { type: "button", class: "quiet more", "aria-controls": "controls", onclick: () => {
      const open = form.classList.toggle("unfolded");
      button.setAttribute("aria-expanded", String(open));
    } }, "Data, score, budget and filters");
  button.setAttribute("aria-expanded", String(form.classList.contains("unfolded")));
  return button;
}

function switchBoard(index) {
  Object.assign(state, { board: Number(index), family: "", backbone: "", data: "",
    query: "", sort: { by: null, worst: false }, open: new Set() });
  if (unavailable(state.rows)) state.rows = "shared";
  controls();
  draw();
  refocus("board", index);
}

const refocus = (name, chosen) =>
  document.querySelector(`[name="${name}"][value="${chosen}"]`)?.focus();

// What to do where the filters leave nothing.
function nothingFits() {
  return h("div", { class: "empty" }, h("p", {}, "No row fits these filters."),
    h("button", { type: "button", class: "quiet", onclick: () => {
      Object.assign(state, { family: "", backbone: "", data: "", query: "" });
      controls();
      draw();
      byId("view").focus();
    } }, "Show all rows"));
}

function draw() {
  const [rows, shownRows] = [measured(), leads()];
  const note = byId("kind-note");
  note.hidden = !board().synthetic;
  note.textContent = "Synthetic stand-ins: rendered faces in the layout of each dataset. These "
    + "numbers rank methods among themselves and cannot be compared with real or published ones.";
  byId("printed").hidden = state.view !== "table" || !board().printed.length;
  byId("facts").hidden = state.view !== "table";
  const there = rows.length || state.view === "ranks"
    || (state.view === "table" && printed().length);
  byId("leaders").replaceChildren(...(state.view === "table" ? leaders() : []));
  byId("view").replaceChildren(there ? VIEWS[state.view][1]() : nothingFits());
  byId("tools").replaceChildren(...(state.view === "table" && there
    ? [toolset("Copy as", copies(gridSheet)),
      toolset("Download", downloads(() => tableDrawing(gridSheet()), "leaderboard"))] : []));
  const data = board().synthetic ? "synthetic data" : "real data";
  byId("status").textContent = `${plural(shownRows.length, "row")} for `
    + `${plural(rows.length, "configuration")}, ${columnCount(shownRows)}, ${data}, `
    + `${scoreNames()[state.protocol]}, ${ROWS[state.rows].toLowerCase()}`;
  keepInAddress();
  fit();
}

// How many columns the table has; those of other runs alone are not among them.
function columnCount(rows) {
  const all = columns().length;
  const here = state.view === "table" ? tableColumns(rows).length : all;
  return here === all ? plural(all, "column") : `${here} of ${plural(all, "column")}`;
}

// The reader's system decides on light or dark, until the button is pressed.
function theme() {
  const button = byId("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const dark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const tell = () => { button.textContent = dark() ? "Light theme" : "Dark theme"; };
  button.onclick = () => { root.dataset.theme = dark() ? "light" : "dark"; tell(); };
  system.onchange = tell;
  tell();
}

theme();
// The view that the address says.
function arrive() {
  readAddress();
  byId("printed").querySelector("input").checked = state.printed;
  controls();
  draw();
  byId("facts").open = Boolean(state.facts);
}

if (DATA.boards.length) {
  arrive();
  // An address of another view in the same window, which loads no page.
  addEventListener("hashchange", () => {
    if (location.hash === "#view") keepInAddress(); // the link that skips to the results
    else arrive();
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (width === innerWidth) return;
    width = innerWidth;
    draw(); // drawings and long tables have the width of the window
  });
  const published = byId("printed").querySelector("input");
  published.onchange = () => {
    state.printed = published.checked;
    draw();
  };
} else {
  byId("view").replaceChildren(h("p", { class: "empty" }, "There are no results yet. ",
    code("facebench run --method pcl,simclr --task all"),
    " makes some; then write this page again."));
}
