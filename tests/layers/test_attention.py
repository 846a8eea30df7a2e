"""Attention: gradients, who sees whom, rows that sum to 1, and what query-key norms change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import normlib
import reference_sequences as textbooks
from cases import CHANNELS, NAMED, called, tells
from gradients import EXACT, assert_same, check_layer
from normlib import Attention, Dense, Flatten, Net, Norm, Recorder, fit
from normlib.layers.attention import softmax, softmax_backward
from strategies import LAYOUTS, laid_out

SHAPE = (2, 4, CHANNELS)
LENGTH = Norm(name="length", shares="GcS", center=False, scale="norm", eps=0.0)
NORMS = [
    None,
    LENGTH,
    *(n for n in NAMED if n.on_inputs or (not n.on_weights and tells(n, SHAPE, -1))),
]


def weights(arrays):
    return [arrays[f"{name}.w"] for name in ("q", "k", "v", "output")]


def textbook(layer, statistics=None, fixed=None):
    """Return the plain formula with the layer's options, of x and the parameters."""

    def outputs(arrays):
        scale = arrays["g"][0] if "g" in arrays else fixed or 1 / np.sqrt(CHANNELS)
        options = {"scale": scale, "causal": layer.causal, "statistics": statistics}
        return textbooks.attention(arrays["x"], *weights(arrays), layer.norm, **options)

    return outputs


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("norm", NORMS, ids=called)
def test_gradients(norm, causal, rng):
    """Catches a wrong gradient of x, of any weight or of g, masked or not."""
    layer = Attention(CHANNELS, qk_norm=norm, causal=causal, rng=rng)
    outputs = textbook(layer)
    check_layer(layer, rng.standard_normal(SHAPE), lambda arrays: outputs(arrays)[0], rng)


@pytest.mark.parametrize("norm", [n for n in NORMS if n], ids=called)
def test_gradients_with_a_fixed_scale(norm, rng):
    """Catches a scale that is learned though the Norm is not affine, or lost."""
    layer = Attention(CHANNELS, qk_norm=replace(norm, affine=False), rng=rng)
    assert "g" not in layer.params
    fixed = np.sqrt(CHANNELS) if norm.scale == "norm" else 1 / np.sqrt(CHANNELS)
    outputs = textbook(layer, fixed=fixed)
    check_layer(layer, rng.standard_normal(SHAPE), lambda arrays: outputs(arrays)[0], rng)


@pytest.mark.parametrize("mode", ["evaluation", "frozen"])
@pytest.mark.parametrize("norm", [n for n in NORMS if n and n.running], ids=called)
def test_gradients_with_running_statistics(norm, mode, rng):
    """Catches statistics of q used for k, and a gradient through what is constant."""
    layer = Attention(CHANNELS, qk_norm=norm, rng=rng)
    layer.training = mode != "evaluation"
    layer.freeze_statistics(mode == "frozen")
    given = {}
    for name in ("q", "k"):
        # Means that are small, or all scores have a large part in common, which cancels in g.
        mean, var = 0.2 * rng.standard_normal(CHANNELS), rng.uniform(0.5, 2, CHANNELS)
        given[name] = {"mean": mean, "var": var}
        for key, value in given[name].items():
            layer.running[f"{name} norm.{key}"] = value
    outputs = textbook(layer, given)
    check_layer(layer, rng.standard_normal(SHAPE), lambda arrays: outputs(arrays)[0], rng)
    assert layer.running["q norm.batches"] == 0


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("norm", NORMS, ids=called)
def test_weights_are_the_plain_formulas(norm, causal, rng):
    """Catches weights of other tokens, rows that do not sum to 1, and a mask upside down."""
    layer, x = Attention(CHANNELS, qk_norm=norm, causal=causal, rng=rng), rng.standard_normal(SHAPE)
    assert layer.attention is None
    layer.forward(x)
    p = layer.attention
    assert_same(p, textbook(layer)({"x": x, **layer.params})[1], EXACT, "attention")
    np.testing.assert_allclose(p.sum(axis=2), 1, rtol=1e-14)  # four additions
    assert (p >= 0).all()
    if causal:
        np.testing.assert_array_equal(np.triu(p, 1), 0)
    with pytest.raises(ValueError, match="read-only"):
        p[...] = 0


@pytest.mark.parametrize("norm", [n for n in NORMS if n is None or not n.running], ids=called)
def test_causal_tokens_do_not_see_the_future(norm, rng):
    """Catches a mask off by one: token t + 1 must not move output t, nor even as NaN."""
    layer, x = Attention(CHANNELS, qk_norm=norm, causal=True, rng=rng), rng.standard_normal(SHAPE)
    before = layer.forward(x)
    for t in range(SHAPE[1] - 1):
        changed = x.copy()
        changed[:, t + 1 :] += 100
        after = layer.forward(changed)
        np.testing.assert_allclose(after[:, : t + 1], before[:, : t + 1], atol=1e-13)  # BLAS order
        assert np.abs(after[:, t + 1] - before[:, t + 1]).min(axis=1).max() > 1e-3
    dy = np.zeros(SHAPE)
    dy[:, 1] = 1
    layer.forward(x)
    np.testing.assert_array_equal(layer.backward(dy)[:, 2:], 0)


@pytest.mark.parametrize("norm", NORMS, ids=called)
def test_order_of_tokens_does_not_matter_without_a_mask(norm, rng):
    """Catches positions that leak in: attention moves with its tokens."""
    layer, x = Attention(CHANNELS, qk_norm=norm, rng=rng), rng.standard_normal(SHAPE)
    order = rng.permutation(SHAPE[1])
    moved, y = layer.forward(x[:, order]), layer.forward(x)
    np.testing.assert_allclose(moved, y[:, order], atol=1e-13)  # sums in another order
    masked = Attention(CHANNELS, qk_norm=norm, causal=True, rng=rng)
    assert not np.allclose(masked.forward(x[:, order]), masked.forward(x)[:, order])


def entropy(layer, x):
    layer.forward(x)
    p = layer.attention
    return float(-(p * np.log(np.maximum(p, 1e-300))).sum(axis=2).mean())


@pytest.mark.parametrize("norm", [n for n in NORMS if not n or n.scale != "one"], ids=called)
def test_large_weights_sharpen_plain_attention_only(norm, rng):
    """Catches a norm of q or of k alone: with both, the size of their weights has no say."""
    layer, x = (
        Attention(16, qk_norm=norm and eps_of(norm), rng=rng),
        rng.standard_normal((2, 8, 16)),
    )
    start = entropy(layer, x)
    for name in ("q.w", "k.w"):
        layer.params[name][...] *= 16
    if norm is None:
        assert entropy(layer, x) < 0.1 * start
    else:
        assert abs(entropy(layer, x) - start) < 1e-9
    assert 0.7 * np.log(8) < start < np.log(8)  # all start at the same temperature, near even


def eps_of(norm):
    return replace(norm, eps=0.0, groups=2 if norm.grouped else None)


def test_a_bias_of_scores_would_change_nothing(rng):
    """Catches the claim that b is of no use here: softmax(s + b) is softmax(s)."""
    s = rng.standard_normal((3, 5))
    np.testing.assert_allclose(softmax(s + 7), softmax(s), atol=1e-15)


def test_softmax_of_huge_scores():
    """Catches overflow in exp, and 0 * inf in its gradient."""
    p = softmax(np.array([[1e4, 0.0, -np.inf], [-1e4, -1e4, -np.inf]]))
    np.testing.assert_array_equal(p, [[1, 0, 0], [0.5, 0.5, 0]])
    ds = softmax_backward(np.array([[1.0, 2.0, 3.0]] * 2), p)
    np.testing.assert_array_equal(ds, [[0, 0, 0], [-0.25, 0.25, 0]])


def test_zero_tokens_with_a_norm_of_length(rng):
    """Catches 0/0: a token of zeros has a cosine of 0 with all, and finite gradients."""
    layer, x = Attention(CHANNELS, qk_norm="cosine", rng=rng), rng.standard_normal(SHAPE)
    x[0, 1] = 0
    y = layer.forward(x)
    np.testing.assert_allclose(layer.attention[0, 1], 1 / SHAPE[1], rtol=1e-15)
    assert np.isfinite(layer.backward(np.ones_like(y))).all()
    assert all(np.isfinite(gradient).all() for gradient in layer.grads.values())


@pytest.mark.parametrize("shape", [(1, 1, CHANNELS), (1, 3, CHANNELS), (3, 1, CHANNELS)])
@pytest.mark.parametrize("causal", [False, True])
def test_axes_of_size_one(shape, causal, rng):
    """Catches an axis lost: one token sees itself, whole."""
    layer, x = Attention(CHANNELS, causal=causal, rng=rng), rng.standard_normal(shape)
    y = layer.forward(x)
    assert y.shape == layer.backward(y).shape == shape
    if shape[1] == 1:
        np.testing.assert_array_equal(layer.attention, 1)
        expected = x @ layer.params["v.w"].T @ layer.params["output.w"].T
        np.testing.assert_allclose(y, expected, atol=1e-14)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layout(layout, rng):
    """Catches inputs changed in place, and axes exchanged in a view."""
    layer = Attention(CHANNELS, qk_norm="rms", causal=True, rng=rng)
    x, dy = (laid_out(rng.standard_normal(SHAPE), layout) for _ in range(2))
    x_before, dy_before = x.copy(order="C"), dy.copy(order="C")
    y, dx = layer.forward(x), layer.backward(dy)
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(dy, dy_before)
    np.testing.assert_allclose(y, layer.forward(x_before), atol=1e-13)  # BLAS in another order
    np.testing.assert_allclose(dx, layer.backward(dy_before), atol=1e-13)


@pytest.mark.parametrize("norm", NORMS, ids=called)
def test_float32_stays_float32(norm, rng):
    """Catches a float64 scale or mask on the way."""
    layer = Attention(CHANNELS, qk_norm=norm, causal=True, rng=rng, dtype=np.float32)
    y = layer.forward(rng.standard_normal(SHAPE).astype(np.float32))
    everything = [y, layer.backward(y), layer.attention]
    everything += [*layer.params.values(), *layer.grads.values(), *layer.running.values()]
    assert all(array.dtype == np.float32 for array in everything)


def test_learns_within_a_net_and_is_recorded(digits, rng):
    """Catches parameters that stay out of the net's vector, and signals of q for the output."""
    rows = normlib.Data(*(v.reshape(-1, 8, 8) if v.ndim == 2 else v for v in vars(digits).values()))
    layers = {
        "attention": Attention(8, qk_norm="cosine", rng=rng),
        "flatten": Flatten(),
        "output": Dense(64, 10, activation="identity", rng=rng),
    }
    net = Net(layers)
    g, w = net.params["attention.g"].copy(), net.params["attention.q.w"].copy()
    history = fit(net, rows, steps=60, batch_size=32, record=Recorder([0], sample=10**6))
    assert history.loss[-10:].mean() < 0.5 * history.loss[0]
    assert not np.array_equal(net.params["attention.g"], g)
    assert not np.array_equal(net.params["attention.q.w"], w)
    assert set(history.trace.signals) == {"a", "z", "h"}
    assert history.trace.layers == ("attention",)
    assert history.trace.signals["h"].unit_mean.shape == (1, 1, 8)
