// ---- the widget -------------------------------------------------------------------------------

class Matrix extends Exhibit {
  constructor(model, el) {
    super(model, el, { look: "nl-matrix", summary: "Outputs before and after" });
  }

  build() {
    const { meta, root, scope } = this;
    const kind = choices("Layer", meta.layers.map((name) => [name, name]));
    const bias = check("linear bias c");
    const eps = choices("ε", meta.eps.map((value) => [value, value ? "10⁻⁵" : "0"]), { shown: true });
    this.verdict = element("p", { class: "nl-verdict" });
    this.canvas = element("canvas", { role: "img" });
    const marks = legend(["nl-ring", "before"], ["nl-dot", "after"]);
    const outputs = element("div", { class: "nl-outputs" }, this.canvas, marks);
    root.append(row(kind, bias, eps), row(this.strength()), element("div", { class: "nl-sides" }, this.grid(), outputs), this.verdict);
    for (const [control, name] of [[kind, "kind"], [bias, "bias"], [eps, "eps"], [this.lambda, "strength"]]) this.tie(control, name);
    for (const name of ["method", "rescaling"])
      scope.follow(this.model, `change:${name}`, () => {
        this.show();
        this.tell();
      });
    scope.listen(this.matrix, "click", (event) => this.choose(this.placeOf(event.target)));
    scope.listen(this.matrix, "keydown", (event) => this.key(event));
  }

  /** λ has a few values, and the slider goes from one to the next. */
  strength() {
    const { strengths } = this.meta;
    const places = slider("strength", { symbol: "λ", min: 0, max: strengths.length - 1, step: 1, write: (k) => tickText(strengths[k]) });
    const get = () => strengths[places.get()];
    this.lambda = { ...places, get, set: (value) => places.set(strengths.indexOf(value)) };
    return this.lambda;
  }

  /** A table whose cells are buttons; one of them is in the order of the tab key, arrows move it. */
  grid() {
    const { methods, rescalings } = this.meta;
    const head = (words, ...more) => element("th", { scope: "col" }, element("b", {}, words), ...more);
    const heads = rescalings.map(({ name, symbol }) => head(symbol, " ", element("i", {}, name)));
    this.cells = methods.map(() => rescalings.map(() => element("button", { class: "nl-cell", type: "button", tabindex: "-1" })));
    const rows = methods.map(({ name, label, look }, i) =>
      toned(
        element(
          "tr",
          {},
          element("th", { scope: "row" }, element("span", { class: "nl-long" }, label), element("span", { class: "nl-name", "aria-hidden": "true" }, name.replaceAll("_", " "))),
          ...this.cells[i].map((cell) => element("td", {}, cell)),
        ),
        look,
      ),
    );
    this.matrix = element(
      "table",
      { class: "nl-grid", role: "grid", "aria-label": "Methods and rescalings" },
      element("thead", {}, element("tr", {}, element("td"), ...heads)),
      element("tbody", {}, ...rows),
    );
    return this.matrix;
  }

  // ---- state ----------------------------------------------------------------------------------

  /** Where the arrays have the setting shown: layer, bias, eps. */
  get setting() {
    const { meta, model } = this;
    return [meta.layers.indexOf(model.get("kind")), Number(model.get("bias")), meta.eps.indexOf(model.get("eps"))];
  }

  /** Row and column of the cell shown. */
  get place() {
    const { meta, model } = this;
    const at = (list, name) => list.findIndex((one) => one.name === model.get(name));
    return [at(meta.methods, "method"), at(meta.rescalings, "rescaling")];
  }

  /** What was measured in a cell. */
  cell(i, j) {
    const { arrays, meta, setting } = this;
    const at = [...setting, i, j, meta.strengths.indexOf(this.model.get("strength"))];
    return {
      verdict: meta.verdicts[pick(arrays.verdict, ...at)],
      change: pick(arrays.change, ...at),
      moved: pick(arrays.moved, ...at),
      before: Array.from(pick(arrays.before, ...setting, i)),
      after: Array.from(pick(arrays.after, ...at)),
      outputs: arrays.outputs[setting[0]],
      refused: meta.refused[setting[0]][i],
    };
  }

  placeOf(target) {
    const button = target.closest(".nl-cell");
    const i = this.cells.findIndex((cells) => cells.includes(button));
    return i < 0 ? null : [i, this.cells[i].indexOf(button)];
  }

  choose(place) {
    if (!place) return;
    this.set("method", this.meta.methods[place[0]].name);
    this.set("rescaling", this.meta.rescalings[place[1]].name);
  }

  key(event) {
    const from = this.placeOf(event.target);
    if (!from || event.ctrlKey || event.altKey || event.metaKey) return;
    const to = step(event.key, from, [this.cells.length, this.cells[0].length]);
    if (!to) return;
    this.choose(to);
    this.cells[to[0]][to[1]].focus();
    event.preventDefault();
    event.stopPropagation();
  }

  // ---- picture --------------------------------------------------------------------------------

  layout() {
    const beside = this.width >= 760;
    this.root.dataset.sides = beside ? "two" : "one";
    const width = beside ? Math.floor(0.4 * this.width) : this.width;
    const row = 25;
    const count = this.meta.shown[0] * this.meta.shown[1];
    this.box = { width, height: count * row + 36, left: 84, right: width - 94, top: 18, bottom: count * row + 18, row };
  }

  draw() {
    const { meta, place } = this;
    this.cells.forEach((cells, i) =>
      cells.forEach((button, j) => {
        const { verdict, change } = this.cell(i, j);
        const chosen = i === place[0] && j === place[1];
        say(button, cellWords(verdict, change));
        button.dataset.verdict = verdict;
        button.tabIndex = chosen ? 0 : -1;
        button.setAttribute("aria-label", `${meta.methods[i].label}, ${meta.rescalings[j].name} λ: ${cellWords(verdict, change)}`);
        button.toggleAttribute("data-chosen", chosen);
        button.parentElement.setAttribute("aria-selected", chosen);
      }),
    );
    const now = this.cell(...place);
    say(this.verdict, this.words());
    this.drawOutputs(now);
    this.canvas.setAttribute("aria-label", this.words());
  }

  /** Each output on a line of its own: a ring where it was, a dot where it is. */
  drawOutputs({ verdict, before, after }) {
    const { box, colours, meta } = this;
    const context = prepare(this.canvas, box, colours);
    const [, units] = meta.shown;
    if (verdict === "refused") {
      text(context, "refused", box.width / 2, box.height / 2, colours.muted, 13, "center");
      return;
    }
    const tone = this.tone(meta.methods[this.place[0]].look);
    const plot = new Plot(context, box, { x: axisOf([...before, ...after]), y: [0, 1], colours, font: 11 });
    plot.xAxis({ count: 5 });
    for (const [words, end] of [["unit", box.left - 8], ["before", box.right + 46], ["after", box.width - 1]])
      text(context, words, end, 11, colours.muted, 11, "right");
    before.forEach((value, k) => {
      const y = box.top + (k + 0.5) * box.row;
      const at = 1 - (y - box.top) / (box.bottom - box.top);
      const first = k % units === 0;
      if (first && k) {
        context.fillStyle = colours.grid;
        context.fillRect(0, Math.round(y - box.row / 2), box.width, 1);
      }
      if (first) text(context, `sample ${k / units + 1}`, 0, y + 4, colours.ink, 11);
      text(context, `${(k % units) + 1}`, box.left - 8, y + 4, colours.muted, 11, "right");
      plot.line([[value, at], [after[k], at]], { tone, width: 1.6 });
      plot.dots([[after[k], at]], { tone, radius: 3.4 });
      this.ring(context, plot.x(value), y);
      text(context, figure(value), box.right + 46, y + 4, colours.muted, 11, "right");
      text(context, figure(after[k]), box.width - 1, y + 4, colours.ink, 11, "right", "600");
    });
  }

  ring(context, x, y) {
    context.strokeStyle = this.colours.ink;
    context.lineWidth = 1.2;
    context.beginPath();
    context.arc(x, y, 5.2, 0, 7);
    context.stroke();
  }

  // ---- words ----------------------------------------------------------------------------------

  words() {
    const { meta, model, place } = this;
    const [i, j] = place;
    const { symbol, name } = meta.rescalings[j];
    const how = `${model.get("kind")}, ${model.get("bias") ? "with" : "without"} c, ε = ${model.get("eps") ? "10⁻⁵" : "0"}`;
    return `${meta.methods[i].label}, ${symbol} (${name} λ) with λ = ${tickText(model.get("strength"))}, ${how}. ${verdictSentence(this.cell(i, j))}`;
  }

  numbers() {
    const { verdict, before, after, refused } = this.cell(...this.place);
    const [, units] = this.meta.shown;
    const rows = before.map((value, k) => [`sample ${Math.floor(k / units) + 1}, unit ${(k % units) + 1}`, figure(value), figure(after[k])]);
    return {
      caption: this.words(),
      head: ["output", "before", "after"],
      groups: [verdict === "refused" ? { absent: refused } : { rows }],
    };
  }

  values() {
    const { meta, model, place } = this;
    const all = this.cells.map((cells, i) => cells.map((_, j) => this.cell(i, j)));
    return {
      setting: Object.fromEntries(["method", "rescaling", "strength", "kind", "bias", "eps"].map((name) => [name, model.get(name)])),
      methods: meta.methods.map(({ name }) => name),
      rescalings: meta.rescalings.map(({ name }) => name),
      verdicts: all.map((cells) => cells.map(({ verdict }) => verdict)),
      changes: all.map((cells) => cells.map(({ change }) => change)),
      shown: this.cell(...place),
    };
  }
}

export default { render: exhibit(Matrix) };
