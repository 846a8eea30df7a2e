"""What each move does to a cloud, and what gradient descent then has to go through.

Every move is affine, y = (x - shift) @ matrix. On y a linear model without a bias, y @ theta,
learns a target by least squares. Its loss is a bowl whose curvature is the second moment of y, so
whatever a move does to the cloud it does to the bowl.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from normlib import checks
from normlib.checks import Array
from normlib.core import standardize
from normlib.whiten import whiten

#: Descent is over when this part of the loss above its least is left.
TOLERANCE = 1e-6
#: How many positions of a descent are kept to be drawn.
KEPT = 41
#: What must be learned: this much of the first and of the second principal component, each
#: measured in its own standard deviations, so that neither is easier by being larger.
TARGET = np.array([2.0, 1.0])


class Move(NamedTuple):
    """A move: its formula, what to see in it, and shift and matrix of a cloud, given eps."""

    formula: str
    says: str
    unit: str  #: what the cloud is measured in afterwards
    of: Callable[[Array, float], tuple[Array, Array]]


def _nothing(x: Array, eps: float) -> tuple[Array, Array]:
    return np.zeros(2), np.eye(2)


def _centre(x: Array, eps: float) -> tuple[Array, Array]:
    return x.mean(axis=0), np.eye(2)


def _standardize(x: Array, eps: float) -> tuple[Array, Array]:
    _, cache = standardize(x, 0, eps=eps)
    return x.mean(axis=0), np.diag(cache.inv_sigma.ravel())


def _rotate(x: Array, eps: float) -> tuple[Array, Array]:
    measured = whiten(x, "pca", eps=eps)
    return measured.mean, measured.matrix * np.sqrt(measured.eigenvalues + eps)


def _whiten(method: str) -> Callable[[Array, float], tuple[Array, Array]]:
    def of(x: Array, eps: float) -> tuple[Array, Array]:
        measured = whiten(x, method, eps=eps)
        return measured.mean, measured.matrix

    return of


DATA, DEVIATIONS = "units of the data", "standard deviations"
#: The moves by name, from the least to the most.
MOVES: Mapping[str, Move] = MappingProxyType(
    {
        "as it is": Move("y = x", "A mean away from 0 stretches the bowl too.", DATA, _nothing),
        "centred": Move("y = x − μ", "The cloud's shape is all that is left.", DATA, _centre),
        "standardized": Move(
            "y = (x − μ) / σ",
            "Each feature by itself: correlation stays as it was.",
            DEVIATIONS,
            _standardize,
        ),
        "rotated": Move(
            "y = (x − μ) U",
            "Uncorrelated, but a rotation leaves the bowl as long and as narrow as before.",
            DATA,
            _rotate,
        ),
        "PCA": Move(
            "y = (x − μ) U / √Λ",
            "Rotated, then scaled: round, and its axes are the principal directions.",
            DEVIATIONS,
            _whiten("pca"),
        ),
        "ZCA": Move(
            "y = (x − μ) (U / √Λ) Uᵀ",
            "Rotated, scaled, rotated back: of all round clouds the one whose points moved least.",
            DEVIATIONS,
            _whiten("zca"),
        ),
        "Cholesky": Move(
            "y = (x − μ) (L⁻¹)ᵀ",
            "y₁ is x₁ standardized, y₂ is what x₁ does not tell of x₂.",
            DEVIATIONS,
            _whiten("cholesky"),
        ),
    }
)


@dataclass(frozen=True, eq=False, repr=False)
class Stage(checks.Brief):
    """A cloud after a move, and gradient descent on it.

    Attributes
    ----------
    name : one of MOVES
    shift, matrix : (2,) and (2, 2)
        The move.
    covariance : (2, 2), of y
    bowl : (2, 2)
        The loss's own axes: where ``best + r * bowl[i]`` lies, the loss is r²/2 above its least.
    best : (2,)
        The theta of least loss; descent starts at 0.
    condition : float
        Of the bowl: its largest curvature divided by its smallest.
    steps : int
        Of gradient descent, at the rate that is best for this bowl, to TOLERANCE.
    path, excess : (k, 2) and (k,)
        The first positions, and the part of the first loss above the least that is left there.
    """

    name: str
    shift: Array
    matrix: Array
    covariance: Array
    bowl: Array
    best: Array
    condition: float
    steps: int
    path: Array
    excess: Array

    def carry(self, x: Array) -> Array:
        """Return y for any x, (n, 2)."""
        return (x - self.shift) @ self.matrix


def stage(x: Array, name: str, eps: float) -> Stage:
    """Return what move `name` does to the cloud x, (n, 2).

    Examples
    --------
    >>> x = np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> [(name, stage(x, name, 0.0).steps) for name in ("centred", "rotated", "ZCA")]
    [('centred', 14), ('rotated', 14), ('ZCA', 1)]
    """
    shift, matrix = MOVES[name].of(x, eps)
    y = (x - shift) @ matrix
    hessian = y.T @ y / len(y)
    best = np.linalg.solve(hessian, y.T @ target(x) / len(y))
    curvature, axes = np.linalg.eigh(hessian)
    path, excess, steps = descend(hessian, best, 2 / curvature.sum())
    covariance = np.cov(y.T, bias=True)
    bowl = axes.T / np.sqrt(curvature)[:, None]
    condition = float(curvature[1] / curvature[0])
    return Stage(
        name, shift, matrix, covariance, bowl, best, condition, steps, path[:KEPT], excess[:KEPT]
    )


def target(x: Array) -> Array:
    """Return what is to be learned from the cloud, (n,): the same whatever the move."""
    return np.asarray(whiten(x, "pca", eps=0).transform(x) @ TARGET)


def descend(hessian: Array, best: Array, rate: float) -> tuple[Array, Array, int]:
    """Go down a bowl from 0 by steps of `rate` times the slope, to TOLERANCE.

    Returns the positions, the part of the first loss above the least at each, and how many steps.
    """
    path = [np.zeros(2)]
    first = best @ hessian @ best
    excess = [1.0]
    while excess[-1] > TOLERANCE:
        slope = hessian @ (path[-1] - best)
        path.append(path[-1] - rate * slope)
        rest = path[-1] - best
        excess.append(float(rest @ hessian @ rest / first))
    return np.array(path), np.array(excess), len(path) - 1
