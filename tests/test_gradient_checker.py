"""The gradient check is checked: each famous mistake, put into the library, must not pass it."""

from __future__ import annotations

import numpy as np
import pytest

import normlib
import reference
from cases import CHANNELS
from gradients import check_layer
from normlib import Dense, Layer, Normalize, standardize
from normlib.core import move_back, standardize_backward


def mean(values, cache):
    return values.mean(axis=cache.axes, keepdims=True)


def right(dx_hat, cache):
    """The correct formula, which the mistakes below are one step away from."""
    along = mean(dx_hat * cache.x_hat, cache)
    return cache.inv_sigma * (dx_hat - mean(dx_hat, cache) - cache.x_hat * along)


def eps_outside_the_root(dx_hat, cache):
    sigma = np.sqrt(cache.var) + 1e-5
    along = mean(dx_hat * cache.x_hat, cache)
    return (dx_hat - mean(dx_hat, cache) - cache.x_hat * along) / sigma


def variance_off_by_one(dx_hat, cache):
    along = mean(dx_hat * cache.x_hat, cache) * cache.count / (cache.count - 1)
    return cache.inv_sigma * (dx_hat - mean(dx_hat, cache) - cache.x_hat * along)


def dropped_mean_of_dx_hat(dx_hat, cache):
    along = mean(dx_hat * cache.x_hat, cache)
    return cache.inv_sigma * (dx_hat - cache.x_hat * along)


def dropped_term_along_x_hat(dx_hat, cache):
    return cache.inv_sigma * (dx_hat - mean(dx_hat, cache))


def statistics_detached(dx_hat, cache):
    return cache.inv_sigma * dx_hat


def sum_for_mean(dx_hat, cache):
    along = mean(dx_hat * cache.x_hat, cache) * cache.count
    return cache.inv_sigma * (dx_hat - mean(dx_hat, cache) - cache.x_hat * along)


WRONG = [
    eps_outside_the_root,
    variance_off_by_one,
    dropped_mean_of_dx_hat,
    dropped_term_along_x_hat,
    statistics_detached,
    sum_for_mean,
]


def put_in(monkeypatch, wrong):
    """Make every Normalize use this backward of x_hat, with the right gradients of g and b."""

    def wrong_move_back(dz, cache, g=None):
        _, dg, db = move_back(dz, cache, g)
        return wrong(dz if g is None else dz * g, cache), dg, db

    monkeypatch.setattr("normlib.layers.normalize.move_back", wrong_move_back)


def check(layer, shape, rng, upstream=None):
    def textbook(arrays):
        return reference.normalize(arrays["x"], layer.norm, g=arrays.get("g"), b=arrays.get("b"))

    check_layer(layer, rng.standard_normal(shape), textbook, upstream or rng)


@pytest.mark.parametrize("norm", ["batch", "layer", normlib.norm("group", groups=2)], ids=str)
@pytest.mark.parametrize("wrong", WRONG)
def test_rejects_a_wrong_backward(wrong, norm, rng, monkeypatch):
    """Catches a check that accepts what it is there to find."""
    put_in(monkeypatch, wrong)
    with pytest.raises(AssertionError, match="gradient of x by complex step"):
        check(Normalize(norm, CHANNELS), (5, CHANNELS), rng)


@pytest.mark.parametrize("wrong", [right, dropped_term_along_x_hat, statistics_detached])
@pytest.mark.parametrize("norm", ["weight", "cosine"])
def test_rejects_a_wrong_backward_of_weights(norm, wrong, rng, monkeypatch):
    """Catches a check of activations alone; what is right for them is wrong for a length."""
    monkeypatch.setattr("normlib.layers.product.standardize_backward", wrong)
    layer = Dense(4, CHANNELS, norm=norm, activation="tanh", rng=rng)

    def textbook(arrays):
        rest = {name: arrays.get(name) for name in "gb"}
        return reference.dense(arrays["x"], arrays["w"], layer.norm, "tanh", **rest)

    with pytest.raises(AssertionError, match=r"gradient of \w by complex step"):
        check_layer(layer, rng.standard_normal((5, 4)), textbook, rng)


@pytest.mark.parametrize("name", ["norm.center", "norm.scale"])
def test_rejects_another_methods_backward(name, rng, monkeypatch):
    """Catches a cache that says something else than what forward did."""
    change = {"norm.center": {"center": False}, "norm.scale": {"scale": "norm"}}[name]

    def wrong(dx_hat, cache):
        return standardize_backward(dx_hat, type(cache)(**{**vars(cache), **change}))

    put_in(monkeypatch, wrong)
    with pytest.raises(AssertionError, match="gradient of x by complex step"):
        check(Normalize("batch", CHANNELS), (5, CHANNELS), rng)


@pytest.mark.parametrize("wrong", [lambda d, c: d * c.inv_sigma, dropped_mean_of_dx_hat])
def test_rejects_without_a_reference_too(wrong, rng, monkeypatch):
    """Catches central differences that are compared with nothing."""
    put_in(monkeypatch, wrong)
    with pytest.raises(AssertionError, match="gradient of x by central differences"):
        check_layer(Normalize("batch", CHANNELS), rng.standard_normal((5, CHANNELS)), None, rng)


class Interleaved(Normalize):
    """Puts channels 0, 2, 4 in one group and 1, 3, 5 in the other; consistent with itself."""

    order = np.array([0, 2, 4, 1, 3, 5])

    def forward(self, a):
        return super().forward(a[:, self.order])[:, np.argsort(self.order)]

    def backward(self, dz):
        return super().backward(dz[:, self.order])[:, np.argsort(self.order)]


def test_rejects_a_wrong_channel_order(rng):
    """Catches a check that compares a layer with nothing but itself."""
    norm = normlib.norm("group", groups=2, affine=False)
    with pytest.raises(AssertionError, match="output"):
        check(Interleaved(norm, CHANNELS), (4, CHANNELS, 2), rng)


class OnesForNormals:
    """A generator whose upstream gradient is all ones."""

    def __init__(self, rng):
        self.uniform = rng.uniform

    def standard_normal(self, shape):
        return np.ones(shape)


class Vacuous(Layer):
    """Batch normalization of a batch of one, with a backward that is plain wrong."""

    def forward(self, x):
        y, self._cache = standardize(x, 0)
        return y

    def backward(self, dy):
        return standardize_backward(dy, self._cache)


def test_rejects_a_batch_of_one(rng):
    """Catches the check that any backward passes, because every value is 0 there."""
    with pytest.raises(AssertionError, match="its gradient is 0 anyway"):
        check_layer(Vacuous(), rng.standard_normal((1, CHANNELS)), None, rng)


def test_rejects_an_upstream_gradient_of_ones(rng):
    """Catches the check that cancels: the sum of x_hat does not depend on x."""
    layer = Normalize(normlib.norm("batch", affine=False), CHANNELS)
    with pytest.raises(AssertionError, match="its gradient is 0 anyway"):
        check(layer, (5, CHANNELS), rng, upstream=OnesForNormals(rng))


class Forgetful(Normalize):
    """Leaves one parameter's gradient at 0."""

    forgotten = ""

    def backward(self, dz):
        dx = super().backward(dz)
        self.grads[self.forgotten] = np.zeros(CHANNELS)
        return dx


@pytest.mark.parametrize("name", ["g", "b"])
def test_rejects_a_forgotten_parameter(name, rng):
    """Catches a check of x alone."""
    layer = Forgetful("layer", CHANNELS)
    layer.forgotten = name
    with pytest.raises(AssertionError, match=f"gradient of {name} by complex step"):
        check(layer, (5, CHANNELS), rng)


def test_accepts_the_right_formula(rng, monkeypatch):
    """Catches a check that rejects everything."""
    put_in(monkeypatch, right)
    check(Normalize("batch", CHANNELS), (5, CHANNELS), rng)
