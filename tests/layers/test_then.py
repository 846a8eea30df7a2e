"""A normalization of weights that one of activations follows, and where g starts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import normlib
import reference
from cases import CHANNELS, MODES, put_in_mode
from gradients import check_layer
from normlib import Conv2d, Dense, Norm, Normalize

MEAN_ONLY = Norm(name="mean only", shares="NS", scale="one")
PAIRS = {
    "weight, mean-only batch": replace(normlib.norm("weight"), then=MEAN_ONLY),
    "standardized, group": Norm(
        name="mine", acts_on="weight", eps=1e-3, then=normlib.norm("group", groups=2)
    ),
    "cosine, batch": replace(normlib.norm("cosine"), then=normlib.norm("batch")),
}
PAIR = pytest.mark.parametrize("norm", PAIRS.values(), ids=PAIRS)


@PAIR
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("kind", [Dense, Conv2d])
def test_gradients(norm, kind, affine, mode, rng):
    """Catches a second normalization that is skipped, or applied behind g and b."""
    norm = replace(norm, affine=affine)
    if kind is Dense:
        layer, x = Dense(4, CHANNELS, norm=norm, activation="tanh", rng=rng), (7, 4)
    else:
        layer, x = Conv2d(2, CHANNELS, 2, norm=norm, activation="tanh", rng=rng), (2, 2, 3, 3)
    assert list(layer.params) == (["w", "g", "b"] if affine else ["w"])
    statistics = put_in_mode(layer, mode, rng)

    def textbook(arrays):
        rest = {name: arrays.get(name) for name in "gb"} | statistics
        f = reference.dense if kind is Dense else reference.conv2d
        return f(arrays["x"], arrays["w"], norm, "tanh", **rest)

    check_layer(layer, rng.standard_normal(x), textbook, rng)


@PAIR
def test_is_a_layer_with_a_normalize_behind(norm, rng):
    """Catches other statistics than those of a `Normalize`, or its own g and b beside the layer's.

    The `affine` and `start` of the second normalization are not looked at.
    """
    odd = replace(norm, then=replace(norm.then, affine=False, start=9.0))
    ours, plain = (
        Dense(4, CHANNELS, norm=n, activation="identity", rng=np.random.default_rng(0))
        for n in (odd, replace(norm, then=None, affine=False))
    )
    behind = Normalize(norm.then, CHANNELS, channel_axis=-1)
    behind.params["g"] = ours.params["g"]
    for _ in range(2):
        x = rng.standard_normal((8, 4)) + 1
        expected = behind.forward(plain.forward(x))
        np.testing.assert_allclose(ours.forward(x), expected, atol=1e-14)
    assert list(ours.running) == list(behind.running)
    for name, value in behind.running.items():
        np.testing.assert_allclose(ours.running[name], value, atol=1e-14)


def test_mean_only_batch_norm(rng):
    """Catches a variance that is divided away: only the mean goes, and g is the length of w."""
    norm = PAIRS["weight, mean-only batch"]
    layer = Dense(4, 3, norm=norm, activation="identity", rng=rng)
    x = rng.standard_normal((8, 4)) + 2
    a = x @ layer.params["w"].T
    np.testing.assert_allclose(layer.forward(x), a - a.mean(axis=0), atol=1e-14)
    np.testing.assert_allclose(layer.params["g"], np.linalg.norm(layer.params["w"], axis=1))


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_signals(kind, rng):
    """Catches a layer that hides what it does: here there are a, x_hat and z."""
    norm, seen = PAIRS["weight, mean-only batch"], {}
    layer = (
        Dense(4, 3, norm=norm, rng=rng) if kind == "dense" else Conv2d(4, 3, 1, norm=norm, rng=rng)
    )
    for _, part in layer.walk():
        part.tap = seen.__setitem__
    h = layer.forward(rng.standard_normal((8, 4) if kind == "dense" else (8, 4, 2, 2)))
    assert list(seen) == ["a", "x_hat", "z", "h"]
    np.testing.assert_array_equal(seen["h"], h)
    assert abs(seen["x_hat"].mean()) < 1e-14 < abs(seen["a"].mean())


@pytest.mark.parametrize("name", ["cosine", "weight", "batch", "rms"])
@pytest.mark.parametrize("start", [5.0, 0, -2.5])
def test_g_starts_at_a_number(name, start, rng):
    """Catches a start that only some normalizations know of."""
    norm = replace(normlib.norm(name), start=start)
    for layer in (Dense(4, 3, norm=norm, rng=rng), Conv2d(4, 3, 1, norm=norm, rng=rng)):
        np.testing.assert_array_equal(layer.params["g"], np.full(3, start))
    if not norm.on_weights:
        np.testing.assert_array_equal(Normalize(norm, 3).params["g"], np.full(3, start))


@pytest.mark.parametrize(
    "measure",
    [
        {"center": False, "scale": "norm", "eps": 0.0},
        {"center": False, "scale": "norm", "eps": 0.3},
        {"center": False, "scale": "rms"},
        {"scale": "one"},
        {},
    ],
    ids=str,
)
def test_g_starts_at_sigma(measure, rng):
    """Catches a sigma without its eps, or with one where nothing is divided by it.

    The layer then starts with the weights of the plain one, centred or not.
    """
    norm = Norm(name="mine", acts_on="weight", start="sigma", **measure)
    layer = Conv2d(2, 3, 2, norm=norm, activation="identity", rng=rng)
    plain = Conv2d(2, 3, 2, activation="identity", rng=rng)
    w = layer.params["w"]
    plain.params["w"] = w - w.mean(axis=(1, 2, 3), keepdims=True) if norm.center else w
    x = rng.standard_normal((2, 2, 4, 4))
    np.testing.assert_allclose(layer.forward(x), plain.forward(x), atol=1e-14)
