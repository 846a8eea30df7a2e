"""The whitening layer: groups, modes, running statistics, and every gradient."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from cases import CHANNELS, INPUTS
from gradients import check_layer
from normlib import Activation, Dense, Net, Normalize, Whiten, fit, recalibrate
from normlib.roots import ROOTS
from textbook_whitening import matrix_of, whitened

KINDS = pytest.mark.parametrize(("shape", "channel_axis"), INPUTS.values(), ids=INPUTS)
MODES = ("training", "evaluation", "frozen")


def as_rows(a, channel_axis):
    """Return an array of activations as (values, channels)."""
    return np.moveaxis(a, channel_axis, -1).reshape(-1, CHANNELS)


def as_input(rows, shape, channel_axis):
    """Undo `as_rows`."""
    moved = [size for axis, size in enumerate(shape) if axis != channel_axis % len(shape)]
    return np.moveaxis(rows.reshape(*moved, CHANNELS), -1, channel_axis)


def textbook(layer, shape, mode):
    """Return the layer's z, one group after the other."""
    running = {name: value.copy() for name, value in layer.running.items()}
    c = CHANNELS // layer.groups

    def z(arrays):
        rows = as_rows(arrays["x"], layer.channel_axis)
        parts = []
        for k in range(layer.groups):
            own = slice(k * c, (k + 1) * c)
            if mode == "training":
                options = {"eps": layer.norm.eps, "iterations": layer.iterations}
                parts.append(whitened(rows[:, own], layer.method, **options))
            else:
                a = running["covariance"][k] + layer.norm.eps * np.eye(c)
                matrix = matrix_of(a, layer.method, layer.iterations)
                parts.append((rows[:, own] - running["mean"][own]) @ matrix)
        x_hat = np.concatenate(parts, axis=1)
        return as_input(x_hat * arrays.get("g", 1) + arrays.get("b", 0), shape, layer.channel_axis)

    return z


def check(layer, shape, mode, rng):
    """Put a layer in its mode, with running statistics of some data, and check its gradients."""
    layer.training = mode != "evaluation"
    layer.freeze_statistics(mode == "frozen")
    mix = np.triu(rng.uniform(0.2, 0.8, (CHANNELS, CHANNELS))) + np.diag(np.arange(CHANNELS))
    layer.running["mean"] = rng.standard_normal(CHANNELS)
    c = CHANNELS // layer.groups
    starts = range(0, CHANNELS, c)
    layer.running["covariance"] = [(mix.T @ mix)[k : k + c, k : k + c] for k in starts]
    rows = as_rows(rng.standard_normal(shape), layer.channel_axis) @ mix
    x = as_input(rows, shape, layer.channel_axis)
    check_layer(layer, x, textbook(layer, shape, mode), rng)


@pytest.mark.parametrize("mode", MODES)
@KINDS
def test_gradients(shape, channel_axis, mode, rng):
    """Catches a wrong gradient of x, g or b in any mode, and channels in the wrong group."""
    check(Whiten(CHANNELS, groups=2, channel_axis=channel_axis, eps=0.1), shape, mode, rng)


@pytest.mark.parametrize("mode", ["training", "evaluation"])
@pytest.mark.parametrize("groups", [2, 3])
@pytest.mark.parametrize("method", ROOTS)
def test_gradients_of_each_method(method, groups, mode, rng):
    """Catches a layer that asks for another method in one of its modes, or forgets an option."""
    options = {"groups": groups, "method": method, "eps": 0.1, "iterations": 4, "affine": False}
    check(Whiten(CHANNELS, **options), (7, CHANNELS), mode, rng)


@KINDS
def test_one_channel_per_group_is_batch_normalization(shape, channel_axis, rng):
    """Catches any other convention than batch normalization's: eps, momentum, 1/(m - 1), axes."""
    layers = (
        Whiten(CHANNELS, groups=CHANNELS, channel_axis=channel_axis),
        Normalize("batch", CHANNELS, channel_axis=channel_axis),
    )
    for training in (True, True, False):
        a, dz = rng.standard_normal((2, *shape))
        for layer in layers:
            layer.training = training
        z, expected = (layer.forward(a) for layer in layers)
        np.testing.assert_allclose(z, expected, atol=1e-12)  # rounding
        da, expected = (layer.backward(dz) for layer in layers)
        np.testing.assert_allclose(da, expected, atol=1e-12)
    ours, theirs = (layer.running for layer in layers)
    np.testing.assert_allclose(ours["mean"], theirs["mean"], atol=1e-14)
    np.testing.assert_allclose(ours["covariance"].ravel(), theirs["var"], atol=1e-13)
    assert ours["batches"] == theirs["batches"] == 2


def moments(a, groups):
    """Return the mean and the unbiased covariance of each group of channels."""
    full, c = np.cov(a.T), CHANNELS // groups
    starts = range(0, CHANNELS, c)
    return a.mean(axis=0), np.stack([full[k : k + c, k : k + c] for k in starts])


@pytest.mark.parametrize("momentum", [0.0, 0.3, 1.0, None])
def test_running_statistics(momentum, rng):
    """Catches momentum that weighs the old value, a biased covariance, and mixed groups."""
    layer = Whiten(CHANNELS, groups=2, momentum=momentum)
    mean, covariance = np.zeros(CHANNELS), np.tile(np.eye(3), (2, 1, 1))
    for count in range(1, 4):
        a = rng.standard_normal((20, CHANNELS)) * count + count
        layer.forward(a)
        weight = 1 / count if momentum is None else momentum
        now = moments(a, 2)
        mean = (1 - weight) * mean + weight * now[0]
        covariance = (1 - weight) * covariance + weight * now[1]
        np.testing.assert_allclose(layer.running["mean"], mean, atol=1e-13)  # rounding
        np.testing.assert_allclose(layer.running["covariance"], covariance, atol=1e-12)
        assert layer.running["batches"] == count


@pytest.mark.parametrize("mode", ["evaluation", "frozen"])
def test_statistics_are_left_alone(mode, rng):
    """Catches test data, or a frozen layer, moving the running statistics."""
    layer = Whiten(CHANNELS)
    layer.forward(rng.standard_normal((20, CHANNELS)))
    layer.training = mode == "frozen"
    layer.freeze_statistics(mode == "frozen")
    before = {name: value.copy() for name, value in layer.running.items()}
    layer.forward(rng.standard_normal((20, CHANNELS)) + 5)
    for name, value in before.items():
        np.testing.assert_array_equal(layer.running[name], value)


def test_evaluation_is_affine_and_per_sample(rng):
    """Catches batch statistics in evaluation: there z = a A + t, for a sample alone too."""
    layer = Whiten(CHANNELS, groups=2)
    layer.forward(rng.standard_normal((20, CHANNELS)) + 2)
    layer.training = False
    a, other = rng.standard_normal((2, 8, CHANNELS))
    mixed = layer.forward(0.3 * a + 0.7 * other)
    np.testing.assert_allclose(
        mixed, 0.3 * layer.forward(a) + 0.7 * layer.forward(other), atol=1e-13
    )
    np.testing.assert_allclose(layer.forward(a[:1]), layer.forward(a)[:1], atol=1e-14)


@pytest.mark.parametrize("method", ROOTS)
def test_recalibrated_evaluation_whitens_the_population(method, rng):
    """Catches an average of matrices: those of PCA change places from batch to batch."""
    mix = rng.standard_normal((CHANNELS, CHANNELS)) + np.eye(CHANNELS)
    layer = Whiten(CHANNELS, method=method, eps=1e-8, iterations=40)
    recalibrate(layer, (rng.standard_normal((64, CHANNELS)) @ mix for _ in range(50)))
    layer.training = False
    z = layer.forward(rng.standard_normal((4000, CHANNELS)) @ mix + 0.0)
    # 3200 values: the standard error of a covariance is 0.018, and 0.016 again for z; five times.
    np.testing.assert_allclose(np.cov(z.T), np.eye(CHANNELS), atol=0.15)


def test_groups_are_whitened_and_not_each_other(rng):
    """Catches groups that interleave: channels 0 to 2 are one group, and 3 to 5 the other."""
    common = rng.standard_normal((200, 1))
    a = rng.standard_normal((200, CHANNELS)) + 2 * common
    z = Whiten(CHANNELS, groups=2, eps=0).forward(a)
    after = np.cov(z.T, bias=True)
    for k in (0, 3):
        np.testing.assert_allclose(after[k : k + 3, k : k + 3], np.eye(3), atol=1e-12)
    assert np.abs(after[:3, 3:]).max() > 0.1


def test_in_a_net(rng, digits):
    """Catches a layer that a Net cannot hold, train, copy, pickle or put into evaluation mode."""
    net = Net(
        {
            "first": Dense(64, 16, activation="identity", rng=rng),
            "whiten": Whiten(16, groups=4, eps=1e-3),
            "f": Activation("relu"),
            "output": Dense(16, 10, activation="identity", rng=rng),
        }
    )
    history = fit(net, digits, steps=60, batch_size=64, lr=0.1)
    assert history.loss[-5:].mean() < history.loss[:5].mean() / 2
    assert set(net.running) == {"whiten.mean", "whiten.covariance", "whiten.batches"}
    x = digits.x_test
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(other.evaluate(x), net.evaluate(x))


@pytest.mark.parametrize("layer", [Whiten(CHANNELS), Whiten(CHANNELS, affine=False)], ids=str)
def test_signals(layer, rng):
    """Catches a layer that the Recorder sees nothing of, or that shows x_hat after g and b."""
    seen = {}
    for _, part in layer.walk():
        part.tap = seen.__setitem__
    a = rng.standard_normal((20, CHANNELS))
    z = layer.forward(a)
    np.testing.assert_array_equal(seen["a"], a)
    np.testing.assert_array_equal(seen["z"], z)
    np.testing.assert_array_equal(seen["x_hat"], z)  # g = 1 and b = 0


@pytest.mark.parametrize("channel_axis", [1, -1])
def test_dtype_is_kept(channel_axis, rng):
    """Catches a float64 constant in one of the modes."""
    layer = Whiten(3, channel_axis=channel_axis, dtype=np.float32)
    a = rng.standard_normal((9, 3, 3)).astype(np.float32)
    for training in (True, False):
        layer.training = training
        assert layer.forward(a).dtype == layer.backward(a).dtype == np.float32


def test_repr():
    """Catches a layer that introduces itself as another."""
    assert repr(Whiten(6, groups=2)) == "Whiten(6, groups=2, method='zca')"
