"""A callback for `fit` that shows a run in the Activation Player while it trains."""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from normlib.widgets.activation_player.player import ActivationPlayer

#: Seconds between two frames: faster than this no eye can follow and no page needs to draw.
PAUSE = 0.05


class Follower:
    """Called as ``on_step(step, loss, record)``; sends the newest frame, and can end the run."""

    def __init__(
        self,
        player: ActivationPlayer,
        name: str,
        *,
        steps: int | None = None,
        stop: Event | None = None,
    ) -> None:
        self._player, self.name, self._steps = player, name, steps
        self._stop = stop or Event()
        self._due = 0.0
        self._sent = -1
        self._begun = False

    def __repr__(self) -> str:
        return f"Follower({self.name})"

    def stop(self) -> None:
        """End the run at its next step."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether the run was asked to end."""
        return self._stop.is_set()

    def __call__(self, step: int, loss: float, record: Any) -> bool:
        """Send the newest frame if it is new and due; return True to end the run."""
        if not self._begun:
            self._begun = True
            self._player.send({"type": "start", "run": self.name, "total": self._steps})
        now = time.monotonic()
        if record is not None and now >= self._due:
            self._show(record, now)
        return self.stopped

    def _show(self, record: Any, now: float) -> None:
        trace = record.latest()
        if trace is None or int(trace.steps[-1]) == self._sent:
            return
        self._sent, self._due = int(trace.steps[-1]), now + PAUSE
        self._player.stream(self.name, trace, self._steps)
