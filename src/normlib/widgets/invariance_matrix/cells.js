// The Invariance Matrix: method by rescaling; touch a cell, and see the outputs before and after.

// ---- numbers ----------------------------------------------------------------------------------

/** A change with two digits, or as a power of ten where it is tiny. */
function short(change) {
  if (change < 5e-4) return figure(change);
  if (change < 0.0095) return figure(Number(change.toExponential(0)));
  return change.toFixed(change >= 10 ? 0 : change >= 1 ? 1 : 2);
}

/** What a cell says: a verdict in a word, or how large the change is. */
function cellWords(verdict, change) {
  if (verdict === "refused") return "–";
  return verdict === "changes" ? short(change) : verdict;
}

/** What happened to the outputs, in a sentence. */
function verdictSentence({ verdict, change, moved, outputs, refused }) {
  if (verdict === "refused") return `Refused: ${refused}`;
  if (verdict === "same" && change === 0) return "The outputs stay as they are, to the last digit.";
  if (verdict === "same") return `The outputs stay as they are: the largest change is ${figure(change)} of the largest output, which is rounding.`;
  if (verdict === "flips") return "Every output turns its sign, and nothing else happens.";
  return `${moved} of ${outputs} outputs change, by up to ${short(change)} times the largest output there was.`;
}

/** Where the arrow keys lead in a grid of rows and columns; undefined for other keys. */
function step(key, [i, j], [rows, columns]) {
  const moves = {
    ArrowUp: [i - 1, j],
    ArrowDown: [i + 1, j],
    ArrowLeft: [i, j - 1],
    ArrowRight: [i, j + 1],
    Home: [i, 0],
    End: [i, columns - 1],
  };
  const next = moves[key];
  return next && [clamp(next[0], 0, rows - 1), clamp(next[1], 0, columns - 1)];
}

/** An axis that holds all values and 0, the same to both sides. */
function axisOf(values) {
  const reach = Math.max(1, ...values.map(Math.abs)) * 1.08;
  return [-reach, reach];
}
