// What all drawings have in common: a title, their numbers as a table, copies and downloads; and
// how wide they may be, scales and labels.

const GAP = 40; // between two figures

// Drawings are made in pixels of the page, so that their text has one size on every screen.
// `figures` is how many there are: two of them stand side by side where there is space.
function figureWidth(figures, most = 660) {
  const space = byId("view").clientWidth || 1000;
  const across = space >= 2 * 420 + GAP && figures > 1 ? 2 : 1;
  return Math.floor(Math.min(most, (space - GAP * (across - 1)) / across));
}

// `sheet` makes the numbers, when they are asked for: they can be many.
function drawing({ title, note, svg, sheet, below = [] }) {
  return h("figure", {},
    h("figcaption", {}, h("b", {}, title), note && h("small", {}, note)),
    h("div", { class: "across", onscroll: pin }, svg), below,
    numbers(sheet, svg));
}

// The names of a wide drawing, which stay in sight where it is scrolled sideways.
const pinned = (names, left, height) => s("g", { class: "pinned" },
  s("rect", { class: "under", x: 0, y: 0, width: left - 2, height }), names);

function pin({ target }) {
  target.querySelector(".pinned")?.setAttribute("transform", `translate(${target.scrollLeft} 0)`);
}

function numbers(sheet, svg) {
  const fold = h("details", { class: "numbers-of" },
    h("summary", {}, "Numbers, copy, download"));
  fold.ontoggle = () => {
    if (!fold.open || fold.children.length > 1) return;
    const made = sheet();
    fold.append(h("p", { class: "tools" }, toolset("Copy as", copies(() => made)),
      toolset("Download", downloads(() => svg, made.name))), sheetTable(made));
  };
  return fold;
}

function lacking(title, note, ...words) {
  return h("figure", {}, h("figcaption", {}, h("b", {}, title), note && h("small", {}, note)),
    h("p", { class: "empty" }, words));
}

// Figures that say what is lacking are short, and come last: beside a long one is an empty area.
const drawnFirst = (figures) => [...figures].sort((a, b) =>
  Boolean(b.querySelector(".plot")) - Boolean(a.querySelector(".plot")));

// A title that no other of some columns has.
function label(column, among = columns()) {
  const same = among.filter((other) => other.title === column.title);
  if (same.length < 2) return column.title;
  const one = same.every((other) => other.metric === column.metric);
  return joined(column.title, one ? "" : column.metric, column.note);
}

const fileName = (...parts) => parts.join("-").toLowerCase().replace(/[^a-z0-9]+/g, "-")
  .replace(/^-|-$/g, "");

const pen = h("canvas").getContext("2d");

// How wide a text is in a drawing, in pixels.
function widthOf(text, size = 12, weight = 600) {
  pen.font = `${weight} ${size}px ${once("font", () => getComputedStyle(document.body).fontFamily)}`;
  return pen.measureText(text).width;
}

// The space that the longest of some names needs on the left, up to a limit.
const nameSpace = (names, most) =>
  Math.ceil(Math.min(most, 12 + Math.max(...names.map((name) => widthOf(name)))));

// Text that fits; the whole of it is in the title of its element, and in the table.
function clipped(text, width, size = 12, weight = 600) {
  if (widthOf(text, size, weight) <= width) return text;
  const cut = (end) => `${text.slice(0, end).trimEnd()}…`;
  let end = Math.min(text.length - 1, Math.ceil(width / (size * 0.3)));
  while (end > 2 && widthOf(cut(end), size, weight) > width) end -= 1;
  return cut(end);
}

// Up to `most` lines of words.
function wrapped(text, width, most = 3) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (widthOf(longer) <= width || !lines.at(-1)) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  const kept = lines.slice(0, most).map((line) => clipped(line, width));
  if (lines.length > most) kept[most - 1] = clipped(`${kept[most - 1]} …`, width);
  return kept;
}

// Round numbers from low to high, up to `most` of them where these are more than two.
function ticks(low, high, most = 6) {
  const raw = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((k) => k >= raw * 0.999);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (step / power === 2.5 ? 1 : 0));
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high; i += 1) found.push(i * step);
  return { found, digits };
}

// What a row is called: its method, and where this has several, what differs between them.
function rowNames(rows) {
  const alike = new Map();
  for (const row of rows) alike.set(row.method, [...alike.get(row.method) ?? [], row]);
  const differs = (own, part) => own.some((row) => row[part] !== own[0][part]);
  return new Map(rows.map((row) => {
    const own = alike.get(row.method);
    const told = ["detail", "feature", "backbone", "pretraining"].filter((part) => differs(own, part));
    return [row, joined(row.method, ...told.map((part) => row[part]))];
  }));
}

// What is said of a row below its name: that it is of another budget, its options, and of feature
// and backbone what the rows do not share.
function settings(rows) {
  const differing = [(row) => row.feature, backbone].filter((read) =>
    new Set(rows.map(read).filter(Boolean)).size > 1);
  return (row) => joined(chip(row), row.detail, ...differing.map((read) => read(row)),
    row.data.replace(" (synthetic)", ""));
}

const interval = (one) => (one.low === null ? "" : `${shown(one.low)} to ${shown(one.high)}`);
