"""Convolutions: every gradient against the textbook, geometry, and what they have in common."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import normlib
import reference
from cases import CHANNELS, MODES, NAMED, ON_WEIGHTS, called, put_in_mode
from gradients import check_layer
from normlib import Conv2d, Dense, Norm, Normalize
from normlib.layers import ACTIVATIONS, windows
from strategies import LAYOUTS, laid_out

#: Kernel, stride and padding, each with a trap: unequal sides, steps that leave a rest of the
#: image unseen, steps wider than the kernel, and padding as wide as the kernel, both ways or one.
GEOMETRIES = {
    "valid": (3, 1, 0),
    "same": (3, 1, 1),
    "unequal": ((2, 3), (1, 2), (0, 2)),
    "stride 2": (2, 2, 1),
    "stride beyond kernel": (1, 3, 0),
    "steps down alone": ((2, 3), (2, 1), (1, 1)),
    "padding as kernel": ((1, 2), 1, (1, 2)),
    "padding as kernel, down": ((2, 3), 1, (2, 1)),
    "padding as kernel, across": ((3, 2), 1, (1, 2)),
}


def textbook(layer, statistics):
    """Return the reference of a layer as a function of its input and parameters."""
    where, f = layer.windows, layer.parts["f"].name

    def function(arrays):
        rest = {name: arrays.get(name) for name in ("c", "g", "b")}
        return reference.conv2d(
            arrays["x"],
            arrays["w"],
            layer.norm,
            f,
            stride=where.stride,
            padding=where.padding,
            **rest,
            **statistics,
        )

    return function


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("norm", [None, *NAMED], ids=called)
def test_gradients_of_every_normalization(norm, affine, mode, rng):
    """Catches a wrong gradient of x, w, c, g or b, in any mode."""
    if norm is not None:
        norm = replace(norm, affine=affine)
    layer = Conv2d(2, CHANNELS, (2, 3), padding=(0, 1), norm=norm, activation="tanh", rng=rng)
    statistics = put_in_mode(layer, mode, rng)
    check_layer(layer, rng.standard_normal((2, 2, 3, 3)), textbook(layer, statistics), rng)


@pytest.mark.parametrize("norm", [None, "batch", "cosine"])
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_gradients_of_every_geometry(geometry, norm, rng):
    """Catches rows taken for columns, and gradients of cells that no or many windows see."""
    kernel, stride, padding = geometry
    layer = Conv2d(
        2, 3, kernel, stride=stride, padding=padding, norm=norm, activation="tanh", rng=rng
    )
    check_layer(layer, rng.standard_normal((2, 2, 4, 5)), textbook(layer, {}), rng)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_of_every_activation(activation, rng):
    """Catches an f that is left out, or applied to something else than z; with a bias too."""
    layer = Conv2d(2, 4, 2, norm="layer", activation=activation, bias=True, rng=rng)
    check_layer(layer, rng.standard_normal((2, 2, 3, 4)), textbook(layer, {}), rng)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("images", [1, 2, 3, 5, 100])
def test_blocks(images, stride, rng, monkeypatch):
    """Catches images that are lost, or counted twice, where a block of them ends."""
    x, found = rng.standard_normal((5, 4, 4, 2)).transpose(0, 3, 1, 2), []
    each = 8 * 8 * (5, 3)[stride - 1] ** 2  # bytes of 5 x 5 or 3 x 3 windows of 2 x 2 x 2 values
    for block in (10**9, images * each):
        monkeypatch.setattr(windows, "BLOCK", block)
        layer = Conv2d(2, 2, 2, stride=stride, padding=1, rng=np.random.default_rng(0))
        blocks = list(layer.windows.rows(x.transpose(0, 2, 3, 1)))
        assert len(blocks) == (1 if block == 10**9 else -(-5 // images))
        h = layer.forward(x)
        found.append([h, layer.backward(np.cos(h)), *layer.grads.values()])
    for whole, parts in zip(*found, strict=True):
        np.testing.assert_allclose(parts, whole, atol=1e-13)  # sums in another order


def test_both_ways_back_agree(rng):
    """Catches a mirrored kernel that is turned, shifted or transposed."""
    for kernel, padding in (((3, 3), (1, 1)), ((2, 4), (1, 0)), ((1, 3), (0, 2)), ((1, 1), (0, 0))):
        layer = Conv2d(2, 3, kernel, padding=padding, rng=rng)
        x, w = rng.standard_normal((4, 5, 6, 2)), layer._rows_of_w()
        da = rng.standard_normal((4, *layer.windows.positions(5, 6), 3))
        for one, other in zip(layer._by_pixels(da, x, w), layer._by_windows(da, x, w), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-12)


@given(data=st.data())
def test_any_shape(data):
    """Catches a shape that breaks: axes of size 1, images as large as the kernel, rests."""
    draw = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    rng = np.random.default_rng(draw(0, 99))
    shape = tuple(draw(1, 4) for _ in range(4))
    padding = draw(0, 2), draw(0, 2)
    kernel = tuple(
        draw(1, min(3, size + 2 * p)) for size, p in zip(shape[2:], padding, strict=True)
    )
    stride = draw(1, 3), draw(1, 3)
    layer = Conv2d(
        shape[1], draw(1, 3), kernel, stride=stride, padding=padding, activation="tanh", rng=rng
    )
    x = rng.standard_normal(shape)
    h = layer.forward(x)
    arrays = {"x": x, **layer.params}
    np.testing.assert_allclose(h, textbook(layer, {})(arrays), atol=1e-13)
    # The gradient is the transpose of a linear map: <dy, J v> = <J' dy, v>, f' apart.
    layer.parts["f"] = normlib.Activation("identity")
    v, dy = rng.standard_normal(shape), rng.standard_normal(h.shape)
    layer.params["c"] = np.zeros(len(layer.params["c"]))
    forward = (dy * layer.forward(v)).sum()
    assert abs(forward - (layer.backward(dy) * v).sum()) < 1e-12 * max(1, abs(forward))
    assert abs(forward - (layer.grads["w"] * layer.params["w"]).sum()) < 1e-12 * max(
        1, abs(forward)
    )


@pytest.mark.parametrize("norm", [None, *NAMED], ids=called)
def test_one_by_one_is_dense_on_every_pixel(norm, rng):
    """Catches two layers that share a formula and not its meaning."""
    if norm is not None and "S" in norm.shares and "N" not in norm.shares:
        return  # there the positions of a sample share, and tokens have none
    image = Conv2d(3, CHANNELS, 1, norm=norm, activation="tanh", rng=np.random.default_rng(1))
    tokens = Dense(3, CHANNELS, norm=norm, activation="tanh", rng=np.random.default_rng(1))
    np.testing.assert_array_equal(image.params["w"][..., 0, 0], tokens.params["w"])
    x, dy = rng.standard_normal((2, 4, 5, 3)), rng.standard_normal((2, 4, 5, CHANNELS))
    first, last = (0, 3, 1, 2), (0, 2, 3, 1)
    h = image.forward(x.transpose(first))
    np.testing.assert_allclose(h.transpose(last), tokens.forward(x), atol=1e-14)
    dx = image.backward(dy.transpose(first))
    np.testing.assert_allclose(dx.transpose(last), tokens.backward(dy), atol=1e-13)
    for name, gradient in tokens.grads.items():
        np.testing.assert_allclose(image.grads[name].reshape(gradient.shape), gradient, atol=1e-13)


def test_a_kernel_as_large_as_the_image_is_dense(rng):
    """Catches a flipped kernel, and channels in another order than Flatten's."""
    image, dense = Conv2d(2, 5, (3, 4), rng=rng), Dense(24, 5, rng=rng)
    dense.params["w"] = image.params["w"].reshape(5, 24)
    x = rng.standard_normal((6, 2, 3, 4))
    expected = dense.forward(x.reshape(6, 24))
    np.testing.assert_allclose(image.forward(x)[..., 0, 0], expected, atol=1e-14)


@pytest.mark.parametrize(("groups", "twin"), [(1, "layer"), (CHANNELS, "instance")])
def test_group_norm_at_its_ends(groups, twin, rng):
    """Catches groups for channels per group: one group is layer norm, C groups instance norm."""
    x, found = rng.standard_normal((3, 2, 5, 5)), []
    for norm in (normlib.norm("group", groups=groups), twin):
        layer = Conv2d(2, CHANNELS, 3, norm=norm, rng=np.random.default_rng(0))
        h = layer.forward(x)
        found.append((h, layer.backward(np.cos(h)), layer.grads["w"]))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("norm", [n for n in NAMED if not n.on_weights], ids=called)
def test_equals_its_three_moves(norm, rng):
    """Catches a normalization after f, or over other sets than `Normalize` has."""
    layer = Conv2d(2, CHANNELS, 3, padding=1, norm=norm, activation="tanh", rng=rng)
    plain = Conv2d(2, CHANNELS, 3, padding=1, activation="identity", rng=rng)
    plain.params["w"] = layer.params["w"]
    x = rng.standard_normal((2, 2, 4, 5))
    z = Normalize(norm, CHANNELS).forward(plain.forward(x))
    np.testing.assert_allclose(layer.forward(x), np.tanh(z), atol=1e-13)


@pytest.mark.parametrize("layout", [*LAYOUTS, "channels last"])
@pytest.mark.parametrize("norm", [None, "batch", "cosine"])
def test_memory_layout(norm, layout, rng):
    """Catches inputs changed in place, and views that assume an order of memory."""
    layer = Conv2d(2, CHANNELS, 3, padding=1, norm=norm, rng=rng)
    x, dh = rng.standard_normal((3, 2, 4, 4)), rng.standard_normal((3, CHANNELS, 4, 4))
    if layout == "channels last":
        x, dh = (
            np.ascontiguousarray(v.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) for v in (x, dh)
        )
    else:
        x, dh = laid_out(x, layout), laid_out(dh, layout)
    x_before, dh_before = x.copy(order="C"), dh.copy(order="C")
    h, dx = layer.forward(x), layer.backward(dh)
    dw = layer.grads["w"].copy()
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(dh, dh_before)
    np.testing.assert_allclose(h, layer.forward(x_before), atol=1e-12)  # sums in another order
    np.testing.assert_allclose(dx, layer.backward(dh_before), atol=1e-12)
    np.testing.assert_allclose(dw, layer.grads["w"], atol=1e-12)


@pytest.mark.parametrize("norm", [None, *NAMED], ids=called)
def test_float32(norm, rng):
    """Catches a float64 constant on the way, and sums that lose float32's digits."""
    both = []
    for dtype in (np.float32, np.float64):
        layer = Conv2d(2, CHANNELS, 3, norm=norm, rng=np.random.default_rng(0), dtype=dtype)
        layer.params["w"] = layer.params["w"].astype(np.float32)
        x = np.random.default_rng(1).standard_normal((4, 2, 5, 5)).astype(np.float32).astype(dtype)
        h = layer.forward(x)
        dx = layer.backward(np.cos(x[:, :1, :3, :3]) * np.ones((1, CHANNELS, 1, 1), dtype))
        both.append(SimpleNamespace(h=h, dx=dx, dw=layer.grads["w"]))
        everything = [h, dx, *layer.params.values(), *layer.grads.values()]
        assert all(array.dtype == dtype for array in [*everything, *layer.running.values()])
    for name, exact in vars(both[1]).items():
        # A few hundred roundings of 6e-8, relative to the largest value.
        np.testing.assert_allclose(
            getattr(both[0], name), exact, atol=1e-5 * np.abs(exact).max(), rtol=0, err_msg=name
        )


@pytest.mark.parametrize("norm", ON_WEIGHTS, ids=called)
def test_zero_windows_and_filters(norm, rng):
    """Catches 0/0: the result is 0, and every gradient finite."""
    layer = Conv2d(2, 3, 2, norm=norm, activation="identity", rng=rng)
    layer.params["w"][0] = 0
    x = rng.standard_normal((2, 2, 3, 3))
    x[1] = 0
    h = layer.forward(x)
    dx = layer.backward(rng.standard_normal(h.shape))
    np.testing.assert_array_equal(h[:, 0], 0)
    np.testing.assert_array_equal(h[1], 0)
    np.testing.assert_array_equal(layer.grads["w"][0], 0)
    assert np.isfinite(dx).all()
    assert all(np.isfinite(gradient).all() for gradient in layer.grads.values())


def test_cosine_of_a_window(rng):
    """Catches the length of the whole image where that of a window is meant."""
    layer = Conv2d(
        2, 3, 2, norm=normlib.norm("cosine", affine=False), activation="identity", rng=rng
    )
    x = rng.standard_normal((4, 2, 5, 5))
    h = layer.forward(x)
    assert np.abs(h).max() <= 1 + 1e-15
    np.testing.assert_allclose(layer.forward(np.abs(7.0) * x), h, atol=1e-14)
    x[0, :, 1:3, 2:4] = 5 * layer.params["w"][1]
    assert abs(layer.forward(x)[0, 1, 1, 2] - 1) < 1e-15


@pytest.mark.parametrize("norm", [n for n in ON_WEIGHTS if n.start == "sigma"], ids=called)
def test_weight_norm_starts_as_the_plain_layer(norm, rng):
    """Catches g that starts at 1, or at the length of something else than a filter."""
    x = rng.standard_normal((2, 2, 5, 5))
    plain, ours = (Conv2d(2, 3, 3, norm=n, rng=np.random.default_rng(1)) for n in (None, norm))
    np.testing.assert_array_equal(ours.params["w"], plain.params["w"])
    np.testing.assert_allclose(ours.forward(x), plain.forward(x), atol=1e-14)


def test_a_norm_of_your_own_on_filters(rng):
    """Catches a layer that knows the library's normalizations only: here, standardized filters."""
    mine = Norm(name="mine", acts_on="weight", eps=0.0, affine=False)
    layer = Conv2d(2, 3, 3, norm=mine, activation="tanh", rng=rng)
    check_layer(layer, rng.standard_normal((2, 2, 4, 4)), textbook(layer, {}), rng)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_initial_std(activation):
    """Catches an n without the kernel's cells: that start would be three times too large."""
    w = Conv2d(20, 300, 3, activation=activation, rng=np.random.default_rng(3)).params["w"]
    expected = np.sqrt((2 if activation == "relu" else 1) / 180)
    # 54,000 draws: the relative standard error of a std is 0.003; five of them.
    assert abs(w.std() / expected - 1) < 0.015


def test_bias_moves_every_position(rng):
    """Catches a bias along another axis."""
    layer = Conv2d(1, 3, 2, activation="identity", rng=rng)
    x = rng.standard_normal((2, 1, 3, 3))
    before = layer.forward(x)
    layer.params["c"] = [1.0, 2.0, 3.0]
    moved = layer.forward(x) - before
    np.testing.assert_allclose(moved, np.broadcast_to([[[1.0]], [[2.0]], [[3.0]]], moved.shape))


def test_windows_are_not_kept(rng):
    """Catches a cache of all windows: nine times the image for a 3 x 3 kernel."""
    layer = Conv2d(8, 8, 3, padding=1, rng=rng)
    x = rng.standard_normal((16, 8, 16, 16))
    layer.forward(x)
    tracemalloc.start()
    layer.forward(x)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 3 * x.nbytes  # a and h


def test_repr(rng):
    """Catches a notebook cell that shows an address in memory."""
    shown = repr(Conv2d(2, 4, 3, padding=(0, 1), norm="batch", rng=rng))
    where = "kernel=(3, 3), stride=(1, 1), padding=(0, 1)"
    assert shown == f"Conv2d(2, 4, {where}, norm='batch', Activation('relu'))"
