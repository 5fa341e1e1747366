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
    h("div", { class: "across" }, svg), below,
    numbers(sheet, svg));
}

function numbers(sheet, svg) {
  const fold = h("details", { class: "numbers-of" },
    h("summary", {}, "Numbers, copy, download"));
  fold.ontoggle = () => {
    if (!fold.open || fold.children.length > 1) return;
    const made = sheet();
    fold.append(h("p", { class: "tools" }, h("span", {}, "Copy as"), copies(() => made),
      h("span", {}, "Download"), downloads(() => svg, made.name)), sheetTable(made));
  };
  return fold;
}

function lacking(title, note, ...words) {
  return h("figure", {}, h("figcaption", {}, h("b", {}, title), note && h("small", {}, note)),
    h("p", { class: "empty" }, words));
}

// A title that no other column here has.
function label(column) {
  const same = columns().filter((other) => other.title === column.title);
  if (same.length < 2) return column.title;
  const one = same.every((other) => other.metric === column.metric);
  return joined(column.title, one ? "" : column.metric, column.note);
}

const fileName = (...parts) => parts.join("-").toLowerCase().replace(/[^a-z0-9]+/g, "-")
  .replace(/^-|-$/g, "");

// Text that fits; the whole of it is in the title of its element, and in the table.
function clipped(text, width, size = 12) {
  const fits = Math.max(3, Math.floor(width / (size * 0.56)));
  return text.length <= fits ? text : `${text.slice(0, fits - 1).trimEnd()}…`;
}

// Up to `most` lines of words.
function wrapped(text, width, most = 3, size = 12) {
  const fits = Math.max(3, Math.floor(width / (size * 0.56)));
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (longer.length <= fits || !lines.at(-1)) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  const kept = lines.slice(0, most).map((line) => clipped(line, width, size));
  if (lines.length > most) kept[most - 1] = clipped(`${kept[most - 1]} …`, width, size);
  return kept;
}

function ticks(low, high, about = 4) {
  const raw = (high - low) / about;
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

const interval = (one) => (one.low === null ? "" : `${shown(one.low)} to ${shown(one.high)}`);
