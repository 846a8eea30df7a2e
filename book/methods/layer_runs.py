"""The larger experiments of layer.ipynb: many runs, stored as a summary.

    python book/methods/layer_runs.py

trains every cell with five seeds and writes layer_runs.json beside this
file. The chapter shows that summary, runs parts of seed 0 again and compares.
"""

import sys
from dataclasses import replace
from pathlib import Path

import batch_runs
import numpy as np

import normlib as nl

sys.path.append(str(Path(__file__).parents[1]))
from stored import Stored

STORED = Stored(__file__)
SEEDS = range(5)

# Depth: stacks of residual blocks, 120 steps of 64 digits
DEPTHS = (6, 24)
PLACES = ("pre", "post", "none")
STACK_RATES = (0.01, 0.03, 0.1, 0.3)

# Batch sizes: draws, rates and widths of batch_runs.sizes
SIZES = (1, 2, 4, 8, 32)

# A narrow layer between wide ones, 600 steps of 32 digits
NARROW = (2, 3, 4)
NARROW_NORMS = ("none", "layer", "batch")

# Recurrence: 64 pixels, one after the other, 200 steps of 64 digits
RECURRENT_NORMS = (None, "layer")
RECURRENT_SCALES = (0.5, 1, 2)
RECURRENT_RATES = (0.03, 0.1, 0.3)


def stack(place, blocks, seed, activation="relu"):
    """Return a residual stack; "none" has no norm, and weights of 0.3."""
    without = place == "none"
    return nl.residual(
        32,
        blocks,
        n_in=64,
        classes=10,
        norm=None if without else "layer",
        placement="pre" if without else place,
        activation=activation,
        init_scale=0.3 if without else 1.0,
        seed=seed,
    )


def depth(data, seed):
    """Return test accuracies of shape (depths, places, rates)."""

    def cell(blocks, place, rate):
        net = stack(place, blocks, seed)
        return nl.fit(net, data, steps=120, lr=rate, seed=seed).accuracy

    def row(blocks):
        return [[cell(blocks, p, r) for r in STACK_RATES] for p in PLACES]

    return np.array([row(blocks) for blocks in DEPTHS])


def warmed(data, seed):
    """Return accuracies of 24 post-norm blocks, rate rising for 60 steps."""

    def cell(rate):
        def rising(step):
            return rate * min(1.0, (step + 1) / 60)

        net = stack("post", 24, seed)
        return nl.fit(net, data, steps=120, lr=rising, seed=seed).accuracy

    return np.array([cell(rate) for rate in STACK_RATES])


def small(data, norm, size, seed):
    """Train on batches of one size, 3200 digits; return the accuracy."""
    net = batch_runs.net(norm, (64, 64, 64, 64, 10), seed)
    steps, rate = batch_runs.DRAWS // size, 0.1 * size / 32
    how = {"steps": steps, "batch_size": size, "lr": rate}
    nl.fit(net, data, **how, seed=seed)
    x, y = data.x_test[:480], data.y_test[:480]  # as in batch_runs
    return np.mean(net.predict(x) == y)


def sizes(data, seed):
    """Return test accuracies of shape (sizes, 2): no norm, layer norm."""
    norms = ("none", "layer")
    return np.array(
        [[small(data, n, k, seed) for n in norms] for k in SIZES]
    )


def narrow(data, seed):
    """Return test accuracies of shape (narrow widths, norms)."""

    def cell(width, norm):
        widths = (64, 64, width, 64, 10)
        net = batch_runs.net(norm, widths, seed, activation="tanh")
        fitted = nl.fit(net, data, steps=600, batch_size=32, seed=seed)
        return fitted.accuracy

    return np.array([[cell(k, n) for n in NARROW_NORMS] for k in NARROW])


def pixels(data):
    """Return the digits as sequences of 64 pixels, shape (N, 64, 1)."""
    return replace(
        data, x_train=data.x_train[..., None], x_test=data.x_test[..., None]
    )


def recurrent(norm, scale, seed, output="last"):
    """Return a recurrent layer of 32 units that reads one pixel a step."""
    rng = np.random.default_rng(seed)
    std = scale / np.sqrt(32)
    return nl.Recurrent(1, 32, norm=norm, output=output, rng=rng, std=std)


def reader(data, norm, scale, rate, seed):
    """Train a recurrent reader of sequences; return its test accuracy."""
    rng = np.random.default_rng(seed + 100)
    head = nl.Dense(32, 10, activation="identity", rng=rng)
    net = nl.Net([recurrent(norm, scale, seed), head])
    return nl.fit(net, data, steps=200, lr=rate, seed=seed).accuracy


def recurrence(data, seed):
    """Return test accuracies of shape (norms, scales, rates)."""
    data = pixels(data)
    return np.array(
        [
            [
                [reader(data, n, s, r, seed) for r in RECURRENT_RATES]
                for s in RECURRENT_SCALES
            ]
            for n in RECURRENT_NORMS
        ]
    )


def grid(data, seed):
    """Return test accuracies of layer norm, of shape (1, scales, rates)."""
    return batch_runs.grid(data, seed, norms=("layer",))


EXPERIMENTS = dict.fromkeys(
    (grid, sizes, narrow, depth, warmed, recurrence), SEEDS
)
load = STORED.load

if __name__ == "__main__":
    STORED.run(EXPERIMENTS, nl.load_digits())
