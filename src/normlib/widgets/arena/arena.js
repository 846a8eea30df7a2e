// ---- the widget -------------------------------------------------------------------------------

class Arena extends Exhibit {
  constructor(model, el) {
    super(model, el, { look: "nl-arena", summary: "Every method in this cell" });
  }

  build() {
    const { meta, root, scope } = this;
    this.names = meta.methods.map(({ label }) => label);
    const size = choices("Batch size", meta.batch_size.map((value) => [value, tickText(value)]), { shown: true });
    const options = meta.methods.map(({ name, label }, m) => [name, `${m + 1} ${label}`]);
    const [first, second] = [menu("compare", options), menu("with", options)];
    const rate = this.along("learning rate", "η", meta.lr);
    const start = this.along("initialization", "×", meta.init_scale);
    this.map = element("canvas", { role: "img" });
    this.seeds = element("canvas", { role: "img" });
    this.verdict = element("p", { class: "nl-verdict" });
    const marks = legend(["nl-won", "wins the cell"], ["nl-tie", "ties with the best"]);
    marks.append(element("span", {}, element("b", {}, "="), "noise can explain it"), ...this.rampKey());
    root.append(row(size, first, second), row(rate, start), this.map, marks, this.seeds, this.verdict);
    for (const [control, name] of [[size, "batch_size"], [first, "first"], [second, "second"], [rate, "lr"], [start, "init_scale"]])
      this.tie(control, name);
    scope.listen(this.map, "click", (event) => {
      const box = this.map.getBoundingClientRect();
      this.choose(cellAt(this.places, event.clientX - box.left, event.clientY - box.top));
    });
  }

  /** A slider that goes from one stored value to the next. */
  along(label, symbol, values) {
    const places = slider(label, { symbol, min: 0, max: values.length - 1, step: 1, write: (k) => tickText(values[k]) });
    return { ...places, get: () => values[places.get()], set: (value) => places.set(values.indexOf(value)) };
  }

  /** What the tones of the maps mean. */
  rampKey() {
    const { good } = this.meta;
    const shown = [0.1, good / 2, good - 1e-9, good, 1];
    this.swatches = shown.map((score) => ({ score, node: element("i", { class: "nl-swatch" }) }));
    const words = (score) => (score === good - 1e-9 ? `below ${good}` : tickText(score));
    return this.swatches.map(({ score, node }) => element("span", {}, node, words(score)));
  }

  // ---- state ----------------------------------------------------------------------------------

  /** Where the arrays have the cell shown: batch size, initialization, learning rate. */
  get place() {
    const { meta, model } = this;
    return ["batch_size", "init_scale", "lr"].map((name) => meta[name].indexOf(model.get(name)));
  }

  /** The places of the two methods that are compared. */
  get pair() {
    return ["first", "second"].map((name) => this.meta.methods.findIndex((one) => one.name === this.model.get(name)));
  }

  /** What was measured in a cell. */
  cell(b, i, k) {
    const { arrays, meta } = this;
    const every = (name) => meta.methods.map((_, m) => pick(arrays[name], m, b, i, k));
    return {
      mean: every("mean"),
      spread: every("spread"),
      scores: every("scores").map((values) => Array.from(values)),
      tied: every("tied"),
      leader: pick(arrays.leader, b, i, k),
      winner: pick(arrays.winner, b, i, k),
    };
  }

  /** Which of the two methods beats the other in a cell; -1 where neither does. */
  duel(b, i, k) {
    const [one, other] = this.pair;
    if (pick(this.arrays.beats, one, other, b, i, k)) return one;
    return pick(this.arrays.beats, other, one, b, i, k) ? other : -1;
  }

  /** The difference of the two methods in the cell shown. */
  gap() {
    const { arrays, meta, pair, place } = this;
    const [one, other] = pair;
    const gap = pick(arrays.mean, one, ...place) - pick(arrays.mean, other, ...place);
    const spread = pick(arrays.gap_spread, one, other, ...place);
    const t = gap === 0 ? 0 : (gap * Math.sqrt(meta.seeds)) / spread;
    return { gap, spread, t, beats: this.duel(...place) >= 0, asked: meta.t_pair };
  }

  choose(place) {
    if (!place) return;
    this.set("init_scale", this.meta.init_scale[place[0]]);
    this.set("lr", this.meta.lr[place[1]]);
  }

  // ---- picture --------------------------------------------------------------------------------

  layout() {
    const { meta, width, roomy } = this;
    this.places = placePanels(meta.methods.length + 2, [meta.init_scale.length, meta.lr.length], width);
    // Where there is no room beside them, names and numbers stand above their dots.
    const [left, right, line, words] = roomy ? [140, 136, 19, 0] : [6, 6, 34, 14];
    const bottom = 8 + meta.methods.length * line;
    this.box = { width, height: bottom + 34, left, right: width - right, top: 8, bottom, line, words };
  }

  draw() {
    const { box, colours, meta, place } = this;
    const [low, high] = this.dark ? meta.ramp.dark : meta.ramp.light;
    this.tint = (score) => blend(low, high, strength(score, meta.good));
    for (const { score, node } of this.swatches) node.style.background = this.tint(score);
    const now = this.cell(...place);
    this.drawMaps(prepare(this.map, { width: this.width, height: this.places.height }, colours));
    this.drawSeeds(prepare(this.seeds, box, colours), now);
    say(this.verdict, this.words());
    this.map.setAttribute("aria-label", `${this.titles().join(", ")}. ${this.counts()}`);
    this.seeds.setAttribute("aria-label", this.words());
  }

  short(m) {
    return `${m + 1} ${this.meta.methods[m].name.replaceAll("_", " ")}`;
  }

  titles() {
    const [one, other] = this.pair;
    return ["Who wins", `${one + 1} against ${other + 1}`, ...this.meta.methods.map((_, m) => this.short(m))];
  }

  drawMaps(context) {
    const { places, colours, meta } = this;
    const [b, chosenRow, chosenColumn] = this.place;
    const { panels, size, tall, rows, columns } = places;
    this.titles().forEach((title, p) => {
      const { left, top, first, last } = panels[p];
      this.drawTitle(context, title, [left, top - 5, columns * size + 6], p < 2 ? "600" : "400");
      for (let i = 0; i < rows; i++) {
        for (let k = 0; k < columns; k++) {
          const box = [left + k * size, top + i * tall, size, tall];
          if (p === 0) this.drawVerdict(context, box, pick(this.arrays.winner, b, i, k));
          else if (p === 1) this.drawVerdict(context, box, this.duel(b, i, k));
          else this.drawScore(context, box, p - 2, [b, i, k]);
        }
        if (first) text(context, `×${tickText(meta.init_scale[i])}`, left - 5, top + (i + 0.5) * tall + 4, colours.muted, 10, "right");
      }
      if (last)
        meta.lr.forEach((value, k) => this.drawRate(context, tickText(value), left + (k + 0.5) * size, top + rows * tall + 4));
      context.strokeStyle = colours.ink;
      context.lineWidth = 2;
      context.strokeRect(left + chosenColumn * size, top + chosenRow * tall, size, tall);
    });
  }

  /** A panel's title, in letters as small as its width asks for. */
  drawTitle(context, words, [x, y, room], weight) {
    const { colours } = this;
    context.font = context.set = `${weight} 11px ${colours.family}`;
    const size = Math.min(11, (11 * room) / context.measureText(words).width);
    text(context, words, x, y, colours.ink, size, "left", weight);
  }

  /** A learning rate below its column, written upward: there are many, and columns are narrow. */
  drawRate(context, words, x, y) {
    context.save();
    context.translate(x, y);
    context.rotate(-Math.PI / 2);
    text(context, words, 0, 3.5, this.colours.muted, 10, "right");
    context.restore();
  }

  /** The number of the method that wins, on its colour; where none does, a sign of equality. */
  drawVerdict(context, [x, y, width, height], m) {
    const { colours, meta } = this;
    context.fillStyle = m >= 0 ? this.tone(meta.methods[m].look) : colours.grid;
    if (m >= 0) context.fillRect(x + 0.5, y + 0.5, width - 1, height - 1);
    else context.fillRect(x + 0.5, y + height - 1, width - 1, 1);
    const [words, tone, weight] = m >= 0 ? [`${m + 1}`, colours.card, "600"] : ["=", colours.muted, "400"];
    text(context, words, x + width / 2, y + height / 2 + 4, tone, 10, "center", weight);
  }

  /** A mean as a tone; a frame where the method wins, a dot where it ties with the best. */
  drawScore(context, [x, y, width, height], m, place) {
    const { arrays, colours, meta } = this;
    const score = pick(arrays.mean, m, ...place);
    context.fillStyle = this.tint(score);
    context.fillRect(x + 0.5, y + 0.5, width - 1, height - 1);
    const tone = strength(score, meta.good) > STEP[0] ? colours.card : colours.ink;
    const [middle, centre] = [x + width / 2, y + height / 2];
    if (pick(arrays.winner, ...place) === m) {
      context.strokeStyle = tone;
      context.lineWidth = 1.5;
      context.strokeRect(middle - 3.5, centre - 3.5, 7, 7);
    } else if (pick(arrays.tied, m, ...place)) {
      context.fillStyle = tone;
      context.beginPath();
      context.arc(middle, centre, 1.5, 0, 7);
      context.fill();
    }
  }

  /** The seeds of every method in the cell shown, and its mean ± standard deviation. */
  drawSeeds(context, { mean, spread, scores, tied, leader }) {
    const { box, colours, meta, roomy } = this;
    const low = Math.min(Math.floor(10 * Math.min(...scores.flat(), 0.99)) / 10, 0.9);
    const plot = new Plot(context, box, { x: [low, 1], y: [0, 1], colours, font: 11 });
    plot.xAxis({ label: roomy ? "test accuracy" : "accuracy" });
    meta.methods.forEach(({ look }, m) => {
      const y = box.top + m * box.line + (box.line + box.words) / 2;
      const line = box.words ? y - 12 : y + 4;
      const at = 1 - (y - box.top) / (box.bottom - box.top);
      const tone = this.tone(look);
      const paired = this.pair.includes(m);
      text(context, this.short(m), 0, line, paired ? tone : colours.ink, 11, "left", paired ? "600" : "400");
      plot.inside(() => plot.line([[mean[m] - spread[m], at], [mean[m] + spread[m], at]], { tone, width: 1.6 }), 4);
      plot.dots(scores[m].map((score) => [score, at]), { tone, radius: 2.6, alpha: 0.55 });
      context.fillStyle = tone;
      context.fillRect(plot.x(mean[m]) - 1.25, y - 7, 2.5, 14);
      const ink = tied[m] ? colours.ink : colours.muted;
      const end = roomy ? box.right + 92 : box.width - 30;
      text(context, pm(mean[m], spread[m]), end, line, ink, 11, "right", m === leader ? "600" : "400");
      if (tied[m] && m !== leader) text(context, "tie", box.width - 1, line, colours.muted, 11, "right");
    });
  }

  // ---- words ----------------------------------------------------------------------------------

  words() {
    const { model, names, pair, place } = this;
    const where = `Learning rate ${tickText(model.get("lr"))}, initialization ×${tickText(model.get("init_scale"))}, batch size ${tickText(model.get("batch_size"))}`;
    const two = pairWords(this.gap(), pair.map((m) => names[m]));
    return `${where}. ${winnerWords(this.cell(...place), names)} ${two}`.trim();
  }

  /** How the batch size shown went: cells that are good, cells that are won. */
  counts() {
    const { arrays, meta, place } = this;
    const [b] = place;
    const each = meta.methods.map((_, m) => `${this.names[m]} ${pick(arrays.above, m, b)} and ${pick(arrays.won, m, b)}`);
    return `Cells from ${meta.good} on, and cells won: ${each.join(", ")}.`;
  }

  numbers() {
    const { arrays, meta, names, place } = this;
    const { mean, spread, tied, leader, winner } = this.cell(...place);
    const verdict = (m) => (m === winner ? "wins" : m === leader ? "leads" : tied[m] ? "ties" : "beaten");
    const rows = names.map((name, m) => [
      name,
      pm(mean[m], spread[m]),
      verdict(m),
      `${pick(arrays.above, m, place[0])}`,
      `${pick(arrays.won, m, place[0])}`,
    ]);
    return {
      caption: this.words(),
      head: ["method", "accuracy", "in this cell", `cells from ${meta.good} on`, "cells won"],
      groups: [{ rows }],
    };
  }

  values() {
    const { model, pair, place, meta } = this;
    const [b] = place;
    const all = (of) => meta.init_scale.map((_, i) => meta.lr.map((_, k) => of(b, i, k)));
    return {
      setting: Object.fromEntries(["batch_size", "init_scale", "lr", "first", "second"].map((name) => [name, model.get(name)])),
      methods: meta.methods.map(({ name }) => name),
      pair,
      means: all((...at) => this.cell(...at).mean),
      winners: all((...at) => pick(this.arrays.winner, ...at)),
      duels: all((...at) => this.duel(...at)),
      shown: this.cell(...place),
      gap: this.gap(),
      places: this.places,
    };
  }
}

export default { render: exhibit(Arena) };
