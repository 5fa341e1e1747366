// The radar view: a few methods over all tasks, each axis from its floor to the best score shown.

const SERIES = 6;
// Told apart by colour (Okabe and Ito), by dash and by mark, so that no one of them is needed.
const DASHES = ["none", "7 3", "2 3", "9 3 2 3", "5 2", "1 2"];

function radar() {
  const axes = columns();
  const rows = sorted(measured(), value);
  const chosen = picked(rows);
  if (axes.length < 3) {
    return h("p", { class: "empty" }, "A radar needs three columns or more. Choose another ",
      "family, or look at the bars.");
  }
  const holder = h("div", { class: "chart" });
  const width = Math.min(byId("view").clientWidth, 640);
  const focus = (id) => holder.replaceChildren(web(axes, chosen, width, id));
  focus(null);
  return h("div", { class: "radar" }, holder, legend(rows, chosen, focus),
    h("p", { class: "caveat" }, "Every axis has a scale of its own: the centre is the task’s ",
      "floor, or the lowest score shown if that is lower; the rim is the best score shown. ",
      "Only distances along one axis mean anything; the area means nothing."));
}

function picked(rows) {
  const ids = state.picked ?? new Set(rows.slice(0, 4).map((row) => row.id));
  return rows.filter((row) => ids.has(row.id)).slice(0, SERIES);
}

function legend(rows, chosen, focus) {
  const box = (row) => {
    const series = chosen.indexOf(row);
    const input = h("input", { type: "checkbox", "data-pick": row.id, checked: series >= 0,
      disabled: series < 0 && chosen.length >= SERIES, onchange: () => pick(chosen, row) });
    return h("label", { onmouseenter: () => series >= 0 && focus(row.id),
      onmouseleave: () => focus(null), onfocusin: () => series >= 0 && focus(row.id),
      onfocusout: () => focus(null) },
    input, key(series), h("span", {}, h("b", {}, row.method), h("small", {}, brief(row))));
  };
  return h("fieldset", { class: "legend" },
    h("legend", {}, `Methods, at most ${SERIES}`), rows.map(box));
}

function pick(chosen, row) {
  const ids = new Set(chosen.map((each) => each.id));
  if (!ids.delete(row.id)) ids.add(row.id);
  state.picked = ids;
  draw();
  document.querySelector(`[data-pick="${row.id}"]`).focus();
}

const key = (series) => s("svg", { class: "key", width: 34, height: 14, "aria-hidden": "true" },
  series < 0 ? [] : [
    s("line", { class: `series-${series}`, x1: 1, x2: 33, y1: 7, y2: 7,
      "stroke-dasharray": DASHES[series] }),
    dot(series, 17, 7),
  ]);

function dot(series, x, y) {
  const shapes = [
    () => s("circle", { cx: x, cy: y, r: 4 }),
    () => s("rect", { x: x - 3.5, y: y - 3.5, width: 7, height: 7 }),
    () => polygon(x, y, [[0, -5], [5, 4], [-5, 4]]),
    () => polygon(x, y, [[0, -5], [5, 0], [0, 5], [-5, 0]]),
    () => polygon(x, y, [[-5, -4], [5, -4], [0, 5]]),
    () => s("circle", { cx: x, cy: y, r: 3.2, class: "hollow" }),
  ];
  const mark = shapes[series]();
  mark.classList.add("dot", `series-${series}`);
  return mark;
}

const polygon = (x, y, corners) =>
  s("polygon", { points: corners.map(([dx, dy]) => `${x + dx},${y + dy}`).join(" ") });

function web(axes, rows, width, focused) {
  const narrow = width < 480;
  const height = Math.round(width * (narrow ? 1.05 : 0.8));
  const [cx, cy] = [width / 2, height / 2];
  const radius = narrow ? cx - 62 : Math.min(cx - 120, cy - 44);
  const point = (axis, share) => {
    const turn = (2 * Math.PI * axis) / axes.length - Math.PI / 2;
    return [cx + radius * share * Math.cos(turn), cy + radius * share * Math.sin(turn)];
  };
  const rings = [0.25, 0.5, 0.75, 1].map((share) => s("polygon", { class: "ring",
    points: axes.map((_, i) => point(i, share).join(",")).join(" ") }));
  const spokes = axes.map((_, i) => {
    const [x, y] = point(i, 1);
    return s("line", { class: "ring", x1: cx, y1: cy, x2: x, y2: y });
  });
  const scales = axes.map((column) => axisEnds(column, rows));
  const labels = axes.map((column, i) =>
    (narrow ? stackedLabel : sideLabel)(column, scales[i], point(i, 1), cx, cy));
  const lines = rows.map((row, series) =>
    curve(row, series, axes, scales, point, focused === null ? "" :
      focused === row.id ? "on" : "off"));
  return s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Radar of ${rows.map((row) => row.method).join(", ")}; `
      + "the table has the same numbers" }, rings, spokes, lines, labels);
}

function axisEnds(column, rows) {
  const values = rows.map((row) => value(row, column)).filter((v) => v !== null);
  const floor = floorOf(column);
  const all = floor ? [...values, floor.value] : values;
  if (!all.length) return null;
  const [low, high] = [Math.min(...all), Math.max(...all)];
  return low === high ? [low - 1, high] : [low, high];
}

const ends = (column, scale) => (scale === null ? DASH
  : (column.higher ? scale : [...scale].reverse()).map((end) => shown(end, 1)).join(" → "));

// Beside its corner, or above or below it where the corner is at the top or at the bottom.
function sideLabel(column, scale, [x, y], cx, cy) {
  const side = Math.sign(Math.round((x - cx) / 12));
  const up = side ? -4 : y < cy ? -26 : 22;
  return lettering(column, scale, x + 14 * side, y + up, ["end", "middle", "start"][side + 1]);
}

// Where there is no room at the sides: above or below its corner, and inside the picture.
function stackedLabel(column, scale, [x, y], cx, cy) {
  const side = Math.abs(x - cx) < cx / 2 ? 0 : Math.sign(x - cx);
  const [at, anchor] = [[0, "start"], [x, "middle"], [2 * cx, "end"]][side + 1];
  return lettering(column, scale, at, y + (y < cy + 20 ? -28 : 22), anchor);
}

function lettering(column, scale, x, y, anchor) {
  return s("text", { x, y, "text-anchor": anchor },
    s("tspan", { class: "axis" }, `${column.title} ${direction(column)}`),
    s("tspan", { x, dy: "1.3em", class: "ends" }, ends(column, scale)));
}

// An axis that a method was not run on breaks its line.
function curve(row, series, axes, scales, point, emphasis) {
  const at = (i, v) => point(i, place(axes[i], v, scales[i]));
  const values = axes.map((column) => value(row, column));
  const parts = [];
  axes.forEach((_, i) => {
    const next = (i + 1) % axes.length;
    if (values[i] === null || values[next] === null) return;
    const [[x1, y1], [x2, y2]] = [at(i, values[i]), at(next, values[next])];
    parts.push(s("line", { class: `series-${series}`, x1, y1, x2, y2,
      "stroke-dasharray": DASHES[series] }));
  });
  axes.forEach((column, i) => {
    if (values[i] === null) return;
    const one = score(row, column);
    if (emphasis === "on" && one.low !== null) {
      const [[x1, y1], [x2, y2]] = [at(i, one.low), at(i, one.high)];
      parts.push(s("line", { class: `interval series-${series}`, x1, y1, x2, y2 }));
    }
    parts.push(dot(series, ...at(i, values[i])));
  });
  return s("g", { class: `curve ${emphasis}` }, parts);
}
