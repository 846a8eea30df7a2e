"""From a histogram of a layer to the outline that is drawn, in figures and widgets alike.

A network's layers can differ in width by a factor of a hundred, and one grid of bins serves them
all. So each outline gets a window of its own, mean ± 3.5 standard deviations, and what falls in it
is read off the smoothest rising curve through the recorded cumulative counts. Where no value was
recorded, below the smallest and above the largest, an outline is 0: smoothing stops there.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erf
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from normlib.record import Signal

Floats = npt.NDArray[np.float64]

#: Half the width of an outline's window, in standard deviations.
SPAN = 3.5

#: A layer narrower than this many bins is drawn from its quantiles: its counts say too little.
COARSE = 0.75

#: Where the 5, 25, 50, 75 and 95 % quantiles of a bell of standard deviation 1 lie.
_BELL = np.array([-1.6449, -0.6745, 0.0, 0.6745, 1.6449])

_erf = np.vectorize(erf, otypes=[np.float64])


def shapes(signal: Signal, bins: int = 48) -> Floats:
    """Return the outlines of a signal's distributions, each scaled to a peak of 1.

    Parameters
    ----------
    signal : Signal
        Counts, edges, means, standard deviations, quantiles and extremes.
    bins : int
        Points of an outline.

    Returns
    -------
    array of shape (T, L, bins)
        Heights at the middle of `bins` equal parts of mean ± SPAN·std; all 0 where a layer does not
        show the signal, or its numbers are not finite.
    """
    steps, layers, _ = signal.counts.shape
    drawn = np.isfinite(signal.mean) & np.isfinite(signal.std)  # (T, L); below, R of these rows
    counts, mean, std, quantiles, extremes = (
        np.asarray(part[drawn], dtype=np.float64)
        for part in (signal.counts, signal.mean, signal.std, signal.quantiles, signal.extremes)
    )
    edges = np.asarray(signal.edges, dtype=np.float64)
    reach = np.linspace(-SPAN, SPAN, bins + 1)
    grid = mean[:, None] + std[:, None] * reach  # (R, bins + 1)

    below = _from_counts(counts, edges, grid)
    narrow = std < COARSE * (edges[1] - edges[0])
    if narrow.any():
        below[narrow] = _from_quantiles(quantiles[narrow], grid[narrow])
    mass, inside = _within(extremes, grid, below)
    mass = _smooth(mass, inside, _passes(quantiles, std, counts.sum(axis=1), bins))
    mass[~(mass.max(axis=1) > 0)] = np.exp(-0.5 * (4 * (reach[1:] + reach[:-1])) ** 2)  # constant
    outlines: Floats = np.zeros((steps, layers, bins))
    outlines[drawn] = mass / mass.max(axis=1, keepdims=True)
    return outlines


def height(shape: npt.NDArray[Any], std: float, width: float) -> float:
    """Return how tall to draw an outline, 1 being the space between two layers.

    Equal areas would make a narrow layer a needle a hundred times taller than its neighbour, equal
    peaks would hide that it is narrow. The 0.35th power of the peak's density lies between.
    """
    mean_height = float(np.mean(shape))
    peak = width / (2 * SPAN * max(std, 1e-12 * width) * max(mean_height, 1e-9))
    return float(np.clip((peak / 14) ** 0.35, 0.3, 1.25))


def _from_counts(counts: Floats, edges: Floats, grid: Floats) -> Floats:
    """Return the share of values below each grid point: a monotone cubic through the counts."""
    step = edges[1] - edges[0]
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    share = counts / total  # (R, B)
    at_edges = np.concatenate([np.zeros_like(total), np.cumsum(share, axis=1)], axis=1)
    left, right = np.pad(share, ((0, 0), (1, 0))), np.pad(share, ((0, 0), (0, 1)))
    both = left + right
    # The harmonic mean of the neighbouring slopes keeps the curve rising (Fritsch and Butland).
    slope = np.divide(2 * left * right, both, out=np.zeros_like(both), where=both > 0)

    place = np.clip((grid - edges[0]) / step, 0, share.shape[1])
    index = np.minimum(place.astype(np.intp), share.shape[1] - 1)
    t = place - index
    take = np.take_along_axis
    y0, y1 = take(at_edges, index, axis=1), take(at_edges, index + 1, axis=1)
    d0, d1 = take(slope, index, axis=1), take(slope, index + 1, axis=1)
    curve: Floats = (
        y0 + (y1 - y0) * t * t * (3 - 2 * t) + d0 * t * (1 - t) ** 2 - d1 * t * t * (1 - t)
    )
    return curve


def _from_quantiles(quantiles: Floats, grid: Floats) -> Floats:
    """Return the share of values below each grid point: a bell bent to meet the quantiles."""
    below = np.empty_like(grid)
    for row, (known, points) in enumerate(zip(quantiles, grid, strict=True)):
        gap = max(known[-1] - known[0], 1e-300)
        # Equal quantiles (a layer with a spike) would make the bend vertical: part them a little.
        x = np.maximum.accumulate(known) + gap * 1e-3 * np.arange(len(known))
        inside = np.interp(points, x, _BELL)
        first, last = (
            (_BELL[1] - _BELL[0]) / (x[1] - x[0]),
            (_BELL[-1] - _BELL[-2]) / (x[-1] - x[-2]),
        )
        bent = inside + np.minimum(points - x[0], 0) * first + np.maximum(points - x[-1], 0) * last
        below[row] = 0.5 * (1 + _erf(bent / np.sqrt(2)))
    return below


def _within(extremes: Floats, grid: Floats, below: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the share of each part, and which parts have their middle between the extremes.

    What the curve has put beyond an extreme goes to the last part before it.
    """
    middle = (grid[:, :-1] + grid[:, 1:]) / 2
    lower, upper = middle < extremes[:, :1], middle > extremes[:, 1:]
    for beyond, share in ((lower, 0.0), (upper, 1.0)):
        below[:, :-1][beyond] = share
        below[:, 1:][beyond] = share
    return np.diff(below, axis=1), ~(lower | upper)


def _passes(quantiles: Floats, std: Floats, total: Floats, bins: int) -> npt.NDArray[np.intp]:
    """Return how often to blur each outline: Silverman's rule for a sample of that size.

    The rule takes the narrower of the standard deviation and what the quartiles say, so that a
    spike (a saturated tanh, a ReLU at zero) stays one.
    """
    quartiles = (quantiles[:, 3] - quantiles[:, 1]) / 1.349
    ratio = np.divide(quartiles, std, out=np.zeros_like(std), where=std > 0)
    width = 0.9 * np.minimum(ratio, 1) * np.maximum(total, 1) ** -0.2 * bins / (2 * SPAN)
    # One pass of (1, 2, 1) / 4 has a variance of half a part squared.
    return np.clip(np.round(2 * width**2), 1, 12).astype(np.intp)


def _smooth(mass: Floats, inside: npt.NDArray[np.bool_], passes: npt.NDArray[np.intp]) -> Floats:
    """Average each part with its neighbours inside, row by row as often as `passes` says."""
    mass = mass.copy()
    joined = inside[:, :-1] & inside[:, 1:]
    for done in range(int(passes.max(initial=0))):
        rows = passes > done
        flow = np.where(joined[rows], np.diff(mass[rows], axis=1), 0) / 4  # none leaves the inside
        mass[rows] += np.pad(flow, ((0, 0), (0, 1))) - np.pad(flow, ((0, 0), (1, 0)))
    return mass


def window(signals: Sequence[Signal]) -> tuple[float, float]:
    """Return the range of values to draw, one for all `signals`, so that runs compare by eye.

    A few layers of a diverging run must not squeeze all others into needles: the range holds
    mean ± 3.2 std of nineteen in twenty (step, layer) pairs, but at most twelve times their median
    reach, and always 0.
    """
    lows, highs = [], []
    for one in signals:
        mean, std = np.asarray(one.mean, dtype=float), np.asarray(one.std, dtype=float)
        lows.append(np.maximum(mean - 3.2 * std, one.edges[0]).ravel())
        highs.append(np.minimum(mean + 3.2 * std, one.edges[-1]).ravel())
    high, low = _reach(np.concatenate(highs)), -_reach(-np.concatenate(lows))
    if min(-low, high) > 0.5 * max(-low, high):
        high = max(-low, high)
        low = -high
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room


def _reach(ends: Floats) -> float:
    """Return how far from 0 most of `ends` lie on the positive side."""
    ends = np.maximum(ends[np.isfinite(ends)], 0)
    return min(float(np.quantile(ends, 0.95)), 12 * float(np.median(ends))) if ends.size else 0.0
