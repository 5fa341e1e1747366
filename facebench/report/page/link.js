// The reader's choices in the address, so that a view can be sent to others.

const LINKED = ["board", "protocol", "family", "backbone", "data", "view", "rows", "measure",
  "compute", "query", "facts", "papers", "printed"];
const INITIAL = Object.fromEntries(LINKED.map((name) => [name, state[name]]));

function keepInAddress() {
  const said = new URLSearchParams();
  for (const name of LINKED)
    if (String(state[name]) !== String(INITIAL[name])) said.set(name, state[name]);
  if (state.sort.by !== null) said.set("sort", `${state.sort.worst ? "-" : ""}${state.sort.by}`);
  for (const key of state.open) said.append("open", key);
  const text = said.toString();
  history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
}

// What does not exist here (an address of another board) is left out; what is not said is as it was
// at first.
function readAddress() {
  Object.assign(state, INITIAL, { sort: { by: null, worst: false }, open: new Set() });
  const said = new URLSearchParams(location.hash.slice(1));
  const index = Number(said.get("board") ?? 0);
  if (DATA.boards[index]) state.board = index;
  const among = {
    protocol: PROTOCOLS, rows: Object.keys(ROWS).filter((key) => !unavailable(key)), view: Object.keys(VIEWS),
    measure: Object.keys(MEASURES), compute: Object.keys(COMPUTE),
    family: families(), backbone: board().rows.map((row) => row.backbone),
    data: board().rows.map((row) => row.data),
  };
  for (const [name, values] of Object.entries(among))
    if (values.includes(said.get(name))) state[name] = said.get(name);
  state.printed = said.get("printed") !== "false";
  state.papers = said.get("papers") === "shown" ? "shown" : "";
  state.query = said.get("query") ?? "";
  state.facts = (said.get("facts") ?? "").split(",")
    .filter((key) => key === "shown" || key in FACTS).join(",");
  const sort = said.get("sort") ?? "";
  const by = sort.replace(/^-/, "");
  if (by === "method" || FACTS[by]?.number || columns().some((column) => column.id === by))
    state.sort = { by, worst: sort.startsWith("-") };
  forgetHiddenSort();
  for (const key of said.getAll("open")) state.open.add(key);
}
