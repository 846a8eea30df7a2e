"""Parameters and gradients as named arrays that are written into and never replaced."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import normlib
from cases import CHANNELS, ON_ACTIVATIONS, called
from normlib import Activation, Affine, Dense, Layer, Normalize

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


@pytest.mark.parametrize("norm", ON_ACTIVATIONS, ids=called)
def test_repr_names_the_normalization(norm, rng):
    """Catches a notebook cell that shows an address in memory."""
    assert norm.name in repr(Normalize(norm, CHANNELS))
    assert norm.name in repr(Dense(4, CHANNELS, norm=norm, rng=rng))
