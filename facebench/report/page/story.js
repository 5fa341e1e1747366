// A score's story: what a reviewer asks first, how to reproduce it, and the scores within it.

function story(row, column, one, runs) {
  return [scores(one, runs, column), h("section", { class: "asked" }, facts(asked(row, one, runs))),
    ...warnings(runs), reproduce(runs), ...breakdown(runs, column)];
}

// Among what the run is ranked, or why it is not.
function rankedText(row, one) {
  if (one.honest?.rank || one.paper?.rank) return `among ${ranked()}`;
  return row.budget && row.budget !== board().budget ? `none: only ${ranked()} are ranked` : "";
}

function asked(row, one, runs) {
  const [run] = runs;
  const dataset = DATA.datasets[run.dataset];
  const distinct = (read) => [...new Set(runs.map(read))];
  const seconds = runs.reduce((sum, each) => sum + each.seconds.pretrain, 0) / runs.length;
  const devices = distinct(device).join("; ");
  return [
    ["Data", dataset.synthetic ? "synthetic: rendered faces in the dataset’s layout"
      : `real images of ${dataset.title}`],
    ["Leaks found", distinct((each) => leaks(DATA.datasets[each.dataset].leaks)).join("; ")],
    ["People on both sides", distinct((each) =>
      overlap(each.pretrain_data?.identity_overlap)).filter(Boolean).join("; ")],
    ["Alignment", distinct((each) => each.alignment).join("; ")],
    ["Budget", row.budget || run.learned],
    ["Rank", rankedText(row, one)],
    ["Compute", row.images ? `${duration(seconds)} of learning${runs.length > 1 ? " a seed" : ""} on `
      + devices : ""],
    ["Seeds", `${distinct((each) => each.seed).join(", ")}${runs.length > 1 ? ""
      : ": one run, so that nothing is known of the variation between seeds"}`],
    ["Backbone", run.parameters === null ? "" : joined(backbone(row), plural(run.parameters, "parameter"))],
    ["Feature", run.length === null ? "" : `${row.feature}, ${plural(run.length, "number")}`],
    ["Paper of the method", origin(run).paper && outward(origin(run).paper, origin(run).paper_url)],
    ["Authors’ code", origin(run).code_url && outward(origin(run).code_url, origin(run).code_url)],
  ];
}

function duration(seconds) {
  if (seconds < 120) return plural(Math.round(seconds), "second");
  if (seconds < 7200) return plural(Math.round(seconds / 60), "minute");
  return `${(seconds / 3600).toFixed(1)} hours`;
}

// Text that a shell takes as one word, as it is.
const quoted = (text) => (/^[\w.,:=+/@%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

function reproduce(runs) {
  const real = !DATA.datasets[runs[0].dataset].synthetic;
  const verify = runs.map((run) => ["facebench", "verify", quoted(resultPath(run)),
    ...(real ? ["--data", "DATASETS"] : [])].join(" ")).join("\n");
  return h("section", { class: "reproduce" }, h("h3", {}, "Reproduce"),
    older(runs),
    runs[0].pretrain_data || specOf(runs[0]).checkpoint
      ? h("p", {}, "Evaluate the kept weights again and compare every number (",
        code("--checkpoint FOLDER"), " where they are not in the cache):")
      : h("p", {}, "Evaluate again and compare every number:"),
    commandLine("Verify command", verify),
    h("p", {}, "Learn and evaluate anew, with every option as the result states it",
      real ? [", ", code("DATASETS"), " being the folder of the datasets:"] : ":"),
    commandLine("Run command", runCommand(runs)));
}

// That today's commands do not repeat exactly what an earlier version wrote, and which did.
function older(runs) {
  const later = [...new Set(runs.flatMap((run) => origin(run).later))];
  if (!later.length) return [];
  const wrote = [...new Set(runs.map((run) => DATA.environments[run.environment])
    .map((at) => joined(`facebench ${at.packages.facebench}`, at.git_commit && `commit ${at.git_commit}`)))];
  return h("div", { class: "warnings older" }, h("p", {}, h("b", {}, "Of an earlier version: "),
    `${later.join("; ")}. With the facebench that wrote this page `, code("verify"),
  " does not confirm it, and ", code("run"), " makes another result, in which options that came "
    + "later have the values of the preset. The same numbers come from ",
  code(wrote.join(", ")), "."));
}

function commandLine(title, text) {
  // A line ends between words: "--set" is not to be read as "-" and "-set".
  const word = (part) => (/\S/.test(part) ? h("span", { class: "word" }, part) : part);
  const words = text.split(/(\s)/).map(word);
  return h("div", { class: "command" }, h("pre", { tabindex: "0" }, ...words),
    copier("Copy", () => text, `Copy: ${title}`));
}

// Where a result is, seen from the page; else in the folder of results.
const resultPath = (run) => (DATA.base ? `${DATA.base}/${run.file}` : run.file);

const resultAddress = (run) => resultPath(run).split("/").map(encodeURIComponent).join("/");

const resultLink = (run) => (DATA.base
  ? h("a", { href: resultAddress(run), class: "file" }, h("code", {}, run.file))
  : h("code", {}, run.file));

// The spec of a run, with its groups of options.
const specOf = (run) => Object.fromEntries([...Object.entries(run.spec),
  ...Object.entries(run.options).map(([name, place]) => [name, DATA.options[place]])]
  .sort(([a], [b]) => (a < b ? -1 : 1)));

// What names the place of a file is not known here, and how often to save changes no number.
const NO_BACKBONE = "no-backbone"; // of a fixed feature
const UNSAID = ["pretrain.checkpoint_minutes", "pretrain.data"];

function runCommand(runs) {
  const [run] = runs;
  const spec = specOf(run);
  const words = ["facebench", "run", "--method", spec.method, "--task", spec.task, "--preset",
    spec.preset || "paper", "--seeds", runs.map((each) => each.seed).join(",")];
  if (spec.backbone !== NO_BACKBONE && !origin(run).own_backbone) words.push("--backbone", spec.backbone);
  words.push("--precision", spec.precision);
  if (run.pretrain_data) words.push("--pretrain-data", spec.pretrain.data);
  if (spec.checkpoint) words.push("--checkpoint", spec.checkpoint);
  if (spec.limit) words.push("--limit", String(spec.limit));
  if (spec.dedup_test) words.push("--dedup-test");
  if (spec.skip_broken) words.push("--skip-broken");
  const synthetic = DATA.datasets[run.dataset].synthetic;
  words.push(...(synthetic ? ["--synthetic", "always"] : ["--data", "DATASETS"]), "--no-baselines");
  for (const [group, options] of optionGroups(spec))
    for (const [key, value] of Object.entries(options))
      if (!UNSAID.includes(`${group}.${key}`)) words.push("--set", `${group}.${key}=${optionText(value)}`);
  return words.map(quoted).join(" ");
}

function optionGroups(spec) {
  // Of what learns nothing, too: an untrained backbone is built for images of one size.
  return [[spec.method, spec.method_options], [spec.task, spec.task_options],
    ["pretrain", spec.pretrain],
    ["align", spec.align ?? {}], ["extract", spec.extract], ["probe", spec.probe]];
}

const optionText = (value) => (value === null ? "none"
  : Array.isArray(value) ? value.join(",") : String(value));

// Scores within the score, the mean over seeds.
function breakdown(runs, column) {
  return runs[0].parts.map((part, place) => {
    const layout = DATA.layouts[part.layout];
    const same = runs.filter((run) => run.parts[place]?.layout === part.layout);
    const mean = (kind, i) => {
      const values = same.map((run) => run.parts[place][kind][i]);
      return values.includes(null) ? null : values.reduce((sum, v) => sum + v, 0) / values.length;
    };
    const sheet = { name: fileName(layout.title), title: layout.title, labels: 1,
      head: [layout.title, ...(layout.counts ? ["items"] : []), scoreNames().honest, column.selected],
      rows: layout.names.map((name, i) => [name, ...(layout.counts ? [count(layout.counts[i])] : []),
        shown(mean("honest", i)), shown(mean("paper", i))]) };
    return h("details", { class: "fold", open: place === 0 }, h("summary", {}, layout.title),
      h("p", { class: "tools" }, toolset("Copy as", copies(() => sheet))), sheetTable(sheet));
  });
}
