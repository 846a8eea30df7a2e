"""Optimizers: in place, in the parameters' dtype, without new memory; the sums as in PyTorch."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from normlib import SGD, Adam, Momentum

ALL = [SGD, Momentum, Adam]


def after(optimizer, w, gradients, lr):
    """Return the parameters after one step per gradient."""
    w = w.copy()
    for gradient in gradients:
        optimizer.step(w, gradient, lr)
    return w


@pytest.mark.parametrize("make", ALL)
def test_optimizers_write_in_place(make, rng):
    """Catches an update of a copy, of which the layers would never learn, or of the gradient."""
    w, dw = rng.standard_normal((2, 5))
    before, gradient, same = w.copy(), dw.copy(), w
    make().step(w, dw, 0.1)
    assert same is w
    assert not np.array_equal(w, before)
    np.testing.assert_array_equal(dw, gradient)


@pytest.mark.parametrize("rate", ["number", "per parameter"])
@pytest.mark.parametrize("make", ALL)
def test_float32_stays_float32(make, rate, rng):
    """Catches float64 in the memory: the same numbers in both dtypes, to float32's digits."""
    w, dw = rng.standard_normal((2, 5))
    lr = 0.1 if rate == "number" else rng.uniform(0.1, 0.2, 5)
    single = lr if rate == "number" else lr.astype(np.float32)
    low, optimizer = w.astype(np.float32), make()
    for _ in range(3):
        optimizer.step(low, dw.astype(np.float32), single)
    assert low.dtype == optimizer.recall(low).dtype == np.float32
    np.testing.assert_allclose(low, after(make(), w, [dw] * 3, lr), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", ALL)
def test_a_step_makes_no_new_array(make, rng):
    """Catches a temporary of the parameters' size: memory of a step must not grow with them."""
    w, dw, optimizer = *rng.standard_normal((2, 100_000)), make()
    optimizer.step(w, dw, 0.1)
    tracemalloc.start()
    optimizer.step(w, dw, 0.1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < w.nbytes / 10


def test_momentum_counts_the_first_gradient_whole():
    """Catches dampening, (1 - beta) times the gradient, and Nesterov's look ahead."""
    w = after(Momentum(0.5), np.array([1.0]), [np.array([1.0]), np.array([2.0])], 0.1)
    np.testing.assert_allclose(w, 1 - 0.1 * 1.0 - 0.1 * 2.5, rtol=1e-15)


def test_momentum_with_a_rate_that_changes():
    """Catches the rate inside v, as in Keras: v = 2 + 1/2 there would hold the old rate."""
    w, optimizer = np.array([1.0]), Momentum(0.5)
    optimizer.step(w, np.array([1.0]), 1.0)
    optimizer.step(w, np.array([2.0]), 0.01)
    np.testing.assert_allclose(w, 1 - 1.0 - 0.01 * 2.5, rtol=1e-12)


def test_adams_first_step_is_the_rate():
    """Catches a lost correction: the first step is lr * g / (|g| + eps), whatever the betas."""
    for beta1, beta2 in ((0.9, 0.999), (0.0, 0.5)):
        g = np.array([3.0, -1e-3, 0.0])
        w = after(Adam(beta1, beta2, eps=0.1), np.zeros(3), [g], 0.01)
        np.testing.assert_allclose(w, -0.01 * g / (np.abs(g) + 0.1), rtol=1e-12)


def test_adams_eps_is_outside_the_root():
    """Catches sqrt(v + eps), and eps before the correction, over several steps."""
    g = np.array([1e-3])
    w = after(Adam(eps=0.5), np.zeros(1), [g] * 4, 1.0)
    np.testing.assert_allclose(w, -4 * g / (g + 0.5), rtol=1e-12)  # m and v corrected are g, g^2
