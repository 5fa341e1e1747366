// Floors, for a reader "trivial baselines": what no learning at all would score, as lines through the
// whiskers of a column, each with its name and number in the heading.

const FLOOR_NOTE = "A trivial baseline: what no learning at all would score";

// [{ name, value }], the strongest first.
const floorsOf = (column) => once(`floors ${state.board} ${column.id}`, () => board().floors
  .filter((each) => each.cells[column.id] !== undefined)
  .map((each) => ({ name: each.name, value: each.cells[column.id] }))
  .sort((a, b) => (column.higher ? b.value - a.value : a.value - b.value)));

// The range of a column's whiskers: of its scores, and of floors no further from these than they
// are from each other. A floor that is further away would leave the whiskers no space.
const scale = (column) => once(`scale ${state.board} ${state.protocol} ${column.id}`, () => {
  const [low, high] = extent(column);
  const reach = high - low;
  const near = floorsOf(column).map((floor) => floor.value)
    .filter((v) => v >= low - reach && v <= high + reach);
  const margin = reach * 0.04;
  return [Math.min(low, ...near.map((v) => v - margin)),
    Math.max(high, ...near.map((v) => v + margin))];
});

const onScale = (floor, [low, high]) => floor.value >= low && floor.value <= high;

// The lines in one cell, as high as it is.
function floorLines(column) {
  const ends = scale(column);
  const lines = floorsOf(column).map((floor, i) => {
    const at = `${(100 * place(column, floor.value, ends)).toFixed(2)}%`;
    return onScale(floor, ends) && s("line", { class: `floor f${i % 3}`, x1: at, x2: at, y1: 0, y2: "100%" });
  });
  return lines.some(Boolean) ? s("svg", { class: "floors", "aria-hidden": "true" }, lines) : null;
}

// What the lines are, for the heading of their column.
function floorKeys(column) {
  const ends = scale(column);
  return floorsOf(column).map((floor, i) => {
    const worse = (floor.value < ends[0]) === column.higher;
    const sign = onScale(floor, ends)
      ? s("svg", { class: "floor-sample", "aria-hidden": "true", width: 6, height: 13 },
        s("line", { class: `floor f${i % 3}`, x1: 3, x2: 3, y1: 0, y2: 13 }))
      : h("i", { "aria-hidden": "true" }, worse ? "◂ " : "▸ ");
    return h("span", { class: "floor-key", title: FLOOR_NOTE }, sign,
      `${floor.name} ${shown(floor.value)}`);
  });
}

// The floor that a score does not exceed; undefined if it exceeds all.
const floorAbove = (column, v) => floorsOf(column)
  .find((floor) => (column.higher ? v <= floor.value : v >= floor.value));
