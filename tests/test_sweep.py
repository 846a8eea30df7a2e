"""Sweeps: the numbers of a plain loop, on any number of processes, and after any accident."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from normlib import Data, Norm, Recorder, Sweep, cells, fit, mlp, sweep
from normlib.cells import fingerprint

GRID = {"norm": [None, "batch"], "lr": [0.1, 0.4], "seed": [0, 1]}
RNG = np.random.default_rng(0)
DATA = Data(RNG.normal(size=(24, 5)), np.arange(24) % 3, RNG.normal(size=(9, 5)), np.arange(9) % 3)


def train(norm, lr, seed=0, steps=4):
    net = mlp([5, 6, 3], norm=norm, seed=seed)
    return fit(net, DATA, steps=steps, batch_size=8, lr=lr, seed=seed)


def assert_same(one: Sweep, other: Sweep) -> None:
    assert one.axes == other.axes
    assert list(one.results) == list(other.results)
    for name, array in one.results.items():
        assert array.dtype == other.results[name].dtype
        np.testing.assert_array_equal(array, other.results[name])


@pytest.fixture
def counted(tmp_path):
    """Return a run that leaves a line for each call, from whatever process, and their reader."""
    log = tmp_path / "calls"

    def run(a, b=0):
        with open(log, "a") as file:
            file.write(json.dumps([a, b]) + "\n")
        return {"sum": a + b, "row": np.full(2, a)}

    def calls():
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return sorted(tuple(json.loads(line)) for line in lines)

    return run, calls


@pytest.fixture(scope="module")
def plain():
    """The grid, by three nested loops."""
    return {cell: train(*cell) for cell in itertools.product(*GRID.values())}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_equals_a_plain_loop(n_jobs, plain):
    """Catches a cell at another's place, and a result that is changed on its way."""
    table = sweep(train, GRID, n_jobs=n_jobs)
    assert table.axes == {axis: tuple(values) for axis, values in GRID.items()}
    assert table.array("loss").shape == (2, 2, 2, 4)
    for place, cell in zip(np.ndindex(2, 2, 2), plain, strict=True):
        np.testing.assert_array_equal(table.array("loss")[place], plain[cell].loss)
        assert table.array("accuracy")[place] == plain[cell].accuracy
        assert table.array("diverged")[place] == plain[cell].diverged
        at = dict(zip(GRID, cell, strict=True))
        assert table.array("accuracy", **at) == plain[cell].accuracy


def test_neither_order_nor_neighbours_count(plain):
    """Catches state that one cell leaves to the next."""
    backward = {axis: values[::-1] for axis, values in reversed(GRID.items())}
    table = sweep(train, backward, n_jobs=1)
    alone = sweep(train, {"norm": ["batch"], "lr": [0.4], "seed": [1]}, n_jobs=1)
    for cell in plain:
        at = dict(zip(GRID, cell, strict=True))
        np.testing.assert_array_equal(table.array("loss", **at), plain[cell].loss)
    np.testing.assert_array_equal(alone.array("loss")[0, 0, 0], plain["batch", 0.4, 1].loss)


def test_a_run_may_change_what_it_gets():
    """Catches a list that is handed to two cells."""

    def run(widths, seed):
        widths.append(seed)
        return {"length": len(widths)}

    table = sweep(run, {"widths": [[5, 3]], "seed": [1, 2, 3]}, n_jobs=1)
    np.testing.assert_array_equal(table.array("length"), [[3, 3, 3]])


def test_joblib_decides_where():
    """Catches a hard-coded backend, and a default that overrules the caller's configuration."""

    def run(i):
        time.sleep(0.05)  # so that no worker is fast enough for all
        return {"pid": os.getpid()}

    grid = {"i": range(6)}
    with joblib.parallel_config("threading"):
        assert set(sweep(run, grid).array("pid")) == {os.getpid()}
    with joblib.parallel_config(n_jobs=1):
        assert set(sweep(run, grid).array("pid")) == {os.getpid()}
    with joblib.parallel_config("loky", n_jobs=2):
        assert os.getpid() not in sweep(run, grid).array("pid")
    assert set(sweep(run, grid, n_jobs=1).array("pid")) == {os.getpid()}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_one_thread_each(n_jobs):
    """Catches linear algebra that rounds by the number of threads, and cores that are oversold."""

    def run(i):
        np.ones((64, 64)) @ np.ones((64, 64))
        return {"threads": max(lib["num_threads"] for lib in threadpool_info())}

    with threadpool_limits(2):
        table = sweep(run, {"i": [1, 2, 3]}, n_jobs=n_jobs)
        before = max(lib["num_threads"] for lib in threadpool_info())
    np.testing.assert_array_equal(table.array("threads"), [1, 1, 1])
    assert before == min(2, before)
    assert before == 2 or os.cpu_count() == 1


def test_lambdas_and_norms_from_a_notebook(tmp_path):
    """Catches functions and Norms that only an importable module could bring to a worker."""
    program = """
import numpy as np
from normlib import Data, Norm, fit, mlp, sweep
x, y = np.random.default_rng(0).normal(size=(24, 5)), np.arange(24) % 3
data = Data(x, y, x, y)
mine = Norm(name="mine", shares="cS", grouped=True, groups=2, center=False, scale="rms")
run = lambda norm, lr: fit(mlp([5, 6, 3], norm=norm), data, steps=3, batch_size=8, lr=lr)
two, one = (sweep(run, {"norm": [mine, "layer"], "lr": [0.1]}, n_jobs=n) for n in (2, 1))
assert np.array_equal(two.array("loss"), one.array("loss"))
assert not np.array_equal(*two.array("loss"))
assert two.axes["norm"] == (mine, "layer")
"""
    # A program on standard input is what a notebook is: its names live in __main__, in no file.
    done = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not done.stderr


def test_resumes_and_extends(tmp_path, counted):
    """Catches a cell that is run twice, or not at all, when a grid is called again or grows."""
    run, calls = counted
    first = sweep(run, {"a": [1, 2], "b": [10]}, path=tmp_path / "s", n_jobs=1)
    assert calls() == [(1, 10), (2, 10)]
    again = sweep(run, {"a": [1, 2], "b": [10]}, path=tmp_path / "s", n_jobs=1)
    assert calls() == []
    assert_same(first, again)
    larger = sweep(run, {"a": [3, 1, 2], "b": [20, 10]}, path=tmp_path / "s", n_jobs=1)
    assert calls() == [(1, 20), (2, 20), (3, 10), (3, 20)]
    np.testing.assert_array_equal(larger.array("sum"), [[23, 13], [21, 11], [22, 12]])
    np.testing.assert_array_equal(larger.array("row", a=1, b=10), [1, 1])
    assert len(list((tmp_path / "s").iterdir())) == 6
    sweep(run, {"b": [10], "a": [1, 2]}, path=tmp_path / "s", n_jobs=1)
    assert len(calls()) == 2  # another order of axes: run anew rather than guess


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_killed_and_resumed(n_jobs, tmp_path):
    """Catches results that are kept only at the end, or lost with the process that made them."""
    program, kept = tmp_path / "program.py", tmp_path / "kept"
    program.write_text(f"""
import time
from pathlib import Path
from normlib import sweep

def run(i):
    (Path({str(tmp_path)!r}) / f"ran {{i}} {{time.monotonic_ns()}}").touch()
    while i == 3 and not (Path({str(tmp_path)!r}) / "go").exists():
        time.sleep(0.01)
    return {{"square": i * i}}

if __name__ == "__main__":
    table = sweep(run, {{"i": range(6)}}, path={str(kept)!r}, n_jobs={n_jobs})
    print(*table.array("square"))
""")

    def ran():
        return sorted(path.name.split()[1] for path in tmp_path.glob("ran *"))

    def files():
        return len(list(kept.glob("*.npz")))

    finished = {1: 3, 2: 5}[n_jobs]  # before cell 3, or beside it
    process = subprocess.Popen([sys.executable, str(program)])
    try:
        while "3" not in ran() or files() < finished:
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
        (tmp_path / "go").touch()
    if n_jobs == 2:  # the worker outlives who sent it, and brings its cell to an end
        end = time.monotonic() + 30
        while files() < 6 and time.monotonic() < end:
            time.sleep(0.02)
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True)
    assert done.stdout.split() == ["0", "1", "4", "9", "16", "25"], done.stderr
    cut_off = ["3"] if n_jobs == 1 else []
    assert ran() == sorted([*"012345", *cut_off])


def test_workers_with_other_disks(tmp_path, counted, monkeypatch):
    """Catches results that only a worker which sees the folder keeps."""
    run, calls = counted
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(Path, "is_dir", lambda self: False)
        sweep(run, {"a": [1, 2]}, path=tmp_path / "s", n_jobs=1)
    assert len(calls()) == 2
    sweep(run, {"a": [1, 2]}, path=tmp_path / "s", n_jobs=1)
    assert calls() == []


def test_interrupted(tmp_path, counted):
    """Catches Ctrl-C that takes with it what is finished."""
    run, calls = counted

    def tired(a, b):
        if a == 3:
            raise KeyboardInterrupt
        return run(a, b)

    grid = {"a": [1, 2, 3, 4], "b": [0]}
    with pytest.raises(KeyboardInterrupt) as caught:
        sweep(tired, grid, path=tmp_path / "s", version="1", n_jobs=1)
    assert "cells are kept in" in caught.value.__notes__[-1]
    assert calls() == [(1, 0), (2, 0)]
    tired_no_more = run
    tired_no_more.__qualname__ = tired.__qualname__
    sweep(tired_no_more, grid, path=tmp_path / "s", version="1", n_jobs=1)
    assert calls() == [(3, 0), (4, 0)]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_failure_names_its_cell(tmp_path, n_jobs):
    """Catches an exception that says nothing about where, or throws away the other cells."""

    def run(a, b):
        if a == 3:
            raise ZeroDivisionError("no")
        return {"sum": a + b}

    with pytest.raises(ZeroDivisionError, match="no") as caught:
        sweep(run, {"a": [1, 2, 3], "b": ["x" == "y"]}, path=tmp_path, n_jobs=n_jobs)
    assert "the cell a=3, b=False" in caught.value.__notes__[0]
    assert f"kept in {str(tmp_path)!r}" in caught.value.__notes__[1]
    assert n_jobs == 2 or len(list(tmp_path.glob("*.npz"))) == 2


@pytest.mark.parametrize(
    "harm",
    [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"PK" + bytes(100)],
    ids=["half", "empty", "other"],
)
def test_a_file_that_is_no_result_does_not_count(harm, tmp_path, counted):
    """Catches a cell that a half-written or damaged file stands for, or that ends the sweep."""
    run, calls = counted
    grid = {"a": [1, 2]}
    good = sweep(run, grid, path=tmp_path / "s", n_jobs=1)
    one = sorted((tmp_path / "s").iterdir())[0]
    one.write_bytes(harm(one.read_bytes()))
    (tmp_path / "s" / "0.1.part").write_bytes(b"a part")
    assert len(calls()) == 2
    mended = sweep(run, grid, path=tmp_path / "s", n_jobs=1)
    assert_same(mended, good)
    assert len(calls()) == 1
    assert_same(sweep(run, grid, path=tmp_path / "s", n_jobs=1), good)
    assert calls() == []


def test_no_flipped_byte_makes_another_result(tmp_path):
    """Catches damage inside a file that passes for numbers."""
    store, values = cells.Store(tmp_path, train, None), {"loss": np.arange(3.0), "n": np.array(7)}
    store.save("a=1", values)
    (path,) = tmp_path.iterdir()
    data, refused = path.read_bytes(), 0
    for at in range(0, len(data), 5):
        path.write_bytes(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :])
        found = store.load("a=1")
        refused += found is None
        if found is not None:  # a date, or an attribute that nobody reads
            assert {k: v.tolist() for k, v in found.items()} == {"loss": [0, 1, 2], "n": 7}
    assert refused > len(data) / 10


def test_a_file_of_another_cell_does_not_count(tmp_path, counted):
    """Catches a file that is believed for its name."""
    run, calls = counted
    sweep(run, {"a": [1, 2]}, path=tmp_path / "s", n_jobs=1)
    first, second = (tmp_path / "s").iterdir()
    first.write_bytes(second.read_bytes())
    calls()
    table = sweep(run, {"a": [1, 2]}, path=tmp_path / "s", n_jobs=1)
    np.testing.assert_array_equal(table.array("sum"), [1, 2])
    assert len(calls()) == 1


def make(*lines, **outside):
    """Define functions as a notebook would, and return the one called run."""
    known = {"__name__": "notebook", **outside}
    exec("\n".join(lines), known)
    return known["run"]


def variants():
    """Yield pairs of runs that do different things, under one name."""

    def two(what, *lines):
        return what, *(make(*(line.replace("?", n) for line in lines)) for n in "12")

    yield two("code", "def run(i): return {'y': ?}")
    yield two("attribute", "def run(i): return {'y': i.a?}")
    yield two("default", "def run(i, k=?): return {'y': k}")
    yield two("constant", "K = ?", "def run(i): return {'y': [K for _ in range(i)]}")
    yield two("helper", "def help(): return ?", "def run(i): return {'y': help()}")
    yield two("class", "class L:", "  def f(self): return ?", "def run(i): return {'y': L().f()}")
    closure = ("def outer(k):", "  def run(i): return {'y': k}", "  return run", "run = outer(?)")
    yield two("closure", *closure)
    run = make("def run(k, i): return {'y': k}")
    yield "partial", partial(run, 1), partial(run, 2)
    looks = "def run(i): return {'y': X}"
    other = Data(-DATA.x_train, DATA.y_train, DATA.x_test, DATA.y_test)
    norms = [Norm(name="n", shares=shares) for shares in ("S", "NS")]
    for what, values in {"array": np.eye(2), "data": (DATA, other), "norm": norms}.items():
        yield what, *(make(looks, X=value) for value in values)


@pytest.mark.parametrize(("one", "other"), [pytest.param(*v[1:], id=v[0]) for v in variants()])
def test_a_changed_run_is_seen(one, other):
    """Catches results of an older run that are taken for those of the new one."""
    assert fingerprint(one) == fingerprint(one)
    assert fingerprint(one) != fingerprint(other)


def test_what_does_nothing_does_not_count():
    """Catches hours of work thrown away for a comment, a neighbour, or another session."""
    one = make("def run(i):", "  return {'loss': i.loss in {'a', 'b', 'c'}}")
    other = make(
        "# A", "def run(i):  # B", "  return {'loss':", "i.loss in {'a', 'b', 'c'}}", loss=3
    )
    assert fingerprint(one) == fingerprint(other)
    program = (
        "from normlib.cells import fingerprint\n"
        "def run(i): return {'y': i in {'a', 'b', 'c', 'd'}}\n"
        "print(fingerprint(run))"
    )
    prints = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
        ).stdout
        for seed in "12"
    }
    assert len(prints) == 1


def test_a_changed_run_runs_again_and_a_version_overrules(tmp_path, counted):
    """Catches a store that asks the code where the user has spoken, or the other way round."""
    run, calls = counted

    def changed(a, b=0):
        return run(a, b) | {"new": 1}

    changed.__qualname__ = run.__qualname__
    options = {"path": tmp_path / "s", "n_jobs": 1}
    sweep(run, {"a": [1]}, **options)
    assert "new" in sweep(changed, {"a": [1]}, **options).results
    assert len(calls()) == 2
    assert "new" not in sweep(run, {"a": [1]}, **options).results  # the old ones are still there
    assert calls() == []
    sweep(run, {"a": [1]}, version="1", **options)
    assert "new" not in sweep(changed, {"a": [1]}, version="1", **options).results
    sweep(changed, {"a": [1]}, version="2", **options)
    assert len(calls()) == 2


def test_files_need_no_pickle(tmp_path):
    """Catches a file that only this library, or only a trusting reader, could open."""
    sweep(train, {"norm": [None], "lr": [0.1]}, path=tmp_path, n_jobs=1)
    (path,) = tmp_path.iterdir()
    with np.load(path, allow_pickle=False) as file:
        assert str(file["cell"]) == "norm=None, lr=0.1"
        assert str(file["run"]).startswith("train ")
        np.testing.assert_array_equal(file["result/loss"], train(None, 0.1).loss)


def test_divergence_is_a_result():
    """Catches a shorter run that raises, or losses that move to other steps."""
    table = sweep(train, {"norm": [None], "lr": [0.1, 1e300], "steps": [8]}, n_jobs=1)
    loss = table.array("loss")[0, :, 0]
    assert loss.shape == (2, 8)
    np.testing.assert_array_equal(table.array("diverged"), [[[False], [True]]])
    np.testing.assert_array_equal(loss[1, :1], train(None, 1e300).loss[:1])
    assert np.isnan(loss[1, -1])
    assert np.isfinite(loss[0]).all()


def test_kinds_of_numbers():
    """Catches counts that become floats for nothing, and a scalar that breaks float32."""

    def run(n):
        assert type(n) is int
        return {"n": n, "ragged": np.arange(n), "single": np.ones(n, np.float32), "z": 1j}

    table = sweep(run, {"n": np.array([1, 2])}, n_jobs=1)
    assert {k: v.dtype.str[1:] for k, v in table.results.items()} == {
        "n": "i8",
        "ragged": "f8",
        "single": "f4",
        "z": "c16",
    }
    np.testing.assert_array_equal(table.array("ragged"), [[0, np.nan], [0, 1]])


def test_a_table_is_frozen_and_travels():
    """Catches a table that a plot could change, and one that no process can be handed."""
    table = sweep(train, {"norm": ["layer"], "lr": [0.1, 0.2]}, n_jobs=1)
    assert repr(table) == "Sweep(axes: {norm, lr}, results: {loss, accuracy, diverged})"
    with pytest.raises(ValueError, match="read-only"):
        table.array("loss")[:] = 0
    with pytest.raises(TypeError):
        table.axes["lr"] = ()
    assert_same(table, pickle.loads(pickle.dumps(table)))


def test_progress_goes_to_stderr(capfd, tmp_path, counted):
    """Catches a bar in what a program prints, one that nobody asked for, and a count from zero."""
    run, _ = counted
    sweep(run, {"a": [1, 2]}, n_jobs=1, path=tmp_path / "s")
    assert capfd.readouterr() == ("", "")
    sweep(run, {"a": [1, 2, 3]}, n_jobs=1, path=tmp_path / "s", progress=True)
    out, err = capfd.readouterr()
    assert not out
    assert "2/3" in err
    assert "3/3" in err


def test_on_a_dask_cluster(tmp_path, plain):
    """Catches what only local processes can do: the same call, on workers that share nothing."""
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        local_directory=str(tmp_path / "dask"),
    )
    mine = Norm(name="mine", shares="cS", grouped=True, groups=2)
    data = DATA

    def run(norm, lr, seed):
        net = mlp([5, 6, 3], norm=norm, seed=seed)
        history = fit(net, data, steps=4, batch_size=8, lr=lr, seed=seed)
        return {"loss": history.loss, "pid": os.getpid()}

    grid = {**GRID, "norm": [None, "batch", mine]}
    with cluster, distributed.Client(cluster), joblib.parallel_config("dask"):
        table = sweep(run, grid, path=tmp_path / "s")
    for place, cell in zip(np.ndindex(2, 2, 2), plain, strict=True):
        np.testing.assert_array_equal(table.array("loss")[place], plain[cell].loss)
    assert os.getpid() not in table.array("pid")
    assert_same(sweep(run, grid, path=tmp_path / "s", n_jobs=1), table)  # all from the files
    local = sweep(run, grid, n_jobs=1)
    np.testing.assert_array_equal(local.array("loss"), table.array("loss"))


def test_traces_are_refused_in_time(tmp_path):
    """Catches a trace that is dropped in silence, or pickled."""

    def run(seed):
        net = mlp([5, 6, 3], seed=seed)
        return fit(net, DATA, steps=2, batch_size=8, record=Recorder())

    with pytest.raises(TypeError, match=r"run must return numbers .*; got Trace under 'trace'"):
        sweep(run, {"seed": [0]}, path=tmp_path, n_jobs=1)
    assert not list(Path(tmp_path).iterdir())
