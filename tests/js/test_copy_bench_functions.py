"""The Copy Bench's small functions in JavaScript, against Python's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import run_node

from normlib.widgets import CopyBench
from normlib.widgets.copy_bench.bench import probability


def node(folder: Path, script: str, data: object = None) -> Any:
    return run_node.node(folder, CopyBench, ["chance", "percent", "worthOf"], script, data)


def test_probabilities_are_written_as_in_python(tmp_path: Path) -> None:
    """Catches a picture and a description that round differently, and a tail taken for 1."""
    tails = (0.5, 0.31, 0.0123, 0.00996, 0.0099, 4e-4, 2.5e-7, 7e-45, 1e-250, 0.0)
    pairs = [[1 - tail, tail] for tail in tails] + [[tail, 1 - tail] for tail in tails]
    assert node(tmp_path, "return data.map(chance);", pairs) == [probability(*p) for p in pairs]


def test_the_worth_of_measurements(tmp_path: Path) -> None:
    """Catches a formula that forgets the first measurement."""
    pairs = [(0, 0.7), (10, 1.0), (10, 0.0), (100, 0.1), (3, 0.5)]
    wanted = []
    for copies, correlation in pairs:
        bench = CopyBench(copies=copies, correlation=correlation)
        wanted.append(bench.worth)
    got = node(tmp_path, "return data.map(([k, rho]) => worthOf(k, rho));", pairs)
    assert got == pytest.approx(wanted, rel=1e-15)


def test_shares_are_written_in_per_cent(tmp_path: Path) -> None:
    """Catches a number and its unit on two lines."""
    assert node(tmp_path, "return [0.7421, 1].map(percent);") == ["74.2\u00a0%", "100.0\u00a0%"]
