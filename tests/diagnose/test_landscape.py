"""Loss and gradient along the gradient, against training itself and against a known curvature."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

import normlib
from normlib import Dense, Landscape, Net, loss_landscape, mlp, softmax_cross_entropy

LRS = (0.05, 0.2, 0.8)


def half_square(outputs, targets):
    return 0.5 * float(((outputs - targets) ** 2).sum()), outputs - targets


def linear(w):
    net = Net([Dense(2, 1, activation="identity", bias=False, rng=np.random.default_rng(0))])
    net.flat[...] = w
    return net


@pytest.fixture
def batch(digits):
    return digits.x_train[:16], digits.y_train[:16]


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_points_are_where_training_would_go(norm, batch, digits):
    """Catches a step in another direction or of another length than SGD's."""
    net = mlp([64, 8, 8, 10], norm=norm)
    found = loss_landscape(net, batch, LRS)

    def gradient(net):
        loss, dlogits = softmax_cross_entropy(net.forward(batch[0]), batch[1])
        net.backward(dlogits)
        return loss, net.flat_grads.copy()

    loss, g = gradient(copy.deepcopy(net))
    assert found.start == pytest.approx(loss, rel=1e-14)
    assert found.gradient == pytest.approx(np.linalg.norm(g), rel=1e-12)
    for lr, there, change in zip(LRS, found.loss, found.change, strict=True):
        moved = copy.deepcopy(net)
        normlib.fit(moved, digits, steps=1, lr=lr, batches=[batch])
        moved.training = True
        loss, g_there = gradient(moved)
        assert there == pytest.approx(loss, rel=1e-12)
        assert change == pytest.approx(np.linalg.norm(g_there - g), rel=1e-10)


def test_smoothness_of_least_squares_is_an_eigenvalue():
    """Catches beta in another unit: H = X'X = diag(9, 4), and along an axis it is that entry."""
    x, targets = np.array([[3.0, 0.0], [0.0, 2.0]]), np.zeros((2, 1))
    for w, eigenvalue in (([1, 0], 9), ([0, 1], 4)):
        found = loss_landscape(linear(w), (x, targets), LRS, loss=half_square)
        assert found.smoothness == pytest.approx(eigenvalue, rel=1e-12)
        assert found.gradient_predictiveness == pytest.approx(eigenvalue * max(LRS), rel=1e-12)
    mixed = loss_landscape(linear([1, 1]), (x, targets), LRS, loss=half_square)
    assert mixed.smoothness == pytest.approx(np.hypot(81, 16) / np.hypot(9, 4), rel=1e-12)


def test_losses_of_least_squares():
    """Catches a range that includes the start, or misses an end: the parabola is known."""
    x, targets = np.array([[3.0, 0.0], [0.0, 2.0]]), np.zeros((2, 1))
    found = loss_landscape(linear([1, 0]), (x, targets), [0.1, 0.05, 0.2], loss=half_square)
    expected = 4.5 * (1 - 9 * np.array([0.1, 0.05, 0.2])) ** 2
    np.testing.assert_allclose(found.loss, expected, rtol=1e-12)
    assert found.start == 4.5
    assert found.loss_range == pytest.approx(expected.max() - expected.min(), rel=1e-12)


def test_summaries():
    """Catches a largest value taken before the division by its own distance."""
    seen = Landscape(np.array([0.1, 0.2]), 9.0, 2.0, np.array([3.0, 1.0]), np.array([4.0, 5.0]))
    assert (seen.loss_range, seen.gradient_predictiveness, seen.smoothness) == (2.0, 2.5, 20.0)


def test_where_nothing_pulls():
    """Catches a division by 0 at a minimum."""
    found = loss_landscape(linear([0, 0]), (np.eye(2), np.zeros((2, 1))), LRS, loss=half_square)
    assert found.gradient == 0
    assert found.loss_range == 0
    assert np.isnan([found.gradient_predictiveness, found.smoothness]).all()


def test_overflow_is_a_result(batch):
    """Catches a warning, or an exception, far along the gradient."""
    net = mlp([64, 8, 8, 10])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = loss_landscape(net, batch, [0.1, 1e200])
    assert np.isfinite(found.loss[0])
    assert not np.isfinite(found.loss_range)
    assert not np.isfinite(found.smoothness)


def test_the_net_stays_as_it_is_even_if_the_loss_fails(batch):
    """Catches weights that stay half way along the gradient."""
    net = mlp([64, 8, 10], norm="batch")
    net.training = False
    before = copy.deepcopy(net)
    calls = []

    def breaks(outputs, labels):
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("enough")
        return softmax_cross_entropy(outputs, labels)

    loss_landscape(net, batch, LRS)
    with pytest.raises(RuntimeError, match="enough"):
        loss_landscape(net, batch, LRS, loss=breaks)
    for kind in ("params", "grads", "running"):
        for name, array in getattr(before, kind).items():
            np.testing.assert_array_equal(getattr(net, kind)[name], array)
    assert not net.training


def test_float32(batch):
    """Catches points that leave the net's dtype."""
    net = mlp([64, 8, 10], dtype="float32")
    found = loss_landscape(net, (batch[0].astype(np.float32), batch[1]), LRS)
    double = mlp([64, 8, 10])
    double.flat[...] = net.flat
    exact = loss_landscape(double, batch, LRS)
    np.testing.assert_allclose(found.change, exact.change, rtol=1e-4)  # float32 has 7 digits
