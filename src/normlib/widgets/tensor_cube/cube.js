// The Tensor Cube: a block of activations, one value of it, and all that share its mu and sigma.

const SIDE = 0.92; // of a cell; the rest is the line between two cells

// ---- cells ------------------------------------------------------------------------------------

/** The cell nearest to a point, both in cells from the top left. */
function nearestCell(xs, ys, x, y) {
  let best = 0;
  let least = Infinity;
  xs.forEach((left, k) => {
    const away = (left + SIDE / 2 - x) ** 2 + (ys[k] + SIDE / 2 - y) ** 2;
    if (away < least) [best, least] = [k, away];
  });
  return best;
}

/** The next cell in a direction, in the same row or column; the same one where there is none. */
function nextCell(xs, ys, from, [dx, dy]) {
  let best = from;
  let least = Infinity;
  xs.forEach((x, k) => {
    const [right, down] = [x - xs[from], ys[k] - ys[from]];
    const [along, across] = dx ? [right * dx, down] : [down * dy, right];
    if (Math.abs(across) < 1e-6 && along > 1e-6 && along < least) [best, least] = [k, along];
  });
  return best;
}

/** The place of a flat index on every axis of a shape. */
function indexOf(flat, shape) {
  const index = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(flat % shape[axis]);
    flat = Math.floor(flat / shape[axis]);
  }
  return index;
}

/** One decimal, which is all that a cell has room for, and where it is small not even a leading 0. */
function short(value, tight = false) {
  const words = value.toFixed(1).replace("-", "−").replace("−0.0", "0.0");
  return tight ? words.replace(/^(−?)0[.]/, "$1.") : words;
}

const NAMES = { N: ["sample", "samples"], C: ["channel", "channels"], H: ["row", "rows"], W: ["column", "columns"], T: ["position", "positions"] };

/** Say a set in words: sliceWords("a[:, 1, 2:4]", "NTC") is "all samples, position 1, channels 2 to 3". */
function sliceWords(slice, axes) {
  const parts = slice.slice(2, -1).split(", ");
  return parts
    .map((part, axis) => {
      const [one, many] = NAMES[axes[axis]];
      const [from, to] = part.split(":");
      if (part === ":") return `all ${many}`;
      return to === undefined ? `${one} ${from}` : `${many} ${from} to ${to - 1}`;
    })
    .join(", ");
}

/** As a moment is written: two decimals, as far as these say something. */
function precise(value) {
  const size = Math.abs(value);
  if (size < 1e-9) return "0.00";
  return size < 0.0095 ? figure(value) : value.toFixed(2).replace("-", "−");
}

// ---- the widget -------------------------------------------------------------------------------

const FIGURES = [
  ["m", "values share"],
  ["μ", "their mean"],
  ["σ", "their scale"],
  ["a", "this value"],
  ["x̂", "normalized"],
];
const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

class Cube extends Exhibit {
  constructor(model, el) {
    super(model, el, { look: "nl-cube", summary: "The numbers of this value under every method" });
  }

  build() {
    const { meta, root } = this;
    const methods = choices("Method", meta.methods.map(({ name, label }) => [name, label.replace(/ norm$/, "")]));
    const kinds = choices("Seen as", meta.kinds.map(({ name, axes }) => [name, name, `(${[...axes].join(", ")})`]), { shown: true });
    const shown = choices("In the cells", [["a", "a"], ["x_hat", "x̂"]], { shown: true });
    this.groups = slider("groups", { symbol: "G", min: 0, max: meta.divisors.length - 1, step: 1, write: (step) => this.groupWords(step) });
    this.canvas = element("canvas", { role: "img" });
    this.solid = element("canvas", { class: "nl-solid", role: "presentation" });
    const keys = "One value: move it with the arrow keys, and from sample to sample with Page Up and Page Down";
    this.stage = element("div", { class: "nl-sheet", role: "application", tabindex: "0", "aria-label": keys }, this.canvas);
    this.reading = element("p", { class: "nl-reading" });
    this.verdict = element("p", { class: "nl-verdict" });
    root.append(row(methods), row(this.groups, shown), row(kinds), element("div", { class: "nl-split" }, element("div", {}, this.stage, this.reading), this.panel()), this.verdict);
    for (const [control, name] of [[methods, "method"], [kinds, "kind"], [shown, "shown"], [this.steps(), "groups"]]) this.tie(control, name);
    this.scope.follow(this.model, "change:cell", () => {
      this.show();
      this.tell();
    });
    this.scope.listen(this.stage, "keydown", (event) => this.key(event));
    for (const type of ["pointerdown", "pointermove"]) this.scope.listen(this.stage, type, (event) => this.point(event));
  }

  /** What the chosen value is called, and its figures. */
  panel() {
    this.index = element("b", { class: "nl-index" });
    this.slice = element("span", { class: "nl-slice" });
    this.figures = FIGURES.map(([symbol, words]) => {
      const number = element("dd");
      return { number, root: element("div", {}, element("dt", {}, element("b", {}, symbol), " ", words), number) };
    });
    this.sum = element("p", { class: "nl-sum" });
    return element("div", { class: "nl-panel" }, element("p", {}, this.index, " in ", this.slice), element("dl", {}, ...this.figures.map((one) => one.root)), this.sum, this.solid);
  }

  /** The slider's steps are the divisors of C. */
  steps() {
    const { groups, meta } = this;
    return {
      root: groups.root,
      get: () => meta.divisors[groups.get()],
      set: (value) => groups.set(meta.divisors.indexOf(value)),
    };
  }

  groupWords(step) {
    const { divisors } = this.meta;
    const each = divisors.at(-1) / divisors[step];
    return `${divisors[step]} × ${each} channel${each > 1 ? "s" : ""}`;
  }

  // ---- state ----------------------------------------------------------------------------------

  /** Everything about the chosen value, under this method or another one. */
  now(method = this.method()) {
    const { model, meta, arrays } = this;
    const kind = meta.kinds.find(({ name }) => name === model.get("kind"));
    const key = method.grouped ? `${kind.name} ${method.name} ${model.get("groups")}` : `${kind.name} ${method.name}`;
    const of = (name) => arrays[`${name} ${key}`];
    const [values, xs, ys] = ["values", "x", "y"].map((name) => arrays[`${name} ${kind.name}`]);
    const place = arrays[`places ${kind.name}`][model.get("cell")];
    const sets = of("sets");
    const set = sets[place];
    return {
      ...{ kind, method, values, xs, ys, place, sets, set },
      ...meta.sharings[key],
      mu: of("mu")[set],
      sigma: of("sigma")[set],
      hats: of("x_hat"),
      number: of("mu").length,
    };
  }

  method() {
    return this.meta.methods.find(({ name }) => name === this.model.get("method"));
  }

  /** Choose the cell at a place of the block as it is read now. */
  choose(place) {
    const kind = this.model.get("kind");
    this.set("cell", this.arrays[`cells ${kind}`][place]);
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { xs, ys, place, kind, values } = this.now();
    const sample = values.length / kind.shape[0];
    const jump = { PageDown: sample, PageUp: -sample }[event.key];
    if (event.key in STEPS) this.choose(nextCell(xs, ys, place, STEPS[event.key]));
    else if (jump) this.choose(place + jump in values ? place + jump : place);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  point(event) {
    if (event.type === "pointerdown") {
      if (event.button) return;
      this.stage.setPointerCapture(event.pointerId);
    } else if (!event.buttons) return;
    const { left, top } = this.canvas.getBoundingClientRect();
    const { xs, ys } = this.now();
    const { side, label } = this.box;
    this.choose(nearestCell(xs, ys, (event.clientX - left - label) / side, (event.clientY - top - label) / side));
  }

  // ---- picture --------------------------------------------------------------------------------

  layout() {
    const label = this.roomy ? 34 : 14;
    const width = this.roomy ? this.width - 236 : this.width;
    const { kinds } = this.meta;
    // As high as the first kind is, so that nothing below jumps; the others fill what they can.
    const fit = ({ size, narrow }) => Math.min((width - label * (narrow ? 2 : 1)) / size[0], 46);
    const height = Math.min(fit(kinds[0]), 38) * kinds[0].size[1];
    this.sides = Object.fromEntries(kinds.map((kind) => [kind.name, Math.min(fit(kind), height / kind.size[1])]));
    this.box = { width, label, height: Math.ceil(label + height) };
    this.solid.hidden = !this.roomy;
  }

  draw() {
    const { box, colours, groups } = this;
    const now = this.now();
    box.side = this.sides[now.kind.name];
    const tone = this.tone(now.method.look);
    const context = prepare(this.canvas, box, colours);
    this.drawLabels(context, now);
    this.drawCells(context, now, tone);
    if (this.roomy) this.drawSolid(now, tone);
    groups.input.disabled = !now.method.grouped;
    const told = [`${now.count} of ${now.values.length}`, precise(now.mu), precise(now.sigma), precise(now.values[now.place]), precise(now.hats[now.place])];
    this.figures.forEach(({ number }, k) => say(number, told[k]));
    toned(this.slice, now.method.look);
    say(this.index, `a[${indexOf(now.place, now.kind.shape).join(", ")}]`);
    say(this.slice, now.slices[now.set]);
    say(this.sum, `(${told[3]} − ${bracketed(told[1])}) / ${told[2]} = ${told[4]}`);
    say(this.reading, now.kind.reading);
    say(this.verdict, this.verdictWords(now));
    this.canvas.setAttribute("aria-label", this.words());
  }

  drawCells(context, { values, hats, xs, ys, sets, set, place }, tone) {
    const { box, colours, model } = this;
    const { side, label } = box;
    const shown = model.get("shown") === "a" ? values : hats;
    const size = clamp(Math.round(side * 0.3), 8, 13);
    // All of one kind after the other: setting a font or a colour is what takes time.
    const passes = [
      { of: (k) => sets[k] !== set, face: colours.grid, alpha: 0.45, ink: colours.muted, weight: "400" },
      { of: (k) => sets[k] === set && k !== place, face: tone, alpha: this.dark ? 0.3 : 0.2, ink: colours.ink, weight: "700" },
      { of: (k) => k === place, face: tone, alpha: 1, ink: colours.card, weight: "700" },
    ];
    for (const { of, face, alpha, ink, weight } of passes) {
      const cells = [...xs.keys()].filter(of);
      Object.assign(context, { fillStyle: face, globalAlpha: alpha });
      for (const k of cells) context.fillRect(label + xs[k] * side, label + ys[k] * side, SIDE * side, SIDE * side);
      context.globalAlpha = 1;
      for (const k of cells)
        text(context, short(shown[k], side < 26), label + (xs[k] + SIDE / 2) * side, label + (ys[k] + SIDE / 2) * side + 0.36 * size, ink, size, "center", weight);
    }
    Object.assign(context, { strokeStyle: colours.ink, lineWidth: 2 });
    context.strokeRect(label + xs[place] * side, label + ys[place] * side, SIDE * side, SIDE * side);
  }

  /** The outer axes' numbers: samples at the sides, and what runs across on top. */
  drawLabels(context, { kind, xs, ys }) {
    const { box, colours } = this;
    const { side, label } = box;
    const across = kind.across[0];
    const seen = new Set();
    const put = (axis, index, x, y, edge) => {
      const key = `${axis}${index} ${edge}`;
      if (seen.has(key)) return;
      seen.add(key);
      text(context, this.roomy ? `${axis.toLowerCase()} ${index}` : `${index}`, x, y, colours.muted, 11);
    };
    const right = label + (Math.max(...xs) + 1) * side + 4;
    xs.forEach((x, k) => {
      const index = Object.fromEntries(indexOf(k, kind.shape).map((place, axis) => [kind.axes[axis], place]));
      const second = kind.narrow && index.N % 2;
      put("N", index.N, second ? right : 0, label + (ys[k] + 0.6) * side, "side");
      if (ys[k] === 0) put(across, index[across], label + x * side + 2, label - 5, second ? "second" : "first");
    });
  }

  /** The same set in the block as it is stored: samples behind each other, channels across. */
  drawSolid({ kind, sets, set, place }, tone) {
    const { colours, arrays, meta } = this;
    const [samples, channels, ...rest] = meta.shape;
    const positions = rest[0] * rest[1];
    const size = clamp(Math.floor(96 / Math.max(channels, positions)), 4, 14);
    const back = Math.min(Math.floor(84 / Math.max(samples - 1, 1)), 2.6 * size);
    const [left, top] = [46, 18 + 0.8 * back * (samples - 1)];
    const box = { width: 216, height: Math.ceil(top + positions * size + 22) };
    const context = prepare(this.solid, box, colours);
    const cells = arrays[`cells ${kind.name}`];
    const at = (cell) => {
      const [n, c, s] = indexOf(cell, [samples, channels, positions]);
      return [left + c * size + n * back, top + s * size - 0.8 * n * back];
    };
    const one = (k, colour, alpha) => {
      Object.assign(context, { fillStyle: colour, globalAlpha: alpha });
      context.fillRect(...at(cells[k]), size - 1, size - 1);
    };
    // From the last sample to the first; then what shares, also where others stand before it.
    const order = [...cells.keys()].sort((a, b) => cells[b] - cells[a]);
    for (const k of order) {
      one(k, colours.card, 1);
      one(k, colours.grid, 0.9);
    }
    for (const k of order) if (sets[k] === set) one(k, tone, k === place ? 1 : 0.6);
    context.globalAlpha = 1;
    Object.assign(context, { strokeStyle: colours.ink, lineWidth: 1.5 });
    context.strokeRect(...at(cells[place]).map((corner) => corner - 0.5), size, size);
    const bottom = top + positions * size;
    text(context, "channels →", left, bottom + 14, colours.muted, 11);
    text(context, "samples ↗", left + channels * size + 10, bottom - 4, colours.muted, 11);
    context.save();
    context.translate(left - 8, bottom);
    context.rotate(-Math.PI / 2);
    text(context, "← positions", 0, 0, colours.muted, 11);
    context.restore();
  }

  // ---- words ----------------------------------------------------------------------------------

  label(method) {
    return method.grouped ? `${method.label} (G = ${this.model.get("groups")})` : method.label;
  }

  verdictWords({ method, kind, number, slices, set, refused, same, values }) {
    if (refused) return `normlib refuses this: ${refused}`;
    const such = number === 1 ? "That is all of them" : `There are ${number} such sets among the ${values.length} values`;
    const start = `${this.label(method)}: ${sliceWords(slices[set], kind.axes)} share one μ and one σ. ${such}.`;
    return same.length ? `${start} ${same.join(" and ")} would give exactly the same numbers here.` : start;
  }

  words() {
    const now = this.now();
    const index = indexOf(now.place, now.kind.shape).join(", ");
    return `${this.label(now.method)}, ${now.kind.name}: a[${index}] = ${precise(now.values[now.place])}, m = ${now.count}, μ = ${precise(now.mu)}, σ = ${precise(now.sigma)}, x̂ = ${precise(now.hats[now.place])}. ${this.verdictWords(now)}`;
  }

  numbers() {
    const rows = this.meta.methods.map((method) => {
      const now = this.now(method);
      return [this.label(method), now.slices[now.set], `${now.count}`, precise(now.mu), precise(now.sigma), now.refused ? "refused" : precise(now.hats[now.place])];
    });
    const { kind, place, values } = this.now();
    return {
      caption: `a[${indexOf(place, kind.shape).join(", ")}] = ${precise(values[place])}, ${kind.name}`,
      head: ["method", "set", "m", "μ", "σ", "x̂"],
      groups: [{ rows }],
    };
  }

  values() {
    const { kind, method, values, hats, place, sets, set, count, mu, sigma, slices, refused, same } = this.now();
    const shared = [...sets.keys()].filter((k) => sets[k] === set);
    return {
      ...{ kind: kind.name, method: method.name, groups: this.model.get("groups"), index: indexOf(place, kind.shape) },
      ...{ shared, count, mu, sigma, slice: slices[set], refused, same, value: values[place], x_hat: hats[place] },
    };
  }
}

/** A negative number behind a minus stands in brackets. */
const bracketed = (words) => (words.startsWith("−") ? `(${words})` : words);

export default { render: exhibit(Cube) };
