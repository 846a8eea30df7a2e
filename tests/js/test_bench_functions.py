"""The Formula Bench's maps in JavaScript, against normlib's own numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import run_node

from normlib.core import standardize
from normlib.plots.moves import figure, moments, stages
from normlib.widgets import FormulaBench
from normlib.widgets.formula_bench import shapes

CALLED = ["exact", "momentsOf", "nearest", "power10", "stagesOf"]


def node(folder: Path, script: str, data: object = None) -> Any:
    return run_node.node(folder, FormulaBench, CALLED, script, data)


@pytest.mark.parametrize(("g", "b", "eps"), [(1.5, -1.0, 1e-5), (-2.0, 3.0, 0.1), (0.0, 2.0, 0.0)])
def test_the_moves_are_normlibs(tmp_path: Path, g: float, b: float, eps: float) -> None:
    """Catches another order of operations, a lost eps, and moments of another map.

    Both sides round the same few operations in float64: 1e-12 leaves a thousandfold.
    """
    asked = []
    for values in shapes().values():
        _, cache = standardize(values, 0, eps=eps)
        how = {"mu": cache.mu.item(), "invSigma": cache.inv_sigma.item(), "g": g, "b": b}
        asked.append([list(values), list(moments(values)), how])
    script = """return data.map(([values, own, how]) => [
      stagesOf(how).map((map) => values.map(map)), momentsOf(own, how)]);"""
    for (drawn, told), values in zip(node(tmp_path, script, asked), shapes().values(), strict=True):
        for mapped, found, stage in zip(
            drawn, told, stages(values, g=g, b=b, eps=eps), strict=True
        ):
            np.testing.assert_allclose(mapped, stage.values, rtol=1e-12, atol=1e-12)
            for name, value in stage.moments._asdict().items():
                if np.isnan(value):
                    assert found[name] is None
                else:
                    # Third and fourth powers of a sample that is nearly constant lose digits.
                    assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


def test_moments_are_written_as_in_python(tmp_path: Path) -> None:
    """Catches a picture and a description that round differently."""
    values = [0, 1e-17, 1.234, -2.5, 0.05, -0.0951, 0.003, -9e-6, 12.5, 1234.5]
    assert node(tmp_path, "return data.map(exact);", values) == [figure(v) for v in values]
    assert node(tmp_path, "return exact(null);") == figure(float("nan"))


def test_the_nearest_value_is_found(tmp_path: Path) -> None:
    """Catches a pointer that takes hold of the wrong value."""
    script = "return [-9, 1.4, 1.6, 99].map((x) => nearest([0, 1, 2, 5], x));"
    assert node(tmp_path, script) == [0, 1, 2, 3]


def test_powers_of_ten_are_written_as_such(tmp_path: Path) -> None:
    """Catches an eps of 0.00001 whose zeros nobody counts."""
    script = "return [0, 1e-5, 1e-10, 0.003, 0.1, 1].map(power10);"
    assert node(tmp_path, script) == ["0", "10⁻⁵", "10⁻¹⁰", "0.003", "0.1", "1"]
