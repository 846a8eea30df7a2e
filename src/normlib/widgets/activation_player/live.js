// What a running kernel sends: frames of a run under way, its end, and signs of life.

const SILENCE = 10000; // milliseconds without a word while a run streams

class Live {
  constructor(player) {
    Object.assign(this, { player, followed: null, streaming: false, asked: false, heard: 0 });
  }

  listen() {
    const { scope, model } = this.player;
    scope.follow(model, "msg:custom", (message, buffers) => this.hear(message, buffers));
    scope.follow(model, "comm_live_update", () => model.comm_live === false && this.lose());
    scope.every(1000, () => this.watch());
  }

  /** The reader has taken the playhead: it no longer follows the newest frame. */
  release() {
    this.followed = null;
  }

  hear(message, buffers) {
    const { player } = this;
    this.heard = performance.now();
    this.asked = false;
    if (message.type === "pong") return;
    this.status("");
    this.streaming = message.type === "start" || message.type === "frame";
    if (message.type === "start") player.later(() => this.begin(message));
    if (message.type === "frame") player.later(() => this.grow(message, buffers[0]));
    if (message.type === "cancel") player.later(() => player.renew());
  }

  run(key) {
    return this.player.film.runs.find((run) => run.key === key);
  }

  /** The axis of steps: as long as the longest run is, or will be. */
  measure(total) {
    const { film } = this.player;
    film.total = Math.max(total ?? 0, ...film.runs.map((run) => run.length));
  }

  begin({ run: key, total }) {
    this.player.head.pause();
    this.followed = key;
    const nothing = { steps: [], loss: new Float32Array(), curve: new Float32Array() };
    Object.assign(this.run(key), nothing, { diverged: null, length: 0 });
    this.measure(total);
    this.player.redraw();
  }

  /** Add a frame that has just been recorded. */
  async grow({ run: key, total, meta }, data) {
    const { player } = this;
    const known = { ...this.run(key), ...meta.runs[key] };
    const [fresh] = (await readFilm({ ...meta, runs: { [key]: known } }, data)).runs;
    if (player.scope.closed) return;
    const { film } = player;
    const run = this.run(key);
    append(run, fresh);
    this.measure(total);
    film.frames = [...new Set(film.runs.flatMap(({ steps }) => steps))].sort((a, b) => a - b);
    if (this.followed === key && run.steps.length) player.head.place = film.frames.indexOf(run.steps.at(-1));
    player.head.place = clamp(player.head.place, 0, player.head.last);
    if (meta.layers.length > film.layers.length) {
      film.layers = meta.layers; // deeper than all runs were: more rows
      player.measure();
    }
    player.redraw();
    player.tell({ aloud: false });
  }

  /** While a run streams, a silent kernel is asked once whether it is there. */
  watch() {
    if (!this.streaming) return;
    const silent = performance.now() - this.heard;
    if (silent > SILENCE / 2 && !this.asked) this.ask();
    if (silent > SILENCE) this.lose();
  }

  ask() {
    this.asked = true;
    try {
      this.player.model.send({ type: "ping" });
    } catch {
      this.lose(); // the channel is closed
    }
  }

  lose() {
    this.streaming = false;
    this.status("No answer from the kernel: this is the last frame that it sent.");
  }

  status(words) {
    const { status } = this.player.parts;
    say(status, words);
    status.hidden = !words;
  }
}
