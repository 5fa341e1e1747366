// The table as text, and as a drawing: every row that is shown, unfolded ones too.

const TABLED = { row: 24, gap: 22, longest: 640, most: 150 }; // pixels; most: rows, of which a browser makes a PNG

function gridSheet() {
  const rows = unfoldedRows().map(({ row }) => row);
  const [seen, more] = [tableColumns(rows), shownFacts()];
  const none = more.map(() => DASH);
  const ours = (row, column) => {
    const one = score(row, column);
    if (one === null || one.value === null) return DASH;
    return one.low === null ? shown(one.value)
      : `${shown(one.value)} [${shown(one.low)}, ${shown(one.high)}]`;
  };
  const theirs = (row, column) => {
    const one = cell(row, column);
    return one ? `${shown(one.value)}${one.reproduced ? "*" : ""}` : DASH;
  };
  return { name: "leaderboard", title: caption(), labels: 2,
    head: ["Method", "Setting", ...seen.map((column) =>
      joined(label(column), `${column.metric} ${direction(column)}`)),
    ...more.map(({ title }) => title)],
    rows: [
      ...rows.map((row) => [row.method, variant(row), ...seen.map((c) => ours(row, c)),
        ...more.map((fact) => factText(fact, row) || DASH)]),
      ...board().floors.map((row) => [row.name, "trivial baseline",
        ...seen.map((c) => shown(row.cells[c.id])), ...none]),
      ...(papersShown() ? quotedGroups() : []).flatMap(([title, own]) => own.map((row) =>
        [row.method, title, ...seen.map((c) => theirs(row, c)), ...none])),
    ] };
}

// A sheet drawn as it would be printed: its title, its heading between two rules, its lines.
function tableDrawing(sheet) {
  const lines = texts(sheet).slice(0, TABLED.most + 1)
    .map((line) => line.map((text) => clipped(text, TABLED.longest)));
  const widths = lines[0].map((_, i) =>
    Math.ceil(Math.max(...lines.map((line) => widthOf(line[i])))));
  const starts = widths.map((_, i) =>
    widths.slice(0, i).reduce((sum, width) => sum + width + TABLED.gap, 0));
  const left = sheet.rows.length - (lines.length - 1);
  const title = joined(sheet.title, left > 0 && `the first ${lines.length - 1} of `
    + plural(sheet.rows.length, "row"));
  const width = Math.max(starts.at(-1) + widths.at(-1), Math.ceil(widthOf(title)));
  const top = (line) => (line + 1) * TABLED.row; // of a line; the title is above them
  const rule = (y) => s("line", { class: "rule", x1: 0, x2: width, y1: y, y2: y });
  const height = top(lines.length) + 1;
  return s("svg", { class: "plot", viewBox: `0 0 ${width} ${height}`, width, height },
    s("text", { class: "strong", x: 0, y: top(0) - 8 }, title),
    [top(0), top(1), top(lines.length)].map(rule),
    lines.map((line, down) => line.map((text, i) => s("text", { class: down && i ? null : "strong",
      x: i < sheet.labels ? starts[i] : starts[i] + widths[i], y: top(down + 1) - 8,
      "text-anchor": i < sheet.labels ? "start" : "end" }, text))));
}
