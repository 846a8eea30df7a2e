"""Losses against the textbook, and where numbers become extreme."""

from __future__ import annotations

import numpy as np
import pytest

import reference
from gradients import EXACT, assert_gradients, complex_step
from normlib import mean_squared_error, softmax_cross_entropy
from strategies import LAYOUTS, laid_out


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy(dtype, rng):
    """Catches a sum for a mean, the gradient of another label, and a float64 gradient."""
    logits = rng.standard_normal((6, 4)).astype(dtype)
    labels = rng.integers(0, 4, 6)
    before = logits.copy()
    loss, dlogits = softmax_cross_entropy(logits, labels)
    tolerance = 1e-14 if dtype == np.float64 else 1e-6  # a few roundings
    assert abs(loss - reference.cross_entropy(logits.astype(float), labels)) < tolerance
    p = np.exp(before) / np.exp(before).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(dlogits, (p - np.eye(4)[labels]) / 6, atol=tolerance)
    assert dlogits.dtype == dtype
    np.testing.assert_array_equal(logits, before)


def test_cross_entropy_of_huge_logits():
    """Catches overflow in exp, and log(0)."""
    logits = np.array([[1e4, 0.0, -1e4], [-1e4, 1e4, 0.0]])
    loss, dlogits = softmax_cross_entropy(logits, np.array([0, 0]))
    assert loss == 1e4
    np.testing.assert_array_equal(dlogits, [[0, 0, 0], [-0.5, 0.5, 0]])


def test_cross_entropy_of_equal_logits():
    """Catches another base of the logarithm: equal logits cost log K nats."""
    loss, dlogits = softmax_cross_entropy(np.full((2, 10), 3.0), np.array([0, 9]))
    assert abs(loss - np.log(10)) < 1e-15
    assert abs(dlogits.sum()) < 1e-16


@pytest.mark.parametrize("shape", [(6, 4), (6, 1), (5,), (2, 3, 4)])
def test_mean_squared_error(shape, rng):
    """Catches a mean over samples alone, a factor of 2 lost, and a gradient of targets."""
    outputs, targets = rng.standard_normal((2, *shape))
    before = outputs.copy(), targets.copy()

    def textbook(arrays):
        return np.asarray(reference.squared_error(arrays["y"], targets))

    loss, doutputs = mean_squared_error(outputs, targets)
    assert abs(loss - textbook({"y": outputs})) < EXACT
    expected = complex_step(textbook, {"y": outputs}, np.ones(()))
    assert_gradients({"y": doutputs}, expected, EXACT, "complex step")
    np.testing.assert_array_equal((outputs, targets), before)


def test_mean_squared_error_of_columns(rng):
    """Catches (N,) against (N, 1) broadcast to (N, N)."""
    outputs, targets = rng.standard_normal((2, 6, 1))
    loss, doutputs = mean_squared_error(outputs, targets)
    same, again = mean_squared_error(outputs, targets[:, 0])
    assert loss == same
    np.testing.assert_array_equal(doutputs, again)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layout(layout, rng):
    """Catches inputs changed in place, and a sum that assumes contiguous memory."""
    outputs, targets = (laid_out(rng.standard_normal((6, 4)), layout) for _ in range(2))
    copies = outputs.copy(order="C"), targets.copy(order="C")
    loss, doutputs = mean_squared_error(outputs, targets)
    expected, dexpected = mean_squared_error(*copies)
    assert abs(loss - expected) < 1e-14  # sums in another order
    np.testing.assert_array_equal(doutputs, dexpected)
    np.testing.assert_array_equal(outputs, copies[0])


def test_the_loss_has_the_outputs_dtype(rng):
    """Catches a float64 gradient in a float32 net whose targets are float64."""
    outputs, targets = rng.standard_normal((2, 6, 4))
    loss, doutputs = mean_squared_error(outputs.astype(np.float32), targets)
    assert doutputs.dtype == np.float32
    assert abs(loss - mean_squared_error(outputs, targets)[0]) < 1e-5  # float32
