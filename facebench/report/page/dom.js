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
const NUMBER = new Intl.NumberFormat("en-US"); // one for all: each is expensive
const count = (value) => NUMBER.format(value);
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;
const range = ([low, high]) => (low === high ? `${low}` : `${low}–${high}`);
const direction = (column) => (column.higher ? "↑" : "↓");
