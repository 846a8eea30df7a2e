"""The one formula, z = g * (x - mu) / sigma + b, and its gradient.

Every normalization in this library is these few lines, told over which axes one `mu` and one
`sigma` are shared, whether `mu` is subtracted at all, and how the size of what remains is measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral
from typing import Any, Literal

import numpy as np

from normlib import checks
from normlib.checks import Array
from normlib.sums import inner, total

Scale = Literal["std", "rms", "norm", "one"]
SCALES: tuple[Scale, ...] = ("std", "rms", "norm", "one")


@dataclass(frozen=True, eq=False, repr=False)  # == and repr would go through all numbers
class Cache(checks.Brief):
    """What `standardize` leaves for its gradient.

    Attributes
    ----------
    rest : x - mu, in x's shape
    mu : what was subtracted; the shared axes are kept as size 1, and without centring it is one 0
    var : sigma squared without eps: biased variance, mean square, sum of squares, or 1
    inv_sigma : 1 / sqrt(var + eps), and 0 where that root is 0
    axes, center, scale : as given to `standardize`
    count : how many values share one mu and sigma
    constant : whether the statistics were given, so that no gradient flows through them
    """

    rest: Array
    mu: Array
    var: Array
    inv_sigma: Array
    axes: tuple[int, ...]
    count: int
    center: bool
    scale: Scale
    constant: bool

    @property
    def x_hat(self) -> Array:
        """The normalized values, (x - mu) / sigma, in x's shape."""
        return self.rest * self.inv_sigma


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
    scale : "std", "rms", "norm" or "one"
        What v is: the biased variance, the mean square, or the sum of squares, each of ``x - mu``.
        "std" is measured about the mean, so it needs ``center=True``. With "one", sigma is 1 and
        the mean is all that goes, so it needs that too.
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
        An axis, scale or eps is out of range, "std" or "one" comes without centring, or given
        statistics do not broadcast to x.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1, generalized.

    Examples
    --------
    >>> x_hat, _ = standardize(np.array([[1.0, 3.0], [2.0, 10.0]]), axes=1, eps=0)
    >>> x_hat
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    x = checks.floating(x, "x")
    check_measure(center, scale)
    eps = checks.number(eps, "eps", low=0)
    axes = _axes(axes, x.ndim)
    if statistics is not None:
        statistics = _given(statistics, x)
    cache = measure(x, axes, center=center, scale=scale, eps=eps, statistics=statistics)
    return move(cache), cache


def standardize_backward(dx_hat: Array, cache: Cache) -> Array:
    r"""Carry a gradient from x_hat back to x.

    .. math:: \frac{\partial L}{\partial x} = \frac1\sigma
        \Big[\delta - \overline\delta - \hat x\,\overline{\delta\,\hat x}\Big],
        \qquad \delta = \frac{\partial L}{\partial \hat x}

    The first bar is there because every value moves mu, the second because every value moves
    sigma. Without centring the first goes; where sigma is a norm, the second is a sum and not a
    mean, and where it is 1, the second goes; with given statistics both go.

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
    dx_hat = checks.floating(dx_hat, "dx_hat")
    checks.shape(dx_hat, cache.rest.shape, "dx_hat", "Pass the gradient with respect to x_hat.")
    return move_back(dx_hat, cache)[0]


def measure(
    x: Array,
    axes: tuple[int, ...],
    *,
    center: bool,
    scale: Scale,
    eps: float,
    statistics: tuple[Array, Array] | None = None,
) -> Cache:
    """Find mu and sigma of each set, and x - mu; the arguments are those of `standardize`."""
    count = math.prod([x.shape[axis] for axis in axes])
    rest: Array
    inv_sigma: Array
    if statistics is not None:
        mu = statistics[0]
        rest = x - mu
    elif center:
        mu, rest = shifted(x, axes, count, exactly=eps == 0 or x.dtype.itemsize < 8)
    else:
        mu, rest = np.zeros((), x.dtype), x
    if scale == "one":
        var = inv_sigma = np.ones_like(mu)
    else:
        if statistics is not None:
            var = statistics[1]
        else:
            var = inner(rest, rest, axes) / _size(scale, count)
        sigma = np.sqrt(var + eps)
        inv_sigma = 1 / sigma if eps or sigma.all() else _inverse(sigma)
    return Cache(rest, mu, var, inv_sigma, axes, count, center, scale, statistics is not None)


def move(cache: Cache, g: Array | None = None, b: Array | None = None) -> Array:
    """Return z = g * x_hat + b, where g and b broadcast to x; without them, x_hat."""
    if g is None or b is None:
        return cache.x_hat
    z = cache.rest * (cache.inv_sigma * g)
    z += b
    return z


def move_back(
    dz: Array, cache: Cache, g: Array | None = None
) -> tuple[Array, Array | None, Array | None]:
    r"""Return the gradients of x, g and b.

    This is `standardize_backward` with :math:`\delta = g\,\partial L/\partial z`. Its two bars and
    the gradients of g and b are all sums of :math:`\partial L/\partial z` and of that times x - mu.
    So these two are summed once, over the axes of a set along which g is the same; of an image
    little is left after that.
    """
    rest, inv_sigma, axes = cache.rest, cache.inv_sigma, cache.axes
    along, within, samples = _split(axes, None if g is None else g.shape)
    plain = total(dz, along)
    with_rest = inner(dz, rest, along)
    dg = db = None
    slope: Array = inv_sigma
    if g is not None:
        dg, db = inner(with_rest, inv_sigma, samples), total(plain, samples)
        plain, with_rest = inner(plain, g, within), inner(with_rest, g, within)
        slope = inv_sigma * g
    dx: Array = dz * slope
    if not cache.constant:
        if cache.scale != "one":
            with_x_hat = with_rest * inv_sigma / _size(cache.scale, cache.count)
            np.subtract(dx, rest * (with_x_hat * inv_sigma * inv_sigma), out=dx)
        if cache.center:
            np.subtract(dx, plain * inv_sigma / cache.count, out=dx)
    return dx, dg, db


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


@lru_cache(maxsize=256)
def _split(
    axes: tuple[int, ...], of_g: tuple[int, ...] | None
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return the axes of a set along which g is the same, the others, and what sets repeat over."""
    if of_g is None:
        return axes, (), ()
    same = tuple(axis for axis, size in enumerate(of_g) if size == 1)
    along = tuple(axis for axis in axes if axis in same)
    within = tuple(axis for axis in axes if axis not in same)
    return along, within, tuple(axis for axis in same if axis not in axes)


def _size(scale: Scale, count: int) -> int:
    """Return what the sum of squares is divided by: a norm is not a mean."""
    return 1 if scale == "norm" else count


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


def check_measure(center: Any, scale: Any) -> None:
    """Refuse a scale that nothing measures."""
    checks.choice(scale, "scale", SCALES)
    if scale in ("std", "one") and not center:
        raise ValueError(
            f"scale={scale!r} needs a mean to subtract; got center=False. "
            "Use scale='rms', or center=True."
        )


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
