"""Kinds of bad values, and what a case is."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

X = np.arange(24.0).reshape(8, 3) ** 2
LABELS = np.arange(8) % 2
NAN = float("nan")

# Each by what must be seen of it in the message.
NOT_POSITIVE = {"0": 0, "-2": -2, "2.5": 2.5, "True": True, "'3'": "3", "None": None}
NOT_NUMBERS = {"nan": NAN, "inf": np.inf, "'1'": "1", "True": True}
NOT_EPS = {"-0.1": -0.1, "None": None, **NOT_NUMBERS}
NOT_FLOATS = {
    "int64": X.astype(np.int64),
    "complex128": X.astype(complex),
    "object": X.astype(object),
    "bool": X > 1,
    "list": X.tolist(),
    "(0, 3)": X[:0],
}
NOT_DTYPES = {"float16": "float16", "'int64'": "int64", "None": None, "'floof'": "floof"}


class Case(NamedTuple):
    """What is done, the error, and expressions for the argument, the value and the way out."""

    what: str
    call: Callable[[Any], Any]
    error: type[Exception] | tuple[type[Exception], ...]
    argument: str
    value: str
    way_out: str


def many(
    what: str,
    call: Callable[[Any, Any], Any],
    error: type[Exception] | tuple[type[Exception], ...],
    argument: str,
    values: dict[str, Any],
    way_out: str,
) -> list[Case]:
    """Make a case of each of several bad values of one argument."""
    return [
        Case(f"{what}={seen}", lambda e, v=v: call(e, v), error, argument, re.escape(seen), way_out)
        for seen, v in values.items()
    ]


def used(layer: Any, x: Any) -> Any:
    """Return the layer after one forward pass."""
    layer.forward(x)
    return layer
