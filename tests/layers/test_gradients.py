"""Every gradient of every normalization, wherever it acts, against the textbook."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import normlib
import reference
from cases import (
    CHANNELS,
    INPUTS,
    MODES,
    NAMED,
    ON_ACTIVATIONS,
    called,
    put_in_mode,
    tells,
)
from gradients import EXACT, NUMERIC, assert_gradients, central, check_layer, complex_step
from normlib import Activation, Affine, Dense, Normalize
from normlib.layers import ACTIVATIONS

WHERE = [
    pytest.param(norm, *INPUTS[kind], id=f"{called(norm)}-{kind}")
    for norm in ON_ACTIVATIONS
    for kind in INPUTS
    if tells(norm, *INPUTS[kind])
]
#: Those that a dense layer can use; instance normalization has nothing to share there.
DENSE = [None, *(n for n in NAMED if n.on_weights or tells(n, (7, CHANNELS), -1))]


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("norm", "shape", "channel_axis"), WHERE)
def test_normalize(norm, shape, channel_axis, mode, affine, rng):
    """Catches a wrong gradient of x, g or b in any mode, on any kind of input."""
    norm = replace(norm, affine=affine)
    layer = Normalize(norm, CHANNELS, channel_axis=channel_axis)
    statistics = put_in_mode(layer, mode, rng)

    def textbook(arrays):
        rest = {name: arrays.get(name) for name in ("g", "b")}
        return reference.normalize(
            arrays["x"], norm, channel_axis=channel_axis, **rest, **statistics
        )

    x = 1.5 * rng.standard_normal(shape) + 0.5
    check_layer(layer, x, textbook, rng)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", DENSE, ids=called)
def test_dense(norm, activation, affine, mode, rng):
    """Catches a wrong gradient of x, w, c, g or b through any f and any normalization."""
    if norm is not None:
        norm = replace(norm, affine=affine)
    layer = Dense(4, CHANNELS, norm=norm, activation=activation, rng=rng)
    statistics = put_in_mode(layer, mode, rng)
    check_layer(layer, rng.standard_normal((7, 4)), textbook_dense(layer, statistics), rng)


@pytest.mark.parametrize("norm", [n for n in NAMED if n.on_weights], ids=called)
def test_dense_on_tokens_with_bias(norm, rng):
    """Catches sums over samples alone, where positions share the weights too."""
    layer = Dense(4, CHANNELS, norm=norm, activation="tanh", bias=True, rng=rng)
    check_layer(layer, rng.standard_normal((2, 3, 4)), textbook_dense(layer, {}), rng)


def textbook_dense(layer, statistics):
    def textbook(arrays):
        rest = {name: arrays.get(name) for name in ("c", "g", "b")}
        f = layer.parts["f"].name
        return reference.dense(arrays["x"], arrays["w"], layer.norm, f, **rest, **statistics)

    return textbook


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name, rng):
    """Catches a slope written for z where it is given h."""
    x = 2 * rng.standard_normal((5, 4))
    check_layer(Activation(name), x, lambda arrays: reference.activate(name, arrays["x"]), rng)


@pytest.mark.parametrize(("shape", "channel_axis"), INPUTS.values(), ids=INPUTS)
def test_affine(shape, channel_axis, rng):
    """Catches g and b summed along the wrong axis."""
    layer = Affine(CHANNELS, channel_axis=channel_axis)

    def textbook(arrays):
        return reference.affine(arrays["x"], arrays["g"], arrays["b"], channel_axis)

    check_layer(layer, rng.standard_normal(shape), textbook, rng)


@pytest.mark.parametrize("norm", DENSE, ids=called)
def test_whole_net(norm, rng):
    """Catches gradients that are right in each layer and meet the wrong layer on the way."""
    net = normlib.mlp([4, CHANNELS, CHANNELS, 3], norm=norm, activation="tanh", seed=1)
    for name, value in net.params.items():
        net.params[name] = value + rng.uniform(0.1, 0.4, value.shape)
    x, labels = rng.standard_normal((5, 4)), np.array([0, 1, 2, 1, 0])
    arrays = {name: value.copy() for name, value in net.params.items()}

    def textbook(arrays):
        h = x
        for name, layer in net.parts.items():
            own = {key: arrays.get(f"{name}.{key}") for key in "cgb"}
            f = layer.parts["f"].name
            h = reference.dense(h, arrays[f"{name}.w"], layer.norm, f, **own)
        return np.asarray(reference.cross_entropy(h, labels))

    def own(arrays):
        for name, value in arrays.items():
            net.params[name] = value
        return np.asarray(normlib.softmax_cross_entropy(net.forward(x), labels)[0])

    loss, dlogits = normlib.softmax_cross_entropy(net.forward(x), labels)
    net.backward(dlogits)
    found = {name: g.copy() for name, g in net.grads.items()}
    one = np.ones(())
    assert abs(loss - textbook(arrays)) <= EXACT
    assert_gradients(found, complex_step(textbook, arrays, one), EXACT, "complex step")
    assert_gradients(found, central(own, arrays, one), NUMERIC, "central differences")
