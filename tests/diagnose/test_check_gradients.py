"""The public gradient check: it finds every famous mistake, and changes nothing."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

import normlib
import reference
from cases import CHANNELS, NAMED, called, tells
from normlib import Activation, Dense, Layer, Normalize, check_gradients, standardize
from normlib.core import standardize_backward
from strategies import laid_out
from test_gradient_checker import WRONG, Interleaved, put_in, right

DENSE = [None, *(n for n in NAMED if n.on_weights or tells(n, (7, CHANNELS), -1))]
ZERO = "its gradient is 0 here: nothing was checked"


def verdicts(check):
    return {array.name: array.verdict for array in check.arrays}


class Scaled(Layer):
    """y = w x, with a backward that a test may bend."""

    def __init__(self, dx=1.0, dw=1.0):
        super().__init__()
        self.add("w", np.array([0.5, -2.0, 3.0]))
        self.by = dx, dw

    def forward(self, x):
        self.x = x
        return x * self.values["w"]

    def backward(self, dy):
        dx, dw = self.by
        if dw is not None:
            self.slopes["w"][...] = (dy * self.x).sum(axis=0) * dw
        return dy * self.values["w"] * dx


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("mode", ["training", "evaluation", "frozen"])
@pytest.mark.parametrize("norm", DENSE, ids=called)
def test_accepts_the_librarys_layers(norm, mode, activation, rng):
    """Catches a check that rejects what is right, in any mode, and one that leaves arrays out."""
    layer = Dense(4, CHANNELS, norm=norm, activation=activation, rng=rng)
    layer.training = mode != "evaluation"
    layer.freeze_statistics(mode == "frozen")
    check = check_gradients(layer, rng.standard_normal((7, 4)))
    assert check.passed, check
    assert list(verdicts(check)) == ["x", *layer.params]


@pytest.mark.parametrize("norm", ["batch", "layer", normlib.norm("group", groups=2)], ids=str)
@pytest.mark.parametrize("wrong", WRONG)
def test_rejects_a_wrong_backward(wrong, norm, rng, monkeypatch):
    """Catches a check that accepts eps outside the root, m - 1, detached statistics, ..."""
    put_in(monkeypatch, wrong)
    check = check_gradients(Normalize(norm, CHANNELS), rng.standard_normal((5, CHANNELS)))
    assert verdicts(check) == {"x": "wrong", "g": "right", "b": "right"}
    assert not check.passed


def test_accepts_the_formula_that_they_are_near(rng, monkeypatch):
    """Catches a check that rejects whatever a test has put in."""
    put_in(monkeypatch, right)
    assert check_gradients(Normalize("batch", 3), rng.standard_normal((5, 3))).passed


def test_finds_a_wrong_order_of_channels_beside_a_reference(rng):
    """Catches a layer that is consistent with itself, and another than was meant."""
    norm = normlib.norm("group", groups=2, affine=False)
    x = rng.standard_normal((4, CHANNELS, 2))

    def against_the_textbook(layer):
        def forward(x):
            layer.forward(x)
            return reference.normalize(x, norm), None

        return check_gradients((forward, lambda dy, _: layer.backward(dy)), x)

    assert check_gradients(Interleaved(norm, CHANNELS), x).passed
    assert against_the_textbook(Normalize(norm, CHANNELS)).passed
    assert not against_the_textbook(Interleaved(norm, CHANNELS)).passed


def alone(backward):
    return lambda x: standardize(x, 0), backward


def test_a_batch_of_one_is_no_check():
    """Catches the check that any backward passes, because every value is 0 there."""
    check = check_gradients(alone(standardize_backward), np.ones((1, 3)))
    assert verdicts(check) == {"x": ZERO}
    assert not check.passed
    assert np.isnan(check.arrays[0].error)
    assert check.arrays[0].compared == 0


def test_a_batch_of_one_still_finds_a_gradient_that_is_not_0():
    """Catches "nothing was checked" where there is something to say."""
    check = check_gradients(alone(lambda dy, cache: dy * cache.inv_sigma), np.ones((1, 3)))
    assert verdicts(check) == {"x": "wrong"}
    assert check.arrays[0].error == 1


def test_a_bias_that_does_nothing_is_no_check(rng):
    """Catches rounding that passes for a gradient: batch norm subtracts c again."""
    layer = Dense(4, 3, norm="batch", bias=True, activation="tanh", rng=rng)
    found = verdicts(check_gradients(layer, rng.standard_normal((64, 4))))
    assert found.pop("c") == ZERO
    assert set(found.values()) == {"right"}


@pytest.mark.parametrize(
    ("layer", "name", "error"),
    [(Scaled(dx=1.25), "x", 0.2), (Scaled(dw=0.9), "w", 0.1), (Scaled(dw=-1), "w", 2.0)],
)
def test_error_is_a_share_of_the_largest_gradient(layer, name, error, rng):
    """Catches another measure than the one that the tolerance is stated in."""
    check = check_gradients(layer, rng.standard_normal((5, 3)))
    found = {array.name: array.error for array in check.arrays}
    assert found[name] == pytest.approx(error, rel=1e-6)  # the differences' own error
    assert check.arrays[0].passed == (name != "x")


def test_tolerance_is_obeyed(rng):
    """Catches a tolerance that is only printed."""
    x = rng.standard_normal((5, 3))
    assert check_gradients(Scaled(dx=1.0001), x, tolerance=1e-3).passed
    assert not check_gradients(Scaled(dx=1.0001), x, tolerance=1e-5).passed


class Odd(Scaled):
    """Returns what cannot be compared."""

    dx = None

    def backward(self, dy):
        super().backward(dy)
        return self.dx


@pytest.mark.parametrize(
    ("dx", "what"),
    [
        (np.zeros(3), r"shape \(3,\)"),
        (np.full((5, 3), np.nan), "nan"),
        (np.full((5, 3), -np.inf), "-inf"),
    ],
)
def test_a_gradient_that_cannot_be_compared_is_wrong(dx, what, rng):
    """Catches broadcasting a gradient to x's shape, and NaN that is smaller than any tolerance."""
    layer = Odd()
    layer.dx = dx
    check = check_gradients(layer, rng.standard_normal((5, 3)))
    assert not check.passed
    assert re.fullmatch(f"wrong: it .*{what}.*", check.arrays[0].verdict)
    assert check.arrays[1].passed


@pytest.mark.parametrize("forgets", [None, 0.0])
def test_a_forgotten_parameter_is_wrong(forgets, rng):
    """Catches a check of x alone, and stale gradients taken for new ones."""
    layer = Scaled(dw=forgets)
    x = rng.standard_normal((5, 3))
    layer.forward(x)
    layer.slopes["w"][...] = 1.0
    assert verdicts(check_gradients(layer, x)) == {"x": "right", "w": "wrong"}


class Plain:
    """What a reader may write: no base class, parameters in dicts."""

    def __init__(self):
        self.params, self.grads = {"g": np.array([2.0, 3.0])}, {}

    def forward(self, x):
        self.x = x
        return np.tanh(x * self.params["g"])

    def backward(self, dy):
        da = dy * (1 - np.tanh(self.x * self.params["g"]) ** 2)
        self.grads["g"] = (da * self.x).sum(0)
        return da * self.params["g"]


def test_needs_no_base_class(rng):
    """Catches a check for the library's own layers only."""
    x = rng.standard_normal((5, 2))
    assert verdicts(check_gradients(Plain(), x)) == {"x": "right", "g": "right"}

    class Forgetful(Plain):
        def backward(self, dy):
            dx = super().backward(dy)
            del self.grads["g"]
            return dx

    found = verdicts(check_gradients(Forgetful(), x))
    assert found == {"x": "right", "g": "wrong: backward leaves none in grads"}


def test_takes_functions(rng):
    """Catches a pair whose cache or arguments are confused."""
    pair = (lambda x: standardize(x, (0, 2)), standardize_backward)
    assert check_gradients(pair, rng.standard_normal((3, 4, 2))).passed


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("mean", [0.0, 1e3])
def test_any_unit_of_the_data(scale, mean, rng):
    """Catches a step that is large or lost beside the numbers it is added to."""
    norm = replace(normlib.NORMS["batch"], eps=0.0)
    x = scale * (mean + rng.standard_normal((6, 3)))
    assert check_gradients(Normalize(norm, 3), x).passed
    assert not check_gradients(alone(lambda dy, c: dy * c.inv_sigma), x).passed


def test_a_kink_is_left_out(rng):
    """Catches the middle of two slopes taken for a gradient, and a right layer called wrong."""
    x = rng.standard_normal((6, 5))
    x[0] = 0.0
    (array,) = check_gradients(Activation("relu"), x).arrays
    assert (array.verdict, array.compared, array.tried) == ("right", 25, 30)
    (array,) = check_gradients(Activation("relu"), np.zeros((6, 5))).arrays
    assert array.compared == 0
    assert "kinks" in array.verdict


def test_no_kink_hides_a_mistake(rng):
    """Catches a wrong gradient that passes because few entries can be compared."""
    x = np.zeros((6, 5))
    x[0] = 1.0
    relu = (lambda x: (np.maximum(x, 0), x), lambda dy, x: dy * (x > 0) * 1.1)
    (array,) = check_gradients(relu, x).arrays
    assert array.verdict == "wrong"


def test_large_arrays_are_sampled(rng):
    """Catches a check that tries all of a million entries."""
    x = rng.standard_normal((1000, 1000))
    calls = []

    def forward(x):
        calls.append(1)
        return np.tanh(x[:, :2]), x

    def backward(dy, x):
        dx = np.zeros_like(x)
        dx[:, :2] = dy * (1 - np.tanh(x[:, :2]) ** 2)
        return dx

    (array,) = check_gradients((forward, backward), x, sample=3).arrays
    assert array.tried == 3
    assert len(calls) == 3 + 4 * 3  # once for y, again, for backward; four per entry
    small = check_gradients(Activation("tanh"), x[:4, :5], sample=20)
    assert small.arrays[0].compared == 20


def test_every_entry_is_tried_where_there_are_few(rng):
    """Catches entries that are drawn twice, and others never."""
    for index in np.ndindex(3, 2):

        def backward(dy, x, index=index):
            dx = dy.copy()
            dx[index] *= 2
            return dx

        assert not check_gradients((lambda x: (x.copy(), x), backward), np.ones((3, 2))).passed


def test_the_layer_stays_as_it_is(rng):
    """Catches bumped weights, gradients of the check, moved statistics and another mode."""
    x = rng.standard_normal((7, 4))
    net = normlib.mlp([4, CHANNELS, 3], norm="batch")
    net.forward(x)
    net.backward(rng.standard_normal((7, 3)))
    arrays = {
        (kind, name): array.copy()
        for kind in ("params", "grads", "running")
        for name, array in getattr(net, kind).items()
    }
    cache = net.parts["layer 1"]._cache
    given = x.copy()
    assert check_gradients(net, x).passed
    for (kind, name), array in arrays.items():
        np.testing.assert_array_equal(getattr(net, kind)[name], array)
    np.testing.assert_array_equal(x, given)
    assert net.training
    assert net.parts["layer 1"]._cache is cache


def test_says_which_statistics_move(rng):
    """Catches statistics that drift while differences are taken, unseen."""
    layer, x = Normalize("batch", 3), rng.standard_normal((5, 3))
    check = check_gradients(layer, x)
    assert check.moved == ("mean", "var", "batches")
    assert repr(check).endswith(
        "forward moves mean, var, batches (of a copy: the layer is untouched)"
    )
    assert layer.running["batches"] == 0
    layer.freeze_statistics()
    assert check_gradients(layer, x).moved == ()


class ByRunningMean(Layer):
    """Subtracts a running mean that its own forward moves, as Batch Renorm does."""

    def __init__(self):
        super().__init__()
        self.mean = {"mean": np.zeros(3)}

    @property
    def statistics(self):
        return self.mean

    def forward(self, x):
        self.mean["mean"] += 0.5 * (x.mean(0) - self.mean["mean"])
        return x - self.mean["mean"]

    def backward(self, dy):
        return dy - 0.5 * dy.mean(0)


def test_each_measurement_starts_from_the_same_statistics(rng):
    """Catches differences between two states of the layer."""
    check = check_gradients(ByRunningMean(), rng.standard_normal((5, 3)))
    assert check.passed
    assert check.moved == ("mean",)


@pytest.mark.parametrize("layout", ["read-only", "broadcast", "fortran"])
def test_any_memory_layout(layout, rng):
    """Catches an input that is written into, or whose entries share memory."""
    x = laid_out(rng.standard_normal((5, 3)), layout)
    assert check_gradients(Activation("tanh"), x).passed


@pytest.mark.parametrize("seed", range(3))
def test_the_seed_of_the_input_may_come_again(seed):
    """Catches an upstream gradient that is the input: a normalization's gradient is then 0."""
    x = np.random.default_rng(seed).standard_normal((8, CHANNELS))
    check = check_gradients(Normalize("batch", CHANNELS), x, seed=seed)
    assert check.passed, check


def test_is_reproducible_and_prints(rng):
    """Catches a seed without effect, and a report without the verdict."""
    layer, x = Scaled(dx=1.5), rng.standard_normal((5, 3))
    assert check_gradients(layer, x) == check_gradients(layer, x)
    assert check_gradients(layer, x) != check_gradients(layer, x, seed=1)
    text = repr(check_gradients(layer, x))
    assert text.startswith("NOT passed at tolerance 1e-06\n")
    assert any(line.split() == ["x", "0.3", "15/15", "wrong"] for line in text.splitlines())
    assert repr(check_gradients(Scaled(), x)).startswith("passed")
