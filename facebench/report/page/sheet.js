// A sheet is what a view shows as text: { name, title, head, labels, rows }. A cell is a text, or
// { text, act } where a press opens something; the first `labels` columns are no numbers.

const textOf = (item) => (typeof item === "object" && item !== null ? item.text : String(item ?? ""));
const texts = (sheet) => [sheet.head, ...sheet.rows].map((row) => row.map(textOf));

function sheetTable({ title, head, rows, labels = 1 }) {
  const content = (item) => (typeof item === "object" && item?.act
    ? h("button", { type: "button", class: "cell", "aria-haspopup": "dialog", onclick: item.act },
      item.text) : breakable(textOf(item)));
  return h("div", { class: "across", tabindex: "0", role: "region", "aria-label": title },
    h("table", { class: "small sheet" },
      h("thead", {}, h("tr", {}, head.map((text, i) =>
        h("th", { scope: "col", class: i < labels ? null : "number" }, text)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((item, i) => (i === 0
        ? h("th", { scope: "row" }, content(item))
        : h("td", { class: i < labels ? null : "number" }, content(item)))))))));
}

// A name from a foreign file must not become a formula of a spreadsheet.
const inert = (text) => (/^[=+\-@\t]/.test(text) && Number.isNaN(Number(text.split(" ")[0]))
  ? `'${text}` : text);

function csv(sheet) {
  const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return texts(sheet).map((row) => `${row.map(inert).map(quoted).join(",")}\n`).join("");
}

function markdown(sheet) {
  const line = (row) => `| ${row.map((text) => text.replace(/\s+/g, " ")
    .replace(/[\\|`*_<>[\]]/g, "\\$&")).join(" | ")} |\n`;
  const [head, ...rows] = texts(sheet);
  const rule = head.map((_, i) => (i < (sheet.labels ?? 1) ? ":--" : "--:"));
  return `${line(head)}| ${rule.join(" | ")} |\n${rows.map(line).join("")}`;
}

const TEX = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
  "–": "--", "±": "$\\pm$", "↑": "$\\uparrow$", "↓": "$\\downarrow$", "−": "$-$", "×": "$\\times$",
  "<": "$<$", ">": "$>$", "·": "$\\cdot$" };

function latex(sheet) {
  const safe = (text) => text.replace(/\s+/g, " ").replace(/[&%$#_{}]/g, "\\$&\u0000")
    .replace(/\\(?!.\u0000)|[~^–±↑↓−×<>·]/g, (sign) => TEX[sign]).replaceAll("\u0000", "");
  const line = (row) => `${row.map(safe).join(" & ")} \\\\\n`;
  const [head, ...rows] = texts(sheet);
  const kinds = head.map((_, i) => (i < (sheet.labels ?? 1) ? "l" : "r")).join("");
  return `% ${sheet.title.replace(/\s+/g, " ")}\n\\begin{tabular}{${kinds}}\n\\toprule\n${line(head)}`
    + `\\midrule\n${rows.map(line).join("")}\\bottomrule\n\\end{tabular}\n`;
}

const COPIES = { Markdown: markdown, LaTeX: latex, CSV: csv };

// Buttons that copy a sheet; `make` is called when one is pressed.
function copies(make) {
  return Object.entries(COPIES).map(([form, write]) => copier(form, () => write(make()),
    `Copy as ${form}`));
}

// Buttons behind one word; on a narrow screen they stay together.
const toolset = (title, buttons) => h("span", { class: "toolset" }, h("span", {}, title), buttons);

function copier(title, make, label = title) {
  const button = h("button", { type: "button", class: "tool", "aria-label": label,
    onclick: async () => {
      await toClipboard(make());
      tell(button, title, "copied");
    } }, title);
  return button;
}

// Says on the button, and to who cannot see it, that something was done.
function tell(button, title, done) {
  button.textContent = `${title} ${done}`;
  byId("said").textContent = `${title} ${done}`;
  setTimeout(() => { button.textContent = title; byId("said").textContent = ""; }, 2500);
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // not allowed here: the old way, inside what is not inert
    const area = h("textarea", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    const focused = document.activeElement;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    focused?.focus();
  }
}
