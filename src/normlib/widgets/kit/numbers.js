// ---- numbers --------------------------------------------------------------------------------

const mix = (from, to, share) => from + (to - from) * share;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Map [from, to] onto [start, end]. */
function scale([from, to], [start, end]) {
  const factor = (end - start) / (to - from || 1);
  return (value) => start + (value - from) * factor;
}

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

/** Write a moment: two decimals as far as these say something; what is left of rounding is 0. */
function exact(value) {
  if (value === null || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size < 1e-9) return "0.00";
  return size < 0.0095 ? figure(value) : value.toFixed(2).replace("-", "−");
}

/** Write a tick: as few digits as it needs, with a sign where the axis has both. */
const tickText = (value) => `${Number(value.toPrecision(6))}`.replace("-", "−");
