"""A grid of runs: side by side, on this machine or a cluster, and never one of them twice."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from normlib import cells, checks
from normlib.cells import Values
from normlib.grids import Sweep, agree, axes_of, stack
from normlib.train import History

Run = Callable[..., History | Mapping[str, Any]]
Cell = Mapping[str, Any]


def sweep(
    run: Run,
    grid: Mapping[str, Iterable[Any]],
    *,
    path: str | Path | None = None,
    version: str | None = None,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Sweep:
    """Call `run` once for every combination of the grid's values, in several processes.

    A cell's result depends on its own values alone: neither on the order, nor on the number of
    processes, nor on the other cells. For this, each runs with one thread for linear algebra; and
    `run` has to draw whatever is random from a seed among its arguments.

    Where it runs is decided by joblib: on the cores of this machine, or, inside
    ``with joblib.parallel_config("dask"):``, on the cluster of the active dask.distributed client.
    `run` may be written in a notebook.

    Parameters
    ----------
    run : callable
        Called as ``run(norm="batch", lr=0.1)`` for the axes norm and lr. It returns what `fit`
        returned, of which loss, accuracy and diverged are kept, or a mapping of names to numbers
        or arrays; the same names in every cell. Arrays may differ in length, as losses do where a
        run diverged: the shorter ones are filled up with NaN.
    grid : mapping of names to lists
        The values on each axis: None, numbers, strings, Norms, or tuples or mappings of these.
        NumPy's numbers come to `run` as Python's.
    path : str or Path, optional
        A folder that keeps each cell in a file of its own as soon as it is finished (npz, without
        pickle). The same call goes on where an earlier one was interrupted or killed, and a larger
        grid runs its new cells only.
    version : str, optional
        A kept result is used if it has the same values and was made by the same `run`: by the same
        name and compiled code, with the same helpers, constants and arrays in the same module. What
        imported modules do is not looked into. With a version, the function's name and this word
        are compared instead of its code.
    n_jobs : int, optional
        Processes at a time, -1 for one per core. By default what ``joblib.parallel_config`` says,
        and otherwise -1.
    progress : bool
        Show a bar on the standard error stream (with tqdm).

    Returns
    -------
    Sweep

    Raises
    ------
    ValueError, TypeError
        The grid does not fit `run`, a value is of another kind or stands on its axis twice, or a
        run returned something else than numbers.
    Exception
        What `run` raised, with a note that names the cell. Cells that are finished stay in `path`.
        A run that diverges is no error but a result.
    ImportError
        joblib is not installed.

    Examples
    --------
    >>> from normlib import fit, load_digits, mlp
    >>> def run(norm, lr):
    ...     return fit(mlp([64, 16, 10], norm=norm), load_digits(), steps=20, lr=lr)
    >>> table = sweep(run, {"norm": [None, "batch"], "lr": [0.03, 0.1, 0.3]}, n_jobs=1)
    >>> table
    Sweep(axes: {norm, lr}, results: {loss, accuracy, diverged})
    >>> table.array("accuracy").shape, table.array("loss", norm="batch").shape
    ((2, 3), (3, 20))
    """
    axes = axes_of(run, grid)
    if n_jobs is not None and (not isinstance(n_jobs, Integral) or n_jobs == 0 or n_jobs is True):
        raise ValueError(
            f"n_jobs must be a number of processes; got {n_jobs!r}. Pass -1 for one per core."
        )
    todo = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    texts = [", ".join(f"{k}={cells.describe(v)}" for k, v in cell.items()) for cell in todo]
    store = cells.Store(path, run, version) if path is not None else None
    found: dict[int, Values] = {}
    if store:
        found = {i: kept for i, text in enumerate(texts) if (kept := store.load(text)) is not None}
    missing = [(i, texts[i], cell) for i, cell in enumerate(todo) if i not in found]
    try:
        with closing(_run_all(run, missing, n_jobs, store)) as done:
            for i, values in _bar(done, len(texts), len(found), progress):
                if store and store.load(texts[i]) is None:  # the worker has other disks
                    store.save(texts[i], values)
                found[i] = values
                agree(found, texts, i)
    except BaseException as error:
        if store:
            error.add_note(
                f"Finished cells are kept in {str(path)!r}; the same call goes on from there."
            )
        raise
    shape = tuple(len(values) for values in axes.values())
    every = [found[i] for i in range(len(texts))]
    return Sweep(axes, {name: stack([one[name] for one in every], shape) for name in every[0]})


def _run_all(
    run: Run, todo: Sequence[tuple[int, str, Cell]], n_jobs: int | None, store: cells.Store | None
) -> Generator[tuple[int, Values]]:
    """Yield the results of cells as they come in, from wherever joblib runs them."""
    with checks.installed("sweep", "joblib"):
        import joblib
        from joblib.parallel import get_active_backend
        from threadpoolctl import threadpool_limits
    if n_jobs is None and get_active_backend()[1] is None:  # nobody has decided
        n_jobs = -1
    # One cell at a time is handed out and handed back: what is finished is kept.
    options: dict[str, Any] = {"return_as": "generator_unordered", "batch_size": 1}
    parallel: Any = joblib.Parallel(n_jobs, **options)
    with threadpool_limits(1):  # where the cells run in this process, what `_run` sets ends here
        yield from parallel(joblib.delayed(_run)(run, store, *cell) for cell in todo)


def _run(run: Run, store: cells.Store | None, i: int, text: str, cell: Cell) -> tuple[int, Values]:
    """Run one cell, in whatever process; with one thread, as another number rounds otherwise.

    A worker outlives a caller that is killed. Where it sees the folder it keeps the result itself,
    and leaves alone what another has meanwhile finished.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    near = store if store and store.path.is_dir() else None
    if near and (kept := near.load(text)) is not None:
        return i, kept
    try:
        values = _numbers(run(**copy.deepcopy(cell)))  # which `run` may change, for itself
    except Exception as error:
        error.add_note(f"This happened in the cell {text}.")
        raise
    if near:
        near.save(text, values)
    return i, values


def _numbers(result: History | Mapping[str, Any]) -> Values:
    """Return what a run returned as arrays of numbers."""
    if isinstance(result, History):
        found = {"loss": result.loss, "accuracy": result.accuracy, "diverged": result.diverged}
        result = found if result.trace is None else found | {"trace": result.trace}
    if not isinstance(result, Mapping) or not result:
        raise TypeError(
            "run must return a History or a mapping of names to numbers; got "
            f"{type(result).__name__}. Return for instance {{'accuracy': history.accuracy}}."
        )
    values = {name: np.asarray(value) for name, value in result.items()}
    for name, value in values.items():
        if not isinstance(name, str) or value.dtype.kind not in "biufc":
            raise TypeError(
                f"run must return numbers under names; got {type(result[name]).__name__} under "
                f"{name!r}. Return the numbers that you need of it."
            )
    return values


def _bar(
    done: Iterable[tuple[int, Values]], total: int, before: int, progress: bool
) -> Iterable[tuple[int, Values]]:
    """Pass on what comes in, past a progress bar if one is wanted."""
    if not progress:
        return done
    with checks.installed("progress=True", "tqdm"):
        from tqdm.auto import tqdm
    bar: Iterable[tuple[int, Values]] = tqdm(done, total=total, initial=before)
    return bar
