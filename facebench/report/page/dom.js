// Elements are only ever made here, and text only ever through text nodes: names in the data come
// from other people's result files.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  // A child that is nothing (a note that is not there) leaves nothing.
  node.append(...children.flat(Infinity).filter((child) => child || child === 0));
  return node;
}

const h = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
const s = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);
const byId = (id) => document.getElementById(id);

const DASH = "–";
const shown = (value, digits = 2) =>
  value === null || value === undefined ? DASH : value.toFixed(digits);
const count = (value) => value.toLocaleString("en-US");
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;
const range = ([low, high]) => (low === high ? `${low}` : `${low}–${high}`);
const direction = (column) => (column.higher ? "↑" : "↓");

// One tab stop for a whole set of controls; arrows move inside it. `rows` is a list of lists.
function rove(container, rows) {
  const items = rows.flat();
  const stop = (item) => items.forEach((each) => (each.tabIndex = each === item ? 0 : -1));
  if (items.length) stop(items[0]);
  container.addEventListener("focusin", ({ target }) => items.includes(target) && stop(target));
  container.onkeydown = (event) => {
    const y = rows.findIndex((row) => row.includes(event.target));
    if (y < 0 || event.altKey || event.metaKey) return;
    const next = step(rows, y, rows[y].indexOf(event.target), event);
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
}

function step(rows, y, x, { key, ctrlKey }) {
  // Rows are unequally long: a row of headings has one more than a row of scores.
  const at = (row, column) => row && row[Math.min(column, row.length - 1)];
  const nearest = (from, by) => {
    for (let row = from; rows[row]; row += by) if (rows[row].length) return at(rows[row], x);
    return null;
  };
  switch (key) {
    case "ArrowRight": return rows[y][x + 1];
    case "ArrowLeft": return rows[y][x - 1];
    case "ArrowDown": return nearest(y + 1, 1);
    case "ArrowUp": return nearest(y - 1, -1);
    case "Home": return ctrlKey ? rows[0][0] : rows[y][0];
    case "End": return ctrlKey ? rows.at(-1).at(-1) : rows[y].at(-1);
    default: return null;
  }
}
