// The Shift Bench: a sample with its weights, two fits, two densities, and what the draws say.

const RADIUS = 21; // of a dot that has all the weight, in CSS pixels
const STEPS = 80; // parts of a curve

// ---- maps -------------------------------------------------------------------------------------

/** A polynomial, from its constant up. */
const polynomial = (coefficients) => (x) => Array.from(coefficients).reduceRight((sum, c) => sum * x + c, 0);

/** Each point's share of all weights w(x)^power; log w is a parabola. */
function sharesOf(x, logRatio, power) {
  const log = polynomial(logRatio);
  const weights = Array.from(x, (value) => Math.exp(power * log(value)));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/** Where a value stands on a grid; a slider's value has gone through words. */
const indexOn = (grid, value) => grid.findIndex((one) => Math.abs(one - value) < 1e-9);

/** Whole powers of ten from one to the other, or every second one if there are many. */
function decadesOf([low, high]) {
  const step = high - low > 5 ? 2 : 1;
  return Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, k) => low + k * step);
}

/** A middle, and between which ends most draws lie. */
const parts = ([low, middle, high]) => [figure(middle), `${figure(low)} to ${figure(high)}`];

const oneDigit = (value) => value.toFixed(1).replace("-", "−");

const curve = (f, [low, high]) =>
  Array.from({ length: STEPS + 1 }, (_, k) => mix(low, high, k / STEPS)).map((x) => [x, f(x)]);

// ---- the widget -------------------------------------------------------------------------------

class Bench extends Exhibit {
  constructor(model, el) {
    super(model, el, { look: "nl-shift", summary: "Numbers for every exponent" });
  }

  build() {
    const { meta, root } = this;
    const along = (label, name, symbol) => {
      const grid = meta[name];
      const step = Number((grid[1] - grid[0]).toFixed(9)); // without rounding's digits, as a slider counts
      return slider(label, { symbol, min: grid[0], max: grid.at(-1), step, write: oneDigit });
    };
    const degree = choices("Model", meta.degree.map((value) => [value, meta.names[value]]), { shown: true });
    const points = choices("Points", meta.points.map((value) => [value, `${value}`]), { shown: true });
    const mean = along("target's mean", "mean");
    const spread = along("target's spread", "spread");
    const power = along("weights' exponent", "power", "λ");
    this.canvas = element("canvas", { role: "img" });
    this.figures = [];
    const figures = element("dl", { class: "nl-told" });
    for (const words of ["target error, unweighted", "target error, weighted", "the weighted fit is better in", "effective sample size"]) {
      const [value, rest] = [element("b"), element("span")];
      this.figures.push({ value, rest });
      figures.append(element("div", {}, element("dt", {}, words), element("dd", {}, value, " ", rest)));
    }
    this.verdict = element("p", { class: "nl-verdict" });
    const marks = legend(
      ["nl-rule", "rule"],
      ["nl-plain", "unweighted fit"],
      ["nl-thick", "weighted fit"],
      ["nl-disc", "area: a point's share of the weight"],
      ["nl-band", "10 to 90 % of the draws"],
    );
    toned(marks, meta.look);
    root.append(row(degree, points), row(mean, spread, power), this.canvas, figures, this.verdict, marks);
    for (const [control, name] of [[degree, "degree"], [points, "points"], [mean, "mean"], [spread, "spread"], [power, "power"]])
      this.tie(control, name);
  }

  // ---- state ----------------------------------------------------------------------------------

  /** Everything about the setting shown; `at` may ask for another exponent. */
  now(p = indexOn(this.meta.power, this.model.get("power"))) {
    const { model, meta, arrays } = this;
    const place = (name) => indexOn(meta[name], model.get(name));
    const [d, i, j, k] = ["degree", "points", "mean", "spread"].map(place);
    const fits = arrays[`fit ${meta.degree[d]}`];
    return {
      ...{ d, i, j, k, p },
      n: meta.points[i],
      name: meta.names[meta.degree[d]],
      target: [meta.mean[j], meta.spread[k]],
      power: meta.power[p],
      x: arrays[`x ${i}`],
      y: arrays[`y ${i}`],
      logRatio: pick(arrays["log ratio"], j, k),
      plainFit: pick(fits, i, j, k, 0),
      weightedFit: pick(fits, i, j, k, p),
      plain: pick(arrays.errors, d, i, j, k, 0),
      weighted: pick(arrays.errors, d, i, j, k, p),
      wins: pick(arrays.wins, d, i, j, k, p),
      worth: pick(arrays.worth, i, j, k, p),
    };
  }

  /** Whether all weights are 1, so that there is but one fit. */
  same({ power, target }) {
    return power === 0 || target.every((value, k) => Math.abs(value - this.meta.source[k]) < 1e-9);
  }

  // ---- picture --------------------------------------------------------------------------------

  layout() {
    const { width, roomy } = this;
    const split = roomy ? Math.round(0.6 * width) : width;
    const sample = { left: 30, right: split - 4, top: 22, bottom: roomy ? 236 : 200 };
    const strip = { left: 30, right: split - 4, top: sample.bottom + 12, bottom: sample.bottom + 72 };
    const top = roomy ? 28 : strip.bottom + 62;
    const errors = { left: (roomy ? split : 0) + 52, right: width - 12, top, bottom: roomy ? strip.bottom : top + 150 };
    this.box = { width, height: errors.bottom + 24, sample, strip, errors };
  }

  draw() {
    const { box, colours } = this;
    const now = this.now();
    const tone = this.tone(this.meta.look);
    const context = prepare(this.canvas, box, colours);
    this.drawSample(context, now, tone);
    this.drawDensities(context, now, tone);
    this.drawErrors(context, now, tone);
    this.write(now);
    this.canvas.setAttribute("aria-label", this.words());
  }

  drawSample(context, { x, y, logRatio, power, plainFit, weightedFit }, tone) {
    const { meta, colours, box } = this;
    const plot = new Plot(context, box.sample, { ...meta.frame, colours });
    plot.yAxis({ label: "y" });
    const shares = sharesOf(x, logRatio, power);
    const points = Array.from(x, (value, k) => [value, y[k]]);
    plot.inside(() => {
      points.forEach((point, k) => plot.dots([point], { tone, alpha: 0.35, radius: RADIUS * Math.sqrt(shares[k]) }));
      plot.dots(points, { tone: colours.muted, radius: 1.1 });
      plot.line(curve(polynomial(meta.rule), meta.frame.x), { width: 1 });
      plot.line(curve(polynomial(plainFit), meta.frame.x), { tone: colours.muted, width: 2.2, dash: [3, 2] });
      plot.line(curve(polynomial(weightedFit), meta.frame.x), { tone, width: 2.2 });
    });
  }

  drawDensities(context, { target }, tone) {
    const { meta, arrays, colours, box } = this;
    const top = 1.05 / Math.min(...meta.spread);
    const plot = new Plot(context, box.strip, { x: meta.frame.x, y: [0, top], colours });
    plot.xAxis({ label: "x" });
    const [u, height] = [pick(arrays.bell, 0), pick(arrays.bell, 1)];
    for (const [[mean, spread], shade, dash] of [[meta.source, colours.muted, [3, 2]], [target, tone, []]]) {
      const bell = Array.from(u, (value, k) => [mean + spread * value, height[k] / spread]);
      plot.inside(() => {
        plot.area(bell, { tone: shade });
        plot.line(bell, { tone: shade, width: 1.4, dash });
      });
    }
    // Beside the bells and never upon each other: the source's name right, the target's left.
    plot.words("source", [meta.frame.x[1], 0.25 * top], { tone: colours.muted, weight: "600", align: "right" });
    plot.words("target", [target[0] - 1.2 * target[1], 0.5 / target[1]], { tone, weight: "600", align: "right" });
  }

  /** The error for every exponent: the band of the draws, their middle, and the two fits shown. */
  drawErrors(context, now, tone) {
    const { meta, colours, box } = this;
    const decades = meta.decades[now.d];
    const plot = new Plot(context, box.errors, { x: [0, 1], y: decades, colours });
    for (const decade of decadesOf(decades)) {
      const y = plot.y(decade);
      context.fillStyle = colours.grid;
      context.fillRect(box.errors.left, Math.round(y), box.errors.right - box.errors.left, 1);
      text(context, tickText(10 ** decade), box.errors.left - 8, y + 4, colours.muted, 12, "right");
    }
    text(context, "target error", box.errors.left - 40, box.errors.top - 14, colours.ink, 12, "left", "600");
    plot.xAxis({ label: "λ", count: 5, lines: false });
    const ends = meta.power.map((power, p) => [power, ...Array.from(this.now(p).weighted, Math.log10)]);
    const along = (column) => ends.map((row) => [row[0], row[column]]);
    plot.inside(() => {
      context.save();
      Object.assign(context, { fillStyle: tone, globalAlpha: 0.2 });
      const around = [...along(1), ...along(3).reverse()];
      context.fill(way(around.map(([x, y]) => [plot.x(x), plot.y(y)])));
      context.restore();
      const level = Math.log10(now.plain[1]);
      plot.line([[0, level], [1, level]], { tone: colours.muted, width: 1.4, dash: [3, 2] });
      plot.line(along(2), { tone });
    }, 6);
    plot.dots([[0, Math.log10(now.plain[1])]], { tone: colours.muted, radius: 5.5, ring: true });
    plot.dots([[now.power, Math.log10(now.weighted[1])]], { tone, radius: 5.5, ring: true });
  }

  // ---- words ----------------------------------------------------------------------------------

  /** The four figures, each with what lies around it. */
  write(now) {
    const { meta } = this;
    const wins = this.same(now) ? ["–", "both are one"] : [`${now.wins}`, `of ${meta.draws} draws`];
    const [plain, weighted, worth] = [now.plain, now.weighted, now.worth].map(parts);
    worth[1] += `, of ${now.n}`;
    [plain, weighted, wins, worth].forEach((words, k) => {
      say(this.figures[k].value, words[0]);
      say(this.figures[k].rest, words[1]);
    });
    say(this.verdict, this.verdictWords(now));
  }

  verdictWords(now = this.now()) {
    const { meta } = this;
    const { name, n, wins, worth, power } = now;
    if (power === 0) return "With λ = 0 every weight is 1: both fits are one and the same.";
    if (this.same(now)) return "The target is the source, so every weight is 1: nothing to correct, nothing to pay.";
    const half = `The ${n} points are worth ${figure(worth[1])}, and the weighted ${name} is better in ${wins} of ${meta.draws} draws`;
    if (wins >= meta.clear) return `${half}: here the weights help.`;
    if (meta.draws - wins >= meta.clear) return `${half}: here the weights do harm.`;
    return `${half}: a coin could have done that.`;
  }

  words() {
    const now = this.now();
    const [mean, spread] = now.target.map(oneDigit);
    const setting = `A ${now.name}, ${now.n} points, target of mean ${mean} and spread ${spread}, λ = ${oneDigit(now.power)}.`;
    return `${setting} Target error unweighted ${figure(now.plain[1])}, weighted ${figure(now.weighted[1])}. ${this.verdictWords(now)}`;
  }

  numbers() {
    const rows = this.meta.power.map((power, p) => {
      const now = this.now(p);
      const wins = this.same(now) ? "–" : `${now.wins}`;
      return [oneDigit(power), figure(now.worth[1]), ...Array.from(now.weighted, figure), wins];
    });
    const { n, name } = this.now();
    return {
      caption: `A ${name} and ${n} points, ${this.meta.draws} draws`,
      head: ["λ", "effective size", "error, 10 %", "median", "90 %", "better than λ = 0"],
      groups: [{ rows }],
    };
  }

  values() {
    const now = this.now();
    const list = (array) => Array.from(array);
    const { frame } = this.meta;
    return {
      degree: this.meta.degree[now.d],
      points: now.n,
      target: now.target,
      power: now.power,
      x: list(now.x),
      y: list(now.y),
      shares: sharesOf(now.x, now.logRatio, now.power),
      plainCurve: curve(polynomial(now.plainFit), frame.x),
      weightedCurve: curve(polynomial(now.weightedFit), frame.x),
      plain: list(now.plain),
      weighted: list(now.weighted),
      wins: now.wins,
      worth: list(now.worth),
      errors: this.meta.power.map((_, p) => list(this.now(p).weighted)),
    };
  }
}

export default { render: exhibit(Bench) };
