"""Layers that change nothing but the shape."""

from __future__ import annotations

import numpy as np
import pytest

from gradients import check_layer
from normlib import Flatten
from strategies import LAYOUTS, laid_out


@pytest.mark.parametrize("shape", [(3, 4), (3, 2, 4), (3, 2, 1, 4), (1, 1)])
def test_flatten(shape, rng):
    """Catches values in another order than that of their indices, there or back."""
    x = rng.standard_normal(shape)
    check_layer(Flatten(), x, lambda arrays: arrays["x"].reshape(len(x), -1), rng)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_flatten_any_layout(layout, rng):
    """Catches an order that memory decides, and inputs changed in place."""
    x = laid_out(rng.standard_normal((3, 2, 4)), layout)
    layer, before = Flatten(), x.copy(order="C")
    y = layer.forward(x)
    np.testing.assert_array_equal(y, before.reshape(3, 8))
    dx = layer.backward(np.ascontiguousarray(y))
    np.testing.assert_array_equal(dx, before)
    dx[...] = 0
    np.testing.assert_array_equal(x, before)


def test_flatten_keeps_the_order_of_memory(rng):
    """Catches a gradient that every convolution below would have to copy."""
    x = rng.standard_normal((3, 4, 4, 2)).transpose(0, 3, 1, 2)
    layer = Flatten()
    dx = layer.backward(layer.forward(x))
    assert dx.transpose(0, 2, 3, 1).flags.c_contiguous
