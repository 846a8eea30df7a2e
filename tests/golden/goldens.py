"""The stored values: how they are written, read and compared. It needs NumPy alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
#: Of every number: a thousand times finer than what the tests allow.
DIGITS = 14
Case = dict[str, Any]  #: arrays by name
Cases = dict[str, Case]


def write(path: Path, cases: Cases, made_with: Mapping[str, str]) -> None:
    """Write one array a line, so that a change can be read."""
    lines = [f'{{"made with": {json.dumps(made_with)},', '"cases": {']
    for last, (name, case) in ends(cases):
        lines.append(f"{json.dumps(name)}: {{")
        for final, (key, value) in ends(case):
            text = json.dumps(rounded(value), separators=(",", ":"))
            lines.append(f"{json.dumps(key)}: {text}{'' if final else ','}")
        lines.append("}" if last else "},")
    path.write_text("\n".join([*lines, "}}", ""]), encoding="utf-8")


def rounded(value: Any) -> Any:
    """Return nested lists of numbers with DIGITS digits."""
    array = np.asarray(value)
    if array.dtype.kind != "f":
        return array.tolist()
    return np.vectorize(lambda number: float(f"{number:.{DIGITS}g}"))(array).tolist()


def ends(items: Mapping[str, Any]) -> Iterator[tuple[bool, tuple[str, Any]]]:
    """Yield the items, each with whether it is the last."""
    for number, item in enumerate(items.items(), start=1):
        yield number == len(items), item


def read(path: Path) -> tuple[Cases, dict[str, str]]:
    """Return the cases, and the versions that made them."""
    found = json.loads(path.read_text(encoding="utf-8"))
    cases = {
        name: {key: np.array(value) for key, value in case.items()}
        for name, case in found["cases"].items()
    }
    return cases, found["made with"]


def differences(found: Cases, wanted: Cases, rtol: float, atol: float = 1e-13) -> list[str]:
    """Say where two sets of cases differ; atol is what is left where terms cancel."""
    lines = [f"{name}: there is no such case" for name in sorted(set(found) ^ set(wanted))]
    for name in (name for name in wanted if name in found):
        lines += [f"{name}: {line}" for line in unlike(found[name], wanted[name], rtol, atol)]
    return lines


def unlike(found: Case, wanted: Case, rtol: float, atol: float) -> Iterator[str]:
    """Say where two cases differ, and by how much."""
    for key in sorted(set(found) ^ set(wanted)):
        yield f"{key} is in one of them only"
    for key in (key for key in wanted if key in found):
        new, old = np.asarray(found[key]), np.asarray(wanted[key])
        if new.shape != old.shape:
            yield f"{key} has shape {new.shape}, not {old.shape}"
        elif not np.allclose(new, old, rtol=rtol, atol=atol):
            off = np.abs(new - old)
            at = tuple(int(i) for i in np.unravel_index(np.argmax(off), off.shape))
            yield f"{key} is {new[at]:.17g} at {at}, not {old[at]:.17g}"
