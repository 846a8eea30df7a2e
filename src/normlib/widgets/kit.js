// What the book's widgets share: reading the data, following the theme, drawing sharply, cleaning up.
// Python puts this file in front of each widget's own, so that both make one module.

// ---- elements -------------------------------------------------------------------------------

/** Make an element: element("p", {class: "note"}, "text", child). */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Set an element's text only when it has changed: most frames change few words. */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Everything a widget starts, so that it can be ended at once. */
class Scope {
  #undo = [];

  add(undo) {
    this.#undo.push(undo);
  }

  listen(target, type, handler, options) {
    target.addEventListener(type, handler, options);
    this.add(() => target.removeEventListener(type, handler, options));
  }

  /** Listen to a widget model; `type` is "change:name" or "msg:custom". */
  follow(model, type, handler) {
    model.on(type, handler);
    this.add(() => model.off(type, handler));
  }

  every(milliseconds, handler) {
    const timer = setInterval(handler, milliseconds);
    this.add(() => clearInterval(timer));
  }

  close() {
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }
}

// ---- theme ----------------------------------------------------------------------------------

/** Say whether the page is dark: the book and notebooks mark it, elsewhere the system decides. */
function isDark() {
  const html = document.documentElement.dataset.theme;
  if (html === "dark" || html === "light") return html === "dark";
  const lab = document.body.dataset.jpThemeLight;
  if (lab) return lab === "false";
  const code = document.body.dataset.vscodeThemeKind;
  if (code) return code.includes("dark") || code === "vscode-high-contrast";
  const colab = document.documentElement.getAttribute("theme");
  if (colab) return colab === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Keep data-nl-theme of `root` true to the page, and call `changed` when it turns. */
function followTheme(scope, root, changed) {
  const update = () => {
    const now = isDark() ? "dark" : "light";
    if (root.dataset.nlTheme === now) return;
    root.dataset.nlTheme = now;
    changed();
  };
  const observer = new MutationObserver(update);
  for (const node of [document.documentElement, document.body]) observer.observe(node, { attributes: true });
  scope.add(() => observer.disconnect());
  scope.listen(matchMedia("(prefers-color-scheme: dark)"), "change", update);
  update();
}

/** Whether the reader has asked for less motion; asked each time, since it can change. */
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

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

/** Map [from, to] onto [start, end]. */
function scale([from, to], [start, end]) {
  const factor = (end - start) / (to - from || 1);
  return (value) => start + (value - from) * factor;
}

const mix = (from, to, share) => from + (to - from) * share;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Round numbers across [low, high], about `count` of them: steps of 1, 2 or 5. */
function ticks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  if (!(rough > 0) || !Number.isFinite(rough)) return [0];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const found = [];
  for (let i = first; i * step <= high + step * 1e-9; i++) found.push(i * step + 0);
  return found;
}

// ---- numbers --------------------------------------------------------------------------------

/** Write a number as readers compare it: 2 decimals, more where it is small, a power where tiny. */
function figure(value) {
  if (value == null || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  let text;
  if (size >= 1e5 || (size > 0 && size < 5e-4)) text = power(value);
  else if (size >= 100) text = value.toFixed(0);
  else if (size >= 10) text = value.toFixed(1);
  else if (size >= 0.0995 || size === 0) text = value.toFixed(2);
  else if (size >= 0.00995) text = value.toFixed(3);
  else text = value.toFixed(4);
  return text.replace("-", "−");
}

function power(value) {
  const [digits, exponent] = value.toExponential(0).split("e");
  return `${digits}e${exponent.replace("+", "").replace("-", "−")}`;
}

/** Write a tick: as few digits as it needs, with a sign where the axis has both. */
const tickText = (value) => `${Number(value.toPrecision(6))}`.replace("-", "−");

// ---- data -----------------------------------------------------------------------------------

/** See bytes as Uint8Array, whatever a host hands over. */
function asBytes(data) {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Undo zlib's deflate; the browser can do it itself. */
async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Read one array that normlib.widgets.encode has packed: {at, shape, kind}. */
function unpack(bytes, { at, shape, kind }) {
  const count = shape.reduce((a, b) => a * b, 1);
  return kind === "f4"
    ? unpackFloats(bytes.subarray(at, at + 4 * count), count, count / (shape[0] || 1))
    : unpackLevels(bytes.slice(at, at + count), shape, Number(kind[2]));
}

/** Four planes of bytes, each the folded change from the frame before, back to float32. */
function unpackFloats(planes, count, row) {
  const bits = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const folded =
      planes[i] | (planes[count + i] << 8) | (planes[2 * count + i] << 16) | (planes[3 * count + i] << 24);
    const change = (folded >>> 1) ^ -(folded & 1);
    bits[i] = (i >= row ? bits[i - row] : 0) + change;
  }
  return new Float32Array(bits.buffer);
}

/** Levels stored plain (0), as change along a row (1), from frame to frame (2), or both (3). */
function unpackLevels(levels, [frames, layers, points], form) {
  const row = layers * points;
  if (form & 2) for (let i = row; i < frames * row; i++) levels[i] += levels[i - row];
  if (form & 1) for (let i = 1; i < levels.length; i++) if (i % points) levels[i] += levels[i - 1];
  return levels;
}
