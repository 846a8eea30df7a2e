// ---- theme ----------------------------------------------------------------------------------

/** Say whether the page is dark: the book and notebooks mark it, elsewhere the system decides. */
function isDark() {
  const html = document.documentElement.dataset.theme;
  if (html === "dark" || html === "light") return html === "dark";
  const lab = document.body.dataset.jpThemeLight;
  if (lab) return lab === "false";
  const code = document.body.dataset.vscodeThemeKind;
  if (code) return code.includes("dark") || code === "vscode-high-contrast";
  const colab = document.documentElement.getAttribute("theme");
  if (colab) return colab === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Keep data-nl-theme of `root` true to the page, and call `changed` when it turns. */
function followTheme(scope, root, changed) {
  const update = () => {
    const now = isDark() ? "dark" : "light";
    if (root.dataset.nlTheme === now) return;
    root.dataset.nlTheme = now;
    changed();
  };
  const observer = new MutationObserver(update);
  for (const node of [document.documentElement, document.body]) observer.observe(node, { attributes: true });
  scope.add(() => observer.disconnect());
  scope.listen(matchMedia("(prefers-color-scheme: dark)"), "change", update);
  update();
}

/** Whether the reader has asked for less motion; asked each time, since it can change. */
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Give an element, and what is in it, the colour of a look from Python: `var(--nl-tone)`. */
function toned(node, { light, dark }) {
  node.classList.add("nl-toned");
  node.style.setProperty("--nl-light", light);
  node.style.setProperty("--nl-dark", dark);
  return node;
}

/** A short piece of a look's line: its dash tells apart where colour cannot. */
function dashKey(dash) {
  const line = vector("line", { x1: 0, y1: 4, x2: 22, y2: 4, stroke: "currentColor", "stroke-width": 2 });
  if (dash.length) line.setAttribute("stroke-dasharray", dash.map((length) => 2 * length).join(" "));
  return vector("svg", { width: 22, height: 8, viewBox: "0 0 22 8" }, line);
}
