"""The textbook for tokens and sequences, one number after the other; accepts complex input."""

from __future__ import annotations

from typing import Any

import numpy as np

import reference
from reference import Values


def row_norm(rows: Values, norm: Any, statistics: Any = None) -> Values:
    """Standardize each token's row of (N, T, D), without g and b."""
    if norm.acts_on != "pre-activation":
        measure = {"center": norm.center, "scale": norm.scale, "eps": norm.eps}
        return reference.standardize(rows, reference.slices(rows.shape, (2,)), **measure)
    return reference.normalize(rows, norm, channel_axis=-1, **(statistics or {}))


def attention(
    x: Values,
    wq: Values,
    wk: Values,
    wv: Values,
    wo: Values,
    norm: Any = None,
    *,
    scale: Any,
    causal: bool = False,
    statistics: Any = None,
) -> tuple[Values, Values]:
    """Return the outputs and the attention weights, by a loop over samples, queries and keys."""
    samples, tokens, width = x.shape
    q, k, v = (np.einsum("ntd,kd->ntk", x, w) for w in (wq, wk, wv))
    if norm is not None:
        given = statistics or {"q": None, "k": None}
        q, k = row_norm(q, norm, given["q"]), row_norm(k, norm, given["k"])
    kind = np.result_type(x, wq, wk, wv, wo, scale)
    y, p = np.zeros(x.shape, kind), np.zeros((samples, tokens, tokens), kind)
    for n in range(samples):
        for t in range(tokens):
            seen = t + 1 if causal else tokens
            e = [
                np.exp(scale * sum(q[n, t, i] * k[n, j, i] for i in range(width)))
                for j in range(seen)
            ]
            for j in range(seen):
                p[n, t, j] = e[j] / sum(e)
            mixed = sum(p[n, t, j] * v[n, j] for j in range(seen))
            y[n, t] = [sum(wo[i, d] * mixed[d] for d in range(width)) for i in range(width)]
    return y, p


def residual(x: Values, body: Any, normalize: Any, placement: str) -> Values:
    """Return x + F(Norm(x)) or Norm(x + F(x))."""
    return x + body(normalize(x)) if placement == "pre" else normalize(x + body(x))


def recurrent(x: Values, w: Values, norm: Any, activation: str, **rest: Any) -> Values:
    """Return h of all steps: one dense layer after the other, each fed by x and the one before."""
    samples, steps, _ = x.shape
    h, found = np.zeros((samples, len(w))), []
    for t in range(steps):
        joined = np.array([[*x[n, t], *h[n]] for n in range(samples)])
        h = reference.dense(joined, w, norm, activation, **rest)
        found.append(h)
    return np.stack(found, axis=1)
