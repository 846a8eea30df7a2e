"""Which frame of a few runs to show first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from normlib.widgets.activation_player.encode import sound

if TYPE_CHECKING:
    from normlib.record import Signal, Trace

Floats = npt.NDArray[np.float64]


def telling_frame(traces: Mapping[str, Trace], signal: str, steps: list[int]) -> int:
    """Return the index of the step that tells most about the runs.

    Two things count equally: how far the runs' layers have moved from where they started, in
    standard deviations, and how far apart their losses are. Either alone picks a dull frame: the
    first one prefers the end, when all have learned, the second one a spike of one run.
    """
    moved, losses = np.zeros(len(steps)), []
    for trace in traces.values():
        rows = np.array([frame_at(trace, step) for step in steps])
        if signal in trace.signals and sound(trace):
            moved = moved + _drift(trace.signals[signal], rows)
        loss = np.minimum(np.where(np.isfinite(trace.loss), trace.loss, np.inf), 1e3)
        if loss.size:
            losses.append(loss[np.minimum(trace.steps[rows], loss.size - 1)])
    gap = np.ptp(losses, axis=0) if len(losses) > 1 else np.zeros(len(steps))
    return int(np.argmax(_unit(moved) + _unit(_calm(gap))))


def _drift(signal: Signal, rows: npt.NDArray[np.intp]) -> Floats:
    """Return how far a signal has moved at each row, on average over the layers that show it.

    It saturates at 1.
    """
    mean, std = signal.mean[rows][:, signal.shown], signal.std[rows][:, signal.shown]
    mean0, std0 = signal.mean[0, signal.shown], np.maximum(signal.std[0, signal.shown], 1e-12)
    moved = np.abs(mean - mean0) / std0 + np.abs(np.log(np.maximum(std, 1e-12) / std0))
    share: Floats = np.tanh(moved).mean(axis=1)
    return share


def _calm(values: Floats) -> Floats:
    """Return a median of five, so that one step's spike does not decide."""
    padded = np.pad(values, 2, mode="edge")
    middle: Floats = np.median([padded[i : i + len(values)] for i in range(5)], axis=0)
    return middle


def _unit(values: Floats) -> Floats:
    """Return the values with their largest scaled to 1."""
    return values / values.max() if values.max() > 0 else values


def frame_at(trace: Trace, step: int) -> int:
    """Return the run's latest sound frame up to a step."""
    found = int(np.searchsorted(trace.steps[: sound(trace)], step, side="right")) - 1
    return max(found, 0)
