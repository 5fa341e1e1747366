// Drawings as files: SVG with all of its style inside, and PNG at three pixels for one.

const PAINTED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "opacity",
  "paint-order", "stroke-linejoin",
  "font-family", "font-size", "font-weight", "font-style", "text-anchor"];
const PNG_SCALE = 3;

// A drawing is saved as it looks on white paper, whatever the page looks like.
function standalone(svg) {
  // Only what is on the page has a style.
  const off = svg.isConnected ? null : h("div", { class: "unseen", "aria-hidden": "true" }, svg);
  if (off) document.body.append(off);
  const root = document.documentElement;
  const before = root.dataset.theme;
  root.dataset.theme = "light";
  const copy = svg.cloneNode(true);
  const [from, to] = [svg, copy].map((each) => [each, ...each.querySelectorAll("*")]);
  for (const names of copy.querySelectorAll(".pinned")) names.removeAttribute("transform");
  to.forEach((node, i) => {
    const style = getComputedStyle(from[i]);
    for (const name of PAINTED) {
      const set = style.getPropertyValue(name);
      if (set && !(name.endsWith("opacity") && set === "1")) node.setAttribute(name, set);
    }
    for (const name of ["class", "role", "tabindex"]) node.removeAttribute(name);
  });
  const paper = getComputedStyle(document.body).backgroundColor;
  if (before === undefined) delete root.dataset.theme;
  else root.dataset.theme = before;
  off?.remove();
  const { width, height } = svg.viewBox.baseVal;
  const margin = 8;
  copy.setAttribute("xmlns", SVG);
  copy.setAttribute("viewBox",
    `${-margin} ${-margin} ${width + 2 * margin} ${height + 2 * margin}`);
  copy.setAttribute("width", width + 2 * margin);
  copy.setAttribute("height", height + 2 * margin);
  copy.prepend(s("rect", { x: -margin, y: -margin, width: "100%", height: "100%", fill: paper }));
  return `${new XMLSerializer().serializeToString(copy)}\n`;
}

function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

const saveSvg = (svg, name) =>
  save(new Blob([standalone(svg)], { type: "image/svg+xml" }), `${name}.svg`);

async function savePng(svg, name) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standalone(svg))}`;
  await image.decode();
  const canvas = h("canvas", { width: image.width * PNG_SCALE, height: image.height * PNG_SCALE });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  save(await new Promise((done) => canvas.toBlob(done, "image/png")), `${name}.png`);
}

// Buttons that save a drawing; `make` returns it when one is pressed.
function downloads(make, name) {
  const button = (form, how) => {
    const made = h("button", { type: "button", class: "tool", "aria-label": `Download as ${form}`,
      onclick: async () => { await how(make(), name); tell(made, form, "saved"); } }, form);
    return made;
  };
  return [button("SVG", saveSvg), button("PNG", savePng)];
}
