// The curve view: one figure for each column, the score against what learning took.

const PLOT = { height: 290, left: 44, right: 22, top: 26, bottom: 40, apart: 24 };
const DASHES = ["", "6 3", "2 3", "8 3 2 3", "1 2"];
const COMPUTE = {
  images: { title: "Images seen", axis: "images seen", of: (row) => row.images },
  seconds: { title: "Seconds", axis: "seconds of learning, one seed", of: learningSeconds },
};

function curves() {
  const choice = segmented("compute", "Score against",
    Object.entries(COMPUTE).map(([key, { title }]) => [key, title]), state.compute,
    (to) => { state.compute = to; draw(); refocus("compute", to); });
  return h("div", {}, h("div", { class: "choice" }, choice),
    h("div", { class: "figures" }, drawnFirst(columns().map(curveFigure))));
}

function curveFigure(column) {
  const { axis, of } = COMPUTE[state.compute];
  const rows = measured().filter((row) => value(row, column) !== null);
  const learned = rows.filter((row) => row.images > 0 && of(row) > 0);
  const order = once(`methods ${state.board}`, learners); // of one look in all figures
  const methods = order.filter((method) => learned.some((row) => row.method === method));
  const note = `${column.metric} ${direction(column)}, by ${axis}`;
  if (!learned.length) {
    return lacking(label(column), note, "No run here learned its representation. ",
      code(`facebench run --method simclr --task ${column.task}`), " adds a run.");
  }
  const look = (method) => order.indexOf(method);
  return drawing({ title: label(column), note, svg: plot(column, rows, learned, look),
    sheet: () => curveSheet(column, rows), below: [
      h("ol", { class: "legend" }, methods.map((method) => h("li", {}, sample(look(method)), method))),
      curveNote(column, rows, learned)] });
}

// The methods of the board that learned.
const learners = () => [...new Set(board().rows.filter((row) => row.images > 0)
  .map((row) => row.method))];

// What a reader must know of the axis and the lines.
function curveNote(column, rows, learned) {
  const { of } = COMPUTE[state.compute];
  const fixed = fixedIn(column, rows);
  const names = rowNames(fixed);
  const said = [];
  if (lineages([...learned].sort((a, b) => of(a) - of(b))).length)
    said.push("A line joins runs that differ only in how long they learned.");
  if (state.compute === "images") said.push("Runs of equal amounts stand side by side.");
  if (fixed.length) said.push(`Dotted, ${fixed.every(unlearned) ? "what learned nothing" : "what did not learn here"}: ${fixed.map((row) =>
    `${names.get(row)} ${shown(value(row, column))}`).join(", ")}.`);
  if (state.compute === "seconds") said.push("Seconds depend on the machine: "
    + `${[...new Set(learned.flatMap(runsOfRow).map(device))].sort().join("; ")}.`);
  return h("p", { class: "floor-note" }, said.join(" "));
}

const fixedIn = (column, rows) =>
  rows.filter((row) => !row.images).sort((a, b) => byScoreIn(column, a, b));

function curveSheet(column, rows) {
  const order = (a, b) => a.method.localeCompare(b.method, "en")
    || COMPUTE[state.compute].of(a) - COMPUTE[state.compute].of(b) || a.order - b.order;
  return { name: fileName("curve", label(column)), labels: 2,
    title: `${label(column)} by ${COMPUTE[state.compute].axis}`,
    head: ["Method", "Setting", "Images seen", "Seconds of learning",
      `${column.metric} ${direction(column)}`, "95 % interval"],
    rows: [...rows].sort(order).map((row) => {
      const one = score(row, column);
      return [row.method, variant(row), row.images ? count(row.images) : DASH,
        row.images ? count(Math.round(learningSeconds(row))) : DASH,
        { text: shown(one.value), act: () => openScore(row, column) }, interval(one) || DASH];
    }) };
}

function plot(column, rows, learned, look) {
  const { axis, of } = COMPUTE[state.compute];
  const width = figureWidth(columns().length);
  const right = width - PLOT.right;
  const amounts = learned.map((row) => Math.log10(of(row)));
  const [first, last] = [Math.min(...amounts) - 0.1, Math.max(...amounts) + 0.1];
  const [low, high] = extent(column);
  const x = (n) => PLOT.left + (right - PLOT.left) * (Math.log10(n) - first) / (last - first);
  const across = sideBySide(learned, of, x, [PLOT.left, right]);
  const y = (v) => PLOT.top
    + (PLOT.height - PLOT.top - PLOT.bottom) * (1 - (v - low) / (high - low));
  return s("svg", { class: "plot", viewBox: `0 0 ${width} ${PLOT.height}`, role: "img",
    width, height: PLOT.height,
    "aria-label": `${label(column)} against ${axis}, ${plural(learned.length, "run")}; the numbers `
      + "are in the table below" },
  curveAxes(x, y, amountTicks(learned.map(of), [first, last], right), [low, high], right, axis),
  s("text", { class: "what", x: 0, y: 11 }, `${column.metric} ${direction(column)}`),
  levels(fixedIn(column, rows), column, y, right, learned.map((row) => around(row, column, across, y))),
  [...new Set(learned.map((row) => row.method))].map((method) =>
    track(learned.filter((row) => row.method === method), column, across, y, look(method))));
}

// Where each run stands. Methods of one amount would lie upon each other: they stand side by side,
// as far apart as the amounts beside theirs leave space.
function sideBySide(learned, of, x, [left, right]) {
  const at = new Map(); // amount -> its methods
  for (const row of learned) at.set(of(row), (at.get(of(row)) ?? new Set()).add(row.method));
  const ordered = [...at.keys()].sort((a, b) => a - b);
  const space = ordered.map((n, i) => 2 * Math.min(
    i ? (x(n) - x(ordered[i - 1])) / 2 : x(n) - left,
    i < ordered.length - 1 ? (x(ordered[i + 1]) - x(n)) / 2 : right - x(n)));
  return (row) => {
    const beside = [...at.get(of(row))];
    const apart = Math.min(PLOT.apart, 0.9 * space[ordered.indexOf(of(row))] / beside.length);
    return x(of(row)) + (beside.indexOf(row.method) - (beside.length - 1) / 2) * apart;
  };
}

// What a point and its interval cover.
function around(row, column, x, y) {
  const { value: v, low, high } = score(row, column);
  const ends = [v, low ?? v, high ?? v].map(y);
  return { left: x(row) - 5, right: x(row) + 5, top: Math.min(...ends) - 4, bottom: Math.max(...ends) + 4 };
}

// The runs of one method: points with their intervals; lines join runs of equal settings.
function track(own, column, x, y, i) {
  const sortedRuns = [...own].sort((a, b) => x(a) - x(b) || byScoreIn(column, a, b));
  const shade = `track t${i % 8}`;
  const at = (row) => `${x(row).toFixed(1)},${y(value(row, column)).toFixed(1)}`;
  return [
    ...lineages(sortedRuns).map((line) => s("polyline", { class: shade,
      points: line.map(at).join(" "), "stroke-dasharray": DASHES[Math.floor(i / 8) % 5] })),
    ...sortedRuns.map((row) => {
      const one = score(row, column);
      const said = joined(`${row.method}: ${shown(one.value)}`, row.pretraining, row.detail,
        duration(learningSeconds(row)));
      return s("g", { class: "press", onclick: () => openScore(row, column) }, s("title", {}, said),
        one.low !== null && s("line", { class: shade, x1: x(row), x2: x(row),
          y1: y(one.low), y2: y(one.high) }),
        marker(i, x(row), y(one.value)));
    }),
  ];
}

// Runs that differ only in how long they learned, in lists of two and more: what joins them shows
// what learning longer does. Of equal amounts the first is taken.
function lineages(rows) {
  const alike = new Map();
  for (const row of rows) {
    const { options } = runsOfRow(row)[0];
    const { epochs: _, limit: __, checkpoint_minutes: ___, ...learning } = DATA.options[options.pretrain];
    const key = JSON.stringify([row.method_key, row.feature, row.backbone, row.data,
      options.method_options, learning]);
    alike.set(key, [...alike.get(key) ?? [], row]);
  }
  const { of } = COMPUTE[state.compute];
  return [...alike.values()].map((own) => own.filter((row, at) => !at || of(own[at - 1]) !== of(row)))
    .filter((own) => own.length > 1);
}

const byScoreIn = (column, a, b) =>
  (value(b, column) - value(a, column)) * (column.higher ? 1 : -1) || a.order - b.order;

// Methods differ by shape, too, for who cannot tell their colours apart.
function marker(i, cx, cy) {
  const [r, shade] = [4, `marker t${i % 8}`];
  const at = (dx, dy) => `${(cx + dx).toFixed(1)},${(cy + dy).toFixed(1)}`;
  switch ((i + Math.floor(i / 8)) % 4) { // else i and i + 8 had colour and shape in common
    case 0: return s("circle", { class: shade, cx, cy, r: r - 0.4 });
    case 1: return s("polygon", { class: shade, points: [at(-r, r - 1), at(r, r - 1), at(0, -r)].join(" ") });
    case 2: return s("rect", { class: shade, x: cx - 3.3, y: cy - 3.3, width: 6.6, height: 6.6 });
    default: return s("polygon", { class: shade,
      points: [at(-r, 0), at(0, -r), at(r, 0), at(0, r)].join(" ") });
  }
}

// What did not learn here has no place on the axis: lines across. A name stands on the right, the left
// or between, where it covers nothing; where it has no such place, the note below has it.
function levels(rows, column, y, right, taken) {
  const names = rowNames(rows);
  return rows.map((row) => {
    const [name, at] = [names.get(row), y(value(row, column))];
    const width = widthOf(name, 11, 400);
    const from = [right - width, PLOT.left + 4, (PLOT.left + right - width) / 2]
      .find((left) => left >= PLOT.left && !taken.some((box) => left < box.right + 3
        && left + width > box.left - 3 && at - 13 < box.bottom && at > box.top));
    if (from !== undefined) taken.push({ left: from, right: from + width, top: at - 13, bottom: at });
    return s("g", { class: "level" }, s("line", { x1: PLOT.left, x2: right, y1: at, y2: at }),
      from !== undefined && s("text", { x: from, y: at - 3 }, name));
  });
}

function curveAxes(x, y, across, [low, high], right, axis) {
  const bottom = PLOT.height - PLOT.bottom;
  const up = ticks(low, high, 7);
  return s("g", { class: "axes" },
    up.found.map((v) => [s("line", { class: "rule", x1: PLOT.left, x2: right, y1: y(v), y2: y(v) }),
      s("text", { x: PLOT.left - 5, y: y(v) + 4, "text-anchor": "end" }, v.toFixed(up.digits))]),
    s("line", { x1: PLOT.left, x2: right, y1: bottom, y2: bottom }),
    s("line", { x1: PLOT.left, x2: PLOT.left, y1: PLOT.top, y2: bottom }),
    across.map((n) => [s("line", { x1: x(n), x2: x(n), y1: bottom, y2: bottom + 4 }),
      s("text", { x: x(n), y: bottom + 16, "text-anchor": "middle" }, count(n))]),
    s("text", { x: (PLOT.left + right) / 2, y: PLOT.height - 8, "text-anchor": "middle" }, axis));
}

// Round numbers on the axis; the amounts themselves where they are so near each other that fewer
// than two round ones lie between.
function amountTicks(amounts, [first, last], right) {
  const round = logTicks(first, last, Math.max(2, Math.floor((right - PLOT.left) / 90)));
  if (round.length > 1) return round;
  const ends = [Math.min(...amounts), Math.max(...amounts)].map((n) => (n < 10 ? n : Math.round(n)));
  const apart = (right - PLOT.left) * Math.log10(ends[1] / ends[0]) / (last - first);
  return apart < 90 ? ends.slice(0, 1) : ends;
}

// Numbers between two powers of ten, at most so many (two or more): 1, 2 and 5 times a power, or
// powers alone where there are several.
function logTicks(first, last, most) {
  const of = (factors) => {
    const found = [];
    for (let power = Math.floor(first); power <= last; power += 1)
      for (const k of factors) found.push(k * 10 ** power);
    return found.filter((n) => Math.log10(n) >= first && Math.log10(n) <= last);
  };
  const fine = of([1, 2, 5]);
  if (fine.length <= most) return fine;
  const rough = of([1]);
  const found = rough.length > 1 ? rough : fine;
  const step = Math.ceil((found.length - 1) / (most - 1));
  return found.filter((_, i) => i % step === 0);
}

const sample = (i) => s("svg", { width: 26, height: 10, "aria-hidden": "true" },
  s("line", { class: `track t${i % 8}`, x1: 0, x2: 26, y1: 5, y2: 5,
    "stroke-dasharray": DASHES[Math.floor(i / 8) % 5] }), marker(i, 13, 5));
