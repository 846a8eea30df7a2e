"""The long experiments of the book: run by a command, stored with what they were computed with."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structure import BOOK

import normlib as nl

sys.path.append(str(BOOK))
from stored import Stored  # the book is no package

SCRIPTS = sorted(path for path in BOOK.glob("*/*_runs.py") if path.stem != "arena_runs")


def squares(data: np.ndarray, seed: int) -> np.ndarray:
    return data**2 + seed


def diverging(data: np.ndarray, seed: int) -> np.ndarray:
    return np.array([np.nan if seed else 0.123456, np.inf])


def broken(data: np.ndarray, seed: int) -> np.ndarray:
    raise ArithmeticError(f"seed {seed}")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stored:
    monkeypatch.setattr("stored.BOOK", tmp_path / "book")
    return Stored(tmp_path / "book/toy_runs.py")


def test_every_seed_runs_and_is_found_again(store: Stored, capfd: Any) -> None:
    """Catches seeds in another order, a lost experiment, and a run that diverged as a number."""
    store.path.parent.mkdir()
    store.run({squares: (3, 1), diverging: range(2)}, np.arange(4.0))
    np.testing.assert_array_equal(store.load("squares"), [[3, 4, 7, 12], [1, 2, 5, 10]])
    np.testing.assert_array_equal(store.load("diverging"), [[0.1235, np.nan], [np.nan, np.nan]])
    assert "NaN" not in store.path.read_text()  # which is no JSON


def test_a_summary_says_how_it_was_made(store: Stored) -> None:
    """Catches numbers of which nobody can tell where they came from."""
    store.path.parent.mkdir()
    store.write({"x": np.eye(2)}, axes={"lr": [1]})
    summary = json.loads(store.path.read_text())
    assert summary.pop("command") == "python book/toy_runs.py"
    assert summary.pop("normlib") == nl.__version__
    assert summary.pop("numpy") == np.__version__
    assert summary.pop("python").startswith("3.")
    assert summary == {"axes": {"lr": [1]}, "x": [[1, 0], [0, 1]]}


def test_a_run_that_fails_leaves_the_summary(store: Stored, capfd: Any) -> None:
    """Catches a file that holds half of what a page loads."""
    store.path.parent.mkdir()
    store.write({"squares": np.zeros(1)})
    with pytest.raises(ArithmeticError, match="seed 0"):
        store.run({squares: (0,), broken: (0, 1)}, np.arange(2.0))
    assert store.load("squares") == 0


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_what_is_stored_is_what_the_script_runs(script: Path) -> None:
    """Catches a summary that an older list of experiments, or of seeds, has left."""
    sys.path.append(str(script.parent))
    runs = importlib.import_module(script.stem)
    summary = runs.STORED.read()
    assert summary["command"] == f"python {script.relative_to(BOOK.parent).as_posix()}"
    names = {experiment.__name__ for experiment in runs.EXPERIMENTS}
    assert names == summary.keys() - {"command", "normlib", "numpy", "python"}
    for experiment, seeds in runs.EXPERIMENTS.items():
        assert len(runs.load(experiment.__name__)) == len(seeds)
