"""Running statistics of whole nets: measured anew, kept, frozen."""

from __future__ import annotations

import numpy as np
import pytest

from normlib import mlp, recalibrate, statistics_kept


@pytest.fixture
def net(rng):
    net = mlp([4, 3, 3, 2], norm="batch", activation="tanh")
    for _ in range(3):
        net.forward(rng.standard_normal((8, 4)) + 5)
    return net


def snapshot(net):
    """Return everything that must not change: statistics, parameters, modes."""
    arrays = {**net.running, **net.params}
    modes = [(part.training, part.frozen) for _, part in net.walk()]
    return {name: array.copy() for name, array in arrays.items()}, modes


def assert_unchanged(net, before):
    arrays, modes = snapshot(net)
    for name, array in before[0].items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)
    assert modes == before[1]


@pytest.mark.parametrize("training", [True, False])
def test_plain_average_of_the_batches(net, training, rng):
    """Catches old statistics that linger, and a weighted average."""
    net.training = training
    net.parts["layer 2"].freeze_statistics()
    params, modes = {k: v.copy() for k, v in net.params.items()}, snapshot(net)[1]
    batches = rng.standard_normal((5, 8, 4))
    recalibrate(net, iter(batches))
    a = batches @ net.params["layer 1.w"].T
    np.testing.assert_allclose(net.running["layer 1.mean"], a.mean(axis=(0, 1)), atol=1e-14)
    unbiased = a.var(axis=1, ddof=1).mean(axis=0)
    np.testing.assert_allclose(net.running["layer 1.var"], unbiased, atol=1e-14)
    assert net.running["layer 1.batches"] == net.running["layer 2.batches"] == 5
    for name, value in params.items():
        np.testing.assert_array_equal(net.params[name], value)
    assert snapshot(net)[1] == modes


def test_later_layers_see_batch_statistics(net, rng):
    """Catches a second layer measured behind the first one's old statistics."""
    batch = rng.standard_normal((8, 4))
    recalibrate(net, [batch])
    net.training = True
    h = net.parts["layer 1"].forward(batch)
    a = h @ net.params["layer 2.w"].T
    np.testing.assert_allclose(net.running["layer 2.mean"], a.mean(axis=0), atol=1e-14)


def test_momentum_comes_back(net, rng):
    """Catches a net that keeps plain averages in later training."""
    recalibrate(net, [rng.standard_normal((8, 4))])
    mean = net.running["layer 1.mean"].copy()
    x = rng.standard_normal((8, 4))
    net.forward(x)
    new = (x @ net.params["layer 1.w"].T).mean(axis=0)
    np.testing.assert_allclose(net.running["layer 1.mean"], 0.9 * mean + 0.1 * new, atol=1e-14)


@pytest.mark.parametrize(
    "batches",
    [
        [],
        [np.ones((8, 5))],
        [np.arange(32.0).reshape(8, 4), np.ones((1, 4))],
        [np.arange(32.0).reshape(8, 4), "x"],
    ],
    ids=["none", "wrong width", "a batch of one", "no array"],
)
def test_failure_changes_nothing(net, batches):
    """Catches statistics of half the batches."""
    before = snapshot(net)
    with pytest.raises((ValueError, TypeError)):
        recalibrate(net, batches)
    assert_unchanged(net, before)


def test_interruption_changes_nothing(net, rng):
    """Catches a net left in pieces by Ctrl-C."""

    def interrupted():
        yield rng.standard_normal((8, 4))
        raise KeyboardInterrupt

    before = snapshot(net)
    with pytest.raises(KeyboardInterrupt):
        recalibrate(net, interrupted())
    assert_unchanged(net, before)


def test_statistics_kept(net, rng):
    """Catches statistics that come back too late, in part, or not after an error."""
    before = snapshot(net)
    with statistics_kept(net):
        net.forward(rng.standard_normal((8, 4)))
        assert net.running["layer 1.batches"] == 4
    assert_unchanged(net, before)

    def fail():
        with statistics_kept(net):
            net.forward(rng.standard_normal((8, 4)))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert_unchanged(net, before)


def test_frozen_layer_in_a_training_net(net, rng):
    """Catches freezing that stops gradients, or freezes its neighbours too."""
    net.parts["layer 1"].freeze_statistics()
    before = {name: value.copy() for name, value in net.running.items()}
    y = net.forward(rng.standard_normal((8, 4)))
    net.backward(rng.standard_normal(y.shape))
    np.testing.assert_array_equal(net.running["layer 1.mean"], before["layer 1.mean"])
    assert not np.array_equal(net.running["layer 2.mean"], before["layer 2.mean"])
    assert all(np.abs(gradient).max() > 0 for gradient in net.grads.values())
