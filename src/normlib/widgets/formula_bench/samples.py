"""Samples of different shapes, each the quantiles of a distribution at evenly spaced levels.

Drawn at random, a Gaussian sample of this size would have a skewness of 0.15 or so, and nobody
could tell the shape from the luck.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: How many values a sample has.
COUNT = 240


def shapes() -> dict[str, Floats]:
    """Return the samples by name, each with its values in rising order.

    Examples
    --------
    >>> [name for name in shapes()]
    ['ReLU output', 'Gaussian', 'two bumps', 'heavy tails', 'two values', 'nearly constant']
    """
    level, gauss = _levels(COUNT), _gaussian(COUNT)
    side = np.minimum(level, 1 - level)
    laplace = np.sign(level - 0.5) * -np.log(2 * side) / np.sqrt(2)
    bump = 0.6 * _gaussian(COUNT // 2)
    return {
        "ReLU output": np.maximum(1.0 + 2.0 * gauss, 0.0),
        "Gaussian": 2.5 + 1.5 * gauss,
        "two bumps": np.sort(np.concatenate([0.4 + bump, 4.4 + bump])),
        "heavy tails": 2.0 + 1.2 * laplace,
        "two values": np.repeat([1.0, 4.0], COUNT // 2),
        "nearly constant": 2.5 + 0.003 * gauss,
    }


def _levels(count: int) -> Floats:
    """Return the middles of equal parts of [0, 1]."""
    return (np.arange(count, dtype=np.float64) + 0.5) / count


def _gaussian(count: int) -> Floats:
    """Return quantiles of the Gaussian with mean 0 and variance 1."""
    return np.array([NormalDist().inv_cdf(float(level)) for level in _levels(count)])
