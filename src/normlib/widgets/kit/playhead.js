// ---- playhead -------------------------------------------------------------------------------

const STRIDE = 10; // frames that a big step jumps

/** A round button that plays and pauses; the root's data-playing turns its sign. */
const playButton = () => element("button", { class: "nl-play", type: "button", "aria-label": "Play", title: "Play" });

/** The line that a playhead moves along: focus it and use keys, or drag. */
const playTrack = (label, ...canvases) =>
  element("div", { class: "nl-scrub nl-layers", role: "slider", tabindex: "0", "aria-label": label }, ...canvases);

/**
 * A place among frames 0 … last, moved by time, by keys and by dragging. The widget tells how:
 * `last()`, `frameAt(clientX)`, `moved()` while the place changes, `rested(quiet)` once it stays,
 * `taken()` when the reader takes hold of it; `length` is how long all frames take, in ms.
 */
class Playhead {
  constructor(scope, root, { play, track, length, last, frameAt, moved, rested = () => {}, taken = () => {} }) {
    Object.assign(this, { scope, root, button: play, track, length, getLast: last, frameAt, moved, rested, taken });
    Object.assign(this, { place: 0, playing: 0 });
    scope.listen(play, "click", () => this.toggle());
    scope.listen(track, "keydown", (event) => this.#key(event));
    for (const type of ["pointerdown", "pointermove"]) scope.listen(track, type, (event) => this.#drag(event));
    scope.add(() => cancelAnimationFrame(this.playing));
  }

  get last() {
    return this.getLast();
  }

  /** The whole frame whose numbers are shown; between two frames it is the nearer one. */
  get frame() {
    return Math.round(this.place);
  }

  /** Where to draw. Readers who want less motion get one whole frame after the other. */
  get drawn() {
    return this.playing && calm() ? this.frame : this.place;
  }

  goTo(frame, { quiet = false } = {}) {
    this.pause();
    this.place = clamp(Math.round(frame), 0, this.last);
    this.moved();
    this.rested(quiet);
  }

  toggle() {
    if (this.playing) this.goTo(this.frame);
    else this.play();
  }

  play() {
    if (this.place >= this.last) this.place = 0;
    this.taken();
    this.root.dataset.playing = "";
    this.#name("Pause");
    let before = performance.now();
    const step = (now) => {
      this.place = Math.min(this.place + ((now - before) / this.length) * this.last, this.last);
      before = now;
      this.moved();
      if (this.place >= this.last) this.goTo(this.last);
      else this.playing = requestAnimationFrame(step);
    };
    this.playing = requestAnimationFrame(step);
  }

  pause() {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    delete this.root.dataset.playing;
    this.#name("Play");
  }

  /** Put numbers and words into the slider. */
  tell(words, { low, high, now }) {
    const values = { valuemin: low, valuemax: high, valuenow: now, valuetext: words };
    for (const [name, value] of Object.entries(values)) this.track.setAttribute(`aria-${name}`, value);
  }

  #name(name) {
    this.button.setAttribute("aria-label", name);
    this.button.title = name;
  }

  #key(event) {
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
    this.taken();
    event.preventDefault();
    event.stopPropagation();
  }

  #drag(event) {
    if (event.type === "pointerdown") {
      if (event.button) return;
      this.track.setPointerCapture(event.pointerId);
      this.taken();
    } else if (!event.buttons) return;
    this.goTo(this.frameAt(event.clientX));
  }
}
