"""The larger experiments of weight.ipynb: many runs, stored as a summary.

    python book/methods/weight_runs.py

trains every cell with five seeds and writes weight_runs.json beside this
file. The chapter shows that summary, runs parts of seed 0 again and
compares.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

import normlib as nl

sys.path.append(str(Path(__file__).parents[1]))
from stored import Stored

STORED = Stored(__file__)
SEEDS = range(5)
CENTRED = nl.norm("weight", then=nl.norm("mean_only"))

# What is trained: a normalization, and whether one batch sets the start
METHODS = {
    "none": (None, False),
    "weight": ("weight", False),
    "none, from data": (None, True),
    "weight, from data": ("weight", True),
    "mean-only BN": ("mean_only", False),
    "weight + mean-only BN": (CENTRED, False),
    "batch": ("batch", False),
}
SCALES = (0.1, 0.3, 1, 3, 10)
RATES = (0.01, 0.03, 0.1, 0.3, 1, 3, 10)
WIDTHS = (64, 48, 48, 48, 48, 10)
STEPS = 150

# Deeper: rows of the paper's length, and a learning rate of 1
DEEP = (64, 64, 64, 64, 64, 64, 64, 10)
SHORT = 0.05 / np.sqrt(2 / 64)  # a standard deviation of 0.05
SHORT_RATES = (0.01, 0.03, 0.1, 0.3)
LARGE = ("none", "weight", "mean-only BN", "weight + mean-only BN", "batch")

# Other inputs, each at the best of these rates; batches of one kind
CHANGES = {"as they are": (1, 0), "times 5": (5, 0), "plus 3": (1, 3)}
INPUT_RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
MIDDLE = (64, 64, 64, 64, 10)


def plain_twin(net, widths, activation):
    """Return the plain network that computes what `net` does."""
    twin = nl.mlp(widths, activation=activation)
    for name, layer in net.parts.items():
        own = layer.params
        length = np.linalg.norm(own["w"], axis=1)
        factor = own["g"] / length if "g" in own else np.ones(len(own["w"]))
        twin.params[f"{name}.w"] = factor[:, None] * own["w"]
        twin.params[f"{name}.c"] = own["b"] if "b" in own else own["c"]
    return twin


def net(method, data, seed, widths=WIDTHS, activation="relu", scale=1.0):
    """Return a fresh network, started from one batch if that is meant."""
    norm, from_data = METHODS[method]
    made = nl.mlp(
        widths,
        norm="weight" if from_data else norm,
        activation=activation,
        init_scale=scale,
        seed=seed,
    )
    if from_data:
        nl.initialize_by_data(made, data.x_train[:256])
        if norm is None:
            return plain_twin(made, widths, activation)
    return made


def cell(data, method, scale, rate, seed):
    """Return the test accuracy of one run."""
    made = net(method, data, seed, scale=scale)
    return nl.fit(made, data, steps=STEPS, lr=rate, seed=seed).accuracy


def grid(data, seed, methods=METHODS, scales=SCALES, rates=RATES):
    """Return test accuracies of shape (methods, scales, rates)."""
    return np.array(
        [
            [[cell(data, m, s, r, seed) for r in rates] for s in scales]
            for m in methods
        ]
    )


def lengthen(net):
    """Make every v as long as its g says; the function stays the same."""
    for layer in net.parts.values():
        own = layer.params
        if "g" in own:
            length = np.linalg.norm(own["w"], axis=1)
            own["w"] = (own["g"] / length)[:, None] * own["w"]


def short(data, seed, rates=SHORT_RATES):
    """Return accuracies of shape (3, rates), started from data, short v.

    The rows: the plain network, weight normalization, and that with v made
    as long as g.
    """

    def run(method, rate, longer=False):
        made = net(method, data, seed, DEEP, scale=SHORT)
        if longer:
            lengthen(made)
        return nl.fit(made, data, lr=rate, seed=seed).accuracy

    ways = ("none, from data", False), ("weight, from data", False)
    ways = (*ways, ("weight, from data", True))
    return np.array([[run(m, r, more) for r in rates] for m, more in ways])


def large_rate(data, seed):
    """Return accuracies at a learning rate of 1: ReLU and tanh, LARGE."""

    def run(method, activation):
        made = net(method, data, seed, DEEP, activation)
        return nl.fit(made, data, lr=1, seed=seed).accuracy

    return np.array([[run(m, f) for m in LARGE] for f in ("relu", "tanh")])


def inputs(data, seed, rates=INPUT_RATES, methods=METHODS):
    """Return accuracies of shape (changes, methods, rates)."""

    def run(method, rate, factor, shift):
        twin = replace(
            data,
            x_train=factor * data.x_train + shift,
            x_test=factor * data.x_test + shift,
        )
        made = net(method, twin, seed, MIDDLE)
        return nl.fit(made, twin, lr=rate, seed=seed).accuracy

    return np.array(
        [
            [[run(m, r, *change) for r in rates] for m in methods]
            for change in CHANGES.values()
        ]
    )


def one_class_each(data, seed):
    """Yield batches of 32 of which each holds one class."""
    rng = np.random.default_rng(seed)
    while True:
        rows = np.flatnonzero(data.y_train == rng.integers(10))
        rows = rng.choice(rows, 32, replace=False)
        yield data.x_train[rows], data.y_train[rows]


def company(data, seed, kinds=3):
    """Return accuracies after batches of (mixed 32, one class, mixed 2)."""

    def run(method, **options):
        made = net(method, data, seed, MIDDLE)
        return nl.fit(made, data, seed=seed, **options).accuracy

    ways = (
        {"lr": 0.1, "batch_size": 32, "steps": 300},
        {"lr": 0.1, "batches": one_class_each(data, seed), "steps": 300},
        {"lr": 0.1 / 16, "batch_size": 2, "steps": 4800},
    )
    return np.array(
        [[run(m, **way) for m in LARGE] for way in ways[:kinds]]
    )


EXPERIMENTS = dict.fromkeys(
    (grid, short, large_rate, inputs, company), SEEDS
)
load = STORED.load

if __name__ == "__main__":
    STORED.run(EXPERIMENTS, nl.load_digits())
