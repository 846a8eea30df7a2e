"""Which normalizations and shapes the tests go through: all of NORMS, so that new files join."""

from __future__ import annotations

import numpy as np

import normlib
import reference
from normlib import NORMS, Norm

CHANNELS = 6

#: One or more configured values of every normalization; CHANNELS fall into 2 or 3 groups.
NAMED: list[Norm] = [
    normlib.norm(name, groups=groups) if row.grouped else row
    for name, row in NORMS.items()
    for groups in ((2, 3) if row.grouped else (None,))
]
ON_ACTIVATIONS = [norm for norm in NAMED if not norm.on_weights]
ON_WEIGHTS = [norm for norm in NAMED if norm.on_weights]
RUNNING = [norm for norm in NAMED if norm.running]

#: Shape and channel axis: dense, sequences, images, tokens.
INPUTS = {
    "dense": ((5, CHANNELS), 1),
    "sequence": ((3, CHANNELS, 4), 1),
    "image": ((2, CHANNELS, 2, 3), 1),
    "tokens": ((2, 3, CHANNELS), -1),
}

MODES = ("training", "evaluation", "frozen")


def called(norm: Norm | None) -> str:
    """Return a name for the report."""
    if norm is None:
        return "none"
    return f"{norm.name}{norm.groups}" if norm.groups else norm.name


def labels(norm: Norm, shape: tuple[int, ...], channel_axis: int) -> np.ndarray:
    """Return the textbook's sets for a normalization of activations."""
    return reference.sets(shape, norm.shares, norm.groups or 1, channel_axis)


def tells(norm: Norm, shape: tuple[int, ...], channel_axis: int, least: int = 3) -> bool:
    """Whether its sets are large enough: of two values x_hat is always -1 and 1."""
    return reference.size_of_sets(labels(norm, shape, channel_axis)) >= least


def put_in_mode(layer, mode, rng):
    """Set the mode, and return the running mean and var that the textbook then needs."""
    layer.training = mode != "evaluation"
    layer.freeze_statistics(mode == "frozen")
    if not layer.running:
        return {}
    layer.running["mean"] = rng.standard_normal(layer.running["mean"].shape)
    layer.running["var"] = rng.uniform(0.5, 2, layer.running["var"].shape)
    if mode == "training":
        return {}
    return {name: layer.running[name].copy() for name in ("mean", "var")}
