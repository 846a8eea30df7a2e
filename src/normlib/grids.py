"""What a grid of runs is, and what comes of it: arrays over its axes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from normlib import cells, checks
from normlib.cells import Values


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(checks.Brief):
    """What the runs of a grid returned, as arrays over the grid's axes. Frozen, read-only.

    Attributes
    ----------
    axes : mapping of each axis to the tuple of its values, in the order of the arrays' axes
    results : mapping of each returned name to an array, of the shape (values of the first axis,
        ..., values of the last) followed by the shape of what one run returned
    """

    axes: Mapping[str, tuple[Any, ...]]
    results: Values

    def __post_init__(self) -> None:
        """Make read-only what it holds."""
        for name in ("axes", "results"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for array in self.results.values():
            array.flags.writeable = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as what made it: a read-only mapping cannot be pickled itself."""
        return Sweep, (dict(self.axes), dict(self.results))

    def array(self, name: str, /, **at: Any) -> npt.NDArray[Any]:
        """Return one result over all axes, or over those that `at` does not fix at a value.

        Parameters
        ----------
        name : str
            A key of `results`.
        **at
            Values of axes, as in ``table.array("accuracy", norm="batch")``.

        Raises
        ------
        KeyError
            There is no such result, axis or value.
        """
        if name not in self.results:
            raise checks.NoSuchKeyError(
                f"name must be a result; got {name!r}. Pass one of {list(self.results)}."
            )
        odd = next((axis for axis in at if axis not in self.axes), None)
        if odd is not None:
            raise checks.NoSuchKeyError(
                f"at must name axes; got {odd!r}. Pass some of {list(self.axes)}."
            )
        place = (self._place(axis, at[axis]) if axis in at else slice(None) for axis in self.axes)
        return self.results[name][tuple(place)]

    def _place(self, axis: str, value: Any) -> int:
        known = [cells.describe(v) for v in self.axes[axis]]
        if cells.describe(value) not in known:
            raise checks.NoSuchKeyError(
                f"{axis} must be a value of its axis; got {value!r}. "
                f"Pass one of {', '.join(known)}."
            )
        return known.index(cells.describe(value))


def axes_of(
    run: Callable[..., Any], grid: Mapping[str, Iterable[Any]]
) -> dict[str, tuple[Any, ...]]:
    """Return the grid's values, NumPy's numbers as Python's, if `run` can be called with them."""
    if not callable(run):
        raise TypeError(
            f"run must be a function of the grid's axes; got {type(run).__name__}. "
            "Pass one that returns what fit returned."
        )
    if not isinstance(grid, Mapping) or not grid:
        raise ValueError(
            "grid must be a mapping of names to lists of values; got "
            f"{grid if isinstance(grid, Mapping) else type(grid).__name__}. "
            "Write {'norm': ['layer', 'batch'], 'lr': [0.1, 1.0]}."
        )
    axes: dict[str, tuple[Any, ...]] = {}
    for name, given in grid.items():
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise ValueError(f"grid[{name!r}] must be a list; got {given!r}. Put it into one.")
        axes[name] = tuple(v.item() if isinstance(v, np.generic) else v for v in given)
        texts = [cells.describe(value) for value in axes[name]]
        if not texts or len(set(texts)) < len(texts):
            raise ValueError(
                f"grid[{name!r}] must hold at least one value, and each once; "
                f"got ({', '.join(texts)}). Drop repetitions, or fix the value inside run."
            )
    try:
        inspect.signature(run).bind(**dict.fromkeys(axes))
    except TypeError as error:
        raise TypeError(
            f"grid must name the arguments of run; got {list(axes)}, and with these {error}. "
            "Give each argument without a default an axis."
        ) from error
    return axes


def agree(found: Mapping[int, Values], texts: Sequence[str], i: int) -> None:
    """Raise unless two cells returned the same names, with as many axes."""
    first = next(iter(found))
    kinds = [{name: value.ndim for name, value in found[k].items()} for k in (first, i)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            "run must return the same names and numbers of axes in every cell; got "
            f"{kinds[0]} for {texts[first]} and {kinds[1]} for {texts[i]}. "
            "Return NaN for what a cell does not have."
        )


def stack(values: Sequence[npt.NDArray[Any]], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return one result of all cells as an array over the grid; NaN where a cell's is shorter."""
    dtype = np.result_type(*values)
    largest = tuple(max(sizes) for sizes in zip(*(v.shape for v in values), strict=True))
    if any(v.shape != largest for v in values) and dtype.kind in "biu":
        dtype = np.dtype(np.float64)
    table = np.full((len(values), *largest), np.nan if dtype.kind in "fc" else 0, dtype)
    for i, value in enumerate(values):
        table[i, ...][tuple(slice(size) for size in value.shape)] = value
    return table.reshape(shape + largest)
