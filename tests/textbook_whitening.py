"""Whitening without eigh, without the library's Cholesky, and without the coupled iteration.

Everything accepts complex input, so that a complex step gives derivatives to the last digit:
transposes are plain, and no absolute value or conjugate is taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Values = np.ndarray[Any, Any]
METHODS = ("pca", "zca", "cholesky", "newton_schulz")


def covariance(x: Values) -> Values:
    """Return the biased covariance, one pair of features after the other."""
    n, d = x.shape
    centred = x - x.sum(axis=0) / n
    pairs = [[(centred[:, i] * centred[:, j]).sum() / n for j in range(d)] for i in range(d)]
    return np.array(pairs)


def whitened(x: Values, method: str, *, eps: float = 0.0, iterations: int = 6) -> Values:
    """Return (x - mean) W."""
    a = covariance(x) + eps * np.eye(x.shape[1])
    return (x - x.sum(axis=0) / len(x)) @ matrix_of(a, method, iterations)


def matrix_of(a: Values, method: str, iterations: int) -> Values:
    """Return W with W W^T = A^-1."""
    matrix: Values = {
        "pca": lambda: directions(a) / np.sqrt(stretches(a)),
        "zca": lambda: np.linalg.inv(square_root(a)),
        "cholesky": lambda: np.linalg.inv(factor(a).T),
        "newton_schulz": lambda: papers_recurrence(a, iterations),
    }[method]()
    return matrix


def directions(a: Values) -> Values:
    """Return eigenvectors as columns, by inverse iteration beside each eigenvalue."""
    values, start = np.linalg.eigh(a.real)
    beside = 1e-3 * np.diff(values).min(initial=1)
    columns = []
    for k in range(len(a))[::-1]:
        v = start[:, k].astype(a.dtype)
        near = values[k] + beside
        for _ in range(12):  # each shrinks the other directions by a thousand
            v = np.linalg.solve(a - near * np.eye(len(a)), v)
            v = v / np.sqrt((v * v).sum())
        longest = v[np.argmax(np.abs(v.real))]
        columns.append(v if longest.real > 0 else -v)
    return np.array(columns).T


def stretches(a: Values) -> Values:
    """Return the eigenvalues that belong to `directions`, as Rayleigh quotients."""
    u = directions(a)
    return np.array([u[:, k] @ a @ u[:, k] for k in range(len(a))])


def square_root(a: Values) -> Values:
    """Return A^(1/2) by the iteration of Denman and Beavers, which takes inverses."""
    y, z = a, np.eye(len(a))
    for _ in range(30):
        y, z = (y + np.linalg.inv(z)) / 2, (z + np.linalg.inv(y)) / 2
    return y


def factor(a: Values) -> Values:
    """Return L of A = L L^T, entry by entry."""
    lower = np.zeros_like(a)
    for i in range(len(a)):
        for j in range(i + 1):
            rest = a[i, j] - (lower[i, :j] * lower[j, :j]).sum()
            lower[i, j] = np.sqrt(rest) if i == j else rest / lower[j, j]
    return lower


def papers_recurrence(a: Values, iterations: int) -> Values:
    """Return what the recurrence of IterNorm gives: P <- (3 P - P^3 A/t) / 2, then P / sqrt(t)."""
    t = np.trace(a)
    p = np.eye(len(a))
    for _ in range(iterations):
        p = (3 * p - p @ p @ p @ (a / t)) / 2
    return p / np.sqrt(t)


def full_rank(rng: np.random.Generator, n: int, d: int) -> Values:
    """Return data with distinct variances, correlated, away from zero."""
    return rng.standard_normal((n, d)) @ (np.diag(1.0 + np.arange(d)) + 0.4) + 0.7


def isotropic(d: int = 4) -> Values:
    """Return data whose covariance is exactly 1: two points on each axis, 2 = sqrt(d) away."""
    return np.concatenate([2 * np.eye(d), -2 * np.eye(d)]) * np.sqrt(d) / 2


def of_condition(rng: np.random.Generator, condition: float, d: int = 8) -> Values:
    """Return data whose covariance has eigenvalues from 1 down to 1 / condition."""
    x = rng.standard_normal((50, d))
    u, _, vt = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return u * np.sqrt(50 * np.geomspace(1, 1 / condition, d)) @ vt
