"""A normalization as a value: what may be written, and what follows from it."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from normlib import NORMS, Norm, norm

MINE = Norm(name="mine", label="My norm", shares="cS", eps=1e-3)


def test_cannot_be_changed():
    """Catches a Norm that one layer changes under another's feet."""
    for field in dataclasses.fields(MINE):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(MINE, field.name, None)


def test_repr_says_what_is_special_and_makes_the_same_again():
    """Catches a repr of seventeen fields, of which twelve are as they always are."""
    assert repr(MINE) == "Norm(name='mine', label='My norm', shares='cS', eps=0.001)"
    for method in [*NORMS.values(), norm("weight", then=NORMS["batch"])]:
        assert eval(repr(method)) == method


def test_survives_pickling_and_serves_as_a_key():
    """Catches a Norm that a worker process cannot receive, or a sweep cannot group by."""
    assert MINE.axes == (2, 3)  # derived values must not travel as a difference
    again = pickle.loads(pickle.dumps(MINE))
    assert again == MINE
    assert {MINE: 1}[again] == 1
    assert dataclasses.replace(MINE, eps=1e-4) != MINE


def test_where_it_comes_from_does_not_make_it_another():
    """Catches a comparison of citations."""
    assert dataclasses.replace(MINE, url="https://example.org", paper="Me 2025") == MINE


def test_fields_are_named():
    """Catches positional arguments, which nobody can read."""
    with pytest.raises(TypeError):
        Norm("mine", "My norm")


@pytest.mark.parametrize(
    ("shares", "axes", "running"),
    [("S", (3,), False), ("GcS", (1, 2, 3), False), ("SN", (0, 3), True), ("c", (2,), False)],
)
def test_axes_and_running_follow_from_shares(shares, axes, running):
    """Catches axes in the order of the letters, or running statistics without shared samples."""
    norm = Norm(name="mine", shares=shares)
    assert (norm.axes, norm.running) == (axes, running)


def test_groups_of_channels():
    """Catches channels per group for the number of groups."""
    grouped = Norm(name="mine", shares="cS", grouped=True, groups=3)
    assert grouped.groups_of(12) == 3
    assert MINE.groups_of(12) == 1


def test_the_docstring_of_norm_names_all():
    """Catches a new normalization that `help(norm)` does not tell of."""
    assert norm.__doc__ is not None
    assert all(f'"{name}"' in norm.__doc__ for name in NORMS)
