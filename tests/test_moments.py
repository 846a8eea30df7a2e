"""Statistics of data in several pieces: merged, they are those of the whole."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from normlib import Moments, Norm, Normalize, norm, standardize, standardize_backward

CHANNELS = 3


def exactly(moments, x, tolerance):
    """Compare with the moments that NumPy finds in the whole array, in float64."""
    x = x.astype(np.float64)
    assert moments.count == len(x)
    np.testing.assert_allclose(moments.mean, x.mean(axis=0), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(moments.var, x.var(axis=0), rtol=tolerance, atol=tolerance)


@given(st.data())
def test_pieces_of_any_size_make_the_whole(data):
    """Catches weights by the number of pieces, a forgotten difference of means, a lost piece."""
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=6))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    pieces = [rng.normal(rng.uniform(-3, 3), rng.uniform(0, 2), (n, CHANNELS)) for n in sizes]
    found = [Moments.of(piece) for piece in pieces]
    exactly(Moments.merge(found), np.concatenate(pieces), 1e-13)  # some 60 roundings
    exactly(reduce(add, reversed(found)), np.concatenate(pieces), 1e-13)
    exactly(sum(found), np.concatenate(pieces), 1e-13)  # which starts with 0 + found[0]


@pytest.mark.parametrize(("shape", "axis"), [((4, 3), 1), ((4, 3, 2, 2), 1), ((2, 5, 3), -1)])
def test_all_axes_but_the_channels(shape, axis, rng):
    """Catches positions that are not counted."""
    x = rng.standard_normal(shape)
    rows = np.moveaxis(x, axis, -1).reshape(-1, CHANNELS)
    exactly(Moments.of(x, axis), rows, 1e-14)


def test_far_from_zero(rng):
    """Catches E[x^2] - E[x]^2: in float32 at mean 10,000 it leaves no digit of a variance of 1."""
    x = (1e4 + rng.standard_normal((4000, CHANNELS))).astype(np.float32)
    merged = Moments.merge([Moments.of(piece) for piece in np.split(x, 40)])
    exactly(merged, x, 1e-11)  # of 16 digits a mean of 10,000 leaves the deviations 12


def test_unbiased_variance(rng):
    """Catches n for n - 1, and a number where one value has no spread to speak of."""
    x = rng.standard_normal((7, CHANNELS))
    np.testing.assert_allclose(Moments.of(x).unbiased_var, x.var(axis=0, ddof=1), rtol=1e-14)
    assert np.isnan(Moments.of(x[:1]).unbiased_var).all()


def test_a_batch_over_several_processes(rng):
    """Catches shards that normalize by their own statistics: together they are one batch."""
    a = rng.standard_normal((22, CHANNELS, 4)) * 3 + 5
    shards = np.split(a, [4, 9])
    context = multiprocessing.get_context("spawn")  # as on every platform, and with no lock held
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        merged = Moments.merge(pool.map(Moments.of, shards))
    whole, cache = standardize(a, (0, 2))
    statistics = merged.mean[:, None], merged.var[:, None]
    pieces = [standardize(shard, (0, 2), statistics=statistics)[0] for shard in shards]
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-13)
    assert not np.allclose(standardize(shards[0], (0, 2))[0], whole[:4], atol=0.1)

    # The gradient needs the sums over the whole batch too, and they merge by adding.
    dx_hat = rng.standard_normal(a.shape)
    m = merged.count
    d = sum(part.sum(axis=(0, 2)) for part in np.split(dx_hat, [4, 9])) / m
    e = sum((p * x).sum(axis=(0, 2)) for p, x in zip(np.split(dx_hat, [4, 9]), pieces, strict=True))
    dx = (dx_hat - d[:, None] - whole * (e / m)[:, None]) / np.sqrt(merged.var + 1e-5)[:, None]
    np.testing.assert_allclose(dx, standardize_backward(dx_hat, cache), atol=1e-13)


@pytest.mark.parametrize("name", ["batch", "mean_only"])
def test_a_layer_takes_them(name, rng):
    """Catches statistics that differ from those of one batch with momentum 1."""
    a = rng.standard_normal((20, CHANNELS, 4)) * 3 + 5
    one = Normalize(norm(name, momentum=1.0), CHANNELS)
    one.forward(a)
    other = Normalize(name, CHANNELS)
    other.load_statistics(Moments.of(a[:7]) + Moments.of(a[7:]))
    for key in one.running:
        np.testing.assert_allclose(other.running[key], one.running[key], rtol=1e-13)
    one.training = other.training = False
    np.testing.assert_allclose(other.forward(a), one.forward(a), atol=1e-13)


def test_they_compare_by_identity_and_cannot_change(rng):
    """Catches an == that compares arrays, and statistics replaced under somebody's feet."""
    found = Moments.of(rng.standard_normal((4, CHANNELS)))
    assert found == found
    assert found != replace(found)
    with pytest.raises(AttributeError):
        found.count = 3


def test_how_many_values_a_layer_asks_for(rng):
    """Catches a variance of one value, and a mean of one value that is refused."""
    one, two = Moments.of(rng.standard_normal((1, 3))), Moments.of(rng.standard_normal((2, 3)))
    layer = Normalize("batch", 3)
    with pytest.raises(ValueError, match="at least 2 values per channel; got 1"):
        layer.load_statistics(one)
    layer.load_statistics(two)
    np.testing.assert_array_equal(layer.running["var"], two.unbiased_var)
    centred = Normalize("mean_only", 3)
    centred.load_statistics(one)
    np.testing.assert_array_equal(centred.running["mean"], one.mean)


def test_a_layer_that_does_not_centre_takes_no_moments(rng):
    """Catches a running mean square that is replaced by a variance about the mean."""
    layer = Normalize(Norm(name="running size", shares="NS", center=False, scale="rms"), 3)
    with pytest.raises(ValueError, match="running means and variances; got 'running size'"):
        layer.load_statistics(Moments.of(rng.standard_normal((5, 3))))
