"""Traces made by hand, whose every number is known without training anything."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from normlib.record import QUANTILES, Signal, Trace

NORMS = {
    "none": {"norm": "none"},
    "layer": {"norm": "layer", "acts_on": "pre-activation", "shares": "GcS"},
    "batch": {"norm": "batch", "acts_on": "pre-activation", "shares": "NS"},
    "weight": {"norm": "weight", "acts_on": "weight", "shares": ""},
}
SIGNALS = {
    "none": ("a", "z", "h"),
    "layer": ("a", "x_hat", "z", "h"),
    "batch": ("a", "x_hat", "z", "h"),
    "weight": ("x_hat", "z", "h"),
}


def make_signal(values: np.ndarray, bins: int = 64) -> Signal:
    """Count and average values of shape (frames, layers, samples, units)."""
    finite = values[np.isfinite(values)]
    edges = np.linspace(finite.min(), finite.max(), bins + 1)
    pooled = values.reshape(*values.shape[:2], -1)
    counts = [[np.histogram(v[np.isfinite(v)], edges)[0] for v in row] for row in pooled]
    with np.errstate(all="ignore"):
        return Signal(
            counts=np.array(counts, dtype=np.uint32),
            edges=edges,
            mean=pooled.mean(axis=2),
            std=pooled.std(axis=2),
            quantiles=np.moveaxis(np.quantile(pooled, QUANTILES, axis=2), 0, -1),
            extremes=np.stack([pooled.min(axis=2), pooled.max(axis=2)], axis=-1),
            saturated=(np.abs(pooled) > 2).mean(axis=2),
            unit_mean=values.mean(axis=2),
            spread=np.sqrt(values.var(axis=2).mean(axis=2)),
            shown=~np.isnan(values).all(axis=(0, 2, 3)),
        )


def make_trace(
    kind: str = "batch",
    *,
    steps: tuple[int, ...] = (0, 1, 2, 5, 9),
    length: int = 10,
    layers: int = 3,
    signals: tuple[str, ...] | None = None,
    seed: int = 0,
    **changes: Any,
) -> Trace:
    """Return a run whose layers widen a little with each frame."""
    rng = np.random.default_rng([seed, *map(ord, kind)])
    names = SIGNALS[kind] if signals is None else signals
    made: dict[str, Signal] = {}
    for name in names:
        if name == "z" and "a" in made and kind == "none":
            made["z"] = made["a"]  # as a Recorder does it: the same object under two names
            continue
        values = rng.normal(size=(len(steps), layers, 40, 6))
        values *= np.linspace(0.5, 1.5, len(steps))[:, None, None, None]
        made[name] = make_signal(values + 0.1 * rng.normal(size=(1, layers, 1, 6)))
    return Trace(
        steps=np.array(steps),
        layers=tuple(f"layer {i + 1}" for i in range(layers)),
        loss=changes.pop("loss", np.linspace(2.3, 0.3, length) + 0.01 * rng.random(length)),
        signals=MappingProxyType(made),
        info=MappingProxyType({"activation": "tanh", **NORMS[kind], **changes}),
    )


def without(trace: Trace, name: str, layer: int) -> Trace:
    """Return the run with one layer that does not show a signal, as a Recorder tells it."""
    parts = {key: values.copy() for key, values in vars(trace.signals[name]).items()}
    parts["counts"][:, layer] = 0
    parts["shown"][layer] = False
    for key in ("mean", "std", "quantiles", "extremes", "unit_mean", "spread"):
        parts[key][:, layer] = np.nan
    return replace(trace, signals={**trace.signals, name: Signal(**parts)})


def make_runs(*kinds: str, **options: Any) -> dict[str, Trace]:
    """Return one run per kind."""
    return {kind: make_trace(kind, **options) for kind in kinds or ("none", "layer", "batch")}
