"""The Invariance Matrix's words and keys in JavaScript."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import run_node

from normlib.widgets import InvarianceMatrix
from normlib.widgets.invariance_matrix.picture import short

CALLED = ["axisOf", "cellWords", "short", "step", "verdictSentence"]


def node(folder: Path, script: str, data: object = None) -> Any:
    return run_node.node(folder, InvarianceMatrix, CALLED, script, data)


def test_changes_are_written_as_in_python(tmp_path: Path) -> None:
    """Catches a cell and a description that round differently."""
    values = [4e-16, 3.2e-5, 4.9e-4, 6.2e-4, 0.0042, 0.009, 0.0096, 0.123, 0.995, 1.26, 9.95]
    values += [10.4, 298.7, 4321.0]
    assert node(tmp_path, "return data.map(short);", values) == [short(v) for v in values]
    assert node(tmp_path, 'return cellWords("refused", NaN);') == "–"
    assert node(tmp_path, 'return cellWords("same", 1e-16);') == "same"
    assert node(tmp_path, 'return cellWords("changes", 1.26);') == "1.3"


def test_a_sentence_says_what_happened(tmp_path: Path) -> None:
    """Catches a verdict without its reason, and rounding sold as an effect."""
    cell = {"change": 0, "moved": 16, "outputs": 192, "refused": "No positions."}
    script = "return data.map(verdictSentence);"
    cells = [{**cell, "verdict": v} for v in ("refused", "same", "flips", "changes")]
    cells.append({**cell, "verdict": "same", "change": 4e-16})
    refused, exact, flips, changes, rounding = node(tmp_path, script, cells)
    assert refused == "Refused: No positions."
    assert "to the last digit" in exact
    assert "turns its sign" in flips
    assert changes.startswith("16 of 192 outputs change")
    assert "4e−16" in rounding
    assert "rounding" in rounding


@pytest.mark.parametrize(
    ("key", "to"),
    [
        ("ArrowUp", [0, 5]),
        ("ArrowDown", [1, 5]),
        ("ArrowLeft", [0, 4]),
        ("ArrowRight", [0, 5]),
        ("Home", [0, 0]),
        ("End", [0, 5]),
        ("a", None),
    ],
)
def test_arrows_stay_within_the_grid(tmp_path: Path, key: str, to: Any) -> None:
    """Catches a key that leaves the grid, and letters taken from the reader."""
    assert node(tmp_path, "return step(data, [0, 5], [2, 6]) ?? null;", key) == to


def test_the_axis_holds_every_value(tmp_path: Path) -> None:
    """Catches outputs cut off at the edge, and an axis of length 0."""
    (low, high), (least, most) = node(tmp_path, "return data.map(axisOf);", [[-3, 2, 0], [0, 0]])
    assert low < -3
    assert high == -low
    assert least < 0 < most
