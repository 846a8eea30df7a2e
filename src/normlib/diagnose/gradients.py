"""Compare a backward, your own or the library's, with differences of its forward."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from normlib import checks
from normlib.checks import Array
from normlib.diagnose.subject import Differentiable, Pair, Subject
from normlib.diagnose.text import aligned

#: A step, in units of the array's own spread: its square is lost to curvature, and a rounding
#: divided by it to cancellation, so that both stay far below any tolerance worth asking for.
STEP = 2e-5
#: A change of the output, per unit of spread and upstream gradient, that is no more than rounding.
NOTHING = 1e-8


@dataclass(frozen=True)
class ArrayCheck:
    """What a gradient check found for the input, or for one parameter.

    Attributes
    ----------
    name : "x", or the parameter's name
    error : largest difference between backward and measurement, as a share of the largest
        gradient; NaN where nothing could be compared
    compared, tried : how many entries were compared, and of how many; a kink within reach of an
        entry, such as that of a ReLU, leaves it without a derivative to compare with
    verdict : "right", "wrong", or why nothing was checked
    """

    name: str
    error: float
    compared: int
    tried: int
    verdict: str

    @property
    def passed(self) -> bool:
        """Whether it was checked and found right."""
        return self.verdict == "right"


@dataclass(frozen=True)
class GradientCheck:
    """What `check_gradients` found.

    Attributes
    ----------
    arrays : an `ArrayCheck` of the input "x" and of every parameter
    tolerance : as given
    moved : running statistics that forward changes, in the copy that was checked; each measurement
        started from the same ones, and the layer itself was not touched
    """

    arrays: tuple[ArrayCheck, ...]
    tolerance: float
    moved: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every gradient was checked and found right."""
        return all(array.passed for array in self.arrays)

    def __repr__(self) -> str:
        verdict = "passed" if self.passed else "NOT passed"
        rows = [("gradient of", "error", "entries", "verdict")]
        for a in self.arrays:
            rows.append((a.name, f"{a.error:.1g}", f"{a.compared}/{a.tried}", a.verdict))
        names = ", ".join(self.moved)
        moved = f"\nforward moves {names} (of a copy: the layer is untouched)" if names else ""
        return f"{verdict} at tolerance {self.tolerance:g}\n{aligned(rows)}{moved}"


def check_gradients(
    layer: Differentiable | Pair,
    x: Array,
    *,
    seed: int = 0,
    tolerance: float = 1e-6,
    sample: int = 100,
) -> GradientCheck:
    r"""Compare backward with differences of forward, for the input and every parameter.

    With a random upstream gradient :math:`\delta` (a constant one would cancel in a normalization)
    and :math:`L(t) = \sum \delta\, y(x + t)`, for one entry of one array at a time:

    .. math:: \frac{\partial L}{\partial x} \approx
        \frac{8\,[L(s) - L(-s)] - [L(2s) - L(-2s)]}{12\,s}

    Parameters
    ----------
    layer : a Layer, any object with `forward` and `backward`, or a pair of functions
        A copy of it is checked, in the mode that it is in, so that its parameters, gradients,
        running statistics and cache stay as they are. Its `params` and `grads` are mappings of
        arrays under the same names. Of a pair, the first takes x and returns ``(y, cache)``, the
        second takes ``dy, cache`` and returns dx, like `standardize` and its backward. A layer is
        compared with itself; to compare your backward with another's forward, make a pair of them.
    x : float64 array of any shape
        float32 has too few digits for differences.
    seed : int
        Of the upstream gradient and of the entries tried.
    tolerance : float
        The largest right error, as a share of the array's largest gradient.
    sample : int
        How many entries of each array to try at most, drawn at random.

    Returns
    -------
    GradientCheck
        Nothing is raised for a wrong gradient; see `passed`. A gradient that is 0 whatever
        backward does, as with batch statistics of one sample, does not pass: nothing was checked.

    Raises
    ------
    TypeError
        x, a parameter or the output is not a float64 array, or `layer` cannot be checked.
    ValueError
        An option is out of range, the output is not finite, forward changes its input, or it gives
        another output when it is called again.

    Source: Fornberg 1988, https://doi.org/10.1090/S0025-5718-1988-0935077-0, tables 1 and 3.

    Examples
    --------
    >>> from normlib import Dense, standardize, standardize_backward
    >>> rng = np.random.default_rng(0)
    >>> layer = Dense(3, 4, norm="batch", activation="tanh", rng=rng)
    >>> check_gradients(layer, rng.standard_normal((5, 3))).passed
    True
    >>> alone = (lambda x: standardize(x, 0), standardize_backward)
    >>> check_gradients(alone, np.ones((1, 3)))
    NOT passed at tolerance 1e-06
    gradient of  error  entries  verdict
    x            nan    0/3      its gradient is 0 here: nothing was checked
    """
    tolerance = checks.number(tolerance, "tolerance", low=1e-12, high=0.1)
    sample = checks.positive_integer(sample, "sample")
    checks.seeded(seed)
    # A stream of its own: an upstream gradient equal to x, from a generator with the same seed, is
    # one of those that a normalization cancels.
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
    subject = Subject(layer, x)
    y = subject.output()
    dy = rng.standard_normal(y.shape)
    found = subject.gradients(dy)
    floor = NOTHING * float(np.abs(dy).max() * np.abs(y).max())
    judged = []
    for name, array in subject.arrays.items():
        tried = [
            np.unravel_index(i, array.shape)
            for i in rng.choice(array.size, min(sample, array.size), replace=False)
        ]
        step = _step(array)
        measured = np.array([subject.slope(array, index, step, y, dy) for index in tried])
        least = floor * STEP / step
        judged.append(_judge(name, found[name], array.shape, tried, measured, least, tolerance))
    return GradientCheck(tuple(judged), tolerance, subject.moved)


def _judge(
    name: str,
    found: Any,
    shape: tuple[int, ...],
    tried: list[Any],
    measured: Array,
    least: float,
    tolerance: float,
) -> ArrayCheck:
    """Compare one array's gradient with what was measured, where that can be relied on."""
    if found is None or found.shape != shape or not np.isfinite(found).all():
        return ArrayCheck(name, math.nan, 0, len(tried), f"wrong: {_oddity(found, shape)}")
    claimed = np.array([found[index] for index in tried])
    slope, doubt = measured.T
    size = float(max(np.abs(claimed).max(), np.abs(slope).max()))
    if size <= least:
        verdict = "its gradient is 0 here: nothing was checked"
        return ArrayCheck(name, math.nan, 0, len(tried), verdict)
    known = doubt <= tolerance * size
    count = int(known.sum())
    error = float((np.abs(claimed - slope)[known] / size).max(initial=0)) if count else math.nan
    if error > tolerance:
        verdict = "wrong"
    elif 2 * count < len(tried):
        verdict = "kinks, or too much rounding, at most entries: not enough was checked"
    else:
        verdict = "right"
    return ArrayCheck(name, error, count, len(tried), verdict)


def _oddity(found: Any, shape: tuple[int, ...]) -> str:
    """Say why a gradient cannot be compared at all."""
    if found is None:
        return "backward leaves none in grads"
    if found.shape != shape:
        return f"it has shape {found.shape}, and the array {shape}"
    return f"it holds {found[~np.isfinite(found)][0]}"


def _step(array: Array) -> float:
    """Return a power of 2, which adds without rounding, that is small beside the array's spread."""
    size, spread = float(np.abs(array).max()), float(array.std())
    spread = spread if spread > 1e-6 * size else size or 1.0
    return float(2.0 ** np.floor(np.log2(STEP * spread)))
