"""The Invariance Matrix's Python side: what it accepts, measures, sends and says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from traitlets import TraitError
from unpacked import unpack

from normlib import NORMS, RESCALINGS, Norm, invariance_matrix, norm, rescaled
from normlib.plots import tones
from normlib.widgets import InvarianceMatrix
from normlib.widgets.invariance_matrix.grid import LAYERS, STRENGTHS, VERDICTS
from normlib.widgets.invariance_matrix.picture import change_words

SETTINGS = {
    "kind": ["dense", "convolution", "padded convolution"],
    "bias": [False, True],
    "eps": [0.0, 1e-5],
}


@pytest.fixture(scope="module")
def matrix() -> InvarianceMatrix:
    return InvarianceMatrix()


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"norms": []}, ValueError, "norms must name at least one; got none. Leave it out"),
            ({"norms": "batch"}, TypeError, "norms must be a list; got 'batch'. Put it into"),
            ({"norms": NORMS["rms"]}, TypeError, "norms must be a list; got Norm"),
            ({"norms": ["rms", "rms"]}, ValueError, "must differ in name; got 'rms' twice. Rena"),
            ({"norms": ["bn"]}, ValueError, "name must be one of .*; got 'bn'"),
            ({"norms": [3]}, TypeError, "norm must be a name, a Norm or None; got int"),
            ({"method": "group"}, ValueError, "method must be one of .*; got 'group'. Pass one"),
            ({"rescaling": "x"}, ValueError, "rescaling must be one of .*; got 'x'"),
            ({"strength": 2}, ValueError, "strength must be one of -1.0, 0.001.*; got 2"),
            ({"kind": "conv"}, ValueError, "kind must be one of 'dense'.*; got 'conv'"),
            ({"bias": "yes"}, ValueError, "bias must be one of False, True; got 'yes'"),
            ({"bias": 1}, ValueError, "bias must be one of False, True; got 1"),
            ({"eps": False}, ValueError, "eps must be one of 0.0, 1e-05; got False"),
        ],
    )
    def test_bad_ones_are_refused(
        self, arguments: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        """Catches a matrix that fails in the page, where nobody reads the error."""
        with pytest.raises(error, match=message):
            InvarianceMatrix(**arguments)

    @pytest.mark.parametrize(
        ("name", "value"), [("method", "bn"), ("strength", 2.0), ("kind", ""), ("eps", 0.1)]
    )
    def test_a_kernel_cannot_choose_what_is_not_there(
        self, matrix: InvarianceMatrix, name: str, value: Any
    ) -> None:
        """Catches a state that the page has no numbers for; the matrix stays as it was."""
        before = getattr(matrix, name)
        with pytest.raises((ValueError, TraitError), match=f"{name} must be one of"):
            setattr(matrix, name, value)
        assert getattr(matrix, name) == before

    def test_rows_of_ones_own(self) -> None:
        """Catches a list of methods kept here, and a look that belongs to another row."""
        mine = Norm(name="mine", shares="NGcS")
        own = InvarianceMatrix([*NORMS, mine, norm("group", groups=4)], method="mine")
        names = [row["name"] for row in own.meta["methods"]]
        assert names == [*invariance_matrix().methods[1:], "mine", "group, 4 groups"]
        assert [own.cell("mine", r).verdict == "same" for r in RESCALINGS] == [1, 0, 0, 1, 0, 0]
        labels = {row["name"]: row["label"] for row in own.meta["methods"]}
        assert labels["group, 4 groups"] == "Group norm, 4 groups"
        assert labels["mine"] == "Mine"
        looks = {row["name"]: row["look"]["light"] for row in own.meta["methods"]}
        assert looks["group, 4 groups"] == tones(["group"])["group"].light
        pair = replace(NORMS["weight"], then=NORMS["mean_only"])
        assert len(InvarianceMatrix([pair]).poster().light) > 0


def test_every_cell_is_what_normlib_measures(matrix: InvarianceMatrix) -> None:
    """Catches a cell of another setting, strength or method: a sample of all 5184."""
    rng = np.random.default_rng(0)
    methods = ["none", *NORMS]
    for _ in range(60):
        chosen = {name: values[rng.integers(len(values))] for name, values in SETTINGS.items()}
        method, strength = methods[rng.integers(len(methods))], STRENGTHS[rng.integers(8)]
        rescaling = list(RESCALINGS)[rng.integers(6)]
        for name, value in {**chosen, "strength": strength}.items():
            setattr(matrix, name, value)
        row = "group, 3 groups" if method == "group" else method
        cell = matrix.cell(row, rescaling)
        options = {**LAYERS[chosen["kind"]], "bias": chosen["bias"], "eps": chosen["eps"]}
        given = None if method == "none" else method
        if method == "instance" and not options["images"]:
            assert cell.verdict == "refused"
            assert "more than one position" in matrix.refusal(row)
            continue
        found = rescaled(given, rescaling, strength=strength, **options)
        assert cell.change == pytest.approx(found.change, rel=1e-6, abs=1e-15)  # float32
        assert (cell.verdict == "same") == (found.change <= 1e-9)
        gap = np.abs(found.output_after - found.output) > 1e-9 * np.abs(found.output).max()
        assert cell.moved == gap.sum()
        for shown, output in (
            (cell.before, found.output),
            (cell.after, found.output_after),
        ):
            first = output.reshape(16, 12, -1)[:3, :4, 0].ravel()
            np.testing.assert_allclose(shown, first, rtol=2.5e-4)  # 12 binary digits


def test_the_matrix_is_the_librarys() -> None:
    """Catches verdicts that are not those of `invariance_matrix`, where strengths agree."""
    for kind, options in LAYERS.items():
        matrix, library = InvarianceMatrix(kind=kind), invariance_matrix(**options)
        for i, name in enumerate(library.methods):
            for j, column in enumerate(library.rescalings):
                verdict = matrix.cell(name, column).verdict
                assert (verdict == "same") == library.invariant[i, j]
                assert (verdict == "refused") == (name in library.refused)


def test_a_sign_that_turns_is_told_from_a_change() -> None:
    """Catches an invariance to negative factors, and a change where only the sign is another."""
    turned = InvarianceMatrix(strength=-1, rescaling="weights times")
    for name, wanted in (("batch", "flips"), ("none", "flips"), ("mean_only", "flips")):
        assert turned.cell(name).verdict == wanted
        np.testing.assert_array_equal(turned.cell(name).after, -turned.cell(name).before)
    assert turned.cell("batch", "one row times").verdict == "changes"
    assert turned.cell("cosine", "one row times").moved == 16  # one unit of twelve


class TestState:
    def test_what_it_sends_is_what_it_measured(self, matrix: InvarianceMatrix) -> None:
        """Catches arrays in another order than the page reads them."""
        where = matrix.meta["arrays"]
        got = {name: unpack(matrix.data, place) for name, place in where.items()}
        for layer, bias, eps in ((0, 0, 0), (1, 1, 0), (2, 0, 1)):
            for name, at in zip(SETTINGS, (layer, bias, eps), strict=True):
                setattr(matrix, name, SETTINGS[name][at])
            matrix.strength = STRENGTHS[layer]
            for i, row in enumerate(matrix.meta["methods"]):
                for j, column in enumerate(matrix.meta["rescalings"]):
                    cell = matrix.cell(row["name"], column["name"])
                    place = (layer, bias, eps, i, j, layer)
                    assert VERDICTS[got["verdict"][place]] == cell.verdict
                    assert got["change"][place] == np.float32(cell.change)
                    assert got["moved"][place] == cell.moved
                    np.testing.assert_array_equal(got["after"][place], cell.after)
                    np.testing.assert_array_equal(got["before"][place[:4]], cell.before)
        assert got["outputs"].tolist() == [16 * 12, 16 * 12 * 16, 16 * 12 * 36]


class TestWords:
    def test_the_description_has_every_row(self) -> None:
        """Catches words that lag behind the state."""
        matrix = InvarianceMatrix(method="layer", rescaling="one row times")
        matrix.strength = 0.1
        text = matrix.describe()
        assert "λ = 0.1" in text
        for name in invariance_matrix().methods:
            for column in RESCALINGS:
                cell = matrix.cell(name, column)
                if cell.verdict == "refused":
                    assert f"{name}: {matrix.refusal(name)}" in text
                else:
                    assert f"{column} {change_words(cell.verdict, cell.change)}" in text
        now = matrix.cell()
        assert f"{now.before[0]:.2f} → {now.after[0]:.2f}".replace("-", "−") in text

    def test_a_refused_cell_shows_no_outputs(self) -> None:
        """Catches numbers of a layer that does not exist."""
        matrix = InvarianceMatrix(method="instance")
        assert "Outputs" not in matrix.describe()
        assert len(matrix.poster().light) > 0

    def test_its_repr_is_its_state(self) -> None:
        """Catches a repr with arrays in it."""
        assert repr(InvarianceMatrix(["rms"], eps=1e-5)) == (
            "InvarianceMatrix(bias=False, eps=1e-05, kind='dense', method='rms', "
            "rescaling='weights times', strength=3.0)"
        )
