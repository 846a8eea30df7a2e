"""Compare functions by the time they take, so that a busy machine disturbs all of them alike.

Absolute times mean nothing on another machine, and little on this one an hour later; what is
reported is always a ratio within one round, as the median of many rounds with its quartiles.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import process_time

import numpy as np

Work = Callable[[], object]

ROUNDS = 60
BLOCK = 0.003  # seconds; long beside the clock's own cost, short beside a disturbance


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Summarize what the rounds gave."""
        low, median, high = np.quantile(list(values), (0.25, 0.5, 0.75))
        return cls(float(median), float(low), float(high))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, beside what, and what was aimed at."""

    what: str
    ratios: Mapping[str, Spread]  #: by what they are ratios to
    aims: Mapping[str, float] = field(default_factory=dict)  #: the largest ratio that is welcome


def ratios(ours: Work, others: Mapping[str, Work], rounds: int = ROUNDS) -> dict[str, Spread]:
    """Return the time of `ours` relative to that of each other, by name.

    All of them take turns in every round, each round in another order, so that none always runs
    after the same neighbour.
    """
    works = {"ours": ours, **others}
    calls = {name: _calls(work) for name, work in works.items()}
    names, times = list(works), {name: [] for name in works}
    with _no_collection():
        for turn in range(rounds):
            shift = turn % len(names)
            for name in names[shift:] + names[:shift]:
                times[name].append(cpu_time(works[name], calls[name]))
    base = np.array(times["ours"])
    return {name: Spread.of(base / np.array(times[name])) for name in others}


def cpu_time(work: Work, calls: int = 1) -> float:
    """Return the processor time of one call; waiting for another process does not count."""
    start = process_time()
    for _ in range(calls):
        work()
    return (process_time() - start) / calls


def _calls(work: Work) -> int:
    """Warm up, and return how many calls fill a block."""
    work()
    once = min(cpu_time(work) for _ in range(3))
    return max(1, int(np.ceil(BLOCK / max(once, 1e-6))))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from running in the middle of somebody's turn."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def table(rows: Iterable[Row]) -> str:
    """Write the rows as a Markdown table: a column per comparison, and the aims with a mark."""
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row.ratios))
    lines = [["measured", *columns, "aim"]]
    for row in rows:
        cells = [str(row.ratios.get(name, "")) for name in columns]
        lines.append([row.what, *cells, ", ".join(_marks(row))])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def _marks(row: Row) -> Iterator[str]:
    for name, aim in row.aims.items():
        if name in row.ratios:
            reached = row.ratios[name].median <= aim
            yield f"{name} ≤ {aim:.2f} {'reached' if reached else 'MISSED'}"
