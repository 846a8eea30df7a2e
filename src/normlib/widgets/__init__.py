"""Interactive figures: they read a Trace or an array, and work without a kernel once drawn."""

from normlib.widgets.activation_player import ActivationPlayer
from normlib.widgets.base import Widget
from normlib.widgets.workbench import Workbench

__all__ = ["ActivationPlayer", "Widget", "Workbench"]
