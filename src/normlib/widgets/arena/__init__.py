"""The Arena: every method, learning rate and initialization, and which of them noise explains."""

from normlib.widgets.arena.arena import Arena
from normlib.widgets.arena.standings import Standings, standings

__all__ = ["Arena", "Standings", "standings"]
