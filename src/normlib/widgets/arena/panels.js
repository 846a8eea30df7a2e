// The Arena: who wins where. Numbers and words here, the picture in arena.js.

const COLUMNS = 6; // panels beside each other, where there is room
const STEP = [0.42, 0.72]; // the share of the ramp just below a good score, and at it

// ---- numbers ----------------------------------------------------------------------------------

/** A score, a spread or a difference with three digits, as the book writes them. */
const three = (value) => value.toFixed(3).replace("-", "−");

const pm = (mean, spread) => `${three(mean)} ± ${three(spread)}`;

/** A difference with its sign; what is left of rounding has none. */
function signed(value) {
  const words = three(value);
  if (Number(value.toFixed(3)) === 0) return "0.000";
  return value > 0 ? `+${words}` : words;
}

/** Where on the ramp a score lies, from 0 to 1, with a step at what is good. */
function strength(score, good) {
  const [low, high] = STEP;
  return score < good ? (low * score) / good : high + ((1 - high) * (score - good)) / (1 - good);
}

/** Mix two colours written as #rrggbb. */
function blend(start, end, share) {
  const part = (hex, k) => parseInt(hex.slice(k, k + 2), 16);
  const mixed = [1, 3, 5].map((k) => Math.floor(mix(part(start, k), part(end, k), share) + 0.5));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

// ---- places -----------------------------------------------------------------------------------

/** Where the panels stand: `count` of them, of `rows` by `columns` cells, in `width` pixels. */
function placePanels(count, [rows, columns], width) {
  const [gutter, gap, head, foot] = [30, 14, 20, 34];
  const fit = Math.floor((width - gutter + gap) / (columns * 11 + gap));
  const across = clamp(fit, 1, Math.min(COLUMNS, count));
  const size = Math.min((width - gutter - gap * (across - 1)) / across / columns, 30);
  const tall = Math.min(Math.max(size, 15), 20);
  const down = Math.ceil(count / across);
  const panels = Array.from({ length: count }, (_, p) => {
    const [line, place] = [Math.floor(p / across), p % across];
    return {
      left: gutter + place * (columns * size + gap),
      top: head + line * (rows * tall + head + 4),
      first: place === 0,
      last: p + across >= count,
    };
  });
  return { panels, size, tall, rows, columns, height: down * (rows * tall + head + 4) + foot };
}

/** Which cell of which panel is at a point: [row, column], or null between them. */
function cellAt({ panels, size, tall, rows, columns }, x, y) {
  for (const { left, top } of panels) {
    const [i, k] = [Math.floor((y - top) / tall), Math.floor((x - left) / size)];
    if (i >= 0 && i < rows && k >= 0 && k < columns) return [i, k];
  }
  return null;
}

// ---- words ------------------------------------------------------------------------------------

/** Who wins a cell, or how many tie. */
function winnerWords({ winner, leader, tied }, names) {
  if (winner >= 0) return `${names[winner]} wins: it is ahead of every other method beyond noise.`;
  const others = names.filter((_, m) => m !== leader && tied[m]);
  const all = others.length === names.length - 1;
  if (all) return `${names[leader]} leads, and no method can be told from it.`;
  return `${names[leader]} leads, and ties with ${others.join(", ")}.`;
}

/** What the seeds say of two methods. */
function pairWords({ gap, spread, beats, t, asked }, [first, second]) {
  if (first === second) return "";
  const words = `${first} less ${second}: ${signed(gap)} ± ${three(spread)}`;
  if (beats) return `${words}. ${gap > 0 ? first : second} beats the other.`;
  return `${words}, t = ${figure(Math.abs(t))}, which noise can explain: ${figure(asked)} is asked for.`;
}
