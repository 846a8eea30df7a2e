// The Activation Player's elements: where they stand, and the words in them.

// ---- layout -----------------------------------------------------------------------------------

/** Where everything goes in one run's canvas, for a container of this width. */
function ridgeBox(width, { runs, layers }, { history = false, roomy = width >= 620 } = {}) {
  const longest = Math.max(...layers.map((name) => shorter(name).length));
  const gutter = roomy ? 54 : clamp(10 + 6 * longest, 18, 54); // as wide as the layers' names
  const gap = roomy ? 22 : 10;
  const narrowest = roomy ? 160 : 70;
  const fit = clamp(Math.floor((width - gutter + gap) / (narrowest + gap)), 1, runs.length);
  const lines = Math.ceil(runs.length / fit);
  const columns = Math.ceil(runs.length / lines);
  const cell = Math.floor((width - gutter - gap * (columns - 1)) / columns);
  const row = clamp((lines > 1 ? 304 : 336) / layers.length, 38, 60);
  // Numbers and the strip stand beside the ridges; in the narrowest columns the number stands above
  // them, and the strip only where the reader asks for it.
  const side = cell < 96 && !history ? 0 : clamp(0.3 * cell, 34, 96);
  const foot = 14; // under a baseline: the bar, and the means of single units
  const top = Math.ceil(0.75 * (row - foot)); // the tallest outline of the first layer stays inside
  const bottom = top + layers.length * row;
  const font = roomy ? 12 : 11;
  const sizes = { roomy, lines, columns, cell, gap, gutter, row, side, font };
  return { ...sizes, top, bottom, foot, height: bottom + 20 };
}

/** Turn a cell's widths into places: [left … ridge] for the outlines, [strip … right] beside them. */
function shift(box) {
  const right = box.gutter + box.cell;
  Object.assign(box, { width: right, left: box.gutter, right, ridge: right - box.side - (box.side && 10), strip: right - box.side });
  return box;
}

function lossBox(width, gutter) {
  const left = Math.max(gutter, 36);
  return { width, height: 100, left, right: width - 26, top: 26, bottom: 94, handle: 11, font: 12 };
}

/** The range of the strips: as far as mean ± std goes in any run, but no further than the axis. */
function swing({ runs, ranges }, name) {
  let [low, high] = [0, 0];
  for (const { signals } of runs) {
    const signal = signals[name];
    signal?.mean.forEach((mean, k) => {
      if (Number.isNaN(mean)) return; // a layer that does not show the signal
      low = Math.min(low, mean - signal.std[k]);
      high = Math.max(high, mean + signal.std[k]);
    });
  }
  return [Math.max(low, ranges[name][0]), Math.min(high, ranges[name][1])];
}

/** The top of the loss axis: where the runs begin, with room; a run that explodes may leave it. */
function highest(runs) {
  const firsts = runs.map(({ curve }) => curve[1]).filter(Number.isFinite);
  return 1.15 * (firsts.length ? Math.max(...firsts.map((loss) => Math.min(loss, 6))) : 1);
}

/** "layer 3" as "3", where there is little room. */
const shorter = (name) => name.replace(/^layer /, "");

function lossWords(run, step) {
  if (run.diverged !== null && step >= run.diverged) return `diverged at step ${run.diverged}`;
  const row = latest(run.steps, step);
  return row < 0 ? "no frame yet" : `loss ${figure(run.loss[row])}`;
}

/** All layers' numbers at one recorded frame. */
function numbers(run, signal, row, coding) {
  const { layers, points } = signal;
  const part = (name) => Array.from(signal[name].subarray(row * layers, (row + 1) * layers));
  const outlines = Array.from({ length: layers }, (_, layer) => {
    const start = (row * layers + layer) * points;
    return Array.from(signal.shape.subarray(start, start + points), (level) => level / coding.levels);
  });
  return {
    step: run.steps[row],
    loss: run.loss[row],
    mean: part("mean"),
    std: part("std"),
    spread: part("spread"),
    saturated: part("saturated").map((share) => (share === 255 ? null : share / 200)),
    outlines,
  };
}

/** Join one streamed frame to a run's arrays. */
function append(run, fresh) {
  if (!fresh.steps.length || fresh.steps[0] <= (run.steps.at(-1) ?? -1)) return;
  const join = (old, more, keep) => {
    const all = new more.constructor((keep ? old.length : 0) + more.length);
    if (keep) all.set(old);
    all.set(more, all.length - more.length);
    return all;
  };
  const keep = run.steps.length > 0;
  for (const [name, signal] of Object.entries(fresh.signals)) {
    const old = run.signals[name];
    const grown = { ...signal };
    for (const part of ["mean", "std", "spread", "shape", "tall", "units", "saturated"])
      grown[part] = join(old?.[part], signal[part], keep && old);
    run.signals[name] = grown;
  }
  run.loss = join(run.loss, fresh.loss, keep);
  run.steps = [...run.steps, ...fresh.steps];
  Object.assign(run, { curve: fresh.curve, length: fresh.length, diverged: fresh.diverged });
}

// ---- elements ---------------------------------------------------------------------------------

function buildParts() {
  const runs = element("div", { class: "nl-runs" });
  const loss = element("canvas", { "aria-hidden": "true" });
  const playhead = element("canvas", { "aria-hidden": "true" });
  const track = playTrack("Training step", loss, playhead);
  const play = playButton();
  const signals = element("div");
  const units = check("means of single units");
  const history = check("over all steps", { className: "nl-tight" });
  const marks = legend(
    ["nl-dashed", "before the first step"],
    ["nl-bar", "mean ± σ; strong part: one unit between samples"],
    ["nl-band", "mean ± σ over all steps", "nl-strips"],
  );
  const status = element("p", { class: "nl-status", role: "status", hidden: true });
  const all = [row(play, signals, units, history), runs, track, status, marks];
  return { all, runs, loss, playhead, track, play, signals, units, history, status };
}

function buildCell(parent, run) {
  const name = element("span", { class: "nl-name" }, dashKey(run.dash), run.label);
  const loss = element("span", { class: "nl-loss" });
  const meaning = element("p", { class: "nl-meaning" });
  const still = element("canvas", { "aria-hidden": "true" });
  const moving = element("canvas", { role: "img" });
  const layers = element("div", { class: "nl-layers" }, still, moving);
  const absent = element("p", { class: "nl-absent", hidden: true });
  const root = element("div", { class: "nl-run", role: "group", "aria-label": run.label });
  toned(root, run);
  root.append(element("p", { class: "nl-head" }, name, loss), meaning, layers, absent);
  parent.append(root);
  return { root, loss, meaning, still, moving, absent };
}

/** All runs' numbers at one step, for the table. */
function tabled({ step, signal, runs }, film) {
  const symbol = film.signals.find(([name]) => name === signal)[1];
  const groups = Object.values(runs).map((run) => ({
    label: run.label,
    absent: run.mean ? "" : "nothing recorded for this signal",
    rows: run.mean?.map((mean, k) => {
      if (Number.isNaN(mean)) return [film.layers[k], `no ${symbol}`, "–", "–", "–"];
      const share = run.saturated[k] === null ? "–" : `${(100 * run.saturated[k]).toFixed(0)} %`;
      return [film.layers[k], figure(mean), figure(run.std[k]), figure(run.spread[k]), share];
    }),
  }));
  const head = ["layer", "mean", "σ", "between samples", "saturated"];
  return { caption: `Signal ${signal} at step ${step}`, head, groups };
}
