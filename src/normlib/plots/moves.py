"""One sample through the four moves of the formula: shift, scale, re-scale, re-shift.

The moves slide and stretch a sample, and bend nothing: what is skewed stays as skewed. So each
stage is drawn with a dashed bell of its own mean and variance behind it, and whatever parts the
two is what mean 0 and variance 1 have left as it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.core import standardize
from normlib.plots.palette import SPARE, theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]

#: What each stage is called, and its formula.
STAGES = (
    ("sample", "a"),
    ("shift", "a − μ"),
    ("scale", "x̂ = (a − μ) / σ"),
    ("re-scale", "g·x̂"),
    ("re-shift", "z = g·x̂ + b"),
)
#: The bars of a histogram are this wide, in standard deviations.
WIDTH = 0.25
#: How many values of a sample are traced from stage to stage.
TRACED = 13
#: No method's colour: a sample is what all methods start from.
TONES = SPARE[0]


class FirstFour(NamedTuple):
    """Mean, biased variance, skewness, and kurtosis less a Gaussian's 3; NaN where undefined."""

    mean: float
    variance: float
    skewness: float
    kurtosis: float


@dataclass(frozen=True, eq=False, repr=False)
class Stage(checks.Brief):
    """A sample after some of the moves."""

    name: str
    formula: str
    values: Floats
    moments: FirstFour


def moments(values: Array) -> FirstFour:
    """Return the first four moments of a sample.

    Examples
    --------
    >>> moments(np.array([-1.0, 1.0]))
    FirstFour(mean=0.0, variance=1.0, skewness=0.0, kurtosis=-2.0)
    """
    mean = float(values.mean())
    rest = values - mean
    variance = float((rest**2).mean())
    std = math.sqrt(variance)
    # What is left of equal values is rounding, and has no shape.
    if std <= 1e-12 * float(np.abs(values).max(initial=0.0)):
        return FirstFour(mean, variance, math.nan, math.nan)
    unit = rest / std
    return FirstFour(mean, variance, float((unit**3).mean()), float((unit**4).mean()) - 3)


def stages(sample: Floats, *, g: float = 1.0, b: float = 0.0, eps: float = 1e-5) -> list[Stage]:
    r"""Return a sample as it is, and after each move of :math:`z = g\,(a-\mu)/\sigma + b`.

    Parameters
    ----------
    sample : float array of shape (m,)
        The values that share one mu and one sigma.
    g, b : float
        The second pair of moves.
    eps : float
        Added to the variance inside the root of sigma.

    Raises
    ------
    TypeError
        The sample is not a float array.
    ValueError
        It is not one-dimensional, has an infinite value or fewer than two different ones, or an
        option is out of range.

    Examples
    --------
    >>> [float(stage.values[0]) for stage in stages(np.array([1.0, 5.0]), g=3, b=10, eps=0)]
    [1.0, -2.0, -1.0, -3.0, 7.0]
    """
    sample = checked(sample, "sample")
    g, b = checks.number(g, "g"), checks.number(b, "b")
    x_hat, cache = standardize(sample, 0, eps=eps)
    scaled = g * x_hat
    found = (sample, sample - cache.mu, x_hat, scaled, scaled + b)
    return [
        Stage(name, formula, np.asarray(values, np.float64), moments(values))
        for (name, formula), values in zip(STAGES, found, strict=True)
    ]


def checked(sample: object, name: str) -> Floats:
    """Return the values of a sample in float64, if they have a shape to speak of."""
    values = checks.floating(sample, name)
    if values.ndim != 1:
        raise ValueError(
            f"{name} must have one dimension; got shape {values.shape}. Pass {name}.ravel()."
        )
    if not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(
            f"{name} must be finite; got {values[bad]} at index {bad}. Leave such values out."
        )
    if values.min() == values.max():
        raise ValueError(
            f"{name} must hold at least two different values; got {values.size} times "
            f"{values[0]:g}. A constant has no shape: pass a sample that varies."
        )
    return values.astype(np.float64)


def histogram(sample: Floats) -> tuple[Floats, Floats, float]:
    """Return a histogram's edges as values, its heights, and the height of a bell beside it.

    Heights are densities, scaled so that the tallest bar or the bell, whichever is taller, is 1.
    """
    std = float(sample.std())
    low, high = float(sample.min()), float(sample.max())
    count = math.floor((high - low) / (WIDTH * std) + 1e-9) + 1
    # The extremes lie in the middle of the outer bars, where a spike at the end belongs.
    room = (count * WIDTH * std - (high - low)) / 2
    edges: Floats = low - room + WIDTH * std * np.arange(count + 1, dtype=np.float64)
    density = np.histogram(sample, edges)[0] / (sample.size * WIDTH)
    bell = 1 / math.sqrt(2 * math.pi)
    top = max(float(density.max()), bell)
    return edges, density / top, bell / top


def steps(edges: Floats, heights: Floats) -> tuple[Floats, Floats]:
    """Return a histogram's outline as x and y."""
    return np.repeat(edges, 2), np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])


def bell_curve() -> tuple[Floats, Floats]:
    """Return the Gaussian with mean 0 and variance 1 as x and y, its peak at 1."""
    x = np.linspace(-3.4, 3.4, 69)
    return x, np.exp(-(x**2) / 2)


def limits(samples: list[Floats]) -> tuple[float, float]:
    """Return a number line that holds the samples, centred or not, and their x_hat."""
    low = min(-4.0, *(min(float(s.min()), float((s - s.mean()).min())) for s in samples))
    high = max(4.0, *(max(float(s.max()), float((s - s.mean()).max())) for s in samples))
    room = 0.04 * (high - low)
    return low - room, high + room


def traced(count: int) -> npt.NDArray[np.intp]:
    """Return which values of a sorted sample are traced: evenly spaced ranks."""
    ranks = np.linspace(0, count - 1, min(TRACED, count)).round().astype(np.intp)
    return np.unique(ranks)


def moves(
    ax: Axes,
    sample: Floats,
    *,
    g: float = 1.0,
    b: float = 0.0,
    eps: float = 1e-5,
    follow: int | None = None,
    span: tuple[float, float] | None = None,
) -> None:
    """Draw a sample and its four moves below each other, on one number line.

    Thin lines trace values from stage to stage: parallel where the sample is shifted, a fan where
    it is scaled. The figures at the right are mean, variance, skewness and kurtosis.

    Parameters
    ----------
    ax : matplotlib Axes
    sample, g, b, eps
        As for `stages`.
    follow : int, optional
        The rank of one value to trace more strongly, 0 being the smallest.
    span : (float, float), optional
        The number line; by default it holds the sample before and after the first two moves.
    """
    done = stages(sample, g=g, b=b, eps=eps)
    order = np.argsort(done[0].values, kind="stable")
    low, high = span or limits([done[0].values])
    edges, heights, peak = histogram(done[0].values)
    x, y = steps(edges, heights)
    tone = TONES.on(theme())
    _traces(ax, [stage.values[order] for stage in done], follow)
    for row, stage in enumerate(done):
        start, end = done[0].values[order[[0, -1]]]
        slope = (stage.values[order[-1]] - stage.values[order[0]]) / (end - start)
        place = stage.values[order[0]] + slope * (x - start)
        ax.fill_between(place, -row, -row + 0.55 * y, color=tone, alpha=0.24, linewidth=0)
        ax.plot(place, -row + 0.55 * y, color=tone, linewidth=1.1)
        _bell(ax, stage.moments, -row, 0.55 * peak)
        _figures(ax, stage.moments, -row)
    for column, words in enumerate(("mean", "variance", "skewness", "kurtosis")):
        _beside(ax, words, column, 0.66, theme().muted)
    ax.set_yticks(
        [-row for row in range(len(done))], [f"{stage.name}\n{stage.formula}" for stage in done]
    )
    ax.set_ylim(-len(done) + 0.72, 0.85)
    ax.set_xlim(low, high)
    ax.set_xlabel("value")
    ax.grid(axis="y", visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)


def _traces(ax: Axes, sorted_values: list[Floats], follow: int | None) -> None:
    """Trace values from each stage's line to the next."""
    ranks = traced(len(sorted_values[0]))
    for above in range(len(sorted_values) - 1):
        ends = [sorted_values[above][ranks], sorted_values[above + 1][ranks]]
        ax.plot(ends, [-above - 0.14, -above - 1], color=theme().muted, linewidth=0.6, alpha=0.45)
    if follow is None:
        return
    one = [values[follow] for values in sorted_values]
    rows = -np.arange(len(one))
    ax.plot(one, rows, color=theme().ink, linewidth=1.2, marker="o", markersize=4, zorder=5)


def _bell(ax: Axes, now: FirstFour, base: float, peak: float) -> None:
    """Draw mean ± std under a stage, and behind it the bell that has both."""
    std = math.sqrt(now.variance)
    x, y = bell_curve()
    dashed = (0, (3, 2.5))
    ax.plot(now.mean + std * x, base + peak * y, color=theme().ink, linewidth=0.9, ls=dashed)
    ends = now.mean - std, now.mean + std
    ax.hlines(base - 0.08, *ends, color=TONES.on(theme()), linewidth=3.2, alpha=0.6)
    ax.plot(now.mean, base - 0.08, "o", color=theme().ink, markersize=2.8)


def _figures(ax: Axes, now: FirstFour, base: float) -> None:
    """Write a stage's moments at the right."""
    for column, value in enumerate(now):
        _beside(ax, figure(value), column, base + 0.08, theme().ink)


def _beside(ax: Axes, words: str, column: int, y: float, color: str) -> None:
    ax.annotate(
        words,
        (1, y),
        xycoords=("axes fraction", "data"),
        xytext=(60 + 54 * column, 0),
        textcoords="offset points",
        ha="right",
        color=color,
        fontsize=8.5,
        annotation_clip=False,
    )


def figure(value: float) -> str:
    """Write a moment with two decimals, more where it is small, and rounding's leftovers as 0.

    Examples
    --------
    >>> [figure(value) for value in (1.234, -2.5, 1e-17, 0.003, 9e-6, math.nan)]
    ['1.23', '−2.50', '0.00', '0.0030', '9e−6', '–']
    """
    size = abs(value)
    if math.isnan(value):
        return "–"
    if size < 1e-9:
        return "0.00"
    words = f"{value:.2f}" if size >= 0.0095 else f"{value:.4f}"
    if size < 5e-4:
        digits, power = f"{value:.0e}".split("e")
        words = f"{digits}e{int(power)}"
    return words.replace("-", "−")
