// The lines of the table: of a row, and of what a paper prints.

function rowHead(title, ...below) {
  return h("th", { scope: "row", class: "stick", tabindex: "-1", "data-stop": true },
    h("b", {}, title), below.map((text) => h("small", {}, breakable(text))));
}

// A line may end behind the sign of an option, and behind a part of a long name, so that words stay
// whole where they can.
const breakable = (text) => text.split(/(?<==|\w{6,}_)/).map((part, i) => [i > 0 && h("wbr"), part]);

// Settings that tell a row from others, a chip each; of a row that stands for others the first few.
const FIRST_SETTINGS = 2;

function settingChips(row, folded) {
  const all = row.detail.split(/, (?=[\w.]+=|\d+ more$)/);
  const shown = folded ? all.slice(0, FIRST_SETTINGS) : all;
  const left = all.slice(shown.length);
  const more = left.reduce((sum, one) => sum + (Number(one.match(/^(\d+) more$/)?.[1]) || 1), 0);
  const chips = more ? [...shown, `${more} more`] : shown;
  return h("small", { title: left.length > 0 && row.detail }, chips.map((text, i) => [i > 0 && " ",
    h("span", { class: "setting" }, breakable(text))]));
}

// A button that shows the other rows of a method, or hides them.
function unfold(row, others) {
  const open = state.open.has(row.method_key);
  return h("button", { type: "button", class: "unfold", "data-unfold": row.method_key,
    "aria-expanded": String(open), onclick: () => {
      state.open[open ? "delete" : "add"](row.method_key);
      draw();
      document.querySelector(`[data-unfold="${CSS.escape(row.method_key)}"]`).focus();
    } }, open ? "fewer" : `+ ${plural(others.length, "more run")}`);
}

const gap = (why, ...behind) => h("td", { class: "gap", tabindex: "-1", "data-stop": true }, behind,
  h("span", { "aria-hidden": "true" }, DASH), h("span", { class: "unseen" }, why));

// `others` are the rows that it stands for; null for one of these.
function line(row, seen, more, usual, others) {
  const below = [joined(row.feature, backbone(row), seedCount(row)), row.pretraining];
  const head = rowHead(row.method, ...below.filter(Boolean));
  if (row.detail) head.append(settingChips(row, others?.length > 0 && !state.open.has(row.method_key)));
  if (others && chip(row)) head.append(h("small", { class: "chip" }, chip(row)));
  if (others?.length) head.append(unfold(row, others));
  const kind = others === null ? "other" : null;
  return h("tr", { "data-row": row.id, class: kind }, head, seen.map((column) => {
    const one = score(row, column);
    if (one === null || one.value === null) return gap("not run", floorLines(column));
    const doubt = doubtful(cell(row, column), usual.get(column));
    const under = floorAbove(column, one.value);
    const theirs = others && state.printed ? publishedText(row, column) : "";
    // What is seen is a part of what is said, so that it can be asked for by voice.
    const seenText = [shown(one.value), one.rank && range(one.rank), doubt && "!", theirs]
      .filter(Boolean).join(" ");
    const said = [row.method, column.title, seenText,
      one.low === null ? "" : `interval ${shown(one.low)} to ${shown(one.high)}`,
      one.rank ? `rank ${range(one.rank).replace("–", " to ")}` : "",
      under ? `not better than ${under.name}` : "", doubt ? "with a warning" : ""].filter(Boolean).join(", ");
    return h("td", {}, floorLines(column), h("button", { type: "button", class: "score",
      tabindex: "-1", "data-stop": true, "aria-haspopup": "dialog", "aria-label": said,
      onclick: () => openScore(row, column) },
    h("span", { class: "numbers" },
      h("span", { class: bold(row, column) ? "value best" : "value" }, shown(one.value)),
      " ", one.rank && h("span", { class: "rank", title: `rank among ${ranked()}` }, range(one.rank)),
      " ", doubt && h("span", { class: "doubt" }, "!")),
    whisker(column, one, scale(column)),
    theirs && h("span", { class: "theirs",
      title: `in ${publishedOf(row, column).short}` }, pieces(theirs))));
  }), more.map((fact) => factCell(fact, row)));
}

// The published number; the difference only of a feature that nothing is learned for, since all
// others are of other data and budgets than the paper's, and by the paper's choice of the epoch.
function publishedText(row, column) {
  const [theirs, one] = [publishedOf(row, column), score(row, column)];
  if (theirs === null) return "";
  const text = `published ${shown(theirs.value)}${theirs.reproduced ? "*" : ""}`;
  return row.images || state.protocol !== "paper" ? text
    : `${text}, Δ ${signed(one.value - theirs.value)}`;
}

// On a phone the difference may stand on a line of its own.
const pieces = (text) => text.split(/(?<=, )/).map((part) => h("span", { class: "whole" }, part));

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

function quotedLine(row, seen, more) {
  return h("tr", { "data-printed": row.method }, rowHead(row.method), seen.map((column) => {
    const one = cell(row, column);
    if (one === null) return gap("not published");
    return h("td", {}, h("button", { type: "button", class: "score", tabindex: "-1", "data-stop": true,
      "aria-haspopup": "dialog",
      "aria-label": `${row.method}, ${column.title}, published ${shown(one.value)}`
        + `${one.reproduced ? " *, reproduced by the authors of that paper" : ""}`,
      onclick: () => openPrinted(row, column) },
    h("span", { class: "numbers" }, h("span", { class: "value" }, shown(one.value)),
      " ", one.reproduced && h("span", { class: "rank" }, "*"))));
  }), more.map(() => gap("not a run")));
}
