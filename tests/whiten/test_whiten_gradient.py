"""Gradients through mean, covariance and inverse root, also where eigenvalues are equal."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from gradients import EXACT, NUMERIC, assert_gradients, assert_same, central, complex_step
from normlib import (
    decorrelate,
    decorrelate_backward,
    standardize,
    standardize_backward,
)
from normlib.roots import ROOTS, Root
from textbook_whitening import METHODS, full_rank, isotropic, of_condition, whitened

MODULE = sys.modules["normlib.whiten"]  # as an attribute of normlib, whiten is the function
SMOOTH = [method for method in METHODS if method != "pca"]


def check(x, method, rng, tolerance=EXACT, **options):
    """Compare y and dx with the textbook by a complex step, and with differences of itself."""
    options = {"eps": 0.0, "iterations": 6, **options}
    y, cache = decorrelate(x, method, **options)
    dy = rng.standard_normal(x.shape)
    found = {"x": decorrelate_backward(dy, cache)}

    def textbook(arrays):
        return whitened(arrays["x"], method, **options)

    def own(arrays):
        return decorrelate(arrays["x"], method, **options)[0]

    assert_same(y, textbook({"x": x}), tolerance, "y")
    assert_gradients(found, complex_step(textbook, {"x": x}, dy), tolerance, "complex step")
    assert_gradients(found, central(own, {"x": x}, dy), NUMERIC, "central differences")


@pytest.mark.parametrize("eps", [0.0, 0.3])
@pytest.mark.parametrize("d", [1, 2, 4])
@pytest.mark.parametrize("method", METHODS)
def test_gradient(method, d, eps, rng):
    """Catches a wrong term on the way through mean, covariance and root."""
    check(full_rank(rng, 9, d), method, rng, eps=eps)


@pytest.mark.parametrize("iterations", [1, 2, 4])
def test_gradient_of_unfinished_iterations(iterations, rng):
    """Catches the gradient of the limit in place of that of the iterations that were made."""
    check(full_rank(rng, 9, 3), "newton_schulz", rng, iterations=iterations)


@pytest.mark.parametrize("eps", [0.0, 0.3])
@pytest.mark.parametrize("method", SMOOTH)
def test_gradient_at_equal_eigenvalues(method, eps, rng):
    """Catches a division by the gap between eigenvalues: here all are 1."""
    check(isotropic(), method, rng, eps=eps)


@pytest.mark.parametrize("method", SMOOTH)
def test_gradient_with_fewer_samples_than_features(method, rng):
    """Catches a gradient that needs full rank; here eps alone is equal three times over."""
    check(full_rank(rng, 3, 5), method, rng, eps=0.1)


def equal_pair(gap, rng):
    """Return data with eigenvalues 4, 1 + gap, 1 in turned directions."""
    x = of_condition(rng, 1.0, d=3)  # covariance 1
    turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    return x * np.sqrt([4, 1 + gap, 1]) @ turn


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pca_refuses_equal_eigenvalues(dtype, rng, digits):
    """Catches NaN, or huge numbers made of rounding, where PCA has no gradient."""
    for x in (isotropic(), equal_pair(0.0, rng), digits.x_train):
        y, cache = decorrelate(x.astype(dtype), "pca")
        with pytest.raises(ValueError, match="eigenvalues differ"):
            decorrelate_backward(y, cache)


def test_pca_works_beside_equal_eigenvalues(rng):
    """Catches a refusal of what can be computed: the error is about rounding over the gap."""
    x, dy = equal_pair(1e-4, rng), rng.standard_normal((50, 3))
    dx = decorrelate_backward(dy, decorrelate(x, "pca", eps=0)[1])

    def textbook(arrays):
        return whitened(arrays["x"], "pca")

    # Rounding of 1e-15, over a gap of 1e-4, and as much again in the textbook: 1e-9 is ample.
    assert_gradients({"x": dx}, complex_step(textbook, {"x": x}, dy), 1e-9, "complex step")


def test_gradient_of_newton_schulz_becomes_that_of_zca(rng):
    """Catches a way back that is right for a few iterations only."""
    x, dy = full_rank(rng, 20, 4), rng.standard_normal((20, 4))
    expected = decorrelate_backward(dy, decorrelate(x, "zca", eps=0)[1])
    for iterations in (20, 300):
        found = decorrelate(x, "newton_schulz", eps=0, iterations=iterations)[1]
        assert_same(decorrelate_backward(dy, found), expected, EXACT, "dx")


@pytest.mark.parametrize("method", METHODS)
def test_one_feature_is_standardized(method, rng):
    """Catches a whitening that does not reduce to the formula of the book."""
    x, dy = rng.standard_normal((2, 9, 1))
    y, cache = decorrelate(x, method, eps=0.1, iterations=40)
    x_hat, expected = standardize(x, 0, eps=0.1)
    np.testing.assert_allclose(y, x_hat, rtol=1e-13)  # a few roundings
    dx = standardize_backward(dy, expected)
    np.testing.assert_allclose(decorrelate_backward(dy, cache), dx, atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_shift_has_no_gradient_and_scale_neither(method, rng):
    """Catches a detached mean or covariance: y stays the same when x moves or stretches."""
    x = full_rank(rng, 20, 4)
    _, cache = decorrelate(x, method, eps=0)
    dx = decorrelate_backward(rng.standard_normal(x.shape), cache)
    assert np.abs(dx.sum(axis=0)).max() < 1e-13 * 20  # rounding of 20 terms of size 1
    assert abs((dx * (x - x.mean(axis=0))).sum()) < 1e-12 * 80


@pytest.mark.parametrize("method", SMOOTH)
@pytest.mark.parametrize("iterations", [20, 200])
def test_gradient_of_a_bad_condition_stays_close(method, iterations, rng):
    """Catches an iteration, or its way back, in which rounding grows from step to step."""
    x = of_condition(rng, 1000)
    dy = rng.standard_normal(x.shape)
    dx = decorrelate_backward(dy, decorrelate(x, method, eps=0, iterations=iterations)[1])

    def own(arrays):
        return decorrelate(arrays["x"], method, eps=0)[0]

    assert_gradients({"x": dx}, central(own, {"x": x}, dy), 1e-5, "central differences")


def wrong_sign_of_k(dw, saved):
    return -ROOTS["zca"].backward(dw, saved)


def k_of_eigenvalues_for_their_roots(dw, saved):
    lam, u = saved
    k = -1 / (lam * lam[:, None] * (lam + lam[:, None]))
    return u @ (k * (u.T @ dw @ u)) @ u.T


def k_without_its_product(dw, saved):
    s, u = np.sqrt(saved[0]), saved[1]
    return u @ (-1 / (s + s[:, None]) * (u.T @ dw @ u)) @ u.T


def k_on_the_diagonal_alone(dw, saved):
    lam, u = saved
    return u @ np.diag(-np.diag(u.T @ dw @ u) / (2 * lam**1.5)) @ u.T


def whole_diagonal(dw, saved):
    (w,) = saved
    return -w @ np.tril(dw.T @ w) @ w.T


def upper_triangle(dw, saved):
    (w,) = saved
    p = np.triu(dw.T @ w)
    p[np.diag_indices_from(p)] /= 2
    return -w @ p @ w.T


def eigenvectors_alone(dw, saved):
    lam, u, _ = saved
    gap = lam - lam[:, None]
    np.fill_diagonal(gap, np.inf)
    return u @ ((u.T @ dw) / np.sqrt(lam) / gap) @ u.T


def gap_the_wrong_way(dw, saved):
    lam, u, _ = saved
    gap = lam[:, None] - lam
    np.fill_diagonal(gap, -2 * lam)
    return u @ ((u.T @ dw) / np.sqrt(lam) / gap) @ u.T


def trace_as_a_constant(dw, saved):
    a = saved[0]
    right = ROOTS["newton_schulz"].backward(dw, saved)
    free = (right * a).sum() / np.trace(a)  # dL/dt: p(A/t)/sqrt(t) scales as A^(-1/2) or not
    return right - free * np.eye(len(a))


def zero(dw, saved):
    return np.zeros_like(dw)


WRONG = [
    ("zca", wrong_sign_of_k),
    ("zca", k_of_eigenvalues_for_their_roots),
    ("zca", k_without_its_product),
    ("zca", k_on_the_diagonal_alone),
    ("cholesky", whole_diagonal),
    ("cholesky", upper_triangle),
    ("pca", eigenvectors_alone),
    ("pca", gap_the_wrong_way),
    ("newton_schulz", trace_as_a_constant),
    *((method, zero) for method in METHODS),
]


@pytest.mark.parametrize(("method", "wrong"), WRONG)
def test_the_check_rejects(method, wrong, rng, monkeypatch):
    """Catches a check that accepts anything: each famous mistake must fail it."""
    changed = {**ROOTS, method: Root(ROOTS[method].forward, wrong)}
    monkeypatch.setattr(MODULE, "ROOTS", changed)
    with pytest.raises(AssertionError, match="gradient of x by complex step"):
        check(full_rank(rng, 9, 3), method, rng)


def test_the_check_rejects_a_detached_mean(rng, monkeypatch):
    """Catches a check in which the mean's own gradient cancels."""
    monkeypatch.setattr(MODULE, "total", lambda dy, axes: 0 * dy[:1])
    with pytest.raises(AssertionError, match="gradient of x by complex step"):
        check(full_rank(rng, 9, 3), "zca", rng)
