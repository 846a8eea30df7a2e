// The Formula Bench: one sample on five number lines, and what is left of it after each move.

const FIGURES = ["mean", "variance", "skewness", "kurtosis"];

// ---- the moves --------------------------------------------------------------------------------

/** The sample as it is, and after each move: functions of one value, in normlib's own order. */
function stagesOf({ mu, invSigma, g, b }) {
  const hat = (a) => (a - mu) * invSigma;
  return [(a) => a, (a) => a - mu, hat, (a) => g * hat(a), (a) => g * hat(a) + b];
}

/** Moments under a map that slides and stretches: skewness turns with its sign, kurtosis stays. */
function momentsOf([, variance, skewness, kurtosis], { mu, invSigma, g, b }) {
  const slopes = [1, 1, invSigma, g * invSigma, g * invSigma];
  const means = [mu, 0, 0, 0, b];
  return slopes.map((slope, k) => ({
    mean: means[k],
    variance: slope * slope * variance,
    skewness: slope ? Math.sign(slope) * skewness : null,
    kurtosis: slope ? kurtosis : null,
  }));
}

/** Rank of the value nearest to `wanted` in a rising array. */
function nearest(values, wanted) {
  let best = 0;
  values.forEach((value, k) => {
    if (Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = k;
  });
  return best;
}

const power10 = (value) => {
  const exponent = Math.log10(value);
  if (value === 0 || value >= 0.01 || !Number.isInteger(exponent)) return tickText(value);
  return `10${[...`${exponent}`].map((sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]).join("")}`;
};

// ---- the widget -------------------------------------------------------------------------------

class Bench extends Exhibit {
  constructor(model, el) {
    super(model, el, { look: "nl-bench", summary: "Numbers after each move" });
  }

  build() {
    const { meta, root } = this;
    const { reach } = meta;
    const sample = choices("Sample", meta.samples.map((name) => [name, name]));
    const g = slider("re-scale", { symbol: "g", min: -reach.g, max: reach.g, step: 0.05 });
    const b = slider("re-shift", { symbol: "b", min: -reach.b, max: reach.b, step: 0.05 });
    const eps = choices("ε", meta.eps.map((value) => [value, power10(value)]), { shown: true });
    this.undo = button("undo: g = σ, b = μ");
    this.reset = button("start: g = 1, b = 0");
    this.one = slider("one value", { min: 0, max: 1, step: 1, write: (rank) => this.rankWords(rank) });
    if (meta.samples.length > 1) root.append(row(sample));
    this.verdict = element("p", { class: "nl-verdict" });
    root.append(row(g, b, this.undo, this.reset), this.stage(), this.verdict, row(this.one, eps));
    const marks = legend(
      ["nl-dashed", "a Gaussian of the same mean and variance"],
      ["nl-bar nl-even", "mean ± standard deviation"],
      ["nl-thread", "the same values, from move to move"],
    );
    root.append(marks);
    for (const [control, name] of [[sample, "sample"], [g, "g"], [b, "b"], [eps, "eps"], [this.one, "follow"]])
      this.tie(control, name);
    this.scope.listen(this.undo, "click", () => this.setBoth(1 / this.now().invSigma, this.now().mu));
    this.scope.listen(this.reset, "click", () => this.setBoth(1, 0));
    for (const type of ["pointerdown", "pointermove"]) this.scope.listen(this.canvas, type, (event) => this.point(event));
  }

  /** Five rows of words and figures; the canvas lies behind them. */
  stage() {
    const { meta } = this;
    this.canvas = element("canvas", { role: "img" });
    const heads = ["", ...FIGURES].map((words) => element("span", { role: "columnheader" }, words || element("span", { class: "nl-unseen" }, "move")));
    this.rows = meta.stages.map(([name, formula]) => {
      const value = element("span", { class: "nl-what" });
      const title = element("span", { role: "rowheader", class: "nl-move" }, element("b", {}, name), " ", element("span", {}, formula), " ", value);
      const figures = FIGURES.map(() => element("span", { role: "cell" }));
      return { root: element("div", { role: "row" }, title, ...figures), value, figures };
    });
    const head = element("div", { role: "row", class: "nl-heads" }, ...heads);
    const table = element("div", { role: "table", class: "nl-moves", "aria-label": "Moments after each move" }, head, ...this.rows.map(({ root }) => root));
    return element("div", { class: "nl-stage" }, this.canvas, table);
  }

  // ---- state ----------------------------------------------------------------------------------

  /** The arrays of the sample shown, and the numbers that move it. */
  now() {
    const { model, meta, arrays } = this;
    const i = meta.samples.indexOf(model.get("sample"));
    const of = (name) => arrays[`${name} ${i}`];
    const values = of("values");
    return {
      values,
      outline: of("outline"),
      peak: of("peak")[0],
      moments: of("moments"),
      traced: of("traced"),
      mu: of("mu")[0],
      invSigma: of("inv_sigma")[meta.eps.indexOf(model.get("eps"))],
      g: model.get("g"),
      b: model.get("b"),
      rank: clamp(model.get("follow"), 0, values.length - 1),
    };
  }

  setBoth(g, b) {
    this.set("g", g);
    this.set("b", b);
  }

  rankWords(rank) {
    const values = this.now().values;
    return values.length > rank ? `a = ${exact(values[rank])}` : "";
  }

  /** Take hold of the value under the pointer, on whichever number line it is. */
  point(event) {
    if (event.type === "pointerdown") {
      if (event.button) return;
      this.canvas.setPointerCapture(event.pointerId);
    } else if (!event.buttons) return;
    const now = this.now();
    const { left, top } = this.canvas.getBoundingClientRect();
    const k = clamp(Math.floor((event.clientY - top - this.box.first) / this.box.row), 0, this.rows.length - 1);
    const value = scale([this.box.left, this.box.right], this.meta.range)(event.clientX - left);
    this.set("follow", nearest(now.values.map(stagesOf(now)[k]), value));
  }

  // ---- picture --------------------------------------------------------------------------------

  layout() {
    const names = this.roomy ? 156 : 0;
    const figures = this.roomy ? 4 * 68 : 0;
    const width = this.width - names - figures;
    const row = this.roomy ? 88 : 106;
    // In a narrow widget words and figures stand above each number line instead of beside it.
    const words = this.roomy ? 16 : 46;
    const first = 22;
    const style = this.root.style;
    style.setProperty("--nl-row", `${row}px`);
    style.setProperty("--nl-first", `${first}px`);
    style.setProperty("--nl-names", `${names}px`);
    const base = row - (this.roomy ? 22 : 14);
    this.box = { width, height: first + 5 * row + 14, left: 0, right: width, first, row, words, base, tall: base - words };
  }

  draw() {
    const { box, colours, rows } = this;
    const now = this.now();
    this.one.input.max = now.values.length - 1;
    this.one.set(now.rank);
    const maps = stagesOf(now);
    const moments = momentsOf(now.moments, now);
    const context = prepare(this.canvas, box, colours);
    const tone = this.tone(this.meta.look);
    const plots = maps.map((_, k) => {
      const bottom = box.first + k * box.row + box.base;
      return new Plot(context, { ...box, top: bottom - box.tall, bottom }, { x: this.meta.range, y: [0, 1], colours });
    });
    this.drawGrid(context, plots);
    this.drawTraces(context, plots, maps, now);
    plots.forEach((plot, k) => this.drawStage(plot, maps[k], moments[k], now, tone));
    this.drawOne(context, plots, maps, now);
    const given = ["", `μ = ${exact(now.mu)}`, `σ = ${exact(1 / now.invSigma)}`, `g = ${exact(now.g)}`, `b = ${exact(now.b)}`];
    rows.forEach(({ value, figures }, k) => {
      say(value, given[k]);
      figures.forEach((node, j) => say(node, exact(moments[k][FIGURES[j]])));
    });
    say(this.verdict, this.verdictWords());
    this.canvas.setAttribute("aria-label", this.words());
  }

  drawGrid(context, plots) {
    const { box, colours } = this;
    const whole = { ...box, top: box.first, bottom: plots.at(-1).box.bottom + 8 };
    new Plot(context, whole, { x: this.meta.range, y: [0, 1], colours, font: 11 }).xAxis({ count: box.width / 46 });
  }

  /** Thin lines from each number line to the next: parallel under a shift, a fan under a scale. */
  drawTraces(context, plots, maps, { values, traced }) {
    context.save();
    Object.assign(context, { strokeStyle: this.colours.muted, lineWidth: 0.75, globalAlpha: 0.5 });
    within(context, { ...this.box, top: 0, bottom: this.box.height }, () => {
      for (let k = 0; k + 1 < plots.length; k++)
        for (const rank of traced) {
          const a = values[rank];
          const top = plots[k].box.bottom + 10;
          context.stroke(way([[plots[k].x(maps[k](a)), top], [plots[k + 1].x(maps[k + 1](a)), plots[k + 1].box.bottom]]));
        }
    });
    context.restore();
  }

  /** One histogram, its bell, and mean ± std below. */
  drawStage(plot, map, { mean, variance }, { outline, bell = this.arrays.bell, peak }, tone) {
    const { context, box, colours } = plot;
    const std = Math.sqrt(variance);
    const points = (array, x, y) => Array.from(pick(array, 0), (value, k) => [x(value), y * pick(array, 1)[k]]);
    const bars = points(outline, map, 1);
    within(context, { ...box, top: box.top - 2, bottom: box.bottom + 9 }, () => {
      plot.line([[this.meta.range[0], 0], [this.meta.range[1], 0]], { tone, width: 1, alpha: 0.55 });
      plot.area(bars, { tone: colours.card, alpha: 0.8 });
      plot.area(bars, { tone });
      plot.line(bars, { tone, width: 1.25 });
      plot.line(points(bell, (x) => mean + std * x, peak), { width: 1, dash: [3, 2.5], alpha: 0.8 });
      const [left, right] = [plot.x(mean - std), plot.x(mean + std)];
      Object.assign(context, { fillStyle: tone, globalAlpha: 0.6 });
      context.fillRect(left, box.bottom + 3, Math.max(right - left, 1), 3.5);
      context.globalAlpha = 1;
      context.fillStyle = colours.ink;
      context.beginPath();
      context.arc(plot.x(mean), box.bottom + 4.75, 2.4, 0, 7);
      context.fill();
    });
  }

  /** One value on its way, with its figure on each line; an arrow where it has left the picture. */
  drawOne(context, plots, maps, { values, rank }) {
    const { box, colours } = this;
    const places = plots.map((plot, k) => [plot.x(maps[k](values[rank])), plot.box.bottom]);
    within(context, { ...box, top: 0, bottom: box.height }, () => {
      context.strokeStyle = colours.ink;
      context.lineWidth = 1.4;
      context.stroke(way(places));
    });
    places.forEach(([x, y], k) => {
      const value = maps[k](values[rank]);
      const out = x > box.right ? " →" : x < box.left ? "← " : "";
      const at = clamp(x, box.left + 4, box.right - 4);
      if (!out) plots[k].dots([[value, 0]], { radius: 4.5, ring: true });
      const words = out === "← " ? out + exact(value) : exact(value) + out;
      const end = at > box.right - 56;
      halo(context, words, at + (end ? -8 : 8), y - 6, colours, end ? "right" : "left");
    });
  }

  // ---- words ----------------------------------------------------------------------------------

  /** What the numbers say. */
  verdictWords() {
    const now = this.now();
    const moments = momentsOf(now.moments, now);
    const [hat, z] = [moments[2], moments[4]];
    const shape = `skewness ${exact(hat.skewness)} and kurtosis ${exact(hat.kurtosis)}`;
    const first = `x̂ has mean ${exact(hat.mean)} and variance ${exact(hat.variance)}, but the sample's own ${shape}, where a Gaussian has 0 and 0.`;
    const small = Math.abs(hat.variance - 1) < 0.005;
    const why = small ? "" : " Its variance is v/(v + ε) and not 1: ε is not small beside the sample's own v.";
    return `${first}${why} ${this.ending(now, z)}`;
  }

  ending({ mu, invSigma, g, b }, z) {
    if (g === 0) return "With g = 0 every value becomes b.";
    if (Math.abs(g * invSigma - 1) < 1e-9 && Math.abs(b - mu) < 1e-9)
      return "With g = σ and b = μ the last two moves have undone the first two: z is a.";
    const turned = g < 0 ? ", turned around" : "";
    return `z has mean ${exact(z.mean)} and variance ${exact(z.variance)}, and the same shape${turned}.`;
  }

  words() {
    const { model } = this;
    return `${model.get("sample")}, ε = ${power10(model.get("eps"))}, g = ${exact(model.get("g"))}, b = ${exact(model.get("b"))}. ${this.verdictWords()}`;
  }

  numbers() {
    const { stages } = this.values();
    const rows = stages.map((stage) => [
      stage.name,
      ...FIGURES.map((name) => exact(stage[name])),
      exact(Math.min(...stage.values)),
      exact(Math.max(...stage.values)),
      exact(stage.one),
    ]);
    return {
      caption: `Sample: ${this.model.get("sample")}`,
      head: ["after", ...FIGURES, "smallest", "largest", "one value"],
      groups: [{ rows }],
    };
  }

  values() {
    const now = this.now();
    const moments = momentsOf(now.moments, now);
    const stages = stagesOf(now).map((map, k) => ({
      name: this.meta.stages[k][0],
      ...moments[k],
      values: Array.from(now.values, map),
      one: map(now.values[now.rank]),
    }));
    return { sample: this.model.get("sample"), g: now.g, b: now.b, mu: now.mu, sigma: 1 / now.invSigma, stages };
  }
}

/** Words that stay readable on whatever they stand. */
function halo(context, words, x, y, colours, align) {
  context.save();
  Object.assign(context, { strokeStyle: colours.card, lineWidth: 3, lineJoin: "round", globalAlpha: 0.85 });
  context.font = `600 12px ${context.family}`;
  context.textAlign = align;
  context.strokeText(words, x, y);
  context.restore();
  text(context, words, x, y, colours.ink, 12, align, "600");
}

export default { render: exhibit(Bench) };
