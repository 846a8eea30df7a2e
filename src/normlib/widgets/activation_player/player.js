// The Activation Player: reads the runs, moves the playhead, draws and says what is under it.

const PLAYING = 6000; // milliseconds for a whole run

class Player extends Exhibit {
  constructor(model, el) {
    super(model, el, { look: "nl-player", summary: "Numbers at this step" });
    this.live = new Live(this);
  }

  async read() {
    this.film = await readFilm(this.model.get("meta"), this.model.get("data"));
  }

  build() {
    const { scope, model, root } = this;
    this.parts = buildParts();
    root.append(...this.parts.all);
    this.fillIn();
    const { parts } = this;
    this.head = new Playhead(scope, root, {
      play: parts.play,
      track: parts.track,
      length: PLAYING,
      last: () => this.film.frames.length - 1,
      frameAt: (x) => this.frameAt(x),
      moved: () => this.show(),
      rested: (quiet) => this.settle(quiet),
      taken: () => this.live.release(),
    });
    this.head.place = clamp(model.get("frame"), 0, this.head.last);
    scope.listen(parts.units.root, "change", () => this.show());
    scope.listen(parts.history.root, "change", () => this.measure());
    scope.follow(model, "change:frame", () => this.goTo(model.get("frame"), { quiet: true }));
    scope.follow(model, "change:signal", () => this.choose(model.get("signal")));
    scope.follow(model, "change:data", () => this.later(() => this.renew()));
    this.live.listen();
  }

  /** Make what depends on the data. */
  fillIn() {
    const { film, parts } = this;
    parts.runs.replaceChildren();
    this.cells = film.runs.map((run) => buildCell(parts.runs, run));
    this.signals = choices("Signal", film.signals);
    this.signals.root.addEventListener("change", () => this.choose(this.signals.get()));
    this.signals.set((this.signal ??= this.model.get("signal")));
    parts.signals.replaceChildren(this.signals.root);
    keepKeys(this.root);
  }

  // ---- moving ---------------------------------------------------------------------------------

  /** The recorded frame whose numbers are shown. */
  get frame() {
    return this.head.frame;
  }

  goTo(frame, options) {
    this.head.goTo(frame, options);
  }

  /** Once the playhead rests: tell the kernel and the reader where. */
  settle(quiet) {
    this.tell();
    if (!quiet) this.set("frame", this.frame);
  }

  /** The recorded frame nearest to a place on the loss axis. */
  frameAt(x) {
    const { left } = this.parts.loss.getBoundingClientRect();
    const step = scale([this.lossBox.left, this.lossBox.right], [0, this.film.total])(x - left);
    const { frames } = this.film;
    const i = clamp(latest(frames, step), 0, this.head.last);
    return i < this.head.last && frames[i + 1] - step < step - frames[i] ? i + 1 : i;
  }

  choose(signal) {
    if (!this.signals.has(signal)) return;
    this.signal = signal;
    this.signals.set(signal);
    this.redraw();
    this.tell();
    this.set("signal", signal);
  }

  // ---- drawing --------------------------------------------------------------------------------

  layout() {
    const { root, parts, roomy } = this;
    this.box = ridgeBox(this.width, this.film, { history: parts.history.get(), roomy });
    this.lossBox = lossBox(this.width, this.box.gutter);
    const { lines, columns, gutter, cell, gap } = this.box;
    parts.runs.style.gridTemplateColumns = `${gutter + cell}px repeat(${columns - 1}, ${cell}px)`;
    parts.runs.style.columnGap = `${gap}px`;
    parts.runs.dataset.lines = lines > 1 ? "many" : "one";
    root.dataset.strips = this.box.side ? "yes" : "no";
    root.dataset.tight = cell < 96 ? "yes" : "no";
    parts.runs.dataset.heads = cell < 225 ? "stacked" : "inline";
    this.cells.forEach((cellParts, k) => {
      cellParts.root.style.setProperty("--nl-gutter", k % columns ? "0px" : `${gutter}px`);
    });
  }

  /** Draw the frame; what stays is drawn again only when it is old. */
  draw(still) {
    const { film, root } = this;
    if (still) {
      this.swing = swing(film, this.signal);
      this.lines = numberLines(film, this.signal);
    }
    const place = this.head.drawn;
    film.runs.forEach((run, k) => this.drawCell(run, this.cells[k], k, place, still));
    this.drawTime(place, still);
    root.dataset.step = film.frames[this.frame];
    root.dataset.signal = this.signal;
  }

  drawTime(place, still) {
    const { film, parts, lossBox: box, colours } = this;
    const { total } = film;
    if (still) {
      const runs = film.runs.map((run) => ({ ...run, tone: this.tone(run) }));
      drawLoss(prepare(parts.loss, box, colours), box, { runs, total, highest: highest(film.runs), colours });
    }
    const { step } = between(film.runs[0], film.frames, place);
    const words = `step ${film.frames[this.frame]} of ${total}`;
    drawPlayhead(prepare(parts.playhead, box, colours), box, { total, step, words, colour: colours });
  }

  drawCell(run, cell, k, place, still) {
    const { film, signal, colours } = this;
    const found = run.signals[signal];
    const at = between(run, film.frames, place);
    const absent = !found || at.i < 0;
    const words = run.meaning[signal] ?? "";
    say(cell.meaning, found ? words : "");
    say(cell.absent, found ? "waiting for the first frame" : words);
    say(cell.loss, lossWords(run, film.frames[this.frame]));
    cell.absent.hidden = !absent;
    const box = shift({ ...this.box, gutter: k % this.box.columns ? 0 : this.box.gutter });
    const view = absent || this.view(run, at);
    if (still) {
      const context = prepare(cell.still, box, colours);
      drawNames(context, box, box.roomy ? film.layers : film.layers.map(shorter), colours);
      if (!absent) drawStill(context, box, view);
      cell.moving.setAttribute("aria-label", `${run.label}: distributions of ${signal} by layer`);
    }
    const context = prepare(cell.moving, box, colours);
    if (!absent) drawMoving(context, box, view);
  }

  /** What the drawing of one run needs to know. */
  view(run, at) {
    const { film, signal } = this;
    return {
      run,
      at,
      signal: run.signals[signal],
      symbol: film.signals.find(([name]) => name === signal)[1],
      shown: between(run, film.frames, this.frame),
      coding: film.coding,
      range: film.ranges[signal],
      swing: this.swing,
      lines: this.lines,
      total: film.total,
      units: this.parts.units.get(),
      colour: { ...this.colours, tone: this.tone(run) },
    };
  }

  // ---- words ----------------------------------------------------------------------------------

  words() {
    const { film, frame } = this;
    const step = film.frames[frame];
    const losses = film.runs.map((run) => `${run.label} ${lossWords(run, step).replace("loss ", "")}`).join(", ");
    return `step ${step} of ${film.total}; loss ${losses}`;
  }

  /** Put the numbers of the frame into the slider and, unless all is moving, the live region. */
  tell({ aloud = true } = {}) {
    const { film, parts, frame } = this;
    this.head.tell(this.words(), { low: film.frames[0], high: film.frames[this.head.last], now: film.frames[frame] });
    // The slider speaks for itself while it has the focus.
    if (aloud && document.activeElement !== parts.track) super.tell();
  }

  numbers() {
    return tabled(this.values(), this.film);
  }

  /** The numbers of the frame shown, as they are drawn: for the table, and for tests. */
  values() {
    const { film, signal, frame } = this;
    const runs = film.runs.map((run) => {
      const found = run.signals[signal];
      const at = between(run, film.frames, frame);
      return [run.key, { label: run.label, ...(found && at.i >= 0 ? numbers(run, found, at.i, film.coding) : {}) }];
    });
    return { step: film.frames[frame], signal, runs: Object.fromEntries(runs) };
  }

  // ---- new data -------------------------------------------------------------------------------

  /** Read the state anew, and stay where the reader was. */
  async renew() {
    const atEnd = this.live.followed !== null || this.head.place >= this.head.last;
    this.live.release();
    await this.read();
    if (this.scope.closed) return;
    this.head.place = atEnd ? this.head.last : Math.min(this.head.place, this.head.last);
    this.fillIn();
    this.measure();
    this.tell();
  }
}

export default { render: exhibit(Player) };
