// ---- controls -------------------------------------------------------------------------------

// A control is {root, get, set}: its elements, the value that the reader chose, and a way to show
// another one. Its inputs' own events rise through its root, so that whoever listens there hears.

/**
 * A slider: slider("re-scale", {symbol: "g", min: -3, max: 3, step: 0.1}). `write` says a value in
 * figures. A value between two steps, or beyond the ends, is shown as it is and kept until it moves.
 */
function slider(label, { symbol = "", min, max, step, write = figure }) {
  const input = element("input", { type: "range", min, max, step, "aria-label": [symbol, label].filter(Boolean).join(" ") });
  const shown = element("span", { class: "nl-value", "aria-hidden": "true" });
  const root = element("div", { class: "nl-slider" }, element("label", {}, named(symbol, label), input), shown);
  let value = Number(input.value);
  const show = () => {
    say(shown, write(value));
    input.setAttribute("aria-valuetext", write(value));
    const [low, high] = [Number(input.min), Number(input.max)];
    root.style.setProperty("--nl-share", clamp((value - low) / (high - low || 1), 0, 1));
  };
  // Before anyone else hears of it.
  input.addEventListener("input", () => {
    value = Number(input.value);
    show();
  });
  const set = (next) => {
    value = next;
    input.value = next;
    show();
  };
  show();
  return { root, input, get: () => value, set };
}

const named = (symbol, label) =>
  element("span", { class: "nl-label" }, ...(symbol ? [element("b", {}, symbol), " "] : []), element("span", {}, label));

/** One of a few: pills beside each other. `options` are [value, label] or [value, symbol, words]. */
function choices(label, options, { shown = false } = {}) {
  const root = element("div", { class: "nl-choices", role: "radiogroup", "aria-label": label });
  if (shown) root.append(named("", label));
  const name = `choice-${Math.random()}`; // by chance, apart from other widgets' groups
  const radios = new Map();
  for (const [value, symbol, words] of options) {
    const radio = element("input", { type: "radio", name, value });
    const parts = words === undefined ? [element("span", {}, symbol)] : [element("b", {}, symbol), " ", element("i", {}, words)];
    root.append(element("label", { class: "nl-choice" }, radio, ...parts));
    radios.set(`${value}`, [value, radio]);
  }
  const get = () => [...radios.values()].find(([, radio]) => radio.checked)?.[0];
  const set = (value) => {
    const found = radios.get(`${value}`)?.[1];
    if (found) found.checked = true;
  };
  return { root, get, set, has: (value) => radios.has(`${value}`) };
}

/** One of many: a menu. `options` are [value, label]. */
function menu(label, options) {
  const input = element("select", {}, ...options.map(([value, words]) => element("option", { value }, words)));
  const root = element("label", { class: "nl-menu" }, named("", label), input);
  const set = (value) => (input.selectedIndex = options.findIndex(([one]) => one === value));
  return { root, input, get: () => options[input.selectedIndex]?.[0], set };
}

/** Yes or no. */
function check(label, { className = "" } = {}) {
  const input = element("input", { type: "checkbox" });
  const root = element("label", { class: `nl-check ${className}`.trim() }, input, label);
  return { root, input, get: () => input.checked, set: (value) => (input.checked = value) };
}

/** Something to do. */
const button = (label) => element("button", { class: "nl-button", type: "button" }, label);

/** Controls in one row, which wraps. */
const row = (...parts) => element("div", { class: "nl-controls" }, ...parts.map((part) => part.root ?? part));

// ---- words and numbers ------------------------------------------------------------------------

/** What the lines of a picture mean: legend(["nl-dashed", "before the first step"], …). */
const legend = (...entries) =>
  element(
    "p",
    { class: "nl-legend" },
    ...entries.map(([mark, words, className = ""]) => element("span", { class: className }, element("i", { class: mark }), words)),
  );

/** A table that opens below the picture; `fill` puts numbers into it. */
const foldedTable = (summary) => element("details", { class: "nl-table" }, element("summary", {}, summary), element("div"));

/**
 * Put numbers into a folded table: a caption, column heads, and groups of rows. A group is
 * {label, rows, absent}; a row is its name and its cells; `absent` says why a group has no rows.
 */
function fillTable(details, { caption, head, groups }) {
  const table = element("table", {}, element("caption", {}, caption));
  table.append(element("thead", {}, element("tr", {}, ...head.map((words) => element("th", { scope: "col" }, words)))));
  for (const { label, rows = [], absent } of groups) {
    const body = element("tbody");
    if (label) body.append(element("tr", {}, element("th", { scope: "rowgroup", colspan: head.length }, label)));
    if (absent) body.append(element("tr", {}, element("td", { colspan: head.length }, absent)));
    for (const [name, ...cells] of rows)
      body.append(element("tr", {}, element("th", { scope: "row" }, name), ...cells.map((words) => element("td", {}, words))));
    table.append(body);
  }
  // What may scroll sideways must be within reach of the keyboard.
  const around = { class: "nl-scrolls", role: "region", tabindex: "0", "aria-label": caption };
  details.lastElementChild.replaceChildren(element("div", around, table));
}
