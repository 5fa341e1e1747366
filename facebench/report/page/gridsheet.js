// The table as text: every row that is shown, unfolded ones too.

function gridSheet() {
  const [seen, more] = [columns(), shownFacts()];
  const rows = unfoldedRows().map(({ row }) => row);
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
      ...board().floors.map((row) => [row.name, "floor",
        ...seen.map((c) => shown(row.cells[c.id])), ...none]),
      ...(papersShown() ? quotedGroups() : []).flatMap(([title, own]) => own.map((row) =>
        [row.method, title, ...seen.map((c) => theirs(row, c)), ...none])),
    ] };
}
