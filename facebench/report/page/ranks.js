// The critical-difference diagram: mean ranks over tasks; what a bar joins does not differ.

const RANKS = { top: 62, line: 22, bar: 9, lead: 12, axis: 220, most: 260, tick: 20 };

function ranks() {
  const data = board().ranks[state.protocol];
  const title = "Mean ranks over tasks, with the critical difference";
  const whole = filtered() ? [h("p", { class: "banner" },
    "This diagram is of the whole board: filters and the search do not change it.")] : [];
  if (!data?.rows.length) {
    return h("div", {}, budgetNotice(), whole, lacking(title, "", "Mean ranks need at least three methods at one "
      + "budget that were evaluated on the same two or more tasks, and there are fewer. ",
    code("facebench run --method simclr,moco,pcl --task all"), " evaluates methods on all tasks."));
  }
  const [k, n] = [data.rows.length, data.columns.length];
  const of = `${plural(k, "method")} on ${plural(n, "task")}, runs at ${board().budget || "one budget"}`;
  if (n < data.needed) {
    const why = `With ${plural(n, "task")} no difference between ${plural(k, "method")} can be found, `
      + `whatever their ranks: the critical difference is ${shown(data.distance)}, and mean ranks are `
      + `at most ${k - 1} apart. Evaluate them on ${plural(data.needed - n, "more task")}.`;
    return h("div", {}, budgetNotice(), whole, lacking(title, of, why), sheetTable(rankSheet(data)),
      h("p", { class: "tools" }, toolset("Copy as", copies(() => rankSheet(data)))));
  }
  return h("div", {}, budgetNotice(), whole, drawing({ title, note: of, svg: rankDiagram(data),
    sheet: () => rankSheet(data), below: rankNotes(data) }));
}

function rankNotes(data) {
  const found = data.p < 0.05;
  const said = data.p < 0.0001 ? "p < 0.0001" : `p = ${data.p.toFixed(4)}`;
  return [h("p", { class: "floor-note" }, `Friedman’s test: ${said}. ${found
    ? "Some methods differ." : "No difference is significant."} `
    + `Nemenyi’s critical difference at 5 %: ${shown(data.distance)}. A bar joins methods `
    + "whose difference is not significant. Ranks say nothing about how far scores are apart.")];
}

function rankDiagram(data) {
  const names = data.rows.map((id) => rowOf(id).method);
  const k = names.length;
  const said = names.map((name, i) => `${name} ${shown(data.means[i])}`);
  const side = RANKS.lead + nameSpace(said, RANKS.most);
  const space = figureWidth(1, 860);
  const narrow = space < 2 * side + RANKS.axis; // then all names are on the right
  const width = narrow ? Math.max(space, side + RANKS.axis / 2) : space;
  const left = narrow ? RANKS.lead : side;
  // 1, the best, is on the right, as the better end is everywhere.
  const x = (rank) => width - side - (width - side - left) * (rank - 1) / (k - 1);
  // Where Friedman's test finds nothing, one bar joins all.
  const groups = data.p < 0.05 ? data.groups : [[0, k - 1]];
  const bars = groups.map(([first, last], i) => s("line", { class: "clique",
    x1: x(data.means[first]) + 4, x2: x(data.means[last]) - 4,
    y1: RANKS.top + 10 + i * RANKS.bar, y2: RANKS.top + 10 + i * RANKS.bar }));
  const start = RANKS.top + 24 + groups.length * RANKS.bar;
  const half = narrow ? k : Math.ceil(k / 2);
  const lines = names.map((name, i) => {
    const better = i < half;
    const y = start + (better ? i : k - 1 - i) * RANKS.line;
    const [end, anchor] = better ? [width - side + 8, "start"] : [side - 8, "end"];
    return s("g", {}, s("title", {}, `${name}: mean rank ${shown(data.means[i])}`),
      s("polyline", { class: "leader", points: [[x(data.means[i]), RANKS.top],
        [x(data.means[i]), y], [end, y]].map((point) => point.join(",")).join(" ") }),
      s("text", { class: "who", x: better ? end + 4 : end - 4, y: y + 4, "text-anchor": anchor },
        clipped(said[i], side - RANKS.lead)));
  });
  const height = start + half * RANKS.line;
  return s("svg", { class: "plot sized", viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    "aria-label": `Mean ranks: ${said.join(", ")}; `
      + `critical difference ${shown(data.distance)}` },
  rankAxis(data, x, k), bars, lines);
}

function rankAxis(data, x, k) {
  const step = Math.ceil(RANKS.tick / Math.abs(x(1) - x(2)));
  const at = Array.from({ length: k }, (_, i) => i + 1)
    .filter((rank) => rank === 1 || (rank % step === 0 && rank > step / 2 + 1));
  const end = x(1) - Math.min(data.distance, k - 1) * Math.abs(x(1) - x(2));
  return s("g", { class: "axes" },
    s("line", { x1: x(k), x2: x(1), y1: RANKS.top, y2: RANKS.top }),
    at.map((rank) => [s("line", { x1: x(rank), x2: x(rank), y1: RANKS.top - 5, y2: RANKS.top }),
      s("text", { x: x(rank), y: RANKS.top - 9, "text-anchor": "middle" }, rank)]),
    s("line", { class: "distance", x1: x(1), x2: end, y1: 22, y2: 22 }),
    [x(1), end].map((v) => s("line", { class: "distance", x1: v, x2: v, y1: 18, y2: 26 })),
    s("text", { x: (x(1) + end) / 2, y: 13, "text-anchor": "middle" },
      `critical difference ${shown(data.distance)}`));
}

function rankSheet(data) {
  const titles = data.columns.map((id) => board().columns.find((each) => each.id === id).title);
  return { name: "mean-ranks", title: "Mean ranks over tasks", labels: 2,
    head: ["Method", "Setting", "Mean rank", ...titles],
    rows: data.rows.map((id, i) => [rowOf(id).method, joined(brief(rowOf(id)), rowOf(id).detail), shown(data.means[i]),
      ...data.ranks[i].map((rank) => (Number.isInteger(rank) ? String(rank) : rank.toFixed(1)))]) };
}
