"""What each method does not notice: the published table, measured, and against the textbook."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import normlib
import reference
from normlib import NORMS, RESCALINGS, Norm, Rescaling, invariance_matrix, rescaled

COLUMNS = [
    "weights times",
    "weights plus",
    "one row times",
    "data times",
    "data plus",
    "one sample times",
]
GROUP = "group, 3 groups"
#: By hand, with eps = 0 and no linear bias: x for unchanged, in the order of the columns.
DENSE = {
    "none": "......",
    "batch": "x.xxx.",
    "layer": "xx.x.x",
    GROUP: "xx.x.x",
    "rms": "x..x.x",
    "mean_only": "....x.",
    "weight": "x.x...",
    "cosine": "x.xx.x",
}
#: Of a valid convolution: a shift of all filters is another at each position.
CONVOLUTION = {
    **DENSE,
    "layer": "x..x.x",
    GROUP: "x..x.x",
    "instance": "x.xxxx",
}


def pattern(matrix):
    return {
        name: "".join("x" if same else "." for same in row)
        for name, row in zip(matrix.methods, matrix.invariant, strict=True)
        if name not in matrix.refused
    }


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("images", "expected"), [(False, DENSE), (True, CONVOLUTION)])
def test_published_table(images, expected, seed):
    """Catches a method that keeps less, or more, than its formula says."""
    matrix = invariance_matrix(images=images, seed=seed)
    assert matrix.rescalings == tuple(COLUMNS)
    found = pattern(matrix)
    assert {name: found.get(name) for name in expected} == expected
    # Nothing lies near the tolerance: rounding on one side, plain changes on the other.
    used = matrix.change[~np.isnan(matrix.change)]
    assert not ((used > 1e-13) & (used < 0.05)).any()


@pytest.mark.parametrize("images", [False, True])
@pytest.mark.parametrize("rescaling", RESCALINGS)
@pytest.mark.parametrize("name", [None, *NORMS])
def test_outputs_are_the_textbooks(name, rescaling, images):
    """Catches outputs of another layer than the one that is rescaled, or of stale weights."""
    norm = name and replace(NORMS[name], groups=3 if NORMS[name].grouped else None, affine=False)
    if norm and norm.shares == "S" and not images:
        return  # nothing to share: it is refused, see below
    found = rescaled(norm, rescaling, images=images)
    textbook = reference.conv2d if images else reference.dense
    norm = norm and replace(norm, eps=0.0)
    for x, w, output in (
        (found.x, found.w, found.output),
        (found.x_after, found.w_after, found.output_after),
    ):
        np.testing.assert_allclose(output, textbook(x, w, norm), atol=1e-12)  # rounding
    largest = np.abs(found.output).max()
    assert found.change == np.abs(found.output_after - found.output).max() / largest


@pytest.mark.parametrize("images", [False, True])
@pytest.mark.parametrize("name", RESCALINGS)
def test_rescalings(name, images):
    """Catches a rescaling that does something else, or nothing."""
    found = rescaled(None, name, strength=2.0, images=images)
    x, w = found.x_after - found.x, found.w_after - found.w
    touched = {
        "weights times": (0, found.w),
        "one row times": (0, np.concatenate([found.w[:1], 0 * found.w[1:]])),
        "data times": (found.x, 0),
        "one sample times": (np.concatenate([found.x[:1], 0 * found.x[1:]]), 0),
    }
    if name in touched:
        for change, expected in zip((x, w), touched[name], strict=True):
            np.testing.assert_allclose(change, expected + 0 * change, atol=1e-15)
        return
    changed, still = (x, w) if name == "data plus" else (w, x)
    assert not still.any()
    np.testing.assert_allclose(changed, changed[:1] + 0 * changed, atol=1e-14)  # one u for all
    assert len(np.unique(changed[0].round(9))) > 1  # and not one number for all inputs
    if images and name == "data plus":
        np.testing.assert_allclose(changed, changed[:, :, :1, :1] + 0 * changed, atol=1e-14)


@pytest.mark.parametrize("name", RESCALINGS)
def test_no_strength_no_change(name):
    """Catches a strength that is not used: a factor of 1 and a shift of 0 change nothing."""
    nothing = 0.0 if name.endswith("plus") else 1.0
    assert rescaled(None, name, strength=nothing).change == 0
    assert rescaled(None, name, strength=nothing + 0.5).change > 0.01


@pytest.mark.parametrize("name", ["batch", "layer", "rms", "weight", "cosine"])
def test_a_negative_factor_flips_the_sign(name):
    """Catches an absolute value: invariance holds for positive factors only."""
    found = rescaled(name, "weights times", strength=-3.0)
    np.testing.assert_allclose(found.output_after, -found.output, atol=1e-12)
    assert found.change == pytest.approx(2.0)


def test_where_it_ends():
    """Catches a claim without its conditions: eps, a linear bias, zero padding."""
    for name in ("batch", "layer", "rms"):
        change = rescaled(name, "weights times", strength=1e-3, eps=1e-5).change
        assert 0.01 < change < 1
        assert rescaled(name, "weights times", strength=1e-3).change < 1e-12
    for name, held in (("batch", True), ("layer", False), ("rms", False), ("group", False)):
        assert (rescaled(name, "data times", bias=True).change < 1e-12) is held
    for name in ("batch", "instance"):
        assert rescaled(name, "data plus", images=True).change < 1e-12
        assert rescaled(name, "data plus", images=True, padding=1).change > 0.05


def test_one_that_cannot_be_used_says_why():
    """Catches a row of zeros for instance norm on dense data, or no row."""
    matrix = invariance_matrix()
    assert list(matrix.refused) == ["instance"]
    assert "more than one position" in matrix.refused["instance"]
    row = matrix.methods.index("instance")
    assert np.isnan(matrix.change[row]).all()
    assert not matrix.invariant[row].any()
    assert not invariance_matrix(images=True).refused


def test_every_normalization_has_its_row(monkeypatch):
    """Catches a list of names kept here."""
    matrix = invariance_matrix()
    named = [GROUP if row.grouped else name for name, row in NORMS.items()]
    assert matrix.methods == ("none", *named)
    novel = Norm(name="novel", shares="NGcS", center=False, scale="rms")
    monkeypatch.setattr("normlib.diagnose.invariance.NORMS", {**NORMS, "novel": novel})
    assert pattern(invariance_matrix())["novel"] == "x..x.."
    mine = Norm(name="mine", shares="NGcS")
    found = pattern(invariance_matrix([*NORMS, mine, normlib.norm("group", groups=4)]))
    assert found["mine"] == "x..x.."
    assert found["group, 4 groups"] == DENSE[GROUP]
    both = replace(NORMS["weight"], then=NORMS["mean_only"])
    assert invariance_matrix(["weight", both]).methods == ("weight", "weight, then mean_only")


def test_a_name_decides_nothing():
    """Catches a table that is declared: here the row called "batch" is layer norm."""
    assert pattern(invariance_matrix([Norm(name="batch", shares="GcS")])) == {
        "batch": DENSE["layer"]
    }


def test_rescalings_of_ones_own():
    """Catches columns that are fixed."""
    shuffled = Rescaling("samples turned", "", 0.0, lambda x, w, s, rng: (x[::-1], w))
    matrix = invariance_matrix(["batch", "layer"], [shuffled, "data times"], tolerance=1e-6)
    assert matrix.rescalings == ("samples turned", "data times")
    np.testing.assert_array_equal(matrix.invariant, [[False, True], [False, True]])


def test_tolerance_decides():
    """Catches a verdict that is not taken from the numbers."""
    strict = invariance_matrix(["batch"], ["weights times"], eps=1e-5)
    assert 1e-9 < strict.change[0, 0] < 1e-4
    assert not strict.invariant[0, 0]
    assert invariance_matrix(["batch"], ["weights times"], eps=1e-5, tolerance=1e-3).invariant


def test_prints_a_table():
    """Catches arrays in a notebook's output."""
    lines = repr(invariance_matrix(["batch", "instance"], ["data times", "one sample times"]))
    rows = [line.split() for line in lines.splitlines()]
    assert rows[0] == ["data", "times", "one", "sample", "times"]
    assert rows[1][:2] == ["batch", "same"]
    assert float(rows[1][2]) > 0.1
    assert rows[2] == ["instance", "refused", "refused"]
