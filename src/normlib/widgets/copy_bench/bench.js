// The Copy Bench: one feature measured again and again, and what naive Bayes makes of it.

const FIGURES = ["accuracy", "confidence", "loss", "error"];
const LEAST = 0.01; // losses below this are drawn at it, on an axis of powers of ten
const DASHES = { none: [], all: [5, 2.5], within: [1.2, 1.6] };
const BEST = [8, 2, 2, 2];

// ---- numbers ----------------------------------------------------------------------------------

/** How many independent measurements k + 1 with correlation rho are worth. */
const worthOf = (k, rho) => (k + 1) / (1 + k * rho);

/** The second of two probabilities that add up to 1, however near to 1 it is. */
function chance([zero, one]) {
  const rest = Math.min(zero, one);
  if (rest >= 0.00995) return one.toFixed(2);
  const words = rest ? rest.toExponential(0).replace("-", "−") : "0";
  return one < zero ? words : `1 − ${words}`;
}

const percent = (share) => `${(100 * share).toFixed(1)}\u00a0%`;

/** The scores at one place of the grid. */
function scoreAt(arrays, way, i, j) {
  const figures = pick(arrays[`figures ${way}`], i, j);
  const rows = (name, count) => Array.from({ length: count }, (_, n) => Array.from(pick(arrays[`${name} ${way}`], i, j, n)));
  return {
    ...Object.fromEntries(FIGURES.map((name, n) => [name, figures[n]])),
    points: rows("points", arrays[`points ${way}`].shape[2]),
    bins: rows("bins", arrays[`bins ${way}`].shape[2]),
  };
}

// ---- the widget -------------------------------------------------------------------------------

/** A slider along a list of values. */
function stepped(label, values, options = {}) {
  const one = slider(label, { min: 0, max: values.length - 1, step: 1, write: (i) => tickText(values[i] ?? 0), ...options });
  return { ...one, get: () => values[one.get()], set: (value) => one.set(values.indexOf(value)) };
}

class Bench extends Exhibit {
  constructor(model, el) {
    super(model, el, { look: "nl-copies", summary: "Numbers for every number of copies" });
  }

  build() {
    const { meta, root } = this;
    const copies = stepped("copies", meta.copies, { symbol: "k" });
    const correlation = stepped("correlation", meta.correlations, { symbol: "ρ" });
    const whitening = choices("Features", meta.ways);
    this.canvas = element("canvas", { role: "img" });
    this.verdict = element("p", { class: "nl-verdict" });
    root.append(row(copies, correlation), row(whitening), this.canvas, this.lines(), this.figures(), this.verdict);
    for (const [control, name] of [[copies, "copies"], [correlation, "correlation"], [whitening, "whitening"]])
      this.tie(control, name);
    for (const type of ["pointerdown", "pointermove"]) this.scope.listen(this.canvas, type, (event) => this.point(event));
  }

  /** What the lines of the last plot are. */
  lines() {
    const entries = [...this.meta.ways.map(([way, words]) => [DASHES[way], words]), [BEST, "the best possible"]];
    return element("p", { class: "nl-legend" }, ...entries.map(([dash, words]) => element("span", {}, dashKey(dash), words)));
  }

  /** Two rows of figures: naive Bayes, and what the true probabilities would have. */
  figures() {
    const heads = ["", "is right", "says it is right", "NLL", "cali\u00adbration error"];
    const cell = (role, words = "") => element("span", { role }, words || element("span", { class: "nl-unseen" }, "whose"));
    this.cells = {};
    const line = (name, words, marks) => {
      this.cells[name] = FIGURES.map(() => element("span", { role: "cell" }));
      return element("div", { role: "row" }, element("span", { role: "rowheader", class: marks }, words), ...this.cells[name]);
    };
    const said = line("said", "naive Bayes", "nl-said");
    toned(said, this.meta.look);
    const head = element("div", { role: "row", class: "nl-heads" }, ...heads.map((words) => cell("columnheader", words)));
    const best = line("best", "best possible", "nl-best");
    return element("div", { role: "table", class: "nl-figures", "aria-label": "Naive Bayes beside the best possible" }, head, said, best);
  }

  // ---- state ----------------------------------------------------------------------------------

  now() {
    const { model, meta, arrays } = this;
    const [copies, correlation, whitening] = ["copies", "correlation", "whitening"].map((name) => model.get(name));
    const [i, j] = [meta.correlations.indexOf(correlation), meta.copies.indexOf(copies)];
    const lossesOf = (way) => meta.copies.map((_, n) => pick(arrays[`figures ${way}`], i, n, 2));
    const ways = ["best", ...meta.ways.map(([way]) => way)];
    return {
      copies,
      correlation,
      whitening,
      j,
      worth: worthOf(copies, correlation),
      said: scoreAt(arrays, whitening, i, j),
      best: scoreAt(arrays, "best", i, j),
      losses: Object.fromEntries(ways.map((way) => [way, lossesOf(way)])),
    };
  }

  /** Drag along the curve of the loss. */
  point(event) {
    const { left, right, top, bottom } = this.boxes.losses;
    const corner = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - corner.left, event.clientY - corner.top];
    if (event.type === "pointerdown") {
      this.held = !event.button && x > left - 20 && y > top - 10 && y < bottom + 20;
      if (!this.held) return;
      this.canvas.setPointerCapture(event.pointerId);
    } else if (!event.buttons || !this.held) return;
    const last = this.meta.copies.length - 1;
    const j = clamp(Math.round(scale([left, right], [0, last])(x)), 0, last);
    this.set("copies", this.meta.copies[j]);
  }

  // ---- picture --------------------------------------------------------------------------------

  layout() {
    const { width } = this;
    const [head, foot, rows] = [this.roomy ? 24 : 34, 40, 200];
    const box = (left, right, top) => ({ left, right, top, bottom: top + rows });
    if (this.roomy) {
      const one = Math.round(0.35 * width);
      const two = Math.round(0.64 * width);
      this.boxes = { points: box(0, one, head), calibration: box(one + 58, two, head), losses: box(two + 58, width - 12, head) };
    } else {
      const step = head + rows + foot;
      const [points, calibration, losses] = [0, 1, 2].map((n) => box(n ? 34 : 0, n ? width - 12 : width, n * step + head));
      this.boxes = { points, calibration, losses };
    }
    this.size = { width, height: this.boxes.losses.bottom + foot };
  }

  draw() {
    const now = this.now();
    const context = prepare(this.canvas, this.size, this.colours);
    const tone = this.tone(this.meta.look);
    this.drawPoints(context, now, tone);
    this.drawCalibration(context, now, tone);
    this.drawLosses(context, now, tone);
    for (const [name, cells] of Object.entries(this.cells)) {
      const { accuracy, confidence, loss, error } = now[name];
      [accuracy.toFixed(3), confidence.toFixed(3), figure(loss), error.toFixed(3)].forEach((words, n) => say(cells[n], words));
    }
    say(this.verdict, this.verdictWords());
    this.canvas.setAttribute("aria-label", this.words());
  }

  /** A plot's head, and what stands below its axis. */
  frame(context, box, x, y, head, foot) {
    const { colours } = this;
    text(context, head, box.left, box.top - 10, colours.ink, 12, "left", "600");
    text(context, foot, (box.left + box.right) / 2, box.bottom + 32, colours.ink, 12, "center");
    return new Plot(context, box, { x, y, colours, font: 11 });
  }

  /** Each point: where its true probability is, and where naive Bayes puts it. */
  drawPoints(context, { said, best }, tone) {
    const { colours } = this;
    const inner = { ...this.boxes.points, left: this.boxes.points.left + 8, right: this.boxes.points.right - 8 };
    const plot = this.frame(context, inner, [0, 1], [said.points.length, 0], "Five test points", "probability of class 1");
    plot.xAxis({ count: 4 });
    said.points.forEach((point, n) => {
      const y = n + 0.72;
      const [from, to] = [best.points[n], point];
      plot.line([[0, y], [1, y]], { tone: colours.grid, width: 1 });
      plot.line([[from[1], y], [to[1], y]], { tone, width: 3, alpha: 0.45 });
      context.fillStyle = colours.ink;
      context.fillRect(plot.x(from[1]) - 1.25, plot.y(y) - 8, 2.5, 16);
      plot.dots([[to[1], y]], { tone, radius: 5.5, ring: true });
      const words = `${chance(from)} → ${chance(to)}`;
      text(context, `point ${n + 1}`, inner.left, plot.y(y) - 13, colours.muted, 11);
      text(context, words, inner.right, plot.y(y) - 13, colours.ink, 11, "right", "600");
    });
  }

  /** What was said against what was found; a dot's area is its share of the points. */
  drawCalibration(context, { said }, tone) {
    const { colours } = this;
    const box = this.boxes.calibration;
    const plot = this.frame(context, box, [-0.05, 1.05], [-0.05, 1.05], "Found: share of class 1", "said: probability of class 1");
    plot.xAxis({ count: 3 });
    plot.yAxis({ count: 3 });
    plot.line([[0, 0], [1, 1]], { width: 1, dash: [3, 2.5], alpha: 0.8 });
    const all = said.bins.reduce((sum, [count]) => sum + count, 0);
    for (const [count, x, y] of said.bins)
      if (count) plot.dots([[x, y]], { tone, radius: 1.5 + 14 * Math.sqrt(count / all), alpha: 0.75 });
  }

  /** The loss by number of copies, on an axis of powers of ten. */
  drawLosses(context, { losses, whitening, j }, tone) {
    const { colours, meta } = this;
    const box = this.boxes.losses;
    const [low, high] = [Math.log10(LEAST), Math.log10(40)];
    const plot = this.frame(context, box, [0, meta.copies.length - 1], [low, high], "Negative log-likelihood (NLL)", "k, copies of feature 1");
    for (const power of [-2, -1, 0, 1]) {
      context.fillStyle = colours.grid;
      context.fillRect(box.left, Math.round(plot.y(power)), box.right - box.left, 1);
      text(context, tickText(10 ** power), box.left - 8, plot.y(power) + 4, colours.muted, 11, "right");
    }
    meta.copies.forEach((k, n) => {
      if (n % 3 === 0) text(context, `${k}`, plot.x(n), box.bottom + 14, colours.muted, 11, "center");
    });
    const places = (way) => losses[way].map((loss, n) => [n, Math.log10(Math.max(loss, LEAST))]);
    plot.inside(() => {
      plot.line(places("best"), { width: 1, dash: BEST });
      for (const [way] of meta.ways) {
        const strong = way === whitening;
        plot.line(places(way), { tone: strong ? tone : colours.muted, width: strong ? 2.2 : 1.1, dash: DASHES[way] });
      }
    }, 3);
    plot.dots([places(whitening)[j]], { tone, radius: 5.5, ring: true });
  }

  // ---- words ----------------------------------------------------------------------------------

  verdictWords() {
    const { copies, correlation, whitening, worth, said } = this.now();
    const same = Math.abs(worth - copies - 1) < 1e-9;
    const counts = {
      none: same ? "which is what naive Bayes counts" : `and naive Bayes counts ${copies + 1}`,
      all: "and naive Bayes counts new features, uncorrelated over all points",
      within: "and naive Bayes counts new features, uncorrelated within the classes",
    }[whitening];
    const many = `Feature 1 and ${copies === 1 ? "its copy" : `its ${copies} copies`}, ${copies + 1} measurements with correlation ${tickText(correlation)}`;
    const first = copies ? `${many}, are worth ${figure(worth)} independent ones, ${counts}.` : "Nothing is copied.";
    return `${first} It says that it is right in ${percent(said.confidence)} of cases, and is right in ${percent(said.accuracy)}.`;
  }

  words() {
    const { whitening, said, best } = this.now();
    const [, way] = this.meta.ways.find(([name]) => name === whitening);
    const points = said.points.map((point, n) => `${chance(best.points[n])} → ${chance(point)}`).join(", ");
    return `Features ${way}. ${this.verdictWords()} Negative log-likelihood ${figure(said.loss)}, best possible ${figure(best.loss)}. Five points, true → said: ${points}.`;
  }

  numbers() {
    const { correlation, whitening } = this.now();
    const i = this.meta.correlations.indexOf(correlation);
    const [, way] = this.meta.ways.find(([name]) => name === whitening);
    const rows = this.meta.copies.map((k, j) => {
      const { accuracy, confidence, loss, error } = scoreAt(this.arrays, whitening, i, j);
      const best = scoreAt(this.arrays, "best", i, j);
      return [`${k}`, figure(worthOf(k, correlation)), accuracy.toFixed(3), confidence.toFixed(3), figure(loss), error.toFixed(3), figure(best.loss)];
    });
    return {
      caption: `Correlation ${tickText(correlation)}, features ${way}`,
      head: ["k", "worth", "is right", "says", "NLL", "calibration error", "best NLL"],
      groups: [{ rows }],
    };
  }

  values() {
    const { copies, correlation, whitening, worth, said, best, losses } = this.now();
    return { copies, correlation, whitening, worth, said, best, losses };
  }
}

export default { render: exhibit(Bench) };
