"""x_hat and its gradient, over any axes."""

from __future__ import annotations

import math
from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from gradients import EXACT, NUMERIC, assert_gradients, assert_same, central, complex_step
from normlib import standardize, standardize_backward
from normlib.core import measure, move, move_back
from normlib.sums import _ones, inner, total
from strategies import LAYOUTS, axes_of, laid_out, shapes

SCALES = [
    (True, "std"),
    (True, "one"),
    (True, "rms"),
    (True, "norm"),
    (False, "rms"),
    (False, "norm"),
]
SHAPE = (3, 4, 5)
AXES = [*chain.from_iterable(combinations(range(3), n) for n in (1, 2, 3))]


@pytest.mark.parametrize("eps", [0.0, 0.1])
@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize(("center", "scale"), SCALES)
def test_gradient(center, scale, axes, eps, rng):
    """Catches a dropped or misplaced term of the backward, for every way to centre and scale."""
    x = rng.standard_normal(SHAPE) + 0.3
    options = {"center": center, "scale": scale, "eps": eps}
    x_hat, cache = standardize(x, axes, **options)
    dx_hat = rng.standard_normal(SHAPE)
    found = {"x": standardize_backward(dx_hat, cache)}

    def textbook(arrays):
        return reference.standardize(arrays["x"], reference.slices(SHAPE, axes), **options)

    def own(arrays):
        return standardize(arrays["x"], axes, **options)[0]

    assert_same(x_hat, textbook({"x": x}), EXACT, "x_hat")
    assert_gradients(found, complex_step(textbook, {"x": x}, dx_hat), EXACT, "complex step")
    assert_gradients(found, central(own, {"x": x}, dx_hat), NUMERIC, "central differences")


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("of_g", [(1, 3, 1), (1, 3, 4), (2, 1, 1)], ids=str)
@pytest.mark.parametrize("axes", AXES, ids=str)
def test_gradients_of_scale_and_shift(axes, of_g, constant, rng):
    """Catches a sum of the backward over the wrong axes, where g changes within a set or beyond."""
    x, dz = rng.standard_normal((2, 2, 3, 4))
    g, b = rng.uniform(0.5, 2, of_g), rng.standard_normal(of_g)
    options = {"center": True, "scale": "std", "eps": 0.1}
    measured = measure(x, axes, **options)
    statistics = (measured.mu, measured.var) if constant else None
    cache = measure(x, axes, **options, statistics=statistics)
    found = dict(zip("xgb", move_back(dz, cache, g), strict=True))

    def textbook(arrays):
        if constant:
            x_hat = (arrays["x"] - measured.mu) / np.sqrt(measured.var + 0.1)
        else:
            x_hat = reference.standardize(arrays["x"], reference.slices(x.shape, axes), **options)
        return arrays["g"] * x_hat + arrays["b"]

    arrays = {"x": x, "g": g, "b": b}
    assert_same(move(cache, g, b), textbook(arrays), EXACT, "z")
    assert_gradients(found, complex_step(textbook, arrays, dz), EXACT, "complex step")


def test_without_scale_and_shift_there_is_no_gradient_of_them(rng):
    """Catches made-up gradients of g and b, and an x_hat that is scaled by nothing."""
    x, dz = rng.standard_normal((2, *SHAPE))
    cache = measure(x, (0,), center=True, scale="std", eps=0.1)
    np.testing.assert_array_equal(move(cache), cache.x_hat)
    dx, dg, db = move_back(dz, cache)
    assert_same(dx, standardize_backward(dz, cache), EXACT, "dx")
    assert dg is db is None


def test_gradient_of_given_statistics(rng):
    """Catches correction terms in evaluation mode, where mu and sigma are constants."""
    x, dx_hat = rng.standard_normal((2, *SHAPE))
    mu, var = rng.standard_normal((1, 4, 1)), rng.uniform(0.5, 2, (1, 4, 1))
    x_hat, cache = standardize(x, (0, 2), statistics=(mu, var))
    sigma = np.sqrt(var + 1e-5)
    np.testing.assert_allclose(x_hat, (x - mu) / sigma, rtol=1e-14)  # one rounding each
    np.testing.assert_allclose(standardize_backward(dx_hat, cache), dx_hat / sigma, rtol=1e-14)


@given(st.data())
def test_moments_of_each_set(data):
    """Catches statistics over the wrong axes: a set comes out with mean 0, variance v/(v+eps)."""
    shape = data.draw(shapes())
    axes = data.draw(axes_of(shape))
    x = np.random.default_rng(data.draw(st.integers(0, 99))).standard_normal(shape)
    eps = data.draw(st.sampled_from([0.0, 1e-5, 1.0]))
    x_hat, _ = standardize(x, axes, eps=eps)
    v = x.var(axis=axes)
    expected = np.divide(v, v + eps, out=np.zeros_like(v), where=v + eps > 0)
    # 1e-7: sets of two nearly equal values lose half their digits in the difference.
    np.testing.assert_allclose(x_hat.mean(axis=axes), 0, atol=1e-7)
    np.testing.assert_allclose(x_hat.var(axis=axes), expected, atol=1e-7)


@given(st.data())
def test_gradients_sum_to_zero_where_centred(data):
    """Catches a missing mean(dx_hat): shifting a set changes nothing, so sum(dx) = 0."""
    shape = data.draw(shapes())
    axes = data.draw(axes_of(shape))
    scale = data.draw(st.sampled_from(["std", "rms", "norm"]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    _, cache = standardize(rng.standard_normal(shape), axes, scale=scale)
    dx = standardize_backward(rng.standard_normal(shape), cache)
    # Relative to the terms of the sum: 1/sigma can be 300 where a set happens to be narrow.
    assert (
        np.abs(dx.sum(axis=axes)).max() <= 1e-13 * max(1, np.abs(cache.inv_sigma).max()) * dx.size
    )


@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_memory_layout(layout, data):
    """Catches code that assumes contiguous or writable arrays, and inputs changed in place."""
    shape = data.draw(shapes())
    axes = data.draw(axes_of(shape))
    center, scale = data.draw(st.sampled_from(SCALES))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    x, dx_hat = (laid_out(rng.standard_normal(shape), layout) for _ in range(2))
    before, dbefore = x.copy(order="C"), dx_hat.copy(order="C")
    x_hat, cache = standardize(x, axes, center=center, scale=scale)
    dx = standardize_backward(dx_hat, cache)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(dx_hat, dbefore)
    expected, cache = standardize(before, axes, center=center, scale=scale)
    # BLAS may add in another order: a few last digits, times 1/sqrt(eps) for a narrow set.
    np.testing.assert_allclose(x_hat, expected, atol=1e-12)
    np.testing.assert_allclose(dx, standardize_backward(dbefore, cache), atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("center", "scale"), SCALES)
def test_dtype_is_kept(dtype, center, scale, rng):
    """Catches a float64 constant that doubles the memory of a float32 net."""
    x = rng.standard_normal(SHAPE).astype(dtype)
    given_statistics = np.zeros((1, 4, 1)), np.ones((1, 4, 1))
    for statistics in (None, given_statistics):
        x_hat, cache = standardize(x, 1, center=center, scale=scale, statistics=statistics)
        assert x_hat.dtype == cache.mu.dtype == cache.var.dtype == cache.inv_sigma.dtype == dtype
        assert standardize_backward(x, cache).dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, -1e5, 1e-30])
@pytest.mark.parametrize("count", [1, 3, 7, 1000])
@pytest.mark.parametrize("scale", ["std", "norm"])
def test_constant_set_without_eps_is_zero(dtype, value, count, scale, rng):
    """Catches the last digit of the mean being taken for a spread: three times 0.1 became -1."""
    x_hat, cache = standardize(np.full((2, count), value, dtype), 1, scale=scale, eps=0)
    dx = standardize_backward(rng.standard_normal(x_hat.shape).astype(dtype), cache)
    np.testing.assert_array_equal(x_hat, 0)
    np.testing.assert_array_equal(dx, 0)


@pytest.mark.parametrize("scale", ["std", "norm"])
def test_constant_set_leaves_the_others(scale, rng):
    """Catches one set without a size that decides about sigma of all."""
    x = rng.standard_normal((3, 5))
    x[1] = 0.1
    x_hat, _ = standardize(x, 1, scale=scale, eps=0)
    for row in (0, 2):
        alone, _ = standardize(x[row : row + 1], 1, scale=scale, eps=0)
        np.testing.assert_allclose(x_hat[row], alone[0], rtol=1e-14)  # a sum in another order
    np.testing.assert_array_equal(x_hat[1], 0)


@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize(("center", "scale"), SCALES)
def test_nan_stays_in_its_set(axes, center, scale, rng):
    """Catches sums that leak: 0 * NaN in a masked product would spread it."""
    x = rng.standard_normal(SHAPE)
    clean, _ = standardize(x, axes, center=center, scale=scale)
    x[1, 2, 3] = np.nan
    x_hat, _ = standardize(x, axes, center=center, scale=scale)
    labels = reference.slices(SHAPE, axes)
    struck = labels == labels[1, 2, 3]
    assert np.isnan(x_hat[struck]).all()
    np.testing.assert_array_equal(x_hat[~struck], clean[~struck])


@pytest.mark.parametrize("count", [4, 64, 1024, 5000, 65536])
@pytest.mark.parametrize("axis", [0, 1])
def test_float32_far_from_zero(count, axis, rng):
    """Catches E[x^2] - E[x]^2, one-pass means, and columns added up one value after the other."""
    shape = (count, 16) if axis == 0 else (16, count)
    x = (1e4 + rng.standard_normal(shape)).astype(np.float32)
    x_hat, cache = standardize(x, axis)
    exact, exactly = standardize(x.astype(np.float64), axis)
    # Half a last digit of 10,000, which is 0.001, is 5e-8 of it.
    np.testing.assert_allclose(cache.mu, exactly.mu, rtol=6e-8)
    # Half a last digit of x_hat is 6e-8 of it, and a few roundings make 2e-7. The sum of squares
    # adds a random walk of such digits, over the values of a block and over the blocks.
    error = np.abs(x_hat - exact) / np.maximum(1, np.abs(exact))
    assert error.max() <= 1e-6


@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_sums_against_fsum(layout, data):
    """Catches a wrong plan: an axis merged, forgotten or summed twice."""
    shape = data.draw(shapes())
    axes = data.draw(axes_of(shape, least=0))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    x, y = (laid_out(rng.standard_normal(shape), layout) for _ in range(2))
    for found, terms in ((total(x, axes), x), (inner(x, y, axes), x * y)):
        labels = reference.slices(shape, axes)
        sums = [math.fsum(terms[labels == k]) for k in range(labels.max() + 1)]
        kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
        assert found.shape == kept
        # Adding up to 625 numbers of size 1 one by one loses less than 625 * 1e-16 * 3.
        np.testing.assert_allclose(found.ravel(), sums, rtol=0, atol=2e-13)


@pytest.mark.parametrize("shape", [(1000, 3), (2, 700, 3), (3, 300), (300, 2, 300), (513, 1, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_sums(shape, dtype, rng):
    """Catches blocks that overlap, and a remainder that is left out."""
    x, y = rng.standard_normal((2, *shape)).astype(dtype)
    for n in range(1, len(shape) + 1):
        for axes in combinations(range(len(shape)), n):
            for array in (x, x.transpose().copy().transpose()):
                exact = array.astype(np.float64)
                # A few hundred roundings of numbers of size 1, one after the other.
                tolerance = 300 * np.finfo(dtype).eps * math.sqrt(math.prod(shape))
                found = total(array, axes)
                assert found.dtype == dtype
                assert np.abs(found - exact.sum(axes, keepdims=True)).max() <= tolerance
                products = (exact * y).sum(axes, keepdims=True)
                assert np.abs(inner(array, y, axes) - products).max() <= tolerance


def test_inner_with_weights(rng):
    """Catches weights that are summed along with what they weigh, or paired with the wrong axis."""
    cube = rng.standard_normal((3, 3, 3))
    for shape in ((1, 3, 1), (3, 1, 1), (1, 1, 3), (3, 3, 1)):
        for axes in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2)):
            y = rng.standard_normal(shape)
            expected = (cube * y).sum(axes, keepdims=True)
            np.testing.assert_allclose(inner(cube, y, axes), expected, atol=1e-14)  # 9 terms
    pairs, y = rng.standard_normal((2, 2, 5)), rng.standard_normal((2, 1, 1))  # not axis 0
    expected = (pairs * y).sum(1, keepdims=True)
    np.testing.assert_allclose(inner(pairs, y, (1,)), expected, atol=1e-14)
    x = rng.standard_normal((7, 2, 4, 5))
    for shape in ((1, 2, 4, 1), (1, 1, 4, 1), (7, 1, 1, 1), (1, 1, 1, 1), (1, 2, 1, 5)):
        y = rng.standard_normal(shape)
        for axes in ((1, 2), (2,), (2, 3), (0,), (0, 3), (3,), ()):
            expected = (x * y).sum(axes, keepdims=True)
            np.testing.assert_allclose(inner(x, y, axes), expected, atol=1e-13)  # 120 terms


def test_ones_are_shared_and_stay_ones():
    """Catches a vector of ones that somebody can write into: every later sum would be wrong."""
    with pytest.raises(ValueError, match="read-only"):
        _ones(3, np.dtype(np.float64))[0] = 2


@pytest.mark.parametrize("order", [(0, 2, 3, 1), (3, 2, 1, 0), (1, 0, 3, 2)])
def test_memory_order_is_kept(order, rng):
    """Catches channels-last images that are copied into another order, and sums along its axes."""
    x = rng.standard_normal((3, 4, 5, 6)).transpose(np.argsort(order))
    for axes in ((1,), (0, 2, 3), (2, 3), (1, 2, 3)):
        x_hat, cache = standardize(x, axes)
        expected, other = standardize(np.ascontiguousarray(x), axes)
        np.testing.assert_allclose(x_hat, expected, atol=1e-12)
        dx_hat = rng.standard_normal(x.shape)
        dx = standardize_backward(dx_hat, cache)
        np.testing.assert_allclose(dx, standardize_backward(dx_hat, other), atol=1e-11)
        assert x_hat.transpose(order).flags.c_contiguous


@pytest.mark.parametrize("axes", [1, -1, (1,), [1], (-1,), np.int64(1), np.array([1])])
def test_axes_in_any_form(axes, rng):
    """Catches axes that only work as plain ints."""
    x = rng.standard_normal((3, 4))
    expected = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    np.testing.assert_allclose(standardize(x, axes, eps=0)[0], expected, atol=1e-14)
    np.testing.assert_array_equal(standardize(x, -2)[0], standardize(x, 0)[0])


def test_cache_cannot_be_changed(rng):
    """Catches a backward that reads what somebody has replaced since."""
    _, cache = standardize(rng.standard_normal((3, 4)), 1)
    with pytest.raises(AttributeError):
        cache.count = 3
