"""The Tensor Cube's own JavaScript: where cells are, and how sets are said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import run_node

from normlib.plots.blocks import blocks
from normlib.plots.moves import figure
from normlib.widgets import TensorCube
from normlib.widgets.tensor_cube.prepare import example

CALLED = ["bracketed", "indexOf", "nearestCell", "nextCell", "precise", "short", "sliceWords"]


def node(folder: Path, script: str, data: object = None) -> Any:
    return run_node.node(folder, TensorCube, CALLED, script, data)


def test_every_cell_is_nearest_to_its_own_middle(tmp_path: Path) -> None:
    """Catches a pointer that takes hold of a neighbour."""
    data = [[list(b.x), list(b.y)] for b in blocks(example()).values()]
    script = (
        "return data.map(([x, y]) => x.map((_, k) => nearestCell(x, y, x[k] + 0.6, y[k] + 0.3)));"
    )
    for found, (x, _) in zip(node(tmp_path, script, data), data, strict=True):
        assert found == list(range(len(x)))


def test_arrows_walk_along_rows_and_columns_to_their_ends(tmp_path: Path) -> None:
    """Catches an arrow that skips a cell, leaves its row, or wraps around."""
    for block in blocks(example()).values():
        script = """const [x, y] = data, walk = (k, step) => { const seen = [k];
          let next = nextCell(x, y, k, step);
          while (next !== seen.at(-1)) { seen.push(next); next = nextCell(x, y, next, step); }
          return seen; };
        return [walk(0, [1, 0]), walk(x.length - 1, [-1, 0]), walk(0, [0, 1])];"""
        right, left, down = node(tmp_path, script, [list(block.x), list(block.y)])
        row = np.flatnonzero(block.y == 0)
        assert right == sorted(row, key=lambda k: block.x[k])
        last = np.flatnonzero(block.y == block.y[-1])
        assert left == sorted(last, key=lambda k: -block.x[k])
        column = np.flatnonzero(block.x == 0)
        assert down == sorted(column, key=lambda k: block.y[k])


def test_an_index_is_numpys(tmp_path: Path) -> None:
    """Catches axes counted from the wrong end."""
    got = node(tmp_path, "return [...Array(24).keys()].map((k) => indexOf(k, [2, 3, 4]));")
    assert [tuple(index) for index in got] == list(np.ndindex(2, 3, 4))


def test_a_set_is_said_in_words(tmp_path: Path) -> None:
    """Catches an end that is counted in, and an axis under another's name."""
    script = "return data.map(([slice, axes]) => sliceWords(slice, axes));"
    asked = [["a[:, 1, :, :]", "NCHW"], ["a[2, 3, 2:4]", "NTC"], ["a[0, :]", "NC"]]
    assert node(tmp_path, script, asked) == [
        "all samples, channel 1, all rows, all columns",
        "sample 2, position 3, channels 2 to 3",
        "sample 0, all channels",
    ]


def test_numbers_are_written_as_in_python(tmp_path: Path) -> None:
    """Catches a picture and a description that round differently."""
    values = [0, 1e-17, 1.234, -2.5, 0.05, -0.0951, 0.003, -9e-6, 12.5, 1234.5]
    assert node(tmp_path, "return data.map(precise);", values) == [figure(v) for v in values]
    script = """return [[-0.04, 0.26, -1.26].map((v) => short(v)),
      [-0.3, 10.2].map((v) => short(v, true))];"""
    assert node(tmp_path, script) == [["0.0", "0.3", "−1.3"], ["−.3", "10.2"]]
    assert node(tmp_path, "return ['−1.0', '1.0'].map(bracketed);") == ["(−1.0)", "1.0"]
