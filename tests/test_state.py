"""A net's state: complete, independent of the net, and taken over whole or not at all."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import normlib
from cases import CHANNELS, NAMED, called
from normlib import Dense, Net, fit, mlp

DENSE = [None, *(norm for norm in NAMED if norm.axes != (3,))]  # all but instance normalization


def trained(norm, digits, dtype=np.float64):
    net = mlp([64, CHANNELS, CHANNELS, 10], norm=norm, dtype=dtype)
    cast = (v.astype(dtype) if v.dtype.kind == "f" else v for v in vars(digits).values())
    fit(net, normlib.Data(*cast), steps=3)
    return net


def through_a_file(net, path):
    np.savez(path, **net.state())
    return np.load(path, allow_pickle=False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("norm", DENSE, ids=called)
def test_round_trip_through_npz(norm, dtype, digits, tmp_path):
    """Catches a number that is not saved, running statistics and their count among them."""
    net = trained(norm, digits, dtype)
    other = mlp([64, CHANNELS, CHANNELS, 10], norm=norm, seed=5, dtype=dtype)
    x = digits.x_test.astype(dtype)
    assert not np.array_equal(other.evaluate(x), net.evaluate(x))
    with through_a_file(net, tmp_path / "net.npz") as file:
        other.load_state(file)
    np.testing.assert_array_equal(other.evaluate(x), net.evaluate(x))
    np.testing.assert_array_equal(other.flat, net.flat)
    for name, value in net.running.items():
        np.testing.assert_array_equal(other.running[name], value)
    fresh = mlp([64, CHANNELS, CHANNELS, 10], norm=norm, dtype=dtype).running
    moved = [name for name, value in fresh.items() if (value != net.running[name]).any()]
    assert 3 * len(moved) >= 2 * len(fresh)  # the number of batches, and mean or variance


def test_a_run_goes_on_where_it_stopped(digits):
    """Catches state that a run needs and that is not in it: plain descent has no other memory."""
    net = trained("batch", digits)
    other = mlp([64, CHANNELS, CHANNELS, 10], norm="batch", seed=5)
    other.load_state(net.state())
    runs = [fit(each, digits, steps=4, seed=7) for each in (net, other)]
    np.testing.assert_array_equal(runs[0].loss, runs[1].loss)
    assert runs[0].accuracy == runs[1].accuracy


def test_state_is_a_copy_and_loading_writes_in_place(digits):
    """Catches a state that goes on training, and arrays that are replaced by the loaded ones."""
    net = trained("batch", digits)
    state, flat = net.state(), net.flat
    before = copy.deepcopy(state)
    fit(net, digits, steps=2)
    for name, value in before.items():
        np.testing.assert_array_equal(state[name], value)
    net.load_state(state)
    assert net.flat is flat
    np.testing.assert_array_equal(net.params["output.w"], state["output.w"])
    np.testing.assert_array_equal(flat[-10:], state["output.c"])
    state["output.c"][...] = 7
    assert not (net.params["output.c"] == 7).any()


def test_dotted_names_of_nets_in_nets(rng):
    """Catches two layers of the same name in different nets that overwrite one another."""
    inner = Net({"a": Dense(4, 3, norm="batch", rng=rng)})
    net = Net({"a": Dense(4, 4, rng=rng), "inner": inner})
    assert list(net.state()) == [
        *("a.w", "a.c", "inner.a.w", "inner.a.g", "inner.a.b"),
        *("inner.a.mean", "inner.a.var", "inner.a.batches"),
    ]
    assert set(inner.state()) == {name.removeprefix("inner.") for name in net.state()} - {"a.c"}


def test_layouts_and_any_mapping(digits):
    """Catches a state that must be a dict of contiguous arrays."""
    net = trained("batch", digits)
    state = {name: np.array(value, order="F") for name, value in reversed(net.state().items())}
    other = mlp([64, CHANNELS, CHANNELS, 10], norm="batch", seed=5)
    other.load_state(state)
    np.testing.assert_array_equal(other.flat, net.flat)


@pytest.mark.parametrize("last", ["layer 2.batches", "output.c", "layer 1.w"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda state, name: state.pop(name),
        lambda state, name: state.update({name: np.ones(77)}),
        lambda state, name: state.update({name: state[name].astype(np.float32)}),
        lambda state, name: state.update({name + "!": state[name]}),
    ],
)
def test_all_or_nothing(spoil, last, digits):
    """Catches a net that is half loaded when the last array turns out not to fit."""
    net, other = trained("batch", digits), mlp([64, CHANNELS, CHANNELS, 10], norm="batch", seed=5)
    state, before = net.state(), other.state()
    spoil(state, last)
    with pytest.raises((TypeError, ValueError), match="state"):
        other.load_state(state)
    for name, value in before.items():
        np.testing.assert_array_equal(other.state()[name], value)
