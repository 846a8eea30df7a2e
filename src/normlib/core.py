"""The one formula, x_hat = (x - mu) / sigma, and its gradient.

Every normalization in this library is these two functions, told over which axes one `mu` and one
`sigma` are shared, whether `mu` is subtracted at all, and how the size of what remains is measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral
from typing import Any, Literal, NamedTuple

import numpy as np

from normlib import checks
from normlib.checks import Array

Scale = Literal["std", "rms", "norm"]
SCALES: tuple[Scale, ...] = ("std", "rms", "norm")


@dataclass(frozen=True, eq=False, repr=False)  # == and repr would go through all numbers
class Cache(checks.Brief):
    """What `standardize` leaves for its gradient.

    Attributes
    ----------
    x_hat : the normalized values, in x's shape
    mu : what was subtracted; the shared axes are kept as size 1, and without centring it is one 0
    var : sigma squared without eps: biased variance, mean square or sum of squares
    inv_sigma : 1 / sqrt(var + eps), and 0 where that root is 0
    axes, center, scale : as given to `standardize`
    count : how many values share one mu and sigma
    constant : whether the statistics were given, so that no gradient flows through them
    """

    x_hat: Array
    mu: Array
    var: Array
    inv_sigma: Array
    axes: tuple[int, ...]
    count: int
    center: bool
    scale: Scale
    constant: bool


def standardize(
    x: Array,
    axes: int | Iterable[int],
    *,
    center: bool = True,
    scale: Scale = "std",
    eps: float = 1e-5,
    statistics: tuple[Array, Array] | None = None,
) -> tuple[Array, Cache]:
    r"""Shift and scale `x` so that each set of values has mean 0 and size 1.

    .. math:: \hat x = \frac{x - \mu}{\sigma}, \qquad \sigma = \sqrt{v + \epsilon}

    Parameters
    ----------
    x : float array of any shape
        Never changed.
    axes : int or ints
        The axes that share one mu and one sigma.
    center : bool
        Subtract the mean; without it mu is 0.
    scale : "std", "rms" or "norm"
        What v is: the biased variance, the mean square, or the sum of squares, each of ``x - mu``.
        "std" is measured about the mean, so it needs ``center=True``.
    eps : float
        Added to v inside the root. With ``eps=0`` a set of zero size gives x_hat = 0, and gradient
        0, instead of NaN.
    statistics : (mu, v), optional
        Use these, broadcastable to x, instead of measuring; they count as constants in the
        gradient. This is batch normalization in evaluation mode.

    Returns
    -------
    x_hat : array of x's shape and dtype
    cache : Cache
        For `standardize_backward`.

    Raises
    ------
    TypeError
        x is not a float array.
    ValueError
        An axis, scale or eps is out of range, "std" comes without centring, or given statistics
        do not broadcast to x.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1, generalized.

    Examples
    --------
    >>> x_hat, _ = standardize(np.array([[1.0, 3.0], [2.0, 10.0]]), axes=1, eps=0)
    >>> x_hat
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    x = checks.floating(x, "x")
    checks.choice(scale, "scale", SCALES)
    eps = checks.number(eps, "eps", low=0)
    axes = _axes(axes, x.ndim)
    if scale == "std" and not center:
        raise ValueError(
            "scale='std' is measured about the mean; got center=False. "
            "Use scale='rms', or center=True."
        )
    count = math.prod([x.shape[axis] for axis in axes])
    if statistics is None:
        exactly = eps == 0 or x.dtype.itemsize < 8
        mu, rest = shifted(x, axes, count, exactly) if center else _unshifted(x)
        var = np.divide(inner(rest, rest, axes), 1 if scale == "norm" else count)
    else:
        mu, var = _given(statistics, x)
        rest = x - mu
    sigma = np.sqrt(var + x.dtype.type(eps))
    inv_sigma = 1 / sigma if sigma.all() else _inverse(sigma)
    x_hat = np.multiply(rest, inv_sigma, out=None if rest is x else rest)
    cache = Cache(
        x_hat, mu, var, inv_sigma, axes, count, center, scale, constant=statistics is not None
    )
    return x_hat, cache


def standardize_backward(dx_hat: Array, cache: Cache) -> Array:
    r"""Carry a gradient from x_hat back to x.

    .. math:: \frac{\partial L}{\partial x} = \frac1\sigma
        \Big[\delta - \overline\delta - \hat x\,\overline{\delta\,\hat x}\Big],
        \qquad \delta = \frac{\partial L}{\partial \hat x}

    The first bar is there because every value moves mu, the second because every value moves
    sigma. Without centring the first goes; where sigma is a norm, the second is a sum and not a
    mean; with given statistics both go.

    Parameters
    ----------
    dx_hat : array of x_hat's shape
    cache : Cache
        From `standardize`.

    Returns
    -------
    dx : array of x's shape

    Raises
    ------
    TypeError
        dx_hat is not a float array, or cache not a Cache.
    ValueError
        dx_hat does not have x_hat's shape.
    """
    checks.kind(cache, Cache, "cache", "Pass what standardize returned beside x_hat.")
    x_hat, axes, count = cache.x_hat, cache.axes, cache.count
    dx_hat = checks.floating(dx_hat, "dx_hat")
    checks.shape(dx_hat, x_hat.shape, "dx_hat", "Pass the gradient with respect to x_hat.")
    if cache.constant:
        return dx_hat * cache.inv_sigma
    along = inner(dx_hat, x_hat, axes) / (1 if cache.scale == "norm" else count)
    dx = x_hat * along
    np.subtract(dx_hat, dx, out=dx)
    if cache.center:
        dx -= total(dx_hat, axes) / count
    dx *= cache.inv_sigma
    return dx


def total(x: Array, axes: tuple[int, ...]) -> Array:
    """Sum `x` over `axes`, keeping them as size 1.

    A sum is a product with a vector of ones, and BLAS computes that several times faster than a
    ufunc reduces; so the axes at either end go through a matrix product.
    """
    plan = _plan(x.shape, axes)
    if plan.right > 1:
        x = x.reshape(-1, plan.right) @ _ones(plan.right, x.dtype)
    if plan.left > 1:
        x = _ones(plan.left, x.dtype) @ x.reshape(plan.left, -1)
    if plan.middle:
        x = x.reshape(plan.rest).sum(axis=plan.middle)
    return x.reshape(plan.kept)


class _Plan(NamedTuple):
    """How to sum over some axes: which sizes to merge at both ends, and what is left between."""

    kept: tuple[int, ...]  #: the shape of the result
    right: int  #: how many values the last axes hold that are summed
    left: int  #: and the first axes
    rest: tuple[int, ...]  #: the sizes left between them
    middle: tuple[int, ...]  #: the summed axes among those


@lru_cache(maxsize=1024)
def _plan(shape: tuple[int, ...], axes: tuple[int, ...]) -> _Plan:
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    wide = [(size, axis in axes) for axis, size in enumerate(shape) if size > 1]
    right = left = 1
    while wide and wide[-1][1]:
        right *= wide.pop()[0]
    while wide and wide[0][1]:
        left *= wide.pop(0)[0]
    middle = tuple(axis for axis, (_, summed) in enumerate(wide) if summed)
    return _Plan(kept, right, left, tuple(size for size, _ in wide), middle)


@lru_cache(maxsize=64)
def _ones(count: int, dtype: np.dtype[Any]) -> Array:
    ones = np.ones(count, dtype)
    ones.flags.writeable = False
    return ones


def inner(x: Array, y: Array, axes: tuple[int, ...]) -> Array:
    """Sum ``x * y`` over `axes`, keeping them as size 1."""
    plan = _plan(x.shape, axes)
    if plan.left > 1 or plan.middle:
        return total(x * y, axes)
    rows = np.vecdot(x.reshape(-1, plan.right), y.reshape(-1, plan.right))
    return np.asarray(rows).reshape(plan.kept)


def shifted(x: Array, axes: tuple[int, ...], count: int, exactly: bool) -> tuple[Array, Array]:
    """Return mu and ``x - mu``, subtracted `exactly` in two steps.

    The first mean is only as exact as its own last digit, and in float32 at mean 10,000 that digit
    is worth 0.001. What remains after subtracting it is small, so its mean is exact. float64 has
    digits to spare, unless there is no eps: then the last digit alone would pass for a spread, and
    three values of 0.1 would each become -1.
    """
    mu = total(x, axes) / count
    rest = x - mu
    if not exactly:
        return mu, rest
    residue = total(rest, axes) / count
    rest -= residue
    return mu + residue, rest


def _unshifted(x: Array) -> tuple[Array, Array]:
    """Return a mu of 0 and x itself."""
    return np.zeros((), x.dtype), x


def _inverse(sigma: Array) -> Array:
    """Return 1 / sigma, and 0 where sigma is 0."""
    return np.divide(1, sigma, out=np.zeros_like(sigma), where=sigma != 0)


def _given(statistics: tuple[Array, Array], x: Array) -> tuple[Array, Array]:
    """Return the statistics in x's dtype, if they fit its shape."""
    mu, var = (np.asarray(values, x.dtype) for values in statistics)
    try:
        fits = np.broadcast_shapes(mu.shape, var.shape, x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"statistics must broadcast to x of shape {x.shape}; got {mu.shape} and {var.shape}. "
            "Keep the shared axes as size 1."
        )
    return mu, var


def _axes(axes: int | Iterable[int], ndim: int) -> tuple[int, ...]:
    """Return the axes as distinct numbers from 0 to ndim - 1."""
    given = tuple(axes) if isinstance(axes, Iterable) else (axes,)
    good = all(isinstance(axis, Integral) and -ndim <= axis < ndim for axis in given)
    if not good or not given:
        raise ValueError(
            f"axes must name at least one axis of x, from {-ndim} to {ndim - 1}; got {axes!r}. "
            "Name the axes that share one mu and sigma."
        )
    found = tuple(sorted({int(axis) % ndim for axis in given}))
    if len(found) != len(given):
        raise ValueError(f"axes must be distinct; got {axes!r}. Name each axis once.")
    return found
