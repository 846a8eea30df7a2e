"""Pooling: windows against the textbook, ties, NaN, padding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from gradients import check_layer
from normlib import AvgPool2d, Conv2d, GlobalAvgPool, MaxPool2d
from strategies import LAYOUTS, laid_out

POOLS = {"mean": AvgPool2d, "max": MaxPool2d}
#: Kernel, stride and padding: tiles, overlaps, gaps, unequal sides, and a rest left unseen.
GEOMETRIES = [(2, None, 0), (3, 1, 1), (1, 2, 0), ((2, 3), (1, 2), (1, 0)), ((1, 4), 3, (0, 2))]


def textbook(layer, how):
    windows = layer.windows

    def function(arrays):
        return reference.pool(arrays["x"], how, windows.kernel, windows.stride, windows.padding)

    return function


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("how", POOLS)
def test_gradients(how, geometry, rng):
    """Catches a window that is shifted, and shares that go to the wrong pixel."""
    layer = POOLS[how](*geometry)
    check_layer(layer, rng.standard_normal((2, 3, 4, 5)), textbook(layer, how), rng)


@given(data=st.data())
@pytest.mark.parametrize("how", POOLS)
def test_any_shape(how, data):
    """Catches sizes of 1, images as large as the window, and whole windows of equal values."""
    draw = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    rng = np.random.default_rng(draw(0, 99))
    shape = tuple(draw(1, 4) for _ in range(4))
    kernel = tuple(draw(1, size) for size in shape[2:])
    padding = tuple(draw(0, size // 2) for size in kernel)
    layer = POOLS[how](kernel, (draw(1, 3), draw(1, 3)), padding)
    x = rng.integers(0, 3, shape).astype(float)
    y = layer.forward(x)
    np.testing.assert_allclose(y, textbook(layer, how)({"x": x}), atol=1e-15)
    dy = rng.standard_normal(y.shape)
    if how == "max" or padding == (0, 0):  # what padding takes up of a mean is lost
        assert abs(layer.backward(dy).sum() - dy.sum()) < 1e-13


def test_first_of_equal_values_gets_the_gradient():
    """Catches ties that share, or that count twice."""
    layer = MaxPool2d(2, 1)
    x = np.array([[1.0, 5, 5], [5, 2, 5]])[None, None]
    np.testing.assert_array_equal(layer.forward(x), [[[[5, 5]]]])
    dx = layer.backward(np.array([[[[1.0, 10.0]]]]))
    np.testing.assert_array_equal(dx, [[[[0, 11, 0], [0, 0, 0]]]])


def test_padding_is_never_the_largest():
    """Catches zeros around negative values."""
    layer, x = MaxPool2d(3, padding=1), np.full((1, 1, 3, 3), -7.0)
    np.testing.assert_array_equal(layer.forward(x), [[[[-7]]]])
    dx = layer.backward(np.ones((1, 1, 1, 1)))
    assert dx[0, 0, 0, 0] == dx.sum() == 1


def test_zeros_of_the_padding_count_in_the_mean():
    """Catches a mean over pixels only, which PyTorch calls count_include_pad=False."""
    y = AvgPool2d(2, padding=1).forward(np.full((1, 1, 2, 2), 8.0))
    np.testing.assert_array_equal(y, np.full((1, 1, 2, 2), 2.0))


@pytest.mark.parametrize("how", POOLS)
def test_nan_stays_nan(how, rng):
    """Catches a comparison that turns NaN into a number, and a gradient that is lost there."""
    layer, x = POOLS[how](2), rng.standard_normal((1, 1, 4, 4))
    x[0, 0, 1, 1] = np.nan
    y = layer.forward(x)
    np.testing.assert_array_equal(np.isnan(y[0, 0]), [[True, False], [False, False]])
    assert abs(layer.backward(np.ones_like(y)).sum() - 4) < 1e-15


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "layer",
    [AvgPool2d(2), MaxPool2d(2, 1), GlobalAvgPool(), GlobalAvgPool(channel_axis=-1)],
    ids=repr,
)
def test_memory_layout(layer, layout, rng):
    """Catches inputs changed in place, and views that assume an order of memory."""
    x = laid_out(rng.standard_normal((3, 2, 4, 4)), layout)
    before = x.copy(order="C")
    y = layer.forward(x)
    dy = laid_out(rng.standard_normal(y.shape), layout)
    dy_before = dy.copy(order="C")
    dx = layer.backward(dy)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(dy, dy_before)
    np.testing.assert_allclose(y, layer.forward(before), atol=1e-15)
    np.testing.assert_allclose(dx, layer.backward(dy_before), atol=1e-15)
    dx += 1  # writable, and nobody else's
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("layer", [AvgPool2d(2), MaxPool2d(2), GlobalAvgPool()], ids=repr)
def test_float32_stays_float32(layer):
    """Catches a float64 constant on the way."""
    y = layer.forward(np.ones((2, 3, 4, 4), np.float32))
    assert y.dtype == layer.backward(y).dtype == np.float32


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 4), (1, 1, 1, 1)])
def test_global_average(shape, rng):
    """Catches a mean over samples or channels."""
    positions = tuple(range(2, len(shape)))
    layer = GlobalAvgPool()
    check_layer(
        layer, rng.standard_normal(shape), lambda arrays: arrays["x"].mean(axis=positions), rng
    )


@pytest.mark.parametrize("shape", [(2, 4, 3), (2, 4, 5, 3), (1, 1, 1)])
def test_global_average_of_tokens(shape, rng):
    """Catches a mean over the channels, where they stand behind the tokens."""
    tokens = tuple(range(1, len(shape) - 1))
    layer = GlobalAvgPool(channel_axis=-1)
    check_layer(
        layer, rng.standard_normal(shape), lambda arrays: arrays["x"].mean(axis=tokens), rng
    )
    assert layer.forward(np.zeros(shape)).shape == (shape[0], shape[-1])


def test_instance_norm_leaves_nothing_to_average(rng):
    """Catches a mean of something else than what instance normalization has centred."""
    layer = Conv2d(1, 4, 3, norm="instance", activation="identity", rng=rng)
    y = GlobalAvgPool().forward(layer.forward(rng.standard_normal((5, 1, 8, 8))))
    np.testing.assert_allclose(y, 0, atol=1e-15)


def test_repr():
    """Catches a notebook cell that shows an address in memory."""
    assert repr(MaxPool2d(2)) == "MaxPool2d(kernel=(2, 2), stride=(2, 2), padding=(0, 0))"
    assert repr(GlobalAvgPool()) == "GlobalAvgPool()"
    assert repr(GlobalAvgPool(channel_axis=-1)) == "GlobalAvgPool(channel_axis=-1)"
