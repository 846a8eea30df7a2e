// The Activation Player: reads the runs, moves the playhead, draws and says what is under it.

const PLAYING = 6000; // milliseconds for a whole run
const STRIDE = 10; // frames that a big step jumps

async function render({ model, el }) {
  const scope = new Scope();
  const player = new Player(model, el, scope);
  await player.load();
  return () => scope.close();
}

class Player {
  constructor(model, el, scope) {
    Object.assign(this, { model, el, scope, place: 0, film: null, playing: 0, stale: true });
    this.parts = buildParts();
    this.queue = Promise.resolve();
    this.live = new Live(this);
    el.replaceChildren(this.parts.root);
    el.__player = {
      values: () => this.values(),
      goTo: (frame) => this.goTo(frame),
      choose: (signal) => this.choose(signal),
    };
    this.scope.add(() => {
      cancelAnimationFrame(this.playing);
      this.scope.closed = true;
      delete el.__player;
      el.replaceChildren();
    });
  }

  /** Read the data, build what depends on them, and begin to listen. */
  async load() {
    await this.read();
    if (this.scope.closed) return;
    this.place = clamp(this.model.get("frame"), 0, this.film.frames.length - 1);
    this.signal = this.model.get("signal");
    this.build();
    this.listen();
    followTheme(this.scope, this.parts.root, () => this.redraw());
    // A page's own font may arrive after the first drawing; text in a canvas does not change alone.
    this.scope.listen(document.fonts, "loadingdone", () => this.redraw());
    const observer = new ResizeObserver(() => this.layout());
    observer.observe(this.parts.root);
    this.scope.add(() => observer.disconnect());
    this.layout();
    this.settle();
  }

  async read() {
    this.film = await readFilm(this.model.get("meta"), this.model.get("data"));
  }

  build() {
    const { film, parts } = this;
    parts.root.setAttribute("aria-label", film.title);
    parts.runs.replaceChildren();
    this.cells = film.runs.map((run) => buildCell(parts.runs, run));
    this.radios = buildSignals(parts.signals, film.signals, this.signal);
    keepKeys(parts.root);
  }

  listen() {
    const { scope, parts, model } = this;
    scope.listen(parts.play, "click", () => this.toggle());
    scope.listen(parts.signals, "change", (event) => this.choose(event.target.value));
    scope.listen(parts.units, "change", () => this.draw());
    scope.listen(parts.history, "change", () => this.layout());
    scope.listen(parts.table, "toggle", () => parts.table.open && this.fill());
    scope.listen(parts.slider, "keydown", (event) => this.key(event));
    for (const type of ["pointerdown", "pointermove"]) scope.listen(parts.slider, type, (event) => this.drag(event));
    scope.follow(model, "change:frame", () => this.goTo(model.get("frame"), { quiet: true }));
    scope.follow(model, "change:signal", () => this.choose(model.get("signal")));
    scope.follow(model, "change:data", () => this.later(() => this.renew()));
    this.live.listen();
  }

  // ---- moving ---------------------------------------------------------------------------------

  get last() {
    return this.film.frames.length - 1;
  }

  /** The recorded frame whose numbers are shown; between two frames it is the nearer one. */
  get frame() {
    return Math.round(this.place);
  }

  goTo(frame, { quiet = false } = {}) {
    this.pause();
    this.place = clamp(Math.round(frame), 0, this.last);
    this.draw();
    this.settle(quiet);
  }

  /** Once the playhead rests: tell the kernel and the reader where. */
  settle(quiet = false) {
    this.tell();
    if (quiet || this.model.get("frame") === this.frame) return;
    this.model.set("frame", this.frame);
    this.model.save_changes();
  }

  toggle() {
    if (this.playing) this.goTo(this.frame);
    else this.play();
  }

  play() {
    if (this.place >= this.last) this.place = 0;
    this.live.release();
    this.parts.root.dataset.playing = "";
    this.nameButton("Pause");
    let before = performance.now();
    const step = (now) => {
      this.place = Math.min(this.place + ((now - before) / PLAYING) * this.last, this.last);
      before = now;
      this.draw();
      if (this.place >= this.last) this.goTo(this.last);
      else this.playing = requestAnimationFrame(step);
    };
    this.playing = requestAnimationFrame(step);
  }

  pause() {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    delete this.parts.root.dataset.playing;
    this.nameButton("Play");
  }

  nameButton(name) {
    this.parts.play.setAttribute("aria-label", name);
    this.parts.play.title = name;
  }

  key(event) {
    const big = event.shiftKey ? STRIDE : 1;
    const moves = {
      ArrowRight: big,
      ArrowUp: big,
      ArrowLeft: -big,
      ArrowDown: -big,
      PageUp: STRIDE,
      PageDown: -STRIDE,
      Home: -Infinity,
      End: Infinity,
    };
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === " ") this.toggle();
    else if (event.key in moves) this.goTo(this.frame + moves[event.key]);
    else return;
    this.live.release();
    event.preventDefault();
    event.stopPropagation();
  }

  drag(event) {
    if (event.type === "pointerdown") {
      if (event.button) return;
      this.parts.slider.setPointerCapture(event.pointerId);
      this.live.release();
    } else if (!event.buttons) return;
    const { left } = this.parts.loss.getBoundingClientRect();
    const step = scale([this.lossBox.left, this.lossBox.right], [0, this.film.total])(event.clientX - left);
    const { frames } = this.film;
    const i = clamp(latest(frames, step), 0, this.last);
    const nearer = i < this.last && frames[i + 1] - step < step - frames[i] ? i + 1 : i;
    this.goTo(nearer);
  }

  choose(signal) {
    if (!this.radios[signal]) return;
    this.signal = signal;
    this.radios[signal].checked = true;
    this.redraw();
    this.tell();
    if (this.model.get("signal") === signal) return;
    this.model.set("signal", signal);
    this.model.save_changes();
  }

  // ---- drawing --------------------------------------------------------------------------------

  layout() {
    const width = this.parts.root.clientWidth - 2 * parseFloat(getComputedStyle(this.parts.root).paddingLeft);
    if (width <= 0 || !this.film) return;
    this.box = ridgeBox(width, this.film, this.parts.history.checked);
    this.lossBox = lossBox(width, this.box.gutter);
    const { lines, columns, gutter, cell, gap } = this.box;
    this.parts.root.dataset.size = this.box.roomy ? "roomy" : "compact";
    this.parts.runs.style.gridTemplateColumns = `${gutter + cell}px repeat(${columns - 1}, ${cell}px)`;
    this.parts.runs.style.columnGap = `${gap}px`;
    this.parts.runs.dataset.lines = lines > 1 ? "many" : "one";
    this.parts.root.dataset.strips = this.box.side ? "yes" : "no";
    this.parts.root.dataset.tight = cell < 96 ? "yes" : "no";
    this.parts.runs.dataset.heads = cell < 225 ? "stacked" : "inline";
    this.cells.forEach((cellParts, k) => {
      cellParts.root.style.setProperty("--nl-gutter", k % columns ? "0px" : `${gutter}px`);
    });
    this.redraw();
  }

  /** Draw the frame; what stays is drawn again only when it is old. */
  draw() {
    if (!this.box || this.scope.closed) return;
    const { film, parts } = this;
    const still = this.stale;
    this.stale = false;
    if (still) {
      this.colours = paint(parts);
      this.swing = swing(film, this.signal);
      this.lines = numberLines(film, this.signal);
    }
    // Readers who want less motion get one recorded frame after the other.
    const place = this.playing && calm() ? this.frame : this.place;
    film.runs.forEach((run, k) => this.drawCell(run, this.cells[k], k, place, still));
    this.drawTime(place, still);
    const step = film.frames[this.frame];
    if (parts.table.open && (still || Number(parts.root.dataset.step) !== step)) this.fill();
    parts.root.dataset.step = step;
    parts.root.dataset.signal = this.signal;
  }

  /** After a change of size, theme, signal or data, all of the picture is old. */
  redraw() {
    this.stale = true;
    this.draw();
  }

  tone(run) {
    return this.parts.root.dataset.nlTheme === "dark" ? run.dark : run.light;
  }

  drawTime(place, still) {
    const { film, parts, lossBox: box, colours: colour } = this;
    const { total } = film;
    if (still) {
      const runs = film.runs.map((run) => ({ ...run, tone: this.tone(run) }));
      drawLoss(prepare(parts.loss, box, colour), box, { runs, total, highest: highest(film.runs), colour });
    }
    const { step } = between(film.runs[0], film.frames, place);
    const words = `step ${film.frames[this.frame]} of ${total}`;
    drawPlayhead(prepare(parts.playhead, box, colour), box, { total, step, words, colour });
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
      units: this.parts.units.checked,
      colour: { ...this.colours, tone: this.tone(run) },
    };
  }

  // ---- words ----------------------------------------------------------------------------------

  /** Put the numbers of the frame into the slider and, unless all is moving, the live region. */
  tell({ aloud = true } = {}) {
    const { film, parts, frame } = this;
    const step = film.frames[frame];
    const losses = film.runs.map((run) => `${run.label} ${lossWords(run, step).replace("loss ", "")}`).join(", ");
    const words = `step ${step} of ${film.total}; loss ${losses}`;
    parts.slider.setAttribute("aria-valuemin", film.frames[0]);
    parts.slider.setAttribute("aria-valuemax", film.frames[this.last]);
    parts.slider.setAttribute("aria-valuenow", step);
    parts.slider.setAttribute("aria-valuetext", words);
    // The slider speaks for itself while it has the focus.
    if (aloud && document.activeElement !== parts.slider) say(parts.spoken, words);
  }

  fill() {
    fillTable(this.parts.table, this.values(), this.film);
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

  /** Do one thing after another: reading is asynchronous, and what arrives must keep its order. */
  later(task) {
    this.queue = this.queue.then(() => !this.scope.closed && task()).catch((error) => console.error(error));
  }

  /** Read the state anew, and stay where the reader was. */
  async renew() {
    const atEnd = this.live.followed !== null || this.place >= this.last;
    this.live.release();
    await this.read();
    if (this.scope.closed) return;
    this.place = atEnd ? this.last : Math.min(this.place, this.last);
    this.build();
    this.layout();
    this.tell();
  }
}

export default { render };
