// Drawing a run: one ridge per layer, its moments over time beside it, and the loss below.

// ---- the film: what normlib.widgets.activation_player.encode has packed, as typed arrays ------------------------

/** Read all runs. A signal that goes by two names (z is a, without normalization) is read once. */
async function readFilm(meta, data) {
  const bytes = await inflate(asBytes(data));
  const read = new Map();
  const block = (parts) => {
    const { at } = parts.mean;
    if (!read.has(at)) read.set(at, readSignal(bytes, parts));
    return read.get(at);
  };
  const order = Object.entries(meta.runs).sort(([, one], [, other]) => one.place - other.place);
  const runs = order.map(([key, run]) => ({
    ...run,
    key,
    loss: unpack(bytes, run.loss),
    curve: unpack(bytes, run.curve),
    signals: Object.fromEntries(Object.entries(run.blocks).map(([name, parts]) => [name, block(parts)])),
  }));
  return { ...meta, runs };
}

function readSignal(bytes, parts) {
  const arrays = Object.entries(parts).map(([name, where]) => [name, unpack(bytes, where)]);
  const [, layers, points] = parts.shape.shape;
  return { ...Object.fromEntries(arrays), layers, points, shown: parts.units.shape[2] };
}

/** Index of the latest of `steps` that is not after `step`; -1 before the first. */
function latest(steps, step) {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Where a run stands at a place between frames: rows i and j of its arrays, and the way between. */
function between(run, frames, place) {
  const left = frames[Math.floor(place)];
  const right = frames[Math.min(Math.floor(place) + 1, frames.length - 1)];
  const i = latest(run.steps, left);
  const j = latest(run.steps, right);
  return { i, j, share: i === j ? 0 : place % 1, step: mix(left, right, place % 1) };
}

/** One layer's numbers between two rows: only motion asks for a share other than 0. */
function moments(signal, layer, { i, j, share }) {
  const of = (name) => mix(signal[name][i * signal.layers + layer], signal[name][j * signal.layers + layer], share);
  return { mean: of("mean"), std: of("std"), spread: of("spread") };
}

/** The outline of one layer as [value, height] pairs, height 1 being the space between layers. */
function outline(signal, layer, { i, j, share }, coding, hair) {
  const { mean, std } = moments(signal, layer, { i, j, share });
  const { points, shape, tall, layers } = signal;
  const top = (coding.tallest / 255 / coding.levels) * mix(tall[i * layers + layer], tall[j * layers + layer], share);
  const [left, right] = [(i * layers + layer) * points, (j * layers + layer) * points];
  const reach = coding.span * Math.max(std, hair);
  const all = Array.from({ length: points }, (_, k) => [
    mean + reach * ((2 * k + 1) / points - 1),
    top * mix(shape[left + k], shape[right + k], share),
  ]);
  // It begins and ends upright: a slope to the next point would lie where no value was.
  const there = all.filter(([, height]) => height > 0);
  return all.map(([value, height]) => [clamp(value, there[0][0], there.at(-1)[0]), height]);
}

/** Where single units' means lie, as values; units beyond a layer's width are left out. */
function unitMeans(signal, layer, { i, j, share }, coding, [low, high]) {
  const row = (index) => (index * signal.layers + layer) * signal.shown;
  const value = (level) => low + (level / (coding.places - 1)) * (high - low);
  const found = [];
  for (let k = 0; k < signal.shown; k++) {
    const [left, right] = [signal.units[row(i) + k], signal.units[row(j) + k]];
    if (left < coding.places && right < coding.places) found.push(value(mix(left, right, share)));
  }
  return found;
}

/** The layers that show a signal, and those that do not: their moments are NaN in every frame. */
function parted({ layers, mean }) {
  const all = Array.from({ length: layers }, (_, layer) => layer);
  return [all.filter((k) => !Number.isNaN(mean[k])), all.filter((k) => Number.isNaN(mean[k]))];
}

// ---- drawing ----------------------------------------------------------------------------------

/** Whether the spread between samples is so far below sigma that it deserves its number. */
const notable = ({ std, spread }, share) => spread < share * std;

/** How many lines of numbers stand beside the ridges of a signal: as many as any run ever needs. */
function numberLines({ runs, coding }, name) {
  const needs = ({ std, spread }) => std.some((one, k) => notable({ std: one, spread: spread[k] }, coding.notable));
  return runs.some(({ signals }) => signals[name] && needs(signals[name])) ? 2 : 1;
}

// Each picture is two canvases, one upon the other: what stays while the playhead moves (axes, the
// first frame, histories, curves), and what moves. Only the second is drawn sixty times a second.

/** The baseline of a layer. */
const baseline = (box, layer) => box.top + (layer + 1) * box.row - box.foot;

/** What stays of one run. */
function drawStill(context, box, view) {
  drawAxis(context, box, view);
  const [layers, others] = parted(view.signal);
  inside(context, box, () => layers.forEach((layer) => drawReference(context, box, view, layer)));
  if (box.side) layers.forEach((layer) => drawHistory(context, box, view, layer));
  others.forEach((layer) => drawMissing(context, box, view, layer));
}

/** What moves of one run. */
function drawMoving(context, box, view) {
  const x = scale(view.range, [box.left, box.ridge]);
  const now = parted(view.signal)[0].map((layer) => [layer, moments(view.signal, layer, view.at)]);
  inside(context, box, () =>
    now.forEach(([layer, moment]) => {
      const y = baseline(box, layer);
      drawRidge(context, box, view, layer, x, y);
      drawBar(context, view, moment, x, y);
      if (view.units) drawUnits(context, view, layer, x, y);
    }),
  );
  now.forEach(([layer, moment]) => {
    const y = baseline(box, layer);
    drawBeyond(context, box, view, moment, y);
    drawNumbers(context, box, view, layer, y);
    if (box.side) drawMark(context, box, view, y);
  });
}

/** Draw only where the ridges are. */
const inside = (context, box, draw) => within(context, { left: box.left, right: box.ridge, top: 0, bottom: box.height }, draw);

/** Name the layers, left of the first run of a line. */
function drawNames(context, box, layers, colour) {
  if (!box.gutter) return;
  layers.forEach((name, layer) => {
    text(context, name, box.gutter - 10, baseline(box, layer) - 2, colour.muted, box.font, "right");
  });
}

function drawAxis(context, box, { range, symbol, colour }) {
  const x = scale(range, [box.left, box.ridge]);
  context.strokeStyle = colour.grid;
  context.lineWidth = 1;
  context.beginPath();
  const marks = ticks(...range, Math.max((box.ridge - box.left) / 50, 4));
  for (const value of marks) {
    const place = Math.round(x(value)) + 0.5;
    context.moveTo(place, 4);
    context.lineTo(place, box.bottom);
    text(context, tickText(value), Math.max(place, box.left + 8), box.bottom + 15, colour.muted, box.font, "center");
  }
  context.stroke();
  if (box.ridge - x(marks.at(-1)) > 18) text(context, symbol, box.ridge, box.bottom + 15, colour.ink, box.font, "right", "600");
  if (box.side) text(context, "steps", box.strip, box.bottom + 15, colour.muted, box.font);
}

/** Pixels of an outline of height 1. */
const tallness = (box) => 1.4 * (box.row - box.foot);

/** The least width of an outline: a constant layer is a needle and not nothing. */
const hair = (range) => (range[1] - range[0]) * 0.0008;

/** The outline's curve on the screen. */
function curve(points, x, y, unit) {
  const path = new Path2D();
  let left = x(points[0][0]);
  let above = y - unit * points[0][1];
  path.moveTo(left, above);
  for (const [value, height] of points) {
    const [right, next] = [x(value), y - unit * height];
    // Curves through the middles of the sides: smooth, and never above the points.
    path.quadraticCurveTo(left, above, (left + right) / 2, (above + next) / 2);
    [left, above] = [right, next];
  }
  path.lineTo(left, above);
  return path;
}

function drawRidge(context, box, { signal, at, coding, range, colour }, layer, x, y) {
  const path = curve(outline(signal, layer, at, coding, hair(range)), x, y, tallness(box));
  context.globalAlpha = 0.24;
  context.fillStyle = colour.tone;
  context.fill(path);
  context.globalAlpha = 1;
  context.strokeStyle = colour.tone;
  context.lineWidth = 1.25;
  context.stroke(path);
}

/** The baseline, and dashed the same layer before the first step. */
function drawReference(context, box, { signal, coding, range, colour }, layer) {
  const [x, y] = [scale(range, [box.left, box.ridge]), baseline(box, layer)];
  context.fillStyle = colour.tone;
  context.globalAlpha = 0.55;
  context.fillRect(box.left, y - 0.5, box.ridge - box.left, 1);
  context.globalAlpha = 0.75;
  context.strokeStyle = colour.ink;
  context.lineWidth = 0.9;
  context.setLineDash([3, 2.5]);
  context.stroke(curve(outline(signal, layer, { i: 0, j: 0, share: 0 }, coding, hair(range)), x, y, tallness(box)));
}

/** Under the ridge: mean ± std, and solid the part of it that lies between samples. */
function drawBar(context, { colour }, { mean, std, spread }, x, y) {
  const bar = (half, alpha) => {
    const width = Math.max(x(mean + half) - x(mean - half), 1);
    context.globalAlpha = alpha;
    context.fillRect(x(mean) - width / 2, y + 2.5, width, 3.5);
  };
  context.fillStyle = colour.tone;
  bar(std, 0.38);
  bar(spread, 1);
  context.globalAlpha = 1;
  context.fillStyle = colour.ink;
  context.beginPath();
  context.arc(x(mean), y + 4.25, 2.2, 0, 7);
  context.fill();
}

function drawUnits(context, { signal, at, coding, range, colour }, layer, x, y) {
  context.strokeStyle = colour.ink;
  context.lineWidth = 1;
  context.globalAlpha = 0.75;
  context.beginPath();
  for (const value of unitMeans(signal, layer, at, coding, range)) {
    context.moveTo(x(value), y + 7.5);
    context.lineTo(x(value), y + 12.5);
  }
  context.stroke();
  context.globalAlpha = 1;
}

/** A layer whose mean is off the axis leaves a mark at the edge, on its side. */
function drawBeyond(context, box, { range, colour }, { mean }, y) {
  if (mean >= range[0] && mean <= range[1]) return;
  const [x, way] = mean > range[1] ? [box.ridge, 1] : [box.left, -1];
  context.fillStyle = colour.tone;
  context.beginPath();
  context.moveTo(x, y - 8);
  context.lineTo(x - 6 * way, y - 12);
  context.lineTo(x - 6 * way, y - 4);
  context.fill();
}

/** Where the first line of words beside a ridge stands. */
const heading = (box, y) => y - box.row + box.foot + box.font;

/** In place of sigma: the layer has no such signal. */
function drawMissing(context, box, { symbol, colour }, layer) {
  text(context, `no ${symbol}`, box.right, heading(box, baseline(box, layer)), colour.muted, box.font, "right");
}

/** Sigma at the right edge, and below it the spread between samples where sigma misleads. */
function drawNumbers(context, box, { signal, shown, coding, colour }, layer, y) {
  const { std, spread } = moments(signal, layer, shown);
  const top = heading(box, y);
  text(context, box.side > 46 ? `σ ${figure(std)}` : figure(std), box.right, top, colour.ink, box.font, "right");
  if (!notable({ std, spread }, coding.notable)) return;
  const words = box.side > 84 ? `samples ${figure(spread)}` : figure(spread);
  text(context, words, box.right, top + box.font, colour.tone, box.font - 1, "right", "600");
}

/** Where the strip beside a ridge begins and ends, from top to bottom. */
const stripe = (box, y, lines) => [y - box.row + box.foot + lines * (box.font - 1) + 6, y + 9];

/** Mean ± std of one layer over all steps. */
function drawHistory(context, box, { run, signal, total, swing, lines, colour }, layer) {
  const [top, bottom] = stripe(box, baseline(box, layer), lines);
  const x = scale([0, total], [box.strip, box.right]);
  const v = scale(swing, [bottom, top]);
  const edge = (row, sign) => {
    const k = row * signal.layers + layer;
    return [x(run.steps[row]), clamp(v(signal.mean[k] + sign * signal.std[k]), top, bottom)];
  };
  context.fillStyle = colour.tone;
  context.globalAlpha = 0.34;
  context.beginPath();
  for (let row = 0; row < run.steps.length; row++) context.lineTo(...edge(row, 1));
  for (let row = run.steps.length - 1; row >= 0; row--) context.lineTo(...edge(row, -1));
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = colour.tone;
  context.lineWidth = 1;
  context.beginPath();
  for (let row = 0; row < run.steps.length; row++) context.lineTo(...edge(row, 0));
  context.stroke();
}

/** The playhead on that strip. */
function drawMark(context, box, { at, total, lines, colour }, y) {
  const [top, bottom] = stripe(box, y, lines);
  const x = scale([0, total], [box.strip, box.right])(at.step);
  context.fillStyle = colour.ink;
  context.fillRect(x - 0.5, top - 1, 1, bottom - top + 2);
}

/** The loss curves of all runs. */
function drawLoss(context, box, { runs, total, highest, colours }) {
  const plot = new Plot(context, box, { x: [0, total], y: [0, highest], colours, font: box.font });
  plot.yAxis({ count: 3, side: "right" });
  text(context, "loss", box.left - 10, box.top + 8, colours.muted, box.font, "right");
  plot.inside(() => {
    for (const { curve, dash, tone } of runs) plot.line(pairs(curve), { tone, dash });
  }, 3);
}

/** Numbers that lie in turn, step and loss, as points. */
const pairs = (curve) => Array.from({ length: curve.length / 2 }, (_, k) => [curve[2 * k], curve[2 * k + 1]]);

/** The playhead, which the reader drags along them. */
function drawPlayhead(context, box, { total, step, words, colour }) {
  const x = scale([0, total], [box.left, box.right])(step);
  context.fillStyle = colour.ink;
  context.fillRect(x - 0.75, box.handle, 1.5, box.bottom - box.handle);
  context.beginPath();
  context.arc(x, box.handle, 7, 0, 7);
  context.fill();
  const flip = x > box.right - 130;
  text(context, words, x + (flip ? -13 : 13), box.handle + 4, colour.ink, box.font, flip ? "right" : "left", "600");
}
