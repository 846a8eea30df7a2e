"""Interactive figures: they read a Trace or an array, and work without a kernel once drawn."""

from normlib.widgets.activation_player import ActivationPlayer, Workbench
from normlib.widgets.base import Widget

__all__ = ["ActivationPlayer", "Widget", "Workbench"]
