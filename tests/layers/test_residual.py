"""Residual blocks: both placements, on every kind of input, and what a Recorder sees of them."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from test_gradients import MODES

import normlib
import reference
import reference_sequences as textbooks
from cases import CHANNELS, INPUTS, ON_ACTIVATIONS, called, tells
from gradients import check_layer
from normlib import Activation, Dense, Net, Normalize, Recorder, Residual, fit

PLACEMENTS = ("pre", "post")
WHERE = [
    pytest.param(norm, *INPUTS[kind], id=f"{called(norm)}-{kind}")
    for norm in [None, *ON_ACTIVATIONS]
    for kind in INPUTS
    if norm is None or tells(norm, *INPUTS[kind])
]


def block(norm, placement, channel_axis, body=None):
    """Build a block whose body is a tanh: any shape will do, and nothing is linear."""
    rest = {"channels": CHANNELS, "placement": placement, "channel_axis": channel_axis}
    return Residual(body or Activation("tanh"), norm=norm, **rest)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize(("norm", "shape", "channel_axis"), WHERE)
def test_gradients(norm, shape, channel_axis, placement, mode, rng):
    """Catches a way around that is lost, doubled, or joins on the wrong side of the norm."""
    layer = block(norm, placement, channel_axis)
    layer.training = mode != "evaluation"
    layer.freeze_statistics(mode == "frozen")
    given = {}
    if layer.running and mode != "training":
        given = {"mean": rng.standard_normal(CHANNELS), "var": rng.uniform(0.5, 2, CHANNELS)}
        for key, value in given.items():
            layer.running[f"norm.{key}"] = value

    def textbook(arrays):
        def normalize(a):
            if norm is None:
                return a
            rest = {"g": arrays["norm.g"], "b": arrays["norm.b"], **given}
            return reference.normalize(a, norm, channel_axis=channel_axis, **rest)

        body = lambda z: reference.activate("tanh", z)  # noqa: E731
        return textbooks.residual(arrays["x"], body, normalize, placement)

    check_layer(layer, 1.5 * rng.standard_normal(shape) + 0.5, textbook, rng)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_gradients_of_a_body_that_is_a_net(placement, rng):
    """Catches parameters of the body that are left out, or trained with another's gradient."""
    w = {"activation": "tanh", "rng": rng}
    body = Net({"inner": Dense(CHANNELS, 4, norm="rms", **w), "outer": Dense(4, CHANNELS, **w)})
    layer = block("layer", placement, -1, body)
    assert list(layer.params)[2:5] == ["body.inner.w", "body.inner.g", "body.inner.b"]

    def textbook(arrays):
        def normalize(a):
            norm = normlib.NORMS["layer"]
            return reference.normalize(a, norm, g=arrays["norm.g"], b=arrays["norm.b"])

        def run(z):
            inner = {key: arrays[f"body.inner.{key}"] for key in ("w", "g", "b")}
            z = reference.dense(z, norm=normlib.NORMS["rms"], activation="tanh", **inner)
            outer = {key: arrays[f"body.outer.{key}"] for key in ("w", "c")}
            return reference.dense(z, activation="tanh", **outer)

        return textbooks.residual(arrays["x"], run, normalize, placement)

    check_layer(layer, rng.standard_normal((5, CHANNELS)), textbook, rng)


@pytest.mark.parametrize("norm", [None, "layer", "batch"])
def test_a_body_of_zeros_is_the_identity(norm, rng):
    """Catches a pre-norm block that normalizes the way around its body."""
    body = Dense(CHANNELS, CHANNELS, std=0.0, activation="identity", rng=rng)
    layer, x = block(norm, "pre", 1, body), 5 * rng.standard_normal((7, CHANNELS))
    np.testing.assert_array_equal(layer.forward(x), x)
    dy = rng.standard_normal(x.shape)
    np.testing.assert_array_equal(layer.backward(dy), dy)


def test_post_norm_gives_what_is_normalized(rng):
    """Catches a sum formed behind the normalization: a layer norm's rows have mean 0, std 1."""
    layer, x = block("layer", "post", 1), 5 * rng.standard_normal((7, CHANNELS))
    y = layer.forward(x)
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-14)
    np.testing.assert_allclose(y.std(axis=1), 1, atol=1e-5)  # eps


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_within_a_net(again, rng):
    """Catches a body left behind when its block moves into a net's vector, or is copied."""
    body = Net([Dense(CHANNELS, CHANNELS, rng=rng)])
    net = again(Net({"block": block("layer", "pre", 1, body), "last": Dense(CHANNELS, 2, rng=rng)}))
    inner = net.parts["block"].parts["body"]
    assert np.shares_memory(inner.flat, net.flat)
    net.flat[:] = np.arange(net.flat.size)
    np.testing.assert_array_equal(net.params["block.body.0.w"], inner.params["0.w"])
    assert net.params["block.body.0.w"][0, 0] == 2 * CHANNELS
    with pytest.raises(ValueError, match="one place in one net"):
        Net([inner])
    with pytest.raises(ValueError, match="one place in one net"):
        Residual(inner)


def test_a_refused_block_leaves_its_body_free(rng):
    """Catches a body claimed by a block that never came to be."""
    body = Dense(3, 3, rng=rng)
    for wrong in ({"norm": "layer"}, {"norm": "weight", "channels": 3}, {"placement": "mid"}):
        with pytest.raises((TypeError, ValueError)):
            Residual(body, **wrong)
    Residual(body)


def shown(layer, x):
    """Return the signals that a Recorder would get."""
    got = {}
    for part in layer.shown():
        part.tap = got.__setitem__
    y = layer.forward(x)
    return got, y


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("norm", [None, "layer"])
def test_signals(norm, placement, rng):
    """Catches a's and h's of the body's layers shown as those of the block."""
    body = Dense(CHANNELS, CHANNELS, norm="batch", activation="tanh", rng=rng)
    layer, x = block(norm, placement, 1, body), rng.standard_normal((7, CHANNELS))
    got, y = shown(layer, x)
    plain = Normalize("layer", CHANNELS) if norm else Activation("identity")
    np.testing.assert_array_equal(got["h"], y)
    a = x if placement == "pre" else x + body.forward(x)
    np.testing.assert_array_equal(got["a"], a)
    np.testing.assert_array_equal(got["z"], plain.forward(a))
    assert ("x_hat" in got) == (norm is not None)


def test_a_recorder_sees_the_stream(digits):
    """Catches a trace of the body: in a plain stack, h grows from block to block."""
    record = Recorder([0], sample=10**6)
    trace = fit(normlib.residual(32, 4, n_in=64, classes=10), digits, steps=2, record=record).trace
    assert trace.layers == ("embed", "block 1", "block 2", "block 3", "block 4", "final")
    std = trace.signals["h"].std[0]
    assert (np.diff(std[:5]) > 0).all()
    np.testing.assert_allclose(trace.signals["a"].std[0, 2:5], std[1:4], rtol=1e-6)  # float32
    np.testing.assert_allclose(trace.signals["x_hat"].std[0, 1:], 1, atol=1e-4)  # eps
    assert trace.info["norm"] == "layer"


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("norm", ["layer", "batch", "rms", None])
def test_float32_stays_float32(norm, placement, rng):
    """Catches a normalization that is built in float64."""
    net = normlib.residual(8, 2, n_in=4, classes=3, norm=norm, placement=placement, dtype="float32")
    y = net.forward(rng.standard_normal((5, 4)).astype(np.float32))
    assert y.dtype == net.backward(y).dtype == net.flat.dtype == np.float32


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_residual_nets_start_alike(activation):
    """Catches a draw that depends on norm or placement: runs would not be comparable."""
    options = {"n_in": 200, "classes": 10, "activation": activation, "init_scale": 2.0, "seed": 3}
    nets = [
        normlib.residual(200, 2, norm=norm, placement=placement, **options)
        for norm in (None, "layer", "batch")
        for placement in PLACEMENTS
    ]
    gains = {"embed.w": 1, "block 1.body.inner.w": 2 if activation == "relu" else 1}
    for net in nets:
        for name, value in nets[0].params.items():
            np.testing.assert_array_equal(net.params[name], value)
        for name in ("embed.w", "block 1.body.inner.w", "block 2.body.outer.w", "output.w"):
            # 2,000 draws or more: the relative standard error of a std is at most 0.016; four.
            ratio = net.params[name].std() / (2 * np.sqrt(gains.get(name, 1) / 200))
            assert abs(ratio - 1) < 0.064
    assert "final" in nets[2].parts
    assert all("final" not in net.parts for net in (nets[0], nets[1], nets[3]))


def test_gradients_at_the_start_of_a_deep_stack(rng):
    """Catches norms in the wrong place: without them gradients explode, before the body they fade.

    The signal doubles its square from block to block without a norm; Xiong et al. 2020 give 1 over
    the square root of the depth for the last block with "pre", and a constant with "post".
    """
    x, labels = rng.standard_normal((64, 64)), rng.integers(0, 10, 64)

    def last(depth, norm, placement):
        found = []
        for seed in range(8):
            options = {"norm": norm, "placement": placement, "seed": seed}
            net = normlib.residual(32, depth, n_in=64, classes=10, **options)
            net.backward(normlib.softmax_cross_entropy(net.forward(x), labels)[1])
            found.append(np.linalg.norm(net.grads[f"block {depth}.body.outer.w"]))
        return np.mean(found)

    # Over 8 seeds the standard error of these ratios is about a fifth.
    assert last(24, None, "pre") > 100 * last(4, None, "pre")  # 2**10
    assert 0.25 < last(24, "layer", "pre") / last(4, "layer", "pre") < 0.7  # sqrt(5 / 25) = 0.45
    assert 0.7 < last(24, "layer", "post") / last(4, "layer", "post") < 1.4  # 1


def test_norm_without_affine(rng):
    """Catches g and b that are learned though the Norm says they are not."""
    norm = replace(normlib.NORMS["layer"], affine=False)
    assert not list(block(norm, "pre", 1).params)


def test_repr_tells_norm_and_body():
    """Catches a block whose printed form hides what is done before it."""
    bare = repr(Residual(Activation("tanh")))
    block = repr(Residual(Activation("tanh"), norm="layer", channels=4))
    assert "Activation('tanh')" in bare
    assert "'layer'" not in bare
    assert "'layer'" in block


def test_a_block_owns_its_parts():
    """Catches a layer that two owners train, each as if it were its own."""
    block = Residual(Activation("tanh"), norm="layer", channels=4)
    for part in block.parts.values():
        with pytest.raises(ValueError, match="deepcopy"):
            Residual(part)
    with pytest.raises(ValueError, match="deepcopy"):
        Net({"body": block.parts["body"]})
