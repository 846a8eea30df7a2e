"""Fifty draws for every setting of the Shift Bench: a cubic rule, fitted with weights and without.

The setting is Shimodaira's (2000, doi:10.1016/S0378-3758(00)00115-4). All of it is computed once,
since an error between two settings cannot be had from theirs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import cast

import numpy as np
import numpy.typing as npt
from numpy.polynomial.polynomial import polyval

from normlib import checks

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

#: Coefficients of the rule x³ − x, from the constant up, and the noise around it.
RULE = np.array([0.0, -1.0, 0.0, 1.0])
NOISE = 0.3
#: Mean and standard deviation of the source's x.
SOURCE = (0.5, 0.5)
#: What can be chosen: the model's degree, points, the target's mean and std, the weights' exponent.
DEGREES = (1, 3)
POINTS = (20, 100, 400)
MEANS = tuple(k / 10 for k in range(-10, 6))
SPREADS = (0.2, 0.3, 0.4, 0.5, 0.6)
POWERS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
DRAWS = 50
#: Where the draws lie: these shares of them are below the low, middle and high end.
SHARES = (0.1, 0.5, 0.9)
#: Bits that are kept of a result: four digits, more than the draws know, at two thirds of the size.
BITS = 12


@dataclass(frozen=True, eq=False, repr=False)
class Study(checks.Brief):
    """What came of all settings; axes run as in POINTS, MEANS, SPREADS and POWERS.

    `x`, `y`: the first draw of each number of points. `line`, `cubic`: coefficients of its fits,
    from the constant up. `errors`: low, middle and high over the draws, first by degree. `wins`: in
    how many draws the weights made the error smaller. `worth`: the effective sample size, again
    low, middle and high.
    """

    x: tuple[Singles, ...]
    y: tuple[Singles, ...]
    line: Singles
    cubic: Singles
    errors: Singles
    wins: npt.NDArray[np.uint8]
    worth: Singles


@cache
def study() -> Study:
    """Return the draws' outcome, as the page gets it."""
    drawn = [[draw(seed, n) for seed in range(DRAWS)] for n in POINTS]
    shape = len(POINTS), len(MEANS), len(SPREADS), len(POWERS), DRAWS
    fits = {degree: np.empty((*shape, degree + 1)) for degree in DEGREES}
    error = np.empty((len(DEGREES), *shape))
    worth = np.empty(shape)
    powers = np.array(POWERS)[:, None, None]
    for i, draws in enumerate(drawn):
        x, y = np.array(draws).transpose(1, 0, 2)  # (draw, point)
        columns = np.stack([x**0, x, x**2, x**3, y], axis=-1)
        for (j, mean), (k, spread) in product(enumerate(MEANS), enumerate(SPREADS)):
            at = i, j, k
            weight = np.exp(powers * polyval(x, log_ratio(mean, spread)))  # (power, draw, point)
            worth[at] = effective(weight)
            for d, (degree, fit) in enumerate(least_squares(columns, weight).items()):
                fits[degree][at] = fit
                error[(d, *at)] = excess(fit, mean, spread)
    xs, ys = zip(*(draws[0] for draws in drawn), strict=True)
    wins = (error < error[..., :1, :]).sum(axis=-1)  # the first power is 0
    return Study(
        x=tuple(x.astype(np.float32) for x in xs),
        y=tuple(y.astype(np.float32) for y in ys),
        line=rounded(fits[1][..., 0, :]),
        cubic=rounded(fits[3][..., 0, :]),
        errors=spread_of(error),
        wins=wins.astype(np.uint8),
        worth=spread_of(worth),
    )


def spread_of(values: Floats) -> Singles:
    """Return the low end, middle and high end over the draws, as the last axis."""
    return rounded(np.moveaxis(np.quantile(values, SHARES, axis=-1), 0, -1))


def rounded(values: Floats) -> Singles:
    """Return values rounded to BITS binary digits: what is cut off need not be sent."""
    fraction, exponent = np.frexp(values)
    kept: Floats = np.ldexp(np.round(fraction * 2**BITS), exponent - BITS)
    return kept.astype(np.float32)


def draw(seed: int, n: int) -> tuple[Floats, Floats]:
    """Return n points of the source: x, and the rule with noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(*SOURCE, n)
    return x, polyval(x, RULE) + rng.normal(0, NOISE, n)


def log_ratio(mean: float, spread: float) -> Floats:
    """Return the log of the importance weight of a target: a parabola's three coefficients."""
    (m, s), (m_t, s_t) = SOURCE, (mean, spread)
    constant = math.log(s / s_t) + (m / s) ** 2 / 2 - (m_t / s_t) ** 2 / 2
    return np.array([constant, m_t / s_t**2 - m / s**2, (s**-2 - s_t**-2) / 2])


def effective(weight: Floats) -> Floats:
    """Return the effective sample size over the last axis: (sum w)² / sum w²."""
    size: Floats = weight.sum(axis=-1) ** 2 / (weight**2).sum(axis=-1)
    return size


def least_squares(columns: Floats, weight: Floats) -> dict[int, Floats]:
    """Return each degree's weighted fits, from the powers of x with y as the last column.

    A QR decomposition squares no condition number, and all degrees share it.
    """
    r = cast(Floats, np.linalg.qr(columns * np.sqrt(weight)[..., None], mode="r"))
    found: dict[int, Floats] = {}
    for degree in DEGREES:
        upper = r[..., : degree + 1, :]
        solved = np.linalg.solve(upper[..., : degree + 1], upper[..., -1:])
        found[degree] = solved[..., 0].astype(np.float64)
    return found


def excess(fit: Floats, mean: float, spread: float) -> Floats:
    """Return the mean squared distance of fits from the rule on a target, over its whole density.

    The squared distance is a polynomial of degree 6, so the normal density's first six moments,
    by E[x^(k+1)] = mean E[x^k] + k std² E[x^(k-1)], give it without a test sample's noise.
    """
    moments = [1.0, mean]
    for k in range(1, 6):
        moments.append(mean * moments[-1] + k * spread**2 * moments[-2])
    distance = np.zeros((*fit.shape[:-1], RULE.size)) - RULE
    distance[..., : fit.shape[-1]] += fit
    product_moments = np.array(moments)[np.add.outer(range(4), range(4))]
    error: Floats = np.einsum("...i,ij,...j->...", distance, product_moments, distance)
    return error
