"""One of each widget, for what all of them promise."""

from __future__ import annotations

from collections.abc import Callable

from fake_traces import make_runs
from made_sweeps import made_sweep

from normlib.widgets import (
    ActivationPlayer,
    Arena,
    CopyBench,
    FormulaBench,
    InvarianceMatrix,
    ShiftBench,
    TensorCube,
    WhiteningBench,
    Widget,
)

#: A new widget adds a line, and is held to all that the family promises.
FAMILY: dict[str, Callable[[], Widget]] = {
    "ActivationPlayer": lambda: ActivationPlayer(make_runs(layers=4), frame=2),
    "Arena": lambda: Arena(made_sweep(), lr=0.01),  # its first slider can be moved to the right
    "CopyBench": CopyBench,
    "FormulaBench": FormulaBench,
    "TensorCube": lambda: TensorCube(method="group"),  # its slider sets the number of groups
    "InvarianceMatrix": InvarianceMatrix,
    "ShiftBench": ShiftBench,
    "WhiteningBench": WhiteningBench,
}
