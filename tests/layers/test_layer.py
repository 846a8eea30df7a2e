"""Parameters and gradients as named arrays that are written into and never replaced."""

from __future__ import annotations

import copy
import pickle
import re
from dataclasses import replace

import numpy as np
import pytest

import normlib
from cases import CHANNELS, NAMED
from normlib import (
    NORMS,
    Activation,
    Affine,
    Attention,
    Conv2d,
    Dense,
    Layer,
    Norm,
    Normalize,
    Whiten,
    norm,
)
from normlib.layers.layer import HINTS
from normlib.norms import resolve, written

LAYERS = {
    "dense": lambda rng: Dense(4, 3, rng=rng),
    "dense batch": lambda rng: Dense(4, 3, norm="batch", bias=True, rng=rng),
    "dense weight": lambda rng: Dense(4, 3, norm="weight", rng=rng),
    "normalize": lambda rng: Normalize("batch", 4),
    "affine": lambda rng: Affine(4),
    "activation": lambda rng: Activation("tanh"),
    "net": lambda rng: normlib.mlp([4, 3, 2], norm="batch"),
}


@pytest.fixture(params=LAYERS)
def layer(request, rng):
    return LAYERS[request.param](rng)


def test_params_and_grads_have_the_same_keys_and_shapes(layer, rng):
    """Catches a gradient without its parameter, or the other way round."""
    assert list(layer.params) == list(layer.grads)
    y = layer.forward(rng.standard_normal((5, 4)))
    layer.backward(rng.standard_normal(y.shape))
    for name, value in layer.params.items():
        assert layer.grads[name].shape == value.shape


def test_assigning_writes_in_place(layer):
    """Catches an entry that is replaced: the layer and its optimizer would go on with the old."""
    for arrays in (layer.params, layer.grads, layer.running):
        for name in arrays:
            before = arrays[name]
            arrays[name] = np.full(before.shape, 7.0)
            assert arrays[name] is before
            assert (before == 7).all()


def test_a_new_layer_trains_and_shows_its_arrays(layer):
    """Catches a mode that is neither on nor off, and a repr that dumps numbers."""
    for _, part in layer.walk():
        assert part.training is True
        assert part.frozen is False
    shapes = ", ".join(f"{name}: {array.shape}" for name, array in layer.params.items())
    assert repr(layer.params) == f"Arrays({shapes})"


def test_assigned_numbers_are_used(rng):
    """Catches params that are a copy of what the layer computes with."""
    layer = Dense(2, 2, activation="identity", rng=rng)
    layer.params["w"] = [[1, 0], [0, 2]]
    layer.params["c"] = [10.0, 20.0]
    np.testing.assert_array_equal(layer.forward(np.array([[1.0, 1.0]])), [[11, 22]])
    layer.params["w"][...] *= 2
    np.testing.assert_array_equal(layer.forward(np.array([[1.0, 1.0]])), [[12, 24]])


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("w", np.zeros((2, 3)), ValueError),
        ("w", 1.0, ValueError),
        ("w", np.zeros((3, 2), complex), TypeError),
        ("w", np.full((3, 2), "a"), TypeError),
        ("v", np.zeros((3, 2)), KeyError),
    ],
)
def test_refused_assignments_change_nothing(key, value, error, rng):
    """Catches broadcasting into a parameter, and a new entry that no layer knows of."""
    layer = Dense(2, 3, rng=rng)
    before = layer.params["w"].copy()
    with pytest.raises(error, match=r"; got "):
        layer.params[key] = value
    np.testing.assert_array_equal(layer.params["w"], before)
    assert list(layer.params) == ["w", "c"]


def test_the_mappings_themselves_cannot_be_replaced_or_emptied(layer):
    """Catches `layer.params = {...}`, after which nothing is trained."""
    for name in ("params", "grads", "running"):
        with pytest.raises(AttributeError):
            setattr(layer, name, {})
    for name in layer.params:
        with pytest.raises((AttributeError, TypeError)):
            del layer.params[name]


def test_names_are_the_books():
    """Catches a rename: chapters and saved learning rates use these."""
    rng = np.random.default_rng(0)
    names = {key: list(make(rng).params) for key, make in LAYERS.items()}
    assert names["dense"] == ["w", "c"]
    assert names["dense batch"] == ["w", "c", "g", "b"]
    assert names["dense weight"] == ["w", "g", "b"]
    assert names["normalize"] == names["affine"] == ["g", "b"]
    assert list(Normalize("batch", 4).running) == ["mean", "var", "batches"]
    assert list(Dense(4, 3, norm="batch", rng=rng).running) == ["mean", "var", "batches"]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_are_independent(layer, again, rng):
    """Catches a copy that shares its parameters with the original."""
    other = again(layer)
    before = {name: value.copy() for name, value in layer.params.items()}
    x = rng.standard_normal((5, 4))
    np.testing.assert_array_equal(other.forward(x), layer.forward(x))
    for name in other.params:
        other.params[name] = other.params[name] + 1
    for name, value in before.items():
        np.testing.assert_array_equal(layer.params[name], value)


def test_training_and_freezing_reach_every_part(layer):
    """Catches a part that stays in training when its layer is evaluated."""
    layer.training = False
    layer.freeze_statistics()
    assert all(not part.training and part.frozen for _, part in layer.walk())
    layer.training = True
    layer.freeze_statistics(False)
    assert all(part.training and not part.frozen for _, part in layer.walk())


def test_gradients_are_of_the_last_backward(layer, rng):
    """Catches gradients that add up from step to step."""
    x = rng.standard_normal((5, 4))
    dy = rng.standard_normal(layer.forward(x).shape)
    layer.backward(dy)
    once = {name: value.copy() for name, value in layer.grads.items()}
    layer.forward(x)
    layer.backward(dy)
    for name, value in once.items():
        np.testing.assert_array_equal(layer.grads[name], value)


def test_the_base_class_computes_nothing():
    """Catches a subclass that forgot forward or backward and returns None."""
    for name in ("forward", "backward"):
        with pytest.raises(NotImplementedError):
            getattr(Layer(), name)(np.zeros(1))


OWN = Norm(name="mine", shares="cS", eps=1e-3)
OPTIONS = [
    *(
        replace(row, **changes)
        for row in NAMED
        for changes in ({}, {"eps": 0.5}, {"affine": False})
    ),
    norm("batch", momentum=None),
    norm("weight", then=norm("mean_only", momentum=0.5)),
    norm("cosine", then=OWN),
    replace(NORMS["layer"], center=False, scale="rms"),
    OWN,
]


@pytest.mark.parametrize("given", OPTIONS, ids=written)
def test_a_written_norm_is_the_norm(given):
    """Catches an option that a repr leaves out: number of groups, eps, what comes after."""
    assert resolve(eval(written(given), dict(vars(normlib)))) == given


def test_written_is_short():
    """Catches a repr that tells what everybody knows."""
    assert written(None) == "None"
    assert written(NORMS["batch"]) == "'batch'"
    assert written(norm("group", groups=4)) == "norm('group', groups=4)"
    assert written(norm("batch", momentum=None, eps=0.0)) == "norm('batch', eps=0.0, momentum=None)"
    both = norm("weight", then=norm("mean_only", momentum=0.5))
    assert written(both) == "norm('weight', then=norm('mean_only', momentum=0.5))"


@pytest.mark.parametrize("given", [n for n in OPTIONS if not n.on_weights], ids=written)
@pytest.mark.parametrize("options", [{}, {"channel_axis": -1}, {"check_finite": True}], ids=str)
def test_repr_of_normalize_builds_it(given, options):
    """Catches a notebook cell that shows an address in memory, or two layers that look alike."""
    layer = Normalize(given, CHANNELS, **options)
    again = eval(repr(layer), dict(vars(normlib)))
    assert again.norm == layer.norm
    for name in ("channels", "groups", "channel_axis", "dtype", "check_finite"):
        assert getattr(again, name) == getattr(layer, name)


@pytest.mark.parametrize("given", OPTIONS, ids=written)
def test_repr_of_products_tells_the_norm(given, rng):
    """Catches a net whose printed layers hide eps or the number of groups."""
    for layer in (
        Dense(4, CHANNELS, norm=given, rng=rng),
        Conv2d(2, CHANNELS, 1, norm=given, rng=rng),
    ):
        assert f"norm={written(given)}, " in repr(layer)


def test_repr_tells_what_differs(rng):
    """Catches a repr that hides an option, and one that is full of defaults."""
    layer = Normalize("batch", 4)
    assert repr(layer) == "Normalize('batch', 4)"
    layer.freeze_statistics()
    assert repr(layer) == "Normalize('batch', 4, frozen=True)"
    unmoved = Normalize("layer", 4, dtype=np.float32)
    unmoved.freeze_statistics()  # it has no statistics to freeze
    assert repr(unmoved) == "Normalize('layer', 4, dtype=float32)"
    plain = Dense(4, 3, rng=rng)
    assert repr(plain) == "Dense(4, 3, norm=None, Activation('relu'))"
    dense = Dense(4, 3, norm="batch", bias=True, dtype="float32", rng=rng)
    dense.freeze_statistics()
    end = ", Activation('relu'), bias=True, dtype=float32, frozen=True)"
    assert repr(dense) == f"Dense(4, 3, norm='batch'{end}"
    assert repr(Whiten(4)) == "Whiten(4, groups=1, method='zca')"
    assert repr(Whiten(4, eps=0.1, affine=False)).endswith("'zca', eps=0.1, affine=False)")
    other = Whiten(4, iterations=7, momentum=None, channel_axis=-1, dtype="float32")
    other.freeze_statistics()
    end = "iterations=7, momentum=None, channel_axis=-1, dtype=float32, frozen=True)"
    assert repr(other) == f"Whiten(4, groups=1, method='zca', {end}"
    rms = Attention(4, qk_norm=norm("rms", eps=0.1), rng=rng)
    assert repr(rms) == "Attention(4, qk_norm=norm('rms', eps=0.1), causal=False)"


def test_a_net_keeps_every_array_in_a_place_of_its_own(rng):
    """Catches two parameters that share memory once a net has moved them into one vector."""
    net = normlib.Net({"layer": Dense(4, 3, norm="batch", bias=True, rng=rng)})
    for arrays in (net.params, net.grads):
        for number, name in enumerate(arrays):
            arrays[name] = np.full(arrays[name].shape, float(number))
        assert all((arrays[name] == number).all() for number, name in enumerate(arrays))


def test_a_layer_without_methods_says_whose_are_missing():
    """Catches an error that names another class, and a repr that does."""
    bare = Bare()
    assert repr(bare) == "Bare()"
    for call in (bare.forward, bare.backward):
        with pytest.raises(NotImplementedError, match=rf"^Bare must define {call.__name__}"):
            call(np.ones((2, 2)))


@pytest.mark.parametrize("name", HINTS)
def test_names_from_elsewhere(name, layer):
    """Catches a bare AttributeError for net.eval, and a hint that makes hasattr say yes."""
    kind = type(layer).__name__
    with pytest.raises(AttributeError) as caught:
        getattr(layer, name)
    assert str(caught.value) == f"{kind!r} object has no attribute {name!r}. {HINTS[name]}"
    assert (caught.value.name, caught.value.obj) == (name, layer)
    assert not hasattr(layer, name)
    with pytest.raises(AttributeError, match=r"no attribute 'evil'$"):
        layer.evil  # noqa: B018


def test_hints_name_what_there_is():
    """Catches a hint whose way out is gone."""
    net = normlib.mlp([4, 3, 2])
    words = set(re.findall(r"[a-z_]{4,}", " ".join(HINTS.values())))
    for name in ("training", "params", "backward", "state", "load_state"):
        assert name in words
        assert hasattr(net, name)
    assert re.findall(r"normlib[.](\w+)", " ".join(HINTS.values())) == ["fit", "fit"]


class Bare(Layer):
    """Has nothing of its own."""


class Evaluating(Layer):
    """Has a method of its own under one of those names."""

    def eval(self):
        return "mine"


def test_a_layer_may_have_these_names():
    """Catches a hint that hides what is there."""
    assert Evaluating().eval() == "mine"


@pytest.mark.parametrize("on", [True, False, np.True_, np.False_])
def test_a_mode_is_true_or_false(on, layer):
    """Catches NumPy's own truth refused, or kept as it is."""
    layer.training = on
    layer.freeze_statistics(on)
    for _, part in layer.walk():
        assert part.training is part.frozen is bool(on)
    with pytest.raises(ValueError, match="training must be True or False"):
        layer.training = "no"
    assert all(part.training is bool(on) for _, part in layer.walk())


def test_walk_names_a_lending_part_like_its_owner(rng):
    """Catches names that change, or a docstring that tells others."""
    net = normlib.Net({"layer 1": Dense(4, 3, norm="batch", rng=rng)})
    found = [(name, type(part).__name__) for name, part in net.walk()]
    inside = [("layer 1", "Dense"), ("layer 1", "Normalize"), ("layer 1.f", "Activation")]
    assert found == [("", "Net"), *inside]
    lent = net.parts["layer 1"].parts[""].params
    assert all(lent[name] is net.params[f"layer 1.{name}"] for name in "gb")


def test_an_unknown_name_is_told_as_a_sentence():
    """Catches a message in quotes, as a KeyError prints its key."""
    params = Normalize("layer", 2).params
    with pytest.raises(KeyError) as caught:
        params["gamma"]
    assert str(caught.value).startswith("a key of params must be in 'g', 'b'; got 'gamma'")
    assert params.get("gamma") is None
    assert "gamma" not in params
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
