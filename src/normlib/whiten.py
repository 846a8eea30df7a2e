"""Whitening: what `standardize` does to one feature, done to all of them together.

Afterwards the features have mean 0, variance 1 and no correlation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from normlib import checks
from normlib.checks import Array
from normlib.core import shifted
from normlib.roots import ROOTS, How, Saved
from normlib.sums import total


@dataclass(frozen=True, eq=False, repr=False)  # == and repr would go through all numbers
class Whitening(checks.Brief):
    """A whitening that has been measured on some data, and can be applied to others.

    Attributes
    ----------
    method, eps : as given to `whiten`
    mean : (d,)
    covariance : (d, d)
        Biased, divided by n, and without eps.
    matrix : (d, d)
        W of ``y = (x - mean) @ W``. W W' is the inverse of ``covariance + eps I``.
    """

    method: str
    eps: float
    mean: Array
    covariance: Array
    matrix: Array

    def transform(self, x: Array) -> Array:
        """Return ``(x - mean) @ matrix``, shape (m, d), for any m samples."""
        x = self._fitting(x, "x")
        return np.asarray((x - self.mean) @ self.matrix)

    def inverse(self, y: Array) -> Array:
        """Return the x, shape (m, d), whose transform is `y`."""
        y = self._fitting(y, "y")
        return np.asarray(y @ self.inverse_matrix + self.mean)

    @cached_property
    def inverse_matrix(self) -> Array:
        """The inverse of `matrix`, (d, d)."""
        return np.asarray(np.linalg.inv(self.matrix))

    @cached_property
    def eigenvalues(self) -> Array:
        """The variances along the principal directions, (d,), the largest first."""
        rising = np.linalg.eigvalsh(self.covariance)
        return np.asarray(np.maximum(rising, 0)[::-1])  # rounding makes 0 a little negative

    def _fitting(self, values: Array, name: str) -> Array:
        d = len(self.mean)
        values = checks.floating(values, name)
        if values.ndim != 2 or values.shape[1] != d:
            raise ValueError(
                f"{name} must have shape (m, {d}), as the data that was measured; "
                f"got {values.shape}. Pass the same {d} features."
            )
        return values


@dataclass(frozen=True, eq=False, repr=False)
class Decorrelated(checks.Brief):
    """What `decorrelate` leaves for its gradient.

    Attributes
    ----------
    whitening : the Whitening that was measured and applied
    centred : x - mean, (n, d)
    saved : what the gradient of the whitening matrix needs
    """

    whitening: Whitening
    centred: Array
    saved: Saved


def whiten(x: Array, method: str = "pca", *, eps: float = 1e-5, iterations: int = 20) -> Whitening:
    r"""Measure how to make the features of `x` uncorrelated, with mean 0 and variance 1.

    .. math:: y = (x - \mu)\,W, \qquad W W^\top = (\Sigma + \epsilon I)^{-1}, \qquad
        \Sigma = \tfrac1n (x - \mu)^\top (x - \mu) = U \Lambda U^\top

    Parameters
    ----------
    x : float array of shape (n, d)
        n samples of d features. Never changed.
    method : "pca", "zca", "cholesky" or "newton_schulz"
        Which of the matrices W, all of them rotations of one another:

        - "pca": :math:`U(\Lambda+\epsilon)^{-1/2}`. Output k lies along the direction of k-th
          largest variance. The largest entry of each direction is positive, as in scikit-learn;
          without such a rule its sign would be arbitrary.
        - "zca": :math:`U(\Lambda+\epsilon)^{-1/2}U^\top`, symmetric. Of all whitened data this is
          the closest to the centred x, so images stay images.
        - "cholesky": upper triangular, :math:`L^{-\top}` of :math:`\Sigma+\epsilon I=LL^\top`.
          Output k is made of the features 1 to k (Kessy et al. factor the inverse instead, and go
          from the last feature to the first). The cheapest.
        - "newton_schulz": approaches "zca" by matrix products alone.
    eps : float
        Added to every eigenvalue, so that the outputs' variances are
        :math:`\lambda/(\lambda+\epsilon)`, and directions without variance stay 0. With ``eps=0``
        the covariance must have full rank, more exactly no eigenvalue (or pivot of "cholesky" and
        "newton_schulz") below ``(d + sqrt(n)) u`` times the norm of the covariance, with u the
        rounding of the dtype: below that, a computed eigenvalue is noise. Never more than n - 1
        eigenvalues are larger than 0, so n <= d needs an eps.
    iterations : int
        Of "newton_schulz"; each makes a small eigenvalue 2.25 times larger, until it is near 1.
        More of them than are needed do no harm. IterNorm uses 5, which whitens in part.

    Returns
    -------
    Whitening
        With `transform`, `inverse`, `matrix`, `mean`, `covariance` and `eigenvalues`.

    Raises
    ------
    TypeError
        x is not an array of float32 or float64.
    ValueError
        x is not (n, d), not finite, or too large to be squared; the covariance is singular; an
        option is out of range.

    Notes
    -----
    The cost is that of d × d × d operations and two n × d × d products, also where n < d.

    Source: Kessy, Lewin & Strimmer 2018, arXiv:1512.00809 (which W is best for what); the UFLDL
    tutorial, "PCA Whitening" (eps); Huang et al. 2019, arXiv:1904.03441 (Newton's iteration with
    the trace, here in the coupled form, since theirs diverges when it goes on for long).

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(100, 3)) @ np.triu(np.ones((3, 3)))
    >>> whitening = whiten(x, "zca", eps=0)
    >>> np.abs(np.cov(whitening.transform(x).T, bias=True).round(9))
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """
    return _measure(x, method, eps, iterations).whitening


def decorrelate(
    x: Array, method: str = "zca", *, eps: float = 1e-5, iterations: int = 20
) -> tuple[Array, Decorrelated]:
    """Whiten `x` by its own mean and covariance, as a layer of a network does.

    Parameters
    ----------
    x, method, eps, iterations
        As in `whiten`.

    Returns
    -------
    y : array of x's shape and dtype, (n, d)
    cache : Decorrelated
        For `decorrelate_backward`.

    Raises
    ------
    TypeError, ValueError
        As in `whiten`.

    Source: Huang et al. 2018 (Decorrelated BN), arXiv:1804.08450.

    Examples
    --------
    >>> y, cache = decorrelate(np.array([[1.0, 2.0], [3.0, 2.0], [2.0, 8.0]]), eps=0)
    >>> np.abs(y.T @ y / 3).round(9)
    array([[1., 0.],
           [0., 1.]])
    """
    cache = _measure(x, method, eps, iterations)
    return np.asarray(cache.centred @ cache.whitening.matrix), cache


def decorrelate_backward(dy: Array, cache: Decorrelated) -> Array:
    r"""Carry a gradient from y back to x, through the mean, the covariance and its root.

    .. math:: \frac{\partial L}{\partial x} = (\delta - \overline\delta)\,W^\top
        + \frac1n\,(x - \mu)\,\Big(\frac{\partial L}{\partial\Sigma}
        + \frac{\partial L}{\partial\Sigma}^{\!\top}\Big),
        \qquad \delta = \frac{\partial L}{\partial y}

    For "zca" :math:`\partial L/\partial\Sigma=U\big(K\circ U^\top(x-\mu)^\top\delta\,U\big)U^\top`
    with :math:`K_{ij}=-1/\big(\sqrt{\lambda_i\lambda_j}\,(\sqrt{\lambda_i}+\sqrt{\lambda_j})\big)`.

    Parameters
    ----------
    dy : array of y's shape, (n, d)
    cache : Decorrelated
        From `decorrelate`.

    Returns
    -------
    dx : array of x's shape

    Raises
    ------
    TypeError
        dy is not a float array, or cache not a Decorrelated.
    ValueError
        dy does not have y's shape; or the method is "pca" and two eigenvalues differ by less than
        ``(d + sqrt(n)) u`` times the norm of the covariance, with u the rounding of the dtype.
        Their directions are then anyone's choice. Above that limit, the relative error of the
        gradient is about the limit divided by the gap. The other methods have no such limit.
    """
    checks.kind(cache, Decorrelated, "cache", "Pass what decorrelate returned beside y.")
    dy = checks.floating(dy, "dy")
    checks.shape(dy, cache.centred.shape, "dy", "Pass the gradient with respect to y.")
    n = len(dy)
    dy = dy - total(dy, (0,)) / n
    dcov = ROOTS[cache.whitening.method].backward(cache.centred.T @ dy, cache.saved)
    return np.asarray(dy @ cache.whitening.matrix.T + cache.centred @ ((dcov + dcov.T) / n))


def _measure(x: Any, method: str, eps: float, iterations: int) -> Decorrelated:
    """Return the mean, the covariance and the chosen root of x."""
    x = checks.floating(x, "x")
    dtype = checks.float_dtype(x.dtype, "x's dtype")  # LAPACK knows no others
    if x.ndim != 2:
        raise ValueError(f"x must have shape (n, d); got {x.shape}. Reshape it to two axes.")
    checks.choice(method, "method", ROOTS)
    eps = checks.number(eps, "eps", low=0)
    eps = float(dtype.type(checks.number(eps, "eps", low=0, high=float(np.finfo(dtype).max))))
    iterations = checks.positive_integer(iterations, "iterations")
    checks.finite(x, "x", "Mend the input.")
    n, d = x.shape
    with np.errstate(over="ignore", invalid="ignore"):  # said below, in words
        mean, centred = shifted(x, (0,), n, exactly=eps == 0 or dtype.itemsize < 8)
        covariance = centred.T @ centred / n
    if not np.isfinite(covariance).all():
        raise ValueError(
            f"x must be small enough to be squared in {dtype}; got values up to "
            f"{np.abs(x).max():.1e}. Divide it by a constant."
        )
    matrix, saved = root(covariance, n, method, eps, iterations)
    whitening = Whitening(method, eps, mean.reshape(d), covariance, matrix)
    return Decorrelated(whitening, centred, saved)


def root(
    covariance: Array, n: int, method: str, eps: float, iterations: int
) -> tuple[Array, Saved]:
    """Return the whitening matrix for a covariance measured on n samples, and its `saved`."""
    rounding = (len(covariance) + np.sqrt(n)) * np.finfo(covariance.dtype).eps
    how = How(eps, iterations, float(rounding * np.linalg.norm(covariance)))
    return ROOTS[method].forward(covariance, how)
