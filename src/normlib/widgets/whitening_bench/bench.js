// The Whitening Bench: a cloud after a move, and the bowl that gradient descent goes down.

const TRAVEL = 700; // milliseconds from one move to the next

// ---- the map ----------------------------------------------------------------------------------

/** Rows of a (n, 2) array as pairs. */
const pairs = (array) => Array.from({ length: array.shape[0] }, (_, k) => Array.from(pick(array, k)));

/** Points through y = (x - shift) W, with W as pairs. */
function carried(points, { shift, matrix: [[a, b], [c, d]] }) {
  return points.map(([x1, x2]) => [x1 - shift[0], x2 - shift[1]]).map(([x1, x2]) => [x1 * a + x2 * c, x1 * b + x2 * d]);
}

/** A map between two others: while the cloud travels. */
function between(from, to, share) {
  const blend = (one, other) => one.map((value, k) => mix(value, other[k], share));
  return {
    shift: blend(from.shift, to.shift),
    matrix: from.matrix.map((values, i) => blend(values, to.matrix[i])),
    reach: mix(from.reach, to.reach, share),
  };
}

/** The ring of a bowl on which this part of the first loss above the least is left. */
function ringOf(circle, { best, bowl: [[a, b], [c, d]], radius }, part) {
  const size = radius * Math.sqrt(part);
  return circle.map(([u, v]) => [best[0] + size * (u * a + v * c), best[1] + size * (u * b + v * d)]);
}

/** A condition number has two decimals while it is small. */
const ratio = (value) => value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);

// ---- the widget -------------------------------------------------------------------------------

class Bench extends Exhibit {
  constructor(model, el) {
    super(model, el, { look: "nl-whitening", summary: "Numbers after each move" });
  }

  build() {
    const { meta, root } = this;
    const cloud = choices("Cloud", meta.clouds.map((name) => [name, name]));
    const move = choices("Move", meta.moves.map(([name]) => [name, name]));
    const eps = choices("ε", meta.eps.map((value) => [value, tickText(value)]), { shown: true });
    this.walk = slider("step of descent", { min: 0, max: this.arrays.path.shape[3] - 1, step: 1, write: (k) => `${k}` });
    this.canvas = element("canvas", { role: "img" });
    this.facts = ["variance of y₁", "variance of y₂", "covariance", "correlation", "condition number", "steps to a millionth", "loss left at this step"].map((name) => {
      const value = element("dd");
      return { root: element("div", {}, element("dt", {}, name), value), value };
    });
    this.says = element("p", { class: "nl-says" });
    if (meta.clouds.length > 1) root.append(row(cloud));
    root.append(row(move), this.canvas, element("dl", { class: "nl-facts" }, ...this.facts.map((fact) => fact.root)), this.says);
    root.append(row(this.walk, eps));
    const marks = legend(
      ["nl-ray", "where one standard deviation of x₁, of x₂ leads"],
      ["nl-ring", "two standard deviations; 1, ¼ and ¹⁄₁₆ of the first loss above the least"],
    );
    root.append(toned(marks, meta.look));
    for (const [control, name] of [[cloud, "cloud"], [move, "move"], [eps, "eps"], [this.walk, "step"]]) this.tie(control, name);
    this.scope.add(() => cancelAnimationFrame(this.frame));
  }

  // ---- state ----------------------------------------------------------------------------------

  places() {
    const { model, meta } = this;
    const move = meta.moves.findIndex(([name]) => name === model.get("move"));
    return [meta.clouds.indexOf(model.get("cloud")), meta.eps.indexOf(model.get("eps")), move];
  }

  /** The arrays of the cloud shown after a move, by default the one shown. */
  now(move = this.places()[2]) {
    const { arrays, meta } = this;
    const [i, e] = this.places();
    const of = (name) => pick(arrays[name], i, e, move);
    const [name, formula, says, unit] = meta.moves[move];
    return {
      name, formula, says, unit,
      points: pairs(arrays[`points ${i}`]),
      ellipse: pairs(arrays[`ellipse ${i}`]),
      arrows: pairs(arrays[`arrows ${i}`]),
      shift: Array.from(of("shift")),
      matrix: pairs(of("matrix")),
      reach: meta.reach[meta.clouds[i]][unit],
      covariance: Array.from(of("covariance")),
      bowl: pairs(of("bowl")),
      best: Array.from(of("best")),
      radius: Math.sqrt(of("height")),
      condition: of("condition"),
      steps: of("steps"),
      path: pairs(of("path")),
      excess: of("excess"),
    };
  }

  // ---- picture --------------------------------------------------------------------------------

  layout() {
    const [left, foot, head] = [34, 34, 26];
    const gap = this.roomy ? 28 : 0;
    const side = Math.min(this.roomy ? (this.width - gap) / 2 - left : this.width - left, 400);
    const tall = head + side + foot;
    const box = (x, y) => ({ left: x + left, right: x + left + side, top: y + head, bottom: y + head + side });
    this.box = { width: this.width, height: this.roomy ? tall : 2 * tall };
    this.boxes = this.roomy ? [box(0, 0), box(left + side + gap, 0)] : [box(0, 0), box(0, tall)];
  }

  draw() {
    const now = this.now();
    const place = this.places().join();
    if (this.place !== undefined && this.place !== place && !calm()) this.travel(now);
    else if (this.place !== place) this.shown = now;
    this.place = place;
    this.walk.set(this.model.get("step"));
    this.paintAll(now);
    const [v1, covariance, , v2] = now.covariance;
    const told = [exact(v1), exact(v2), exact(covariance), exact(covariance / Math.sqrt(v1 * v2)), ratio(now.condition), `${now.steps}`, exact(now.excess[this.model.get("step")])];
    this.facts.forEach(({ value }, k) => say(value, told[k]));
    say(this.says, this.sentence(now));
    this.canvas.setAttribute("aria-label", this.words());
  }

  /** Let the cloud travel: what a move does is easier seen than said. */
  travel(to) {
    const from = this.shown ?? to;
    const begin = performance.now();
    cancelAnimationFrame(this.frame);
    const next = (time) => {
      const share = clamp((time - begin) / TRAVEL, 0, 1);
      const eased = share * share * (3 - 2 * share);
      this.shown = share < 1 ? between(from, to, eased) : to;
      if (share < 1) this.frame = requestAnimationFrame(next);
      this.paintAll(this.now());
    };
    this.frame = requestAnimationFrame(next);
  }

  paintAll(now) {
    if (!this.width) return;
    const context = prepare(this.canvas, this.box, this.colours);
    this.drawCloud(context, this.boxes[0], now);
    this.drawBowl(context, this.boxes[1], now);
  }

  drawCloud(context, box, now) {
    const map = this.shown;
    const tone = this.tone(this.meta.look);
    const plot = new Plot(context, box, { x: [-map.reach, map.reach], y: [-map.reach, map.reach], colours: this.colours, font: 11 });
    plot.xAxis({ label: "y₁", count: 6 });
    plot.yAxis({ label: `y₂ (${now.unit})`, count: 6 });
    plot.inside(() => {
      const ring = carried(now.ellipse, map);
      plot.dots(carried(now.points, map), { tone, radius: 2.2, alpha: 0.6 });
      plot.line(ring, { tone, width: 1.6 });
      const [middle, ...tips] = carried(now.arrows, map);
      tips.forEach((tip, i) => this.drawArrow(plot, middle, tip, ["x₁", "x₂"][i]));
    });
  }

  /** From the cloud's middle: where a feature points to. */
  drawArrow(plot, from, to, name) {
    const { context, colours } = plot;
    const [[x0, y0], [x1, y1]] = [from, to].map(([x, y]) => [plot.x(x), plot.y(y)]);
    const turn = Math.atan2(y1 - y0, x1 - x0);
    const barb = (side) => [x1 - 8 * Math.cos(turn + side), y1 - 8 * Math.sin(turn + side)];
    Object.assign(context, { strokeStyle: colours.ink, lineWidth: 1.8, lineJoin: "round" });
    context.stroke(way([[x0, y0], [x1, y1]]));
    context.stroke(way([barb(0.45), [x1, y1], barb(-0.45)]));
    const [x, y] = [x1 + 12 * Math.cos(turn), y1 + 12 * Math.sin(turn) + 4];
    context.save();
    Object.assign(context, { strokeStyle: colours.card, lineWidth: 3, lineJoin: "round", textAlign: "center" });
    context.font = `600 12px ${context.family}`;
    context.strokeText(name, x, y);
    context.restore();
    context.set = null;
    text(context, name, x, y, colours.ink, 12, "center", "600");
  }

  drawBowl(context, box, now) {
    const { meta, arrays, colours } = this;
    const tone = this.tone(meta.look);
    const wide = 1.35 * Math.max(...now.best.map(Math.abs));
    const [x, y] = now.best.map((centre) => [centre - wide, centre + wide]);
    const plot = new Plot(context, box, { x, y, colours, font: 11 });
    plot.xAxis({ label: "θ₁", count: 5 });
    plot.yAxis({ label: "θ₂, the model's second weight", count: 5 });
    plot.inside(() => {
      for (const part of meta.rings)
        plot.line(ringOf(pairs(arrays.circle), now, part), { tone, width: 1.3 });
      plot.line(now.path, { width: 1.1, alpha: 0.8 });
      plot.dots(now.path, { radius: 1.8 });
      plot.dots([now.path[this.model.get("step")]], { radius: 5, ring: true });
      plot.line(cross(plot, now.best, -1), { width: 1.6 });
      plot.line(cross(plot, now.best, 1), { width: 1.6 });
    });
  }

  // ---- words ----------------------------------------------------------------------------------

  sentence(now) {
    const eps = this.model.get("eps");
    const small = eps > 0 && this.meta.scaled.includes(now.name);
    const why = small ? ` With ε = ${tickText(eps)} a variance v becomes v/(v + ε): what was small stays small.` : "";
    const steps = now.steps === 1 ? "one step is enough" : `${now.steps} steps to a millionth of the loss`;
    return `${now.formula}. ${now.says}${why} Condition number ${ratio(now.condition)}: ${steps}.`;
  }

  words() {
    const { model } = this;
    const now = this.now();
    return `${model.get("cloud")}, ${now.name}, ε = ${tickText(model.get("eps"))}. ${this.sentence(now)} At step ${model.get("step")} ${exact(now.excess[model.get("step")])} of the loss is left.`;
  }

  numbers() {
    const rows = this.meta.moves.map(([name], move) => {
      const { covariance: [v1, covariance, , v2], condition, steps } = this.now(move);
      return [name, exact(v1), exact(v2), exact(covariance), ratio(condition), `${steps}`];
    });
    return {
      caption: `Cloud: ${this.model.get("cloud")}, ε = ${tickText(this.model.get("eps"))}`,
      head: ["after", "variance of y₁", "variance of y₂", "covariance", "condition number", "steps to a millionth"],
      groups: [{ rows }],
    };
  }

  values() {
    const now = this.now();
    const step = this.model.get("step");
    return {
      cloud: this.model.get("cloud"),
      move: now.name,
      eps: this.model.get("eps"),
      points: carried(now.points, now),
      ellipse: carried(now.ellipse, now),
      arrows: carried(now.arrows, now),
      rings: this.meta.rings.map((part) => ringOf(pairs(this.arrays.circle), now, part)),
      covariance: now.covariance,
      condition: now.condition,
      steps: now.steps,
      best: now.best,
      theta: now.path[step],
      excess: now.excess[step],
    };
  }
}

/** One stroke of a small cross, in values. */
function cross(plot, [x, y], slant) {
  const unit = 5 / (plot.x(1) - plot.x(0));
  return [[x - unit, y - slant * unit], [x + unit, y + slant * unit]];
}

export default { render: exhibit(Bench) };
