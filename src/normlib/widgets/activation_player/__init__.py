"""The Activation Player: recorded runs, their distributions moving while networks train."""

from normlib.widgets.activation_player.player import ActivationPlayer
from normlib.widgets.activation_player.workbench import Workbench

__all__ = ["ActivationPlayer", "Workbench"]
