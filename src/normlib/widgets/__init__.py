"""Interactive figures: they read a Trace or an array, and work without a kernel once drawn."""

from normlib import checks

with checks.installed("a widget", "anywidget"):  # before the modules that build on it
    import anywidget as _anywidget  # noqa: F401

from normlib.widgets.activation_player import ActivationPlayer, Workbench
from normlib.widgets.arena import Arena
from normlib.widgets.base import Widget
from normlib.widgets.copy_bench import CopyBench
from normlib.widgets.formula_bench import FormulaBench
from normlib.widgets.invariance_matrix import InvarianceMatrix
from normlib.widgets.shift_bench import ShiftBench
from normlib.widgets.tensor_cube import TensorCube
from normlib.widgets.whitening_bench import WhiteningBench

__all__ = [
    "ActivationPlayer",
    "Arena",
    "CopyBench",
    "FormulaBench",
    "InvarianceMatrix",
    "ShiftBench",
    "TensorCube",
    "WhiteningBench",
    "Widget",
    "Workbench",
]
