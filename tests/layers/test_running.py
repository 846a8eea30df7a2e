"""Running statistics: what is stored, when, and what evaluation makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import normlib
from cases import CHANNELS, INPUTS, ON_ACTIVATIONS, RUNNING, called, tells
from normlib import Norm, Normalize

KINDS = pytest.mark.parametrize(("shape", "channel_axis"), INPUTS.values(), ids=INPUTS)


def moments(a, channel_axis):
    """Return mean, unbiased variance and biased variance per channel."""
    axes = tuple(axis for axis in range(a.ndim) if axis != channel_axis % a.ndim)
    return a.mean(axes), a.var(axes, ddof=1), a.var(axes)


@KINDS
@pytest.mark.parametrize("momentum", [0.0, 0.1, 0.7, 1.0])
def test_momentum_weighs_the_new_value(shape, channel_axis, momentum, rng):
    """Catches Keras's convention, a biased running variance, and an update in evaluation."""
    layer = Normalize(normlib.norm("batch", momentum=momentum), CHANNELS, channel_axis=channel_axis)
    mean, var = np.zeros(CHANNELS), np.ones(CHANNELS)
    for count in range(1, 4):
        a = rng.standard_normal(shape) * count + count
        layer.forward(a)
        new_mean, unbiased, _ = moments(a, channel_axis)
        mean = (1 - momentum) * mean + momentum * new_mean
        var = (1 - momentum) * var + momentum * unbiased
        np.testing.assert_allclose(layer.running["mean"], mean, atol=1e-14)  # rounding
        np.testing.assert_allclose(layer.running["var"], var, atol=1e-13)
        assert layer.running["batches"] == count


def test_momentum_none_is_the_plain_average(rng):
    """Catches an average that gives the first, made-up values of 0 and 1 a weight."""
    layer = Normalize(normlib.norm("batch", momentum=None), CHANNELS)
    batches = rng.standard_normal((5, 8, CHANNELS)) + 3
    for a in batches:
        layer.forward(a)
    np.testing.assert_allclose(layer.running["mean"], batches.mean(axis=(0, 1)), atol=1e-14)
    unbiased = batches.var(axis=1, ddof=1).mean(axis=0)
    np.testing.assert_allclose(layer.running["var"], unbiased, atol=1e-14)


@KINDS
def test_training_normalizes_by_the_biased_variance(shape, channel_axis, rng):
    """Catches the unbiased variance used for both purposes."""
    layer = Normalize(normlib.norm("batch", eps=0), CHANNELS, channel_axis=channel_axis)
    z = layer.forward(rng.standard_normal(shape))
    np.testing.assert_allclose(moments(z, channel_axis)[2], 1, atol=1e-13)


@pytest.mark.parametrize("mode", ["evaluation", "frozen"])
def test_statistics_are_left_alone(mode, rng):
    """Catches test data, or a frozen layer, moving the running statistics."""
    layer = Normalize("batch", CHANNELS)
    layer.forward(rng.standard_normal((8, CHANNELS)))
    layer.training = mode == "frozen"
    layer.freeze_statistics(mode == "frozen")
    before = {name: value.copy() for name, value in layer.running.items()}
    layer.forward(rng.standard_normal((8, CHANNELS)) + 5)
    for name, value in before.items():
        np.testing.assert_array_equal(layer.running[name], value)


@pytest.mark.parametrize("norm", RUNNING, ids=called)
def test_evaluation_is_affine_and_per_sample(norm, rng):
    """Catches batch statistics in evaluation: there z = s a + t, for a sample alone too."""
    layer = Normalize(norm, CHANNELS)
    layer.forward(rng.standard_normal((8, CHANNELS)) + 2)
    layer.training = False
    a, other = rng.standard_normal((2, 8, CHANNELS))
    mixed = layer.forward(0.3 * a + 0.7 * other)
    expected = 0.3 * layer.forward(a) + 0.7 * layer.forward(other)
    np.testing.assert_allclose(mixed, expected, atol=1e-13)
    np.testing.assert_array_equal(layer.forward(a[:1]), layer.forward(a)[:1])


@pytest.mark.parametrize("norm", [n for n in ON_ACTIVATIONS if not n.running], ids=called)
def test_without_shared_samples_modes_agree(norm, rng):
    """Catches a method that behaves differently in evaluation for no reason."""
    shape = INPUTS["image"][0]
    layer, a = Normalize(norm, CHANNELS), rng.standard_normal(shape)
    z = layer.forward(a)
    layer.training = False
    np.testing.assert_array_equal(layer.forward(a), z)
    assert len(layer.running) == 0


def test_unfreezing(rng):
    """Catches a layer that stays frozen."""
    layer = Normalize("batch", CHANNELS)
    layer.freeze_statistics()
    layer.freeze_statistics(False)
    layer.forward(rng.standard_normal((8, CHANNELS)))
    assert layer.running["batches"] == 1


@pytest.mark.parametrize("shares", ["NS", "NGcS"])
def test_running_statistics_without_centring(shares, rng):
    """Catches an unbiasing of what was not measured about its own mean, and a mean that moves."""
    norm = Norm(name="mine", shares=shares, center=False, scale="rms", momentum=1.0)
    layer, a = Normalize(norm, CHANNELS), rng.standard_normal((8, CHANNELS)) + 1
    layer.forward(a)
    size = (a**2).mean(axis=0) if shares == "NS" else np.full(CHANNELS, (a**2).mean())
    np.testing.assert_array_equal(layer.running["mean"], 0)
    np.testing.assert_allclose(layer.running["var"], size, atol=1e-14)
    layer.training = False
    np.testing.assert_allclose(layer.forward(a), a / np.sqrt(size + 1e-5), atol=1e-14)


def test_assigning_writes_into_the_running_statistics():
    """Catches an entry that is replaced, and a layer that goes on using the old one."""
    layer = Normalize("batch", CHANNELS)
    mean = layer.running["mean"]
    layer.running["mean"] = np.arange(CHANNELS)
    assert layer.running["mean"] is mean
    layer.training = False
    z = layer.forward(np.zeros((1, CHANNELS)))
    np.testing.assert_allclose(z[0], -np.arange(CHANNELS), rtol=1e-5)  # eps


def test_evaluation_after_many_batches_matches_the_population(rng):
    """Catches a variance that is a square too many, or an eps in the stored value."""
    layer = Normalize(normlib.norm("batch", momentum=None), CHANNELS)
    for _ in range(200):
        layer.forward(3 * rng.standard_normal((32, CHANNELS)) + 10)
    layer.training = False
    z = layer.forward(3 * rng.standard_normal((4000, CHANNELS)) + 10)
    # 4000 values: the standard error of a mean is 0.016, of a std 0.011; five of them.
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.08)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=0.06)


@pytest.mark.parametrize("norm", ON_ACTIVATIONS, ids=called)
def test_statistics_over_one_value_are_refused(norm):
    """Catches a layer that outputs constants without a word."""
    layer = Normalize(norm, CHANNELS)
    one = (1, CHANNELS)
    if tells(norm, one, 1, least=2) or not norm.center:
        assert layer.forward(np.ones(one)).shape == one
        return
    with pytest.raises(ValueError, match="more than one"):
        layer.forward(np.ones(one))
    if norm.running:
        assert layer.running["batches"] == 0
        layer.training = False
        assert layer.forward(np.ones(one)).shape == one


def test_one_value_without_centring_is_not_refused():
    """Catches a refusal of what is no constant: x_hat is then the sign of a."""
    norm = normlib.norm("rms", eps=0, affine=False)
    z = Normalize(norm, 1).forward(np.array([[3.0], [-0.2]]))
    np.testing.assert_allclose(z, [[1], [-1]], rtol=1e-15)


def test_groups_of_one_value_are_refused():
    """Catches one channel per group on dense input, which is 0 everywhere."""
    layer = Normalize(replace(normlib.norm("group", groups=6)), CHANNELS)
    with pytest.raises(ValueError, match="more than one channel or position"):
        layer.forward(np.ones((4, CHANNELS)))
