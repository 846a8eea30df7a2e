"""Dense layers: bias, initial weights, weights that are normalized, zero vectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import normlib
from cases import CHANNELS, NAMED, ON_WEIGHTS, called
from normlib import Activation, Dense, Norm, Normalize
from normlib.layers import ACTIVATIONS
from strategies import LAYOUTS, laid_out


@pytest.mark.parametrize("norm", [None, *NAMED], ids=called)
def test_bias_only_where_no_normalization_follows(norm, rng):
    """Catches a linear bias that b makes useless, and one that is missing."""
    assert ("c" in Dense(4, CHANNELS, norm=norm, rng=rng).params) == (norm is None)
    for bias in (True, False):
        assert ("c" in Dense(4, CHANNELS, norm=norm, bias=bias, rng=rng).params) == bias


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_initial_std(activation):
    """Catches sqrt(2/n) for a tanh, n_out for n_in, and a uniform that is not normal."""
    w = Dense(200, 300, activation=activation, rng=np.random.default_rng(3)).params["w"]
    expected = np.sqrt((2 if activation == "relu" else 1) / 200)
    # 60,000 draws: the relative standard error of a std is 0.003, of a kurtosis 0.02; five of them.
    assert abs(w.std() / expected - 1) < 0.015
    assert abs(w.mean()) < 5 * expected / np.sqrt(w.size)
    assert abs(((w / w.std()) ** 4).mean() - 3) < 0.1


def test_std_is_taken_as_given():
    """Catches a std that is multiplied by the default one."""
    w = Dense(200, 300, std=0.5, rng=np.random.default_rng(3)).params["w"]
    assert abs(w.std() / 0.5 - 1) < 0.015


@pytest.mark.parametrize("norm", [n for n in ON_WEIGHTS if n.start == "sigma"], ids=called)
def test_weight_norm_starts_as_the_plain_layer(norm, rng):
    """Catches g that starts at 1: the layer would forget its initial scale."""
    x = rng.standard_normal((5, 4))
    plain = Dense(4, 3, rng=np.random.default_rng(1))
    ours = Dense(4, 3, norm=norm, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(ours.params["w"], plain.params["w"])
    np.testing.assert_allclose(ours.forward(x), plain.forward(x), atol=1e-14)  # one division


@pytest.mark.parametrize("norm", ON_WEIGHTS, ids=called)
def test_length_of_a_row_does_not_matter(norm, rng):
    """Catches a row that is not divided by its own length, or g tied to w after the start."""
    x = rng.standard_normal((5, 4))
    layer = Dense(4, 3, norm=norm, rng=rng)
    before = layer.forward(x)
    layer.params["w"][...] *= np.array([[2.0], [0.5], [100.0]])
    np.testing.assert_allclose(layer.forward(x), before, atol=1e-14)
    if norm.on_inputs:
        np.testing.assert_allclose(layer.forward(3 * x), before, atol=1e-14)


@pytest.mark.parametrize("norm", ON_WEIGHTS, ids=called)
def test_gradient_is_orthogonal_to_its_row(norm, rng):
    """Catches a lost correction: the length of a row has no influence, so w . dw = 0."""
    layer = Dense(4, 3, norm=norm, activation="identity", rng=rng)
    dx = layer.backward(rng.standard_normal(layer.forward(rng.standard_normal((5, 4))).shape))
    inner = (layer.params["w"] * layer.grads["w"]).sum(axis=1)
    np.testing.assert_allclose(inner, 0, atol=1e-14)
    assert np.isfinite(dx).all()


def test_cosine_is_a_cosine(rng):
    """Catches values beyond 1, and an angle where its cosine is meant."""
    layer = Dense(4, 3, norm=normlib.norm("cosine", affine=False), activation="identity", rng=rng)
    w = layer.params["w"]
    assert np.abs(layer.forward(100 * rng.standard_normal((50, 4)))).max() <= 1 + 1e-15
    np.testing.assert_allclose(np.diag(layer.forward(5 * w)), 1, atol=1e-15)
    np.testing.assert_allclose(np.diag(layer.forward(-5 * w)), -1, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("norm", ON_WEIGHTS, ids=called)
def test_zero_vectors(norm, dtype, rng):
    """Catches 0/0: the result is 0, and every gradient finite."""
    layer = Dense(4, 3, norm=norm, activation="identity", rng=rng, dtype=dtype)
    layer.params["w"][0] = 0
    x = rng.standard_normal((5, 4)).astype(dtype)
    x[1] = 0
    h = layer.forward(x)
    dx = layer.backward(rng.standard_normal(h.shape).astype(dtype))
    np.testing.assert_array_equal(h[:, 0], 0)
    np.testing.assert_array_equal(h[1], 0)
    np.testing.assert_array_equal(layer.grads["w"][0], 0)
    assert np.isfinite(dx).all()
    assert all(np.isfinite(gradient).all() for gradient in layer.grads.values())


@pytest.mark.parametrize("norm", [n for n in NAMED if not n.on_weights], ids=called)
def test_equals_its_three_moves(norm, rng):
    """Catches a normalization after f, or on the wrong axis."""
    if norm.axes == (3,):
        return  # instance normalization has no positions here
    layer = Dense(4, CHANNELS, norm=norm, activation="tanh", rng=rng)
    normalize = Normalize(norm, CHANNELS, channel_axis=-1)
    x = rng.standard_normal((2, 3, 4))
    a = x @ layer.params["w"].T
    np.testing.assert_allclose(layer.forward(x), np.tanh(normalize.forward(a)), atol=1e-14)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("norm", [None, "batch", "cosine"])
def test_memory_layout(norm, layout, rng):
    """Catches inputs changed in place, and reshapes that assume contiguous memory."""
    layer = Dense(4, CHANNELS, norm=norm, rng=rng)
    x = laid_out(rng.standard_normal((2, 3, 4)), layout)
    dh = laid_out(rng.standard_normal((2, 3, CHANNELS)), layout)
    x_before, dh_before = x.copy(order="C"), dh.copy(order="C")
    h, dx = layer.forward(x), layer.backward(dh)
    dw = layer.grads["w"].copy()
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(dh, dh_before)
    np.testing.assert_allclose(h, layer.forward(x_before), atol=1e-11)  # BLAS in another order
    np.testing.assert_allclose(dx, layer.backward(dh_before), atol=1e-10)
    np.testing.assert_allclose(dw, layer.grads["w"], atol=1e-10)


@pytest.mark.parametrize("norm", [None, *NAMED], ids=called)
def test_float32_stays_float32(norm, rng):
    """Catches a float64 constant on the way."""
    if norm is not None and norm.axes == (3,):
        return
    layer = Dense(4, CHANNELS, norm=norm, rng=rng, dtype=np.float32)
    h = layer.forward(rng.standard_normal((5, 4)).astype(np.float32))
    assert h.dtype == layer.backward(h).dtype == np.float32
    everything = [*layer.params.values(), *layer.grads.values(), *layer.running.values()]
    assert all(array.dtype == np.float32 for array in everything)


def test_a_norm_of_your_own_on_weights(rng):
    """Catches a layer that knows weight and cosine only: here, rows of mean 0 and std 1."""
    mine = Norm(name="standardized", acts_on="weight", eps=0.0, affine=False)
    layer = Dense(4, 3, norm=mine, activation="identity", rng=rng)
    x, w = rng.standard_normal((5, 4)), layer.params["w"]
    rows = (w - w.mean(axis=1, keepdims=True)) / w.std(axis=1, keepdims=True)
    np.testing.assert_allclose(layer.forward(x), x @ rows.T, atol=1e-14)


def test_where_g_starts(rng):
    """Catches a start taken for another, and a row of zeros, which has no direction."""
    for std in (None, 0.0):
        layer = Dense(4, 3, norm="weight", std=std, rng=rng)
        lengths = np.linalg.norm(layer.params["w"], axis=1)
        np.testing.assert_allclose(layer.params["g"], lengths, rtol=1e-14)
    np.testing.assert_array_equal(Dense(4, 3, norm="cosine", rng=rng).params["g"], 1)
    mine = replace(normlib.NORMS["cosine"], start=2.5)
    np.testing.assert_array_equal(Dense(4, 3, norm=mine, rng=rng).params["g"], 2.5)


def test_what_follows_normalized_weights_is_built_alike(rng):
    """Catches a normalization behind normalized weights of another dtype, or on another axis."""
    both = replace(normlib.NORMS["weight"], then=normlib.NORMS["mean_only"])
    layer = Dense(4, 3, norm=both, dtype="float32", rng=rng)
    h = layer.forward(rng.standard_normal((2, 5, 4)).astype(np.float32))
    assert h.dtype == np.float32
    assert h.shape == (2, 5, 3)


@pytest.mark.parametrize(("norm", "shown"), [(None, "a"), ("weight", "x_hat"), ("cosine", "x_hat")])
def test_a_bare_product_shows_what_it_is(norm, shown, rng):
    """Catches a normalized product that is shown as a pre-activation, or the other way round."""
    if norm is not None:
        norm = replace(normlib.NORMS[norm], affine=False)
    layer, seen = Dense(4, 3, norm=norm, activation="identity", rng=rng), {}
    layer.tap = seen.__setitem__
    a = layer.forward(rng.standard_normal((5, 4)))
    assert {"a", "x_hat"} & seen.keys() == {shown}
    np.testing.assert_array_equal(seen[shown], a)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh"])
def test_extreme_inputs_of_f(name):
    """Catches overflow in exp, and 0 * inf in a slope."""
    layer, z = Activation(name), np.array([-1e308, -800.0, 0.0, 800.0, 1e308])
    h, dz = layer.forward(z), layer.backward(np.ones(5))
    expected = {"relu": np.maximum(z, 0), "sigmoid": [0, 0, 0.5, 1, 1], "tanh": [-1, -1, 0, 1, 1]}
    np.testing.assert_array_equal(h, expected[name])
    assert np.isfinite(dz).all()
    assert dz[2] == {"relu": 0, "sigmoid": 0.25, "tanh": 1}[name]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_nan_stays_nan(name):
    """Catches np.maximum or a comparison that turns NaN into a number."""
    h = Activation(name).forward(np.array([np.nan, 1.0]))
    np.testing.assert_array_equal(np.isnan(h), [True, False])
