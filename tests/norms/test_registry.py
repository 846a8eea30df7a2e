"""The seven rows of the table, and the ways to name one."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping

import numpy as np
import pytest

import normlib
from cases import CHANNELS
from normlib import NORMS, Norm, Normalize, norms
from normlib.norms import resolve

SEVEN = {"batch", "layer", "instance", "group", "rms", "weight", "cosine"}

#: mu and sigma of an image batch as the papers print them, eps left out.
PRINTED = {
    "batch": lambda a: (a.mean((0, 2, 3), keepdims=True), a.std((0, 2, 3), keepdims=True)),
    "layer": lambda a: (a.mean((1, 2, 3), keepdims=True), a.std((1, 2, 3), keepdims=True)),
    "instance": lambda a: (a.mean((2, 3), keepdims=True), a.std((2, 3), keepdims=True)),
    "rms": lambda a: (0, np.sqrt((a**2).mean((1, 2, 3), keepdims=True))),
}


def test_the_seven_are_there():
    """Catches a file that discovery misses, and a key that is not its Norm's name."""
    assert set(NORMS) >= SEVEN
    assert all(key == norm.name and norm.label for key, norm in NORMS.items())


def test_order_is_that_of_publication(tmp_path, monkeypatch):
    """Catches an order by name or by file, and one of your own before those with a paper."""
    own = "from normlib import Norm\nNORM = Norm(name='a mine', shares='S')\n"
    (tmp_path / "a_mine.py").write_text(own)
    monkeypatch.setattr(norms, "__path__", [str(tmp_path), *norms.__path__])
    monkeypatch.setitem(sys.modules, "normlib.norms.a_mine", None)  # forgotten afterwards
    del sys.modules["normlib.norms.a_mine"]
    found = norms._discover()
    numbers = [norm.url.rpartition("/")[2] for norm in found.values() if norm.url]
    assert numbers == sorted(numbers)
    assert [name for name in found if name != "a mine"] == list(NORMS)
    assert list(found).index("a mine") >= len(numbers)
    with pytest.raises(TypeError):
        found["b"] = found["a mine"]


def test_mapping_is_read_only():
    """Catches a chapter that changes what all the others import."""
    assert isinstance(NORMS, Mapping)
    with pytest.raises(TypeError):
        NORMS["mine"] = NORMS["batch"]
    with pytest.raises(TypeError):
        del NORMS["batch"]


@pytest.mark.parametrize("name", PRINTED)
def test_formula_on_images(name, rng):
    """Catches a row that says another thing than its paper."""
    a = rng.standard_normal((3, CHANNELS, 2, 4)) + 1
    mu, sigma = PRINTED[name](a)
    layer = Normalize(normlib.norm(name, eps=0), CHANNELS)
    np.testing.assert_allclose(layer.forward(a), (a - mu) / sigma, atol=1e-13)  # rounding


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_group_formula_on_images(groups, rng):
    """Catches groups of that many channels, where that many groups are meant."""
    a = rng.standard_normal((3, CHANNELS, 2, 4)) + 1
    split = a.reshape(3, groups, -1)
    expected = (split - split.mean(2, keepdims=True)) / split.std(2, keepdims=True)
    layer = Normalize(normlib.norm("group", groups=groups, eps=0), CHANNELS)
    np.testing.assert_allclose(layer.forward(a), expected.reshape(a.shape), atol=1e-13)


@pytest.mark.parametrize("name", ["weight", "cosine"])
def test_formula_of_weights(name, rng):
    """Catches a length taken over columns, and an input that is not scaled where it should be."""
    x, w = rng.standard_normal((5, 4)), rng.standard_normal((3, 4))
    norm = normlib.norm(name, affine=False)
    layer = normlib.Dense(4, 3, norm=norm, activation="identity", rng=rng)
    layer.params["w"] = w
    sigma = np.linalg.norm(w, axis=1)
    if norm.on_inputs:
        sigma = sigma * np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(layer.forward(x), x @ w.T / sigma, atol=1e-14)


def test_options_are_kept_and_leave_the_row_alone():
    """Catches an option that is dropped, or written into NORMS."""
    found = normlib.norm("group", groups=8, eps=1e-3, momentum=None, affine=False)
    assert (found.groups, found.eps, found.momentum, found.affine) == (8, 1e-3, None, False)
    assert (NORMS["group"].groups, NORMS["group"].eps) == (None, 1e-5)


def test_defaults_are_pytorchs():
    """Catches another convention: readers bring theirs from PyTorch."""
    for name in ("batch", "layer", "instance", "rms"):
        assert (NORMS[name].eps, NORMS[name].momentum, NORMS[name].affine) == (1e-5, 0.1, True)


@pytest.mark.parametrize("name", sorted(NORMS))
def test_immutable_hashable_picklable(name):
    """Catches a Norm that cannot travel to a worker process, or changes on the way."""
    norm = NORMS[name]
    with pytest.raises(AttributeError):
        norm.eps = 1.0
    again = pickle.loads(pickle.dumps(norm))
    assert again == norm
    assert len({norm, again}) == 1
    assert again.url == norm.url


def test_resolve_takes_a_name_a_norm_or_none():
    """Catches a way of naming one that works in some places only."""
    mine = Norm(name="mine", shares="c")
    assert resolve(None) is None
    assert resolve(mine) is mine
    assert resolve("batch") == NORMS["batch"]


@pytest.mark.parametrize("field", ["axes", "running", "on_weights", "on_inputs"])
def test_derived_properties(field):
    """Catches a property that does not follow from the fields."""
    expected = {
        "axes": {"batch": (0, 3), "layer": (1, 2, 3), "instance": (3,), "group": (2, 3)},
        "running": {"batch": True, "layer": False, "weight": False},
        "on_weights": {"weight": True, "cosine": True, "rms": False},
        "on_inputs": {"weight": False, "cosine": True},
    }[field]
    assert {name: getattr(NORMS[name], field) for name in expected} == expected
