"""The training runs of exploding_gradients.ipynb, stored as a summary.

    python book/understanding/exploding_gradients_runs.py

trains every cell with three seeds, two at a time, and writes
exploding_gradients_runs.json beside this file. The chapter shows that
summary, trains some cells of seed 0 again and compares.
"""

import sys
from pathlib import Path

import numpy as np

import normlib as nl

sys.path.append(str(Path(__file__).parents[1]))
from stored import Stored

STORED = Stored(__file__)
SEEDS = range(3)
WIDTH = 64
STEPS = 150

# Hidden layers; a residual block has two
DEPTHS = (10, 20, 30, 50)
RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
STACKS = ("none", "layer", "batch", "shifted", "residual")

# Ways to give every layer steps of a sensible size, at one depth
REMEDY_DEPTH = 30
REMEDIES = {
    "even": (0.1, 0.3, 1, 3, 10),
    "adam": (0.001, 0.003, 0.01, 0.03, 0.1),
}


def build(stack, depth, seed):
    """Return a fresh network of `depth` hidden layers.

    "shifted" is batch normalization whose b starts at 2 instead of 0, and
    "residual" adds every two layers to their input, normalized before them.
    """
    if stack == "residual":
        blocks = depth // 2
        return nl.residual(
            WIDTH, blocks, n_in=64, classes=10, norm="batch", seed=seed
        )
    norm = {"none": None, "layer": "layer"}.get(stack, "batch")
    net = nl.mlp([64, *[WIDTH] * depth, 10], norm=norm, seed=seed)
    if stack == "shifted":
        for name in net.params:
            if name.endswith(".b"):
                net.params[name] = np.full(WIDTH, 2.0)
    return net


def even_rates(net, depth, lr):
    """Return a rate per parameter, smaller by the theory's factor below."""
    factor = np.sqrt(np.pi / (np.pi - 1))
    layers = [f"layer {i}" for i in range(1, depth + 1)]
    lower = {name: factor**-i for i, name in enumerate(reversed(layers))}
    return {
        name: lr * lower.get(name.rpartition(".")[0], 1.0)
        for name in net.params
    }


def cell(data, stack, depth, lr, seed):
    """Train one network by plain SGD, and return its test accuracy."""
    net = build(stack, depth, seed)
    return nl.fit(net, data, steps=STEPS, lr=lr, seed=seed).accuracy


def remedy(data, kind, lr, seed):
    """Train one network with batch normalization and evened-out steps."""
    net = build("batch", REMEDY_DEPTH, seed)
    adam = kind == "adam"
    rates = lr if adam else even_rates(net, REMEDY_DEPTH, lr)
    return nl.fit(
        net,
        data,
        steps=STEPS,
        lr=rates,
        optimizer="adam" if adam else "sgd",
        seed=seed,
    ).accuracy


def grid(data, seed):
    """Return test accuracies of shape (stacks, depths, rates)."""

    def row(stack, depth):
        return [cell(data, stack, depth, lr, seed) for lr in RATES]

    return np.array([[row(s, depth) for depth in DEPTHS] for s in STACKS])


def remedies(data, seed):
    """Return test accuracies of shape (remedies, rates)."""
    return np.array(
        [
            [remedy(data, kind, lr, seed) for lr in rates]
            for kind, rates in REMEDIES.items()
        ]
    )


EXPERIMENTS = dict.fromkeys((grid, remedies), SEEDS)
load = STORED.load

if __name__ == "__main__":
    STORED.run(EXPERIMENTS, nl.load_digits())
