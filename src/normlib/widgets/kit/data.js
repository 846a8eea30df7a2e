// ---- data: what normlib.widgets.pack has packed -----------------------------------------------

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

/** Read all arrays of a widget: {name: typed array with its shape}. */
async function readArrays(where, data) {
  const bytes = await inflate(asBytes(data));
  return Object.fromEntries(Object.entries(where).map(([name, place]) => [name, unpack(bytes, place)]));
}

/** An array's part at these first indices: a number, or an array of the axes that are left. */
function pick(array, ...indices) {
  const size = array.shape.slice(indices.length).reduce((a, b) => a * b, 1);
  const place = indices.reduce((flat, index, axis) => flat * array.shape[axis] + index, 0) * size;
  if (indices.length === array.shape.length) return array[place];
  return Object.assign(array.subarray(place, place + size), { shape: array.shape.slice(indices.length) });
}

const PLAIN = { "<f8": Float64Array, "<f4": Float32Array, "<i4": Int32Array, "|u1": Uint8Array };

/** Read one array: {at, shape, kind}. */
function unpack(bytes, { at: start, shape, kind }) {
  const count = shape.reduce((a, b) => a * b, 1);
  return Object.assign(read(bytes, start, count, shape, kind), { shape });
}

function read(bytes, start, count, shape, kind) {
  const Kind = PLAIN[kind];
  // A copy begins where its numbers may: typed arrays want whole multiples of their size.
  if (Kind) return new Kind(bytes.slice(start, start + count * Kind.BYTES_PER_ELEMENT).buffer);
  return kind === "f4"
    ? unpackFloats(bytes.subarray(start, start + 4 * count), count, count / (shape[0] || 1))
    : unpackLevels(bytes.slice(start, start + count), shape, Number(kind[2]));
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
