"""The arena's one command: who takes part, what it stores, and that it goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from structure import BOOK

import normlib as nl

sys.path.insert(0, str(BOOK / "practice"))
import arena_runs

TINY = {"lr": (0.1, 1), "init_scale": (1,), "batch_size": (64,), "seed": (0,)}


def test_every_method_takes_part_unless_normlib_refuses_it() -> None:
    """Catches a list of methods kept by hand, and a method left out without a reason."""
    known = arena_runs.entrants()
    for name, norm in nl.NORMS.items():
        refused = arena_runs.refusal(arena_runs.configured(norm))
        assert (name in known) != bool(refused)
    assert known["none"] is None
    assert known["group"] == nl.norm("group", groups=8)
    assert "more than one position" in arena_runs.refusal(nl.NORMS["instance"])


def test_a_new_row_appears_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches an arena that has to be told of a new file in `norms/`."""
    mine = nl.Norm(name="mine", shares="GcS", center=False, scale="rms")
    monkeypatch.setattr(
        nl, "NORMS", MappingProxyType({"mine": mine, "rms": nl.NORMS["rms"]} | nl.NORMS)
    )
    monkeypatch.setattr(arena_runs, "DRAWS", 128)
    table = arena_runs.arena(TINY, n_jobs=1)
    assert "mine" in table.axes["norm"]
    np.testing.assert_array_equal(  # the same method under another name
        table.array("accuracy", norm="mine"), table.array("accuracy", norm="rms")
    )


def test_a_run_draws_equal_samples_and_owes_all_to_its_seed() -> None:
    """Catches equal steps, a split that all seeds share, and luck from elsewhere."""
    one, other = (
        arena_runs.run(norm="rms", lr=0.1, init_scale=1, batch_size=size, seed=3)
        for size in (16, 64)
    )
    assert len(one.loss) * 16 == len(other.loss) * 64 == arena_runs.DRAWS
    again = arena_runs.tested(norm="rms", lr=0.1, init_scale=1, batch_size=64, seed=3)
    assert again == {"accuracy": other.accuracy}
    first, second = (arena_runs.digits(seed).y_test for seed in (0, 1))
    assert (first != second).any()


def test_the_command_stores_what_load_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """Catches a summary without its provenance, axes that move, and work done twice."""
    summary = tmp_path / "arena_runs.json"
    monkeypatch.setattr(arena_runs.STORED, "path", summary)
    for name, value in {"GRID": TINY, "DRAWS": 128}.items():
        monkeypatch.setattr(arena_runs, name, value)
    command = ["arena_runs.py", "--jobs", "1", "--kept", str(tmp_path / "kept")]
    monkeypatch.setattr(sys, "argv", command)
    arena_runs.main()
    stored = json.loads(summary.read_text())
    assert {"command", "normlib", "numpy", "python", "axes", "accuracy"} == set(stored)
    table = arena_runs.load()
    assert list(table.axes) == ["norm", *TINY]
    cell = arena_runs.tested(nl.NORMS["layer"], 1, 1, 64, 0)
    assert table.array("accuracy", norm="layer", lr=1).ravel() == cell["accuracy"]
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()}
    assert len(files) == table.array("accuracy").size
    monkeypatch.setattr(nl, "fit", None)  # nothing is trained again
    arena_runs.main()
    assert json.loads(summary.read_text()) == stored
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()} == files


def test_the_stored_arena_is_of_this_grid_and_these_methods() -> None:
    """Catches a summary that an older grid, or an older list of methods, has left."""
    table = arena_runs.load()
    assert table.axes["norm"] == tuple(arena_runs.entrants())
    assert {name: table.axes[name] for name in arena_runs.GRID} == arena_runs.GRID
    scores = table.array("accuracy")
    assert scores.shape == tuple(len(values) for values in table.axes.values())
    assert ((scores >= 0) & (scores <= 1)).all()
