"""Traces as one small block of bytes, for a page that has no Python.

What the Activation Player draws has two kinds of numbers. Means, standard deviations and spreads
are float32, exactly. Outlines, unit means and saturated shares are a few dozen levels, as many as
a screen can show. Both change little from frame to frame and from point to point, so what is stored
is the change, which deflate shrinks to a fraction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from normlib.plots.shapes import SPAN, height, shapes, window
from normlib.widgets.pack import FLOAT32, Packer

if TYPE_CHECKING:
    from normlib.record import Signal, Trace

#: An outline's peak is level 47: a level is then less than a pixel on the screen.
LEVELS = 47
#: Of one layer, this many units show their means; more would be a grey band.
UNITS = 12
#: Unit means are stored as one of this many places across the drawn range.
PLACES = 96
#: A loss curve has at most so many points; longer ones are averaged in blocks.
POINTS = 400
#: The tallest outline, in spaces between two layers.
TALLEST = 1.25

#: Below this share of sigma, the spread between samples is worth a number of its own.
NOTABLE = 0.6


def frames_of(traces: Iterable[Trace], limit: int) -> list[int]:
    """Return the steps to show: all that any run has recorded, thinned evenly to `limit`."""
    every = sorted({int(step) for trace in traces for step in trace.steps[: sound(trace)]})
    keep = np.unique(np.round(np.linspace(0, len(every) - 1, min(limit, len(every))))).astype(int)
    return [every[i] for i in keep]


def sound(trace: Trace) -> int:
    """Return how many frames come before the first one with a number that cannot be drawn."""
    good = np.ones(len(trace.steps), dtype=bool)
    for signal in trace.signals.values():
        for values in (signal.mean, signal.std, signal.spread):
            # What float32 cannot hold no screen can show either.
            good &= (np.abs(values[:, signal.shown]) < 1e30).all(axis=1)
    return len(good) if good.all() else int(np.argmin(good))


def diverged(trace: Trace) -> int | None:
    """Return the first step whose loss is not finite, or None."""
    bad = np.flatnonzero(~np.isfinite(trace.loss))
    return int(bad[0]) if bad.size else None


def _at(loss: npt.NDArray[Any], steps: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the loss that belongs to each recorded step; the last one after the last step."""
    return loss[np.minimum(steps, len(loss) - 1)] if len(loss) else np.full(len(steps), np.nan)


def _curve(loss: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the loss as (points, 2): step and loss, averaged in blocks if there are many."""
    size = max(1, -(-len(loss) // POINTS))
    starts = np.arange(0, len(loss), size)
    sums = np.add.reduceat(np.minimum(loss, FLOAT32 / size), starts) if len(loss) else loss
    counts = np.minimum(starts + size, len(loss)) - starts
    return np.stack([starts + (counts - 1) / 2, sums / np.maximum(counts, 1)], axis=1)


def ranges(traces: Iterable[Trace], names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return the range of values to draw for each signal, shared by all runs."""
    found: dict[str, list[Signal]] = {name: [] for name in names}
    for trace in traces:
        count = sound(trace)
        for name, signal in trace.signals.items():
            if name in found and count:
                found[name].append(pick(signal, np.arange(count)))
    return {name: window(signals) for name, signals in found.items() if signals}


def pick(signal: Signal, rows: npt.NDArray[np.intp]) -> Signal:
    """Return the signal at some of its frames."""
    return type(signal)(
        **{
            name: values if name in ("edges", "shown") else values[rows]
            for name, values in vars(signal).items()
        }
    )


def encode_signal(
    packer: Packer, signal: Signal, limits: tuple[float, float], bins: int
) -> dict[str, Any]:
    """Add one signal of one run; return where its parts are.

    The moments of a layer that does not show the signal are NaN, and its outlines 0.
    """
    outlines = shapes(signal, bins)
    low, high = limits
    tall = np.array(
        [
            [height(outline, float(std), high - low) for outline, std in zip(*frame, strict=True)]
            for frame in zip(outlines, np.where(signal.shown, signal.std, 0), strict=True)
        ]
    )
    shown = np.unique(np.linspace(0, signal.unit_mean.shape[2] - 1, UNITS).round().astype(int))
    place = (signal.unit_mean[:, :, shown] - low) / (high - low) * (PLACES - 1)
    place = np.where(np.isfinite(place), np.clip(np.round(place), 0, PLACES - 1), 255)
    known = np.isfinite(signal.saturated)
    share = np.where(known, np.round(200 * np.where(known, signal.saturated, 0)), 255)
    return {
        "mean": packer.floats(signal.mean),
        "std": packer.floats(signal.std),
        "spread": packer.floats(signal.spread),
        "shape": packer.levels(np.round(outlines * LEVELS)),
        "tall": packer.levels(np.round(tall / TALLEST * 255)[:, None, :]),
        "units": packer.levels(place),
        "saturated": packer.levels(share[:, None, :]),
    }


def _encode_run(
    packer: Packer,
    trace: Trace,
    shown: Sequence[int],
    names: Sequence[str],
    limits: Mapping[str, tuple[float, float]],
    bins: int,
) -> dict[str, Any]:
    """Add one run, at its own frames among those shown; return where its parts are."""
    steps = trace.steps[: sound(trace)]
    rows = np.unique(np.searchsorted(steps, shown, side="right") - 1)
    rows = rows[rows >= 0]
    parts: dict[int, dict[str, Any]] = {}
    blocks: dict[str, dict[str, Any]] = {}
    for name in names:
        signal = trace.signals.get(name)
        if signal is None or not len(rows):
            continue
        # Without normalization z IS a: one block serves both names.
        if id(signal) not in parts:
            parts[id(signal)] = encode_signal(packer, pick(signal, rows), limits[name], bins)
        blocks[name] = parts[id(signal)]
    return {
        "steps": [int(step) for step in steps[rows]],
        "loss": packer.floats(_at(trace.loss, steps[rows])[:, None]),
        "curve": packer.floats(_curve(trace.loss[: diverged(trace)])),
        "length": len(trace.loss),
        "diverged": diverged(trace),
        "blocks": blocks,
    }


def encode(
    traces: Mapping[str, Trace],
    names: Sequence[str],
    *,
    frames: int,
    bins: int,
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[dict[str, Any], bytes]:
    """Return what the Player draws: a small dictionary, and the bytes that it points into.

    Parameters
    ----------
    traces : mapping of str to Trace
    names : sequence of str
        The signals to show, in order.
    frames, bins : int
        At most so many frames; so many points per outline.
    limits : mapping of str to (float, float), optional
        Ranges to keep, as while a run streams.
    """
    shown = frames_of(traces.values(), frames)
    packer = Packer()
    limits = {**ranges(traces.values(), names), **(limits or {})}
    # A notebook that is stored and read again has its keys sorted: each run says where it stands.
    runs = {
        key: {"place": place, **_encode_run(packer, trace, shown, names, limits, bins)}
        for place, (key, trace) in enumerate(traces.items())
    }
    meta = {
        "frames": shown,
        "ranges": {k: list(v) for k, v in limits.items()},
        "coding": {
            "span": SPAN,
            "levels": LEVELS,
            "tallest": TALLEST,
            "places": PLACES,
            "notable": NOTABLE,
        },
        "runs": runs,
    }
    return meta, packer.finish()
