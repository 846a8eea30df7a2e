"""Clouds of two features, each with its mean and covariance exactly as chosen.

Drawn at random, a cloud of this size would have another covariance than the one that it is named
for. So a random cloud is whitened first, and then given what it is to have.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from normlib.whiten import whiten

Floats = npt.NDArray[np.float64]

#: How many points a cloud has.
COUNT = 160


def clouds() -> dict[str, Floats]:
    """Return the clouds by name, each of shape (160, 2).

    Examples
    --------
    >>> list(clouds())
    ['tilted', 'correlated .98', 'scales 1 : 10', 'off centre']
    """
    return {
        "tilted": cloud((2.5, 1.0), (2.2, 1.2), 0.9),
        "correlated .98": cloud((0.0, 0.0), (1.5, 1.5), 0.98),
        "scales 1 : 10": cloud((0.0, 0.0), (3.0, 0.3), 0.0),
        "off centre": cloud((4.0, 3.0), (1.0, 1.0), 0.0),
    }


def cloud(mean: tuple[float, float], std: tuple[float, float], correlation: float) -> Floats:
    """Return a cloud whose own mean, standard deviations and correlation are those given."""
    rng = np.random.default_rng(3)
    draws = rng.normal(size=(COUNT, 2))
    round_one = whiten(draws, "zca", eps=0).transform(draws)
    shape = np.linalg.cholesky(np.array([[1.0, correlation], [correlation, 1.0]]))
    return np.asarray(round_one @ shape.T * np.array(std) + np.array(mean))
