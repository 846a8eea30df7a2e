"""A sweep whose winners and ties are known, for tests of the Arena: nothing is trained."""

from __future__ import annotations

import numpy as np

from normlib import Sweep

METHODS = ("none", "batch", "layer", "mine")
RATES = (0.01, 0.1, 1.0, 10.0)
SCALES = (0.5, 1.0, 2.0)
SIZES = (4, 64)
SEEDS = 5
#: Cells, as (batch size, initialization, learning rate), that one method wins by far.
WON = {(64, 1.0, 1.0): "batch", (4, 0.5, 0.1): "layer", (4, 2.0, 10.0): "none"}
#: A cell in which two lead, and tie.
SHARED = (64, 2.0, 0.1), ("batch", "mine")


def made_sweep() -> Sweep:
    """Return accuracies that differ by noise alone, but for the cells above."""
    rng = np.random.default_rng(1)  # in which noise names no winner
    shape = (len(METHODS), len(RATES), len(SCALES), len(SIZES), SEEDS)
    common = rng.normal(size=shape[1:]) * 0.02  # hard for all: it cancels in a paired comparison
    scores = 0.7 + common + rng.normal(size=shape) * 0.01
    cells = {**{cell: (name,) for cell, name in WON.items()}, SHARED[0]: SHARED[1]}
    for (size, scale, rate), names in cells.items():
        place = (RATES.index(rate), SCALES.index(scale), SIZES.index(size))
        for name in names:
            scores[(METHODS.index(name), *place)] += 0.25
    axes = {"norm": METHODS, "lr": RATES, "init_scale": SCALES, "batch_size": SIZES}
    return Sweep({**axes, "seed": tuple(range(SEEDS))}, {"accuracy": scores})
