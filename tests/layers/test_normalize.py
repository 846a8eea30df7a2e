"""What Normalize must do beside its gradients: sets, memory, dtypes, special cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import normlib
from cases import CHANNELS, INPUTS, ON_ACTIVATIONS, called, labels, tells
from normlib import Norm, Normalize
from strategies import LAYOUTS, laid_out

WHERE = [
    pytest.param(norm, *INPUTS[kind], id=f"{called(norm)}-{kind}")
    for norm in ON_ACTIVATIONS
    for kind in INPUTS
    if tells(norm, *INPUTS[kind], least=2)
]
IMAGES = st.tuples(st.integers(1, 3), st.just(CHANNELS), st.integers(1, 3), st.integers(1, 3))


@pytest.mark.parametrize(("norm", "shape", "channel_axis"), WHERE)
def test_order_within_a_set_does_not_matter(norm, shape, channel_axis, rng):
    """Catches statistics that depend on where a value stands in its set."""
    layer = Normalize(replace(norm, affine=False), CHANNELS, channel_axis=channel_axis)
    a, sets = rng.standard_normal(shape), labels(norm, shape, channel_axis)
    shuffled = np.arange(a.size)
    for number in range(sets.max() + 1):
        members = np.flatnonzero(sets == number)
        shuffled[members] = rng.permutation(members)
    moved = layer.forward(a.ravel()[shuffled].reshape(shape))
    expected = layer.forward(a).ravel()[shuffled].reshape(shape)
    np.testing.assert_allclose(moved, expected, atol=1e-13)  # a sum in another order


@pytest.mark.parametrize(("norm", "shape", "channel_axis"), WHERE)
def test_other_sets_do_not_matter(norm, shape, channel_axis, rng):
    """Catches a mean taken over too much: no number of another set may have any influence."""
    layer = Normalize(norm, CHANNELS, channel_axis=channel_axis)
    a, sets = rng.standard_normal(shape), labels(norm, shape, channel_axis)
    before = layer.forward(a)
    for disturbance in (100.0, np.nan):
        changed = np.where(sets == 0, a, a + disturbance)
        after = layer.forward(changed)
        np.testing.assert_array_equal(after[sets == 0], before[sets == 0])
    if (sets != 0).any():
        assert np.isnan(after[sets != 0]).all()


@given(shape=IMAGES, seed=st.integers(0, 99), eps=st.sampled_from([0.0, 1e-5]))
def test_group_norm_ends_in_layer_and_instance_norm(shape, seed, eps):
    """Catches G channels in a group for G groups. Bitwise: the sums are the same."""
    a, dz = np.random.default_rng(seed).standard_normal((2, *shape))
    for groups, name in ((1, "layer"), (CHANNELS, "instance")):
        if name == "instance" and shape[2:] == (1, 1):
            continue  # refused, as it should be
        ours = Normalize(normlib.norm("group", groups=groups, eps=eps), CHANNELS)
        theirs = Normalize(normlib.norm(name, eps=eps), CHANNELS)
        np.testing.assert_array_equal(ours.forward(a), theirs.forward(a))
        np.testing.assert_array_equal(ours.backward(dz), theirs.backward(dz))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("norm", "shape", "channel_axis"), WHERE)
def test_memory_layout(norm, shape, channel_axis, layout, rng):
    """Catches inputs changed in place, and views that mix up channels."""
    plain = Normalize(norm, CHANNELS, channel_axis=channel_axis)
    layer = Normalize(norm, CHANNELS, channel_axis=channel_axis)
    a, dz = (laid_out(rng.standard_normal(shape), layout) for _ in range(2))
    a_before, dz_before = a.copy(order="C"), dz.copy(order="C")
    z, da = layer.forward(a), layer.backward(dz)
    np.testing.assert_array_equal(a, a_before)
    np.testing.assert_array_equal(dz, dz_before)
    assert not np.shares_memory(z, a)
    assert not np.shares_memory(da, dz)
    # Sums in another order; a set made constant by "broadcast" has 1/sigma = 300.
    np.testing.assert_allclose(z, plain.forward(a_before), atol=1e-11)
    np.testing.assert_allclose(da, plain.backward(dz_before), atol=1e-10)


@pytest.mark.parametrize("mode", ["training", "evaluation"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("norm", "shape", "channel_axis"), WHERE)
def test_dtype_is_kept(norm, shape, channel_axis, dtype, mode, rng):
    """Catches float64 running statistics, parameters or gradients in a float32 layer."""
    layer = Normalize(norm, CHANNELS, channel_axis=channel_axis, dtype=dtype)
    layer.training = mode == "training"
    a = rng.standard_normal(shape).astype(dtype)
    assert layer.forward(a).dtype == dtype
    assert layer.backward(a).dtype == dtype
    everything = [*layer.params.values(), *layer.grads.values(), *layer.running.values()]
    assert all(array.dtype == dtype for array in everything)


@pytest.mark.parametrize("norm", ON_ACTIVATIONS, ids=called)
def test_float32_far_from_zero(norm, rng):
    """Catches a loss of digits on the way through the layer; see the same test of the core."""
    a = (1e4 + rng.standard_normal((16, CHANNELS, 8, 8))).astype(np.float32)
    single = Normalize(norm, CHANNELS, dtype=np.float32).forward(a)
    double = Normalize(norm, CHANNELS).forward(a.astype(np.float64))
    assert (np.abs(single - double) / np.maximum(1, np.abs(double))).max() <= 1e-6


@pytest.mark.parametrize("norm", ON_ACTIVATIONS, ids=called)
def test_constant_input(norm, rng):
    """Catches NaN from 0/0: a constant set normalizes to 0, and lets no gradient through."""
    layer = Normalize(replace(norm, eps=0.0), CHANNELS)
    layer.params["b"] = rng.standard_normal(CHANNELS)
    for value in (0.0, 0.1):
        if not norm.center and value:
            continue  # without centring, a constant other than 0 has a size
        z = layer.forward(np.full((4, CHANNELS, 3), value))
        np.testing.assert_array_equal(z, np.broadcast_to(layer.params["b"][:, None], z.shape))
        if norm.scale != "one":  # a sigma of 1 has no trouble with a constant
            np.testing.assert_array_equal(layer.backward(rng.standard_normal(z.shape)), 0)


def test_channel_axis_says_which_axis(rng):
    """Catches positions of a sequence taken for channels where both have the same size."""
    a = rng.standard_normal((3, CHANNELS, CHANNELS))
    first = Normalize("instance", CHANNELS).forward(a)
    np.testing.assert_allclose(first.mean(axis=2), 0, atol=1e-15)
    last = Normalize("layer", CHANNELS, channel_axis=-1).forward(a)
    np.testing.assert_allclose(last.mean(axis=2), 0, atol=1e-15)
    tokens = Normalize("batch", CHANNELS, channel_axis=-1).forward(a)
    np.testing.assert_allclose(tokens.mean(axis=(0, 1)), 0, atol=1e-15)


@pytest.mark.parametrize("check_finite", [True, False])
def test_check_finite(check_finite, rng):
    """Catches NaN that is hidden, or refused where it was asked to pass."""
    layer = Normalize("layer", CHANNELS, check_finite=check_finite)
    a = rng.standard_normal((4, CHANNELS))
    a[2, 3] = np.nan
    if check_finite:
        with pytest.raises(ValueError, match=r"got nan at index \(2, 3\)"):
            layer.forward(a)
    else:
        np.testing.assert_array_equal(np.isnan(layer.forward(a)).all(axis=1), [0, 0, 1, 0])


@pytest.mark.parametrize(("shares", "axes"), [("c", 1), ("NS", 0), ("NGcS", (0, 1))])
def test_a_norm_of_your_own(shares, axes, rng):
    """Catches a layer that knows the library's own rows only."""
    a = rng.standard_normal((8, CHANNELS))
    mine = Norm(name="mine", shares=shares, eps=0.0, affine=False)
    layer = Normalize(mine, CHANNELS)
    mu, sigma = a.mean(axes, keepdims=True), a.std(axes, keepdims=True)
    np.testing.assert_allclose(layer.forward(a), (a - mu) / sigma, atol=1e-13)


def test_g_and_b_are_one_per_channel():
    """Catches parameters per element, as PyTorch's LayerNorm has them."""
    for norm in ON_ACTIVATIONS:
        layer = Normalize(norm, CHANNELS)
        assert {name: p.shape for name, p in layer.params.items()} == dict.fromkeys(
            "gb", (CHANNELS,)
        )
        assert not Normalize(replace(norm, affine=False), CHANNELS).params
