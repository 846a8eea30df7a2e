"""The Shift Bench's maps in JavaScript, against NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import run_node

from normlib.widgets import ShiftBench
from normlib.widgets.shift_bench.draws import MEANS, SPREADS, log_ratio

CALLED = ["decadesOf", "indexOn", "oneDigit", "polynomial", "sharesOf"]


def node(folder: Path, script: str, data: object = None) -> Any:
    return run_node.node(folder, ShiftBench, CALLED, script, data)


def test_a_polynomial_is_numpys(tmp_path: Path) -> None:
    """Catches coefficients read from the wrong end."""
    x = np.linspace(-2, 2, 9)
    fits = [[0.3, -1.2], [0.1, -1.0, 0.2, 0.9], [2.0]]
    got = node(tmp_path, "return data[0].map((c) => data[1].map(polynomial(c)));", [fits, list(x)])
    for coefficients, values in zip(fits, got, strict=True):
        np.testing.assert_allclose(values, np.polyval(coefficients[::-1], x), rtol=1e-13)


@pytest.mark.parametrize("power", [0.0, 0.4, 1.0])
def test_shares_are_those_of_the_densities(tmp_path: Path, power: float) -> None:
    """Catches a weight that is not the ratio of two normal densities.

    The ratio is divided here and a parabola there: 1e-10 leaves room for exponents of some tens.
    """
    x = np.linspace(-1, 2, 7)
    targets = [(m, s) for m in MEANS[::5] for s in SPREADS[::2]]
    asked = [log_ratio(*target).tolist() for target in targets]
    got = node(
        tmp_path, f"return data[1].map((l) => sharesOf(data[0], l, {power}));", [list(x), asked]
    )
    for (m, s), shares in zip(targets, got, strict=True):
        density = np.exp(-(((x - m) / s) ** 2) / 2) / np.exp(-(((x - 0.5) / 0.5) ** 2) / 2)
        wanted = density**power / (density**power).sum()
        np.testing.assert_allclose(shares, wanted, rtol=1e-10)


def test_a_setting_is_found_and_no_other(tmp_path: Path) -> None:
    """Catches the neighbour's numbers, and a slider's rounding that finds nothing."""
    script = "return [0.1 + 0.2, -0.3, 0.05, 9].map((v) => indexOn(data, v));"
    assert node(tmp_path, script, [-0.3, 0.0, 0.3]) == [2, 0, -1, -1]


def test_decades_and_digits(tmp_path: Path) -> None:
    """Catches an axis of errors whose labels collide, or that ends before its data."""
    assert node(tmp_path, "return decadesOf([-3, 2]);") == [-3, -2, -1, 0, 1, 2]
    assert node(tmp_path, "return decadesOf([-4, 4]);") == [-4, -2, 0, 2, 4]
    assert node(tmp_path, "return [-0.5, 0, 1].map(oneDigit);") == ["−0.5", "0.0", "1.0"]
