"""The Whitening Bench's maps in JavaScript, against normlib's own numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import run_node

from normlib.widgets import WhiteningBench
from normlib.widgets.whitening_bench import MOVES, clouds, stage
from normlib.widgets.whitening_bench.bench import circle, height, number

CALLED = ["between", "carried", "pairs", "ratio", "ringOf"]


def node(folder: Path, script: str, data: object = None) -> Any:
    return run_node.node(folder, WhiteningBench, CALLED, script, data)


@pytest.mark.parametrize("move", list(MOVES))
def test_a_cloud_is_carried_as_by_normlib(tmp_path: Path, move: str) -> None:
    """Catches a matrix applied from the wrong side, and a shift after it.

    Both sides round the same few operations in float64: 1e-12 leaves a thousandfold.
    """
    for x in clouds().values():
        done = stage(x, move, 0.01)
        how = {"shift": done.shift.tolist(), "matrix": done.matrix.tolist()}
        found = node(tmp_path, "return carried(...data);", [x.tolist(), how])
        np.testing.assert_allclose(found, done.carry(x), rtol=1e-12, atol=1e-12)


def test_a_ring_is_where_its_part_of_the_loss_is_left(tmp_path: Path) -> None:
    """Catches axes that are taken for columns, and a radius for its square."""
    done = stage(clouds()["tilted"], "standardized", 0.0)
    bowl = {"best": done.best.tolist(), "bowl": done.bowl.tolist(), "radius": height(done) ** 0.5}
    found = node(tmp_path, "return ringOf(...data);", [circle().tolist(), bowl, 0.25])
    wanted = done.best + 0.5 * height(done) ** 0.5 * circle() @ done.bowl
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    # A quarter of what is left at the start, whose curvature the bowl's axes hold.
    hessian = np.linalg.inv(done.bowl.T @ done.bowl)
    rest = np.array(found) - done.best
    left = np.einsum("ni,ij,nj->n", rest, hessian, rest)
    np.testing.assert_allclose(left, 0.25 * done.best @ hessian @ done.best, rtol=1e-9)


def test_a_journey_begins_and_ends_where_it_should(tmp_path: Path) -> None:
    """Catches a cloud that jumps at either end."""
    one = {"shift": [0, 0], "matrix": [[1, 0], [0, 1]], "reach": 8}
    two = {"shift": [2, 1], "matrix": [[0, 3], [4, 5]], "reach": 4}
    script = "return [0, 0.5, 1].map((share) => between(...data, share));"
    first, middle, last = node(tmp_path, script, [one, two])
    assert (first, last) == (one, two)
    assert middle == {"shift": [1, 0.5], "matrix": [[0.5, 1.5], [2, 3]], "reach": 6}


def test_condition_numbers_are_written_as_in_python(tmp_path: Path) -> None:
    """Catches a picture and a description that round differently."""
    values = [1, 1.0000001, 9.994, 9.996, 27.66, 99.94, 99.96, 1234.6]
    assert node(tmp_path, "return data.map(ratio);", values) == [number(v) for v in values]
