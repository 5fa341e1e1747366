// The curve view: one figure for each column, the score against the images seen in learning.

const PLOT = { width: 420, height: 240, left: 46, right: 12, top: 10, bottom: 34 };
const DASHES = ["", "6 3", "2 3", "8 3 2 3", "1 2"];

function curves() {
  return h("div", { class: "figures" }, columns().map(curveFigure));
}

function curveFigure(column) {
  const rows = measured().filter((row) => value(row, column) !== null);
  const learned = rows.filter((row) => row.images > 0);
  const methods = [...new Set(learned.map((row) => row.method))];
  const note = `${column.metric} ${direction(column)}, by images seen`;
  if (!learned.length) {
    return lacking(label(column), note, "Nothing that was learned is evaluated here. ",
      code(`facebench run --method simclr --task ${column.task}`), " adds a run.");
  }
  return drawing({ title: label(column), note, svg: plot(column, rows, learned, methods),
    sheet: () => curveSheet(column, rows),
    below: h("ol", { class: "legend" }, methods.map((method, i) =>
      h("li", {}, sample(i), method))) });
}

function curveSheet(column, rows) {
  const order = (a, b) => a.method.localeCompare(b.method, "en") || a.images - b.images
    || a.order - b.order;
  return { name: fileName("curve", label(column)), title: `${label(column)} by images seen`, labels: 2,
    head: ["Method", "Setting", "Images seen", `${column.metric} ${direction(column)}`,
      "95 % interval"],
    rows: [...rows].sort(order).map((row) => {
      const one = score(row, column);
      return [row.method, variant(row), count(row.images),
        { text: shown(one.value), act: () => openScore(row, column) }, interval(one) || DASH];
    }) };
}

function plot(column, rows, learned, methods) {
  const images = learned.map((row) => Math.log10(row.images));
  const [first, last] = [Math.min(...images) - 0.1, Math.max(...images) + 0.1];
  const [low, high] = extent(column);
  const x = (n) => PLOT.left
    + (PLOT.width - PLOT.left - PLOT.right) * (Math.log10(n) - first) / (last - first);
  const y = (v) => PLOT.top
    + (PLOT.height - PLOT.top - PLOT.bottom) * (1 - (v - low) / (high - low));
  const marks = [axes(x, y, [first, last], [low, high])];
  for (const row of rows.filter((each) => !each.images)) marks.push(level(row, column, y));
  methods.forEach((method, i) => {
    const own = learned.filter((row) => row.method === method)
      .sort((a, b) => a.images - b.images || a.order - b.order);
    marks.push(...track(own, column, x, y, i));
  });
  return s("svg", { class: "plot", viewBox: `0 0 ${PLOT.width} ${PLOT.height}`, role: "img",
    "aria-label": `${label(column)} against images seen, ${plural(learned.length, "run")}` }, marks);
}

// The runs of one method: points with their intervals, joined in the order of their images.
function track(own, column, x, y, i) {
  const at = (row) => [x(row.images), y(value(row, column))];
  const points = own.map((row) => at(row).map((v) => v.toFixed(1)).join(",")).join(" ");
  const shade = `track t${i % 8}`;
  return [
    s("polyline", { class: shade, points, "stroke-dasharray": DASHES[Math.floor(i / 8) % 5] }),
    ...own.flatMap((row) => {
      const one = score(row, column);
      const [cx, cy] = at(row);
      const span = one.low === null ? []
        : [s("line", { class: shade, x1: cx, x2: cx, y1: y(one.low), y2: y(one.high) })];
      const said = `${row.method}: ${shown(one.value)}, ${row.pretraining}`;
      return [...span, s("circle", { class: shade, cx, cy, r: 3 }, s("title", {}, said))];
    }),
  ];
}

// What learned nothing has no place on the axis: a line across.
function level(row, column, y) {
  const at = y(value(row, column));
  return s("g", { class: "level" },
    s("line", { x1: PLOT.left, x2: PLOT.width - PLOT.right, y1: at, y2: at }),
    s("text", { x: PLOT.width - PLOT.right, y: at - 3, "text-anchor": "end" }, row.method));
}

function axes(x, y, [first, last], [low, high]) {
  const bottom = PLOT.height - PLOT.bottom;
  const marks = [s("line", { x1: PLOT.left, x2: PLOT.width - PLOT.right, y1: bottom, y2: bottom }),
    s("line", { x1: PLOT.left, x2: PLOT.left, y1: PLOT.top, y2: bottom })];
  for (let power = Math.ceil(first); power <= Math.floor(last); power += 1)
    marks.push(s("text", { x: x(10 ** power), y: bottom + 14, "text-anchor": "middle" },
      count(10 ** power)));
  for (const v of [low, (low + high) / 2, high])
    marks.push(s("text", { x: PLOT.left - 5, y: y(v) + 4, "text-anchor": "end" }, shown(v, 1)));
  marks.push(s("text", { x: (PLOT.left + PLOT.width) / 2, y: PLOT.height - 4,
    "text-anchor": "middle" }, "images seen"));
  return s("g", { class: "axes" }, marks);
}

const sample = (i) => s("svg", { width: 26, height: 8, "aria-hidden": "true" },
  s("line", { class: `track t${i % 8}`, x1: 0, x2: 26, y1: 4, y2: 4,
    "stroke-dasharray": DASHES[Math.floor(i / 8) % 5] }));
