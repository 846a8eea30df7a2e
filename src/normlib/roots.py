"""Inverse square roots of a covariance matrix, each with its gradient.

A whitening matrix W is any matrix with W W' = A^-1, so that (x - mean) W has covariance 1. There
are as many as there are rotations, and four that people use. Each function takes the covariance
and how to treat it, and returns W and what its gradient needs; the gradient turns dL/dW into dL/dA.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from normlib.checks import Array

Saved = tuple[Array, ...]


class How(NamedTuple):
    """How to treat a covariance."""

    eps: float  #: A = covariance + eps I
    iterations: int  #: of Newton–Schulz
    tolerance: float  #: what rounding leaves unknown of an eigenvalue


class Root(NamedTuple):
    """A way to take the inverse square root, and its gradient."""

    forward: Callable[[Array, How], tuple[Array, Saved]]
    backward: Callable[[Array, Saved], Array]


def pca(covariance: Array, how: How) -> tuple[Array, Saved]:
    """Return U Λ^(-1/2): column k is the k-th direction of most variance, divided by its std."""
    lam, u = _eigen(covariance, how)
    tolerance = np.asarray(how.tolerance, lam.dtype)
    return u / np.sqrt(lam), (lam, u, tolerance)


def pca_backward(dw: Array, saved: Saved) -> Array:
    """Return dL/dA; an eigenvector turns by 1 / (λj - λi), so equal eigenvalues are refused."""
    lam, u, tolerance = saved
    closest = (lam[:-1] - lam[1:]).min(initial=np.inf)
    if closest <= tolerance:
        raise ValueError(
            "cache must come from a covariance whose eigenvalues differ, by more than rounding "
            f"leaves unknown ({tolerance:.1e}): between equal ones PCA can choose any directions, "
            f"and has no gradient; got two that differ by {closest:.1e}. "
            "Use method='zca', 'cholesky' or 'newton_schulz'."
        )
    gap = lam - lam[:, None]  # λj - λi
    np.fill_diagonal(gap, -2 * lam)  # the eigenvalue's own way through λ^(-1/2)
    return np.asarray(u @ ((u.T @ dw) / np.sqrt(lam) / gap) @ u.T)


def zca(covariance: Array, how: How) -> tuple[Array, Saved]:
    """Return U Λ^(-1/2) U', the symmetric root: it changes the data least."""
    lam, u = _eigen(covariance, how)
    return (u / np.sqrt(lam)) @ u.T, (lam, u)


def zca_backward(dw: Array, saved: Saved) -> Array:
    """Return dL/dA = U (K * U' dW U) U'.

    K holds (f(λi) - f(λj)) / (λi - λj) for f(λ) = λ^(-1/2), in which the gap cancels.
    """
    lam, u = saved
    s = np.sqrt(lam)
    k = -1 / (s * s[:, None] * (s + s[:, None]))
    return np.asarray(u @ (k * (u.T @ dw @ u)) @ u.T)


def cholesky(covariance: Array, how: How) -> tuple[Array, Saved]:
    """Return L'^-1 of A = L L', upper triangular: output k is made of the features up to k."""
    lower = _factor(_plus(covariance, how.eps), how)
    w = np.triu(np.linalg.inv(lower).T)  # pivoting leaves rounding below the diagonal
    return w, (w,)


def cholesky_backward(dw: Array, saved: Saved) -> Array:
    """Return dL/dA = -W P W', where P is the lower triangle of dW' W with half its diagonal."""
    (w,) = saved
    p = np.tril(dw.T @ w)
    p[np.diag_indices_from(p)] /= 2
    return np.asarray(-w @ p @ w.T)


def newton_schulz(covariance: Array, how: How) -> tuple[Array, Saved]:
    """Approach the symmetric root by products alone: Y -> (A/t)^(1/2) and Z -> (A/t)^(-1/2).

    With t the trace, all eigenvalues of A/t lie in (0, 1], where this converges. Keeping Y beside
    Z is what makes it last: computing Z³ A/t instead, which is the same on paper, lets the part of
    Z's rounding that does not commute with A grow without bound.
    """
    a = _plus(covariance, how.eps)
    _factor(a, how)
    t = np.trace(a)
    y, z = a / t, np.eye(len(a), dtype=a.dtype)
    ys, zs = np.empty((2, how.iterations, *a.shape), a.dtype)
    for k in range(how.iterations):
        ys[k], zs[k] = y, z
        turn = _turn(y, z)
        y, z = y @ turn, turn @ z
    return z / np.sqrt(t), (a, z, ys, zs)


def newton_schulz_backward(dw: Array, saved: Saved) -> Array:
    """Return dL/dA, walking the iterations back."""
    a, z, ys, zs = saved
    t = np.trace(a)
    dz, dy = dw / np.sqrt(t), np.zeros_like(dw)
    for y, z_before in zip(ys[::-1], zs[::-1], strict=True):
        turn = _turn(y, z_before)
        dturn = y.T @ dy + dz @ z_before.T
        dy = dy @ turn.T - z_before.T @ dturn / 2
        dz = turn.T @ dz - dturn @ y.T / 2
    dt = -np.vdot(dw, z) / (2 * t * np.sqrt(t)) - np.vdot(dy, a) / (t * t)
    return _plus(dy / t, dt)


ROOTS: Mapping[str, Root] = MappingProxyType(
    {
        "pca": Root(pca, pca_backward),
        "zca": Root(zca, zca_backward),
        "cholesky": Root(cholesky, cholesky_backward),
        "newton_schulz": Root(newton_schulz, newton_schulz_backward),
    }
)


def _eigen(covariance: Array, how: How) -> tuple[Array, Array]:
    """Return Λ + eps and U, the largest first, and each vector's largest entry positive."""
    lam, u = np.linalg.eigh(covariance)
    lam, u = lam[::-1], u[:, ::-1]
    if how.eps == 0 and lam[-1] <= how.tolerance:
        raise _singular(f"rank {(lam > how.tolerance).sum()} of {len(lam)}")
    largest = np.abs(u).argmax(axis=0)
    u = u * np.sign(u[largest, np.arange(len(u))])
    return np.maximum(lam, 0) + lam.dtype.type(how.eps), u  # rounding makes 0 a little negative


def _factor(a: Array, how: How) -> Array:
    """Return L of A = L L', or say that A is singular."""
    try:
        lower = np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        raise _singular(f"one that rounding makes indefinite, with eps={how.eps:g}") from None
    least = lower.diagonal().min() ** 2
    if how.eps == 0 and least <= how.tolerance:
        raise _singular(f"a pivot of {least:.1e}, where rounding is {how.tolerance:.1e}")
    return lower


def _singular(got: str) -> ValueError:
    return ValueError(
        "x must have a covariance of full rank, with more samples than features and no feature "
        f"that follows from the others, or eps must be larger; got {got}. Pass eps=1e-5 or more."
    )


def _plus(a: Array, number: float) -> Array:
    """Return A + number I."""
    a = a.copy()
    a[np.diag_indices_from(a)] += a.dtype.type(number)
    return a


def _turn(y: Array, z: Array) -> Array:
    """Return (3 I - Z Y) / 2, which becomes I."""
    return _plus(z @ y / -2, 1.5)
