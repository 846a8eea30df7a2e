// ---- canvas ---------------------------------------------------------------------------------

/** Size a canvas in CSS pixels at the screen's own density; return its cleared context. */
function sharp(canvas, width, height) {
  const density = globalThis.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== w || canvas.height !== h) {
    [canvas.width, canvas.height] = [w, h];
    // Exactly as many CSS pixels as whole pixels of the screen: else the browser blurs what it fits.
    canvas.style.width = `${w / density}px`;
    canvas.style.height = `${h / density}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** Size a canvas for its box; its text is in the widget's own font. */
function prepare(canvas, { width, height }, { family }) {
  const context = sharp(canvas, width, height);
  context.family = family;
  context.set = null;
  return context;
}

function text(context, words, x, y, colour, size, align = "left", weight = "400") {
  const font = `${weight} ${size}px ${context.family}`;
  // Setting a font makes the browser read it, even the same one.
  if (context.set !== font) context.font = context.set = font;
  context.fillStyle = colour;
  context.textAlign = align;
  context.fillText(words, x, y);
}

/** A closed or open way through points on the screen. */
function way(points) {
  const path = new Path2D();
  for (const [x, y] of points) path.lineTo(x, y);
  return path;
}

/** Draw only inside a box. */
function within(context, { left, right, top, bottom }, draw) {
  context.save();
  context.beginPath();
  context.rect(left, top, right - left, bottom - top);
  context.clip();
  draw();
  context.restore();
}

/**
 * Axes in a box of a canvas. `box` has left, right, top and bottom in pixels, `x` and `y` are the
 * ranges of values, `colours` come from the widget. Whatever is drawn is given in values.
 */
class Plot {
  constructor(context, box, { x, y, colours, font = 12 }) {
    Object.assign(this, { context, box, colours, font, ranges: { x, y } });
    this.x = scale(x, [box.left, box.right]);
    this.y = scale(y, [box.bottom, box.top]);
  }

  /** Grid lines across the number line, their numbers below, and what they are numbers of. */
  xAxis({ label = "", count = Math.max((this.box.right - this.box.left) / 60, 3), lines = true } = {}) {
    const { context, box, colours, font } = this;
    const base = box.bottom + font + 3;
    const room = label ? 9 + label.length * 0.6 * font : 0;
    for (const value of ticks(...this.ranges.x, count)) {
      const place = Math.round(this.x(value));
      context.fillStyle = colours.grid;
      if (lines) context.fillRect(place, box.top, 1, box.bottom - box.top);
      if (place > box.right - room) continue;
      text(context, tickText(value), Math.max(place, box.left + 8), base, colours.muted, font, "center");
    }
    if (label) text(context, label, box.right, base, colours.ink, font, "right", "600");
  }

  /** Grid lines up the other axis, their numbers at its "left" or "right". */
  yAxis({ label = "", count = Math.max((this.box.bottom - this.box.top) / 40, 2), side = "left", lines = true } = {}) {
    const { context, box, colours, font } = this;
    const [place, align] = side === "left" ? [box.left - 8, "right"] : [box.right + 8, "left"];
    for (const value of ticks(...this.ranges.y, count)) {
      context.fillStyle = colours.grid;
      if (lines) context.fillRect(box.left, Math.round(this.y(value)), box.right - box.left, 1);
      text(context, tickText(value), place, this.y(value) + 4, colours.muted, font, align);
    }
    if (label) text(context, label, box.left, box.top - 8, colours.ink, font, "left", "600");
  }

  /** Draw only between the axes; `room` pixels more, for lines that run along an edge. */
  inside(draw, room = 0) {
    const { left, right, top, bottom } = this.box;
    within(this.context, { left, right, top: top - room, bottom: bottom + room }, draw);
  }

  #places(points) {
    return Array.from(points, ([x, y]) => [this.x(x), this.y(y)]);
  }

  /** A line through points; `dash` is in line widths, as in a look from Python. */
  line(points, { tone = this.colours.ink, width = 1.6, dash = [], alpha = 1 } = {}) {
    const { context } = this;
    context.save();
    Object.assign(context, { strokeStyle: tone, lineWidth: width, lineJoin: "round", globalAlpha: alpha });
    context.setLineDash(dash.map((length) => length * width));
    context.stroke(way(this.#places(points)));
    context.restore();
  }

  /** The area between points and the line at `base`. */
  area(points, { tone = this.colours.ink, alpha = 0.24, base = 0 } = {}) {
    const { context } = this;
    const places = this.#places(points);
    if (!places.length) return;
    const floor = this.y(base);
    context.save();
    Object.assign(context, { fillStyle: tone, globalAlpha: alpha });
    context.fill(way([[places[0][0], floor], ...places, [places.at(-1)[0], floor]]));
    context.restore();
  }

  /** One dot per point. */
  dots(points, { tone = this.colours.ink, radius = 2.5, alpha = 1, ring = false } = {}) {
    const { context } = this;
    context.save();
    Object.assign(context, { fillStyle: tone, strokeStyle: this.colours.card, lineWidth: 1.5, globalAlpha: alpha });
    for (const [x, y] of this.#places(points)) {
      context.beginPath();
      context.arc(x, y, radius, 0, 7);
      context.fill();
      if (ring) context.stroke();
    }
    context.restore();
  }

  /** Words at a point. */
  words(words, [x, y], { tone = this.colours.ink, align = "left", weight = "400", dx = 0, dy = 0 } = {}) {
    text(this.context, words, this.x(x) + dx, this.y(y) + dy, tone, this.font, align, weight);
  }
}
