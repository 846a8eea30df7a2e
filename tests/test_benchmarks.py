"""The benchmark compares programs that compute the same, and says truly what it found."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import normlib
from normlib import Normalize

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def run():
    """The benchmark's modules have short names, so they are on the path for this file only."""
    before = set(sys.modules)
    sys.path.insert(0, str(BENCHMARKS))
    import run

    yield run
    sys.path.remove(str(BENCHMARKS))
    for name in set(sys.modules) - before:
        if str(BENCHMARKS) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_textbook_trains_as_normlib_does(run):
    """Catches a rival that is fast because it leaves something out."""
    small = [work for work in run.workloads("float64") if work.net.flat.size < 20_000]
    assert {work.x.ndim for work in small} == {2, 4}
    for work in small:
        ours, plain = work.step(), work.peers()["textbook NumPy"]
        losses = np.array([[step() for _ in range(3)] for step in (ours, plain)])
        np.testing.assert_allclose(losses[0], losses[1], rtol=1e-12)  # rounding
        assert np.all(np.diff(losses) != 0), "no update was made"


@pytest.mark.parametrize("name", ["batch", "layer", "instance", "group"])
def test_textbook_norms_are_normlibs(run, name, rng):
    """Catches a textbook over other axes than the row of the table says."""
    options = {"groups": run.GROUPS} if name == "group" else {}
    for ndim, axes in run.AXES[name].items():
        shape = (4, 16, 3, 3)[:ndim]
        x, dy = rng.standard_normal((2, *shape))
        plain = run.textbook.Norm(16, axes, **options)
        layer = Normalize(normlib.norm(name, **options), 16)
        np.testing.assert_allclose(plain.forward(x), layer.forward(x), atol=1e-12)
        np.testing.assert_allclose(plain.backward(dy), layer.backward(dy), atol=1e-12)


def test_programs_that_disagree_are_not_timed(run):
    """Catches a comparison whose results nobody looks at."""
    with pytest.raises(AssertionError, match="disagree"):
        run.agree({"one": np.ones(3), "other": np.ones(3) + 1e-3}, 1e-6)


def test_table_marks_what_is_reached_and_what_is_missed(run):
    """Catches a mark that does not follow from the median beside it."""
    spread = run.Spread.of([1.0, 2.0, 3.0, 4.0, 5.0])
    assert str(spread) == "3.00 (2.00–4.00)"
    rows = [run.Row("a", {"x": spread}, {"x": 3.0}), run.Row("b", {"y": spread}, {"y": 2.9})]
    head, rule, a, b = run.table(rows).splitlines()
    assert [cell.strip() for cell in head.split("|")[1:-1]] == ["measured", "x", "y", "aim"]
    assert "x ≤ 3.00 reached" in a
    assert "y ≤ 2.90 MISSED" in b
    assert len({len(line) for line in (head, rule, a, b)}) == 1
