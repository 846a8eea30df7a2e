"""What pytest wrote about a run: each test with its outcome, its seconds and what it measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

OUTCOMES = ("failure", "error", "skipped")


@dataclass(frozen=True)
class Result:
    """One test; `file` is its path below the project, `measured` its largest errors by name.

    The outcome is that of the last attempt; `again` says that there was more than one.
    """

    file: str
    name: str
    outcome: str
    seconds: float
    measured: dict[str, float] = field(default_factory=dict)
    again: bool = False


def read(path: Path, root: Path) -> list[Result]:
    """Read one of pytest's JUnit files, in which a test stands once for each attempt."""
    results: dict[tuple[str, str], Result] = {}
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        key = (case.get("classname", ""), case.get("name", ""))
        results[key] = result(case, root, again=key in results)
    return list(results.values())


def result(case: ElementTree.Element, root: Path, again: bool) -> Result:
    outcomes = [kind for kind in OUTCOMES if case.find(kind) is not None]
    properties = {p.get("name", ""): p.get("value", "") for p in case.iter("property")}
    return Result(
        file=file_of(case.get("classname", ""), root),
        name=case.get("name", ""),
        outcome=outcomes[0] if outcomes else "passed",
        seconds=float(case.get("time", 0)),
        measured={name: float(value) for name, value in properties.items()},
        again=again,
    )


def file_of(dotted: str, root: Path) -> str:
    """Find the file behind `tests.core.test_moves`: pytest writes a path with dots."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        for suffix in (".py", ".ipynb"):
            if (root / f"{'/'.join(parts[:end])}{suffix}").is_file():
                return f"{'/'.join(parts[:end])}{suffix}"
    return dotted.replace(".", "/")


def count(results: Iterable[Result], *outcomes: str) -> int:
    return sum(result.outcome in outcomes for result in results)


def largest(results: Iterable[Result], ending: str) -> float | None:
    """Return the largest error whose name ends so; None where none was measured."""
    errors = [error for r in results for name, error in r.measured.items() if name.endswith(ending)]
    return max(errors, default=None)
