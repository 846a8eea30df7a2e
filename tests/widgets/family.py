"""One of each widget, for what all of them promise."""

from __future__ import annotations

from collections.abc import Callable

from fake_traces import make_runs

from normlib.widgets import (
    ActivationPlayer,
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
    "CopyBench": CopyBench,
    "FormulaBench": FormulaBench,
    "TensorCube": lambda: TensorCube(method="group"),  # its slider sets the number of groups
    "InvarianceMatrix": InvarianceMatrix,
    "ShiftBench": ShiftBench,
    "WhiteningBench": WhiteningBench,
}
