// ---- exhibit --------------------------------------------------------------------------------

const ROOMY = 660; // CSS pixels from which a widget has room for words beside its picture
const PAUSE = 400; // milliseconds of rest before the live region speaks

/**
 * What every widget is: it reads its state, builds its elements, draws, says what it shows, and can
 * be ended. A widget extends it and says how:
 *
 *   build()    append elements to this.root, tie controls to traits
 *   layout()   sizes, after this.width (inside) or this.roomy has changed
 *   draw(still)  the picture; `still` is false when only the playhead has moved
 *   values()   the numbers drawn, for tests
 *   words()    the same in a sentence, for the live region
 *   numbers()  the same as a table: {caption, head, groups}, see fillTable
 */
class Exhibit {
  constructor(model, el, { look, summary }) {
    Object.assign(this, { model, el, scope: new Scope(), stale: true, width: 0, queue: Promise.resolve() });
    this.root = element("div", { class: `nl-widget ${look}`, role: "group" });
    this.table = foldedTable(summary);
    this.spoken = element("p", { class: "nl-unseen", "aria-live": "polite" });
  }

  async start() {
    const { scope, root, el } = this;
    el.replaceChildren(root);
    el.__widget = this;
    scope.add(() => {
      clearTimeout(this.waiting);
      delete el.__widget;
      el.replaceChildren();
    });
    await this.read();
    if (scope.closed) return;
    this.build();
    root.append(this.table, this.spoken);
    root.setAttribute("aria-label", this.model.get("meta").title);
    keepKeys(root);
    scope.listen(this.table, "toggle", () => this.fill());
    followTheme(scope, root, () => this.redraw());
    // A page's own font may arrive after the first drawing; text in a canvas does not change alone.
    scope.listen(document.fonts, "loadingdone", () => this.redraw());
    const observer = new ResizeObserver(() => this.measure());
    observer.observe(root);
    scope.add(() => observer.disconnect());
    this.measure();
    say(this.spoken, this.words());
    this.tell();
  }

  /** Unpack what Python has packed. */
  async read() {
    this.meta = this.model.get("meta");
    this.arrays = await readArrays(this.meta.arrays, this.model.get("data"));
  }

  // ---- state ----------------------------------------------------------------------------------

  /** Set a trait, here and in the kernel. */
  set(name, value) {
    if (this.model.get(name) === value) return;
    this.model.set(name, value);
    this.model.save_changes();
  }

  /** Tie a control to a trait: the reader moves the one, the kernel or a link the other. */
  tie(control, name) {
    const { model, scope } = this;
    control.set(model.get(name));
    scope.listen(control.root, "input", () => {
      if (model.get(name) !== control.get()) model.set(name, control.get());
    });
    scope.listen(control.root, "change", () => model.save_changes()); // once it has been let go
    scope.follow(model, `change:${name}`, () => {
      control.set(model.get(name));
      this.show();
      this.tell();
    });
    return control;
  }

  /** Do one thing after another: reading is asynchronous, and what arrives must keep its order. */
  later(task) {
    this.queue = this.queue.then(() => !this.scope.closed && task()).catch((error) => console.error(error));
  }

  // ---- picture --------------------------------------------------------------------------------

  measure() {
    const { root } = this;
    this.roomy = root.clientWidth >= ROOMY;
    root.dataset.size = this.roomy ? "roomy" : "compact"; // before the padding is read, which it decides
    this.width = Math.max(root.clientWidth - 2 * parseFloat(getComputedStyle(root).paddingLeft), 0);
    if (!this.width) return;
    this.layout();
    this.redraw();
  }

  /** After a change of size, theme or data all of the picture is old. */
  redraw() {
    this.stale = true;
    this.show();
  }

  show() {
    if (!this.width || this.scope.closed) return;
    const still = this.stale;
    if (still) this.colours = this.paint();
    this.stale = false;
    this.draw(still);
    this.fill();
  }

  /** The page's colours as the browser has worked them out: a canvas knows no variables. */
  paint() {
    const { color: ink, borderTopColor: grid, backgroundColor: card, fontFamily: family } = getComputedStyle(this.root);
    return { ink, grid, card, family, muted: getComputedStyle(this.spoken).color };
  }

  get dark() {
    return this.root.dataset.nlTheme === "dark";
  }

  /** The colour of a look from Python in the theme of the page. */
  tone(look) {
    return this.dark ? look.dark : look.light;
  }

  // ---- words ----------------------------------------------------------------------------------

  /** Let the live region speak, once nothing has changed for a moment. */
  tell() {
    clearTimeout(this.waiting);
    const words = this.words();
    this.waiting = setTimeout(() => say(this.spoken, words), PAUSE);
  }

  /** Keep an open table true. */
  fill() {
    if (!this.table.open) return;
    const numbers = this.numbers();
    const told = JSON.stringify(numbers);
    if (told === this.told) return;
    this.told = told;
    fillTable(this.table, numbers);
  }
}

/** The `render` of an anywidget module whose default export is { render: exhibit(MyWidget) }. */
const exhibit =
  (Kind) =>
  async ({ model, el }) => {
    const shown = new Kind(model, el);
    await shown.start();
    return () => shown.scope.close();
  };
