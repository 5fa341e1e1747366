// The dialog: where one score comes from.

function openScore(row, column) {
  const one = cell(row, column);
  const runs = one.results.map((index) => DATA.results[index]);
  openDialog(row.method, `${column.title}, ${column.metric} ${direction(column)}`,
    variant(row), [
      ...story(row, column, one, runs),
      ...runs.map((run, i) => provenance(run, column, i === 0)),
    ]);
}

function openPrinted(row, column) {
  const one = cell(row, column);
  const rows = [
    ["Published", `${shown(one.value)}${one.reproduced ? " *" : ""}`],
    ["Paper", row.paper],
    ["Where", [one.table && `Table ${one.table}`, one.page && `page ${one.page}`,
      `section “${row.section}”`].filter(Boolean).join(", ")],
    ["Read in", row.source],
  ];
  if (one.reproduced) rows.push(["*", "reproduced by the authors of that paper"]);
  openDialog(row.method, `${column.title}, ${column.metric} ${direction(column)}`,
    "Published in a paper, not evaluated here", [facts(rows)]);
}

function openDialog(title, subtitle, note, content) {
  const dialog = byId("provenance");
  const close = h("button", { type: "button", class: "quiet", onclick: () => dialog.close() },
    "Close");
  dialog.replaceChildren(
    h("header", {},
      h("div", {}, h("h2", { id: "provenance-title" }, title, " ", h("span", {}, subtitle)),
        h("p", {}, note)),
      close),
    h("div", { class: "body" }, content));
  dialog.onkeydown = (event) => trap(dialog, event);
  // No value: a handler that returns false would keep every click inside from doing anything.
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
  dialog.showModal(); // Esc closes it, and the browser gives the focus back
  close.focus();
  dialog.querySelector(".body").scrollTop = 0;
}

// A modal dialog keeps the focus off the page; this keeps Tab out of the browser's own bars, too.
function trap(dialog, event) {
  if (event.key !== "Tab") return;
  const stops = [...dialog.querySelectorAll("a, button, summary, [tabindex='0']")]
    .filter((stop) => stop.checkVisibility());
  const [first, last] = [stops[0], stops.at(-1)];
  const leaving = event.shiftKey ? first : last;
  if (document.activeElement !== leaving) return;
  event.preventDefault();
  (event.shiftKey ? last : first).focus();
}

function scores(one, runs, column) {
  const lines = ["honest", "paper"].filter((protocol) => one[protocol]).map((protocol) => {
    const { value: v, low, high, std, rank } = one[protocol];
    return h("tr", {}, h("th", { scope: "row" },
      protocol === "paper" ? column.selected : scoreNames()[protocol]), h("td", {}, h("b", {}, shown(v))),
      h("td", {}, low === null ? DASH : `${shown(low)} to ${shown(high)}`),
      runs.length > 1 ? h("td", {}, std === null ? DASH : `± ${shown(std)}`) : null,
      h("td", {}, rank ? range(rank) : DASH));
  });
  const over = `spread, ${plural(runs.length, "seed")}`;
  return h("table", { class: "small scores" }, h("thead", {}, h("tr", {},
    ["", "score", "95 % interval", ...(runs.length > 1 ? [over] : []), "rank"]
      .map((title) => (title ? h("th", { scope: "col" }, title) : h("td"))))), h("tbody", {}, lines));
}

function warnings(runs) {
  const all = [...new Set(runs.flatMap((run) => run.warnings))];
  return all.length ? [h("section", { class: "warnings" }, h("h3", {}, "Warnings"),
    h("ul", {}, all.map((text) => h("li", {}, text))))] : [];
}

function facts(rows) {
  return h("dl", { class: "facts" }, rows.filter(([, text]) => text !== null && text !== "")
    .map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]));
}

const code = (text) => h("code", {}, text);

function provenance(run, column, open) {
  const dataset = DATA.datasets[run.dataset];
  const counts = Object.entries(dataset.counts).map(([name, n]) => `${count(n)} ${name}`);
  const missing = run.n_test - run.n_scored;
  return h("details", { class: "run", open }, h("summary", {}, `Seed ${run.seed}`,
    h("code", {}, run.file)),
  facts([
    ["Result", resultLink(run)],
    ["Scored", `${count(run.n_scored)} of ${count(run.n_test)} test items`
      + (missing ? `, ${count(missing)} not scored` : "")],
    ["Broken images", run.broken_images ? count(run.broken_images) : "none"],
    ["Leaks found", leaks(dataset.leaks)],
    ...run.leak_free.map((level) => [`Score ${level.name}`, `validated ${shown(
      level.honest[column.name])}, ${column.selected} ${shown(level.paper[column.name])}`]),
    ["Dataset", `${dataset.title} version ${dataset.version}, ${counts.join(", ")}`
      + (dataset.synthetic ? " (synthetic stand-in)" : "")],
    ["Fingerprint", code(dataset.fingerprint)],
    ["Learned from", run.learned],
    ["Fingerprint of that data", run.pretrain_data && code(run.pretrain_data.fingerprint)],
    ["People on both sides", overlap(run.pretrain_data?.identity_overlap)],
    ["Weights digest", run.stages.weights_digest ? code(run.stages.weights_digest) : DASH],
    ["Stage hashes", h("span", {}, Object.entries(run.stages)
      .filter(([name]) => name !== "weights_digest")
      .map(([name, hash]) => h("span", { class: "pair" }, `${name} `, code(hash))))],
    ["Written", run.created],
  ]),
  fold("Spec", tree(specOf(run))), fold("Environment", tree(DATA.environments[run.environment])));
}

function leaks(found) {
  if (!found) return "not looked for";
  const unit = found.unit ?? "item";
  const total = `of ${plural(found.tested ?? 0, unit)}`;
  if (!found.exact && !found.near) return `none ${total}, between ${found.between}`;
  return `${count(found.exact)} exact and ${count(found.near)} near duplicates ${total}, `
    + `between ${found.between}`;
}

const overlap = (found) => found
  ? `${count(found.shared)} of ${count(found.tested)} tested are in the pretraining data` : null;

const fold = (title, content) => h("details", { class: "fold" }, h("summary", {}, title), content);

// Nested names and values, as a reader of the spec would write them: group.key = value.
function tree(content) {
  const lines = [];
  const walk = (prefix, item) => {
    const nested = item !== null && typeof item === "object" && !Array.isArray(item);
    if (nested) Object.entries(item).forEach(([key, each]) => walk([...prefix, key], each));
    else lines.push(`${prefix.join(".")} = ${JSON.stringify(item)}`);
  };
  walk([], content);
  return h("pre", { tabindex: "0" }, lines.join("\n"));
}
