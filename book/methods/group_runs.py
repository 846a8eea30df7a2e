"""The larger experiments of group.ipynb: many runs, stored as a summary.

    python book/methods/group_runs.py

trains every cell with five seeds and writes group_runs.json beside this file.
The chapter shows that summary, runs a part of seed 0 again and compares.
"""

import sys
from pathlib import Path

import numpy as np
from instance_runs import relit

import normlib as nl

sys.path.append(str(Path(__file__).parents[1]))
from stored import Stored

STORED = Stored(__file__)
SEEDS = range(5)
FOUR = nl.norm("group", groups=4)
NORMS = {"none": None, "batch": nl.norm("batch"), "group": FOUR}

# Batch sizes: equal numbers of samples drawn, learning rate in proportion
SIZES = (2, 4, 8, 32)
DRAWS = 3200
RATE = 0.1  # at a batch size of 32
NETS = ("dense", "1 × 1", "2 × 2", "4 × 4", "shallow")
RATES = (0.03, 0.1, 0.3)  # tried again at a batch size of 2

# Four 3 × 3 convolutions with the same filters; zeros and steps decide how
# large the last map is: (padding, stride)
SHAPES = {
    "1 × 1": ([0, 0, 0, 1], [1, 1, 1, 2]),
    "2 × 2": ([0, 0, 0, 1], [1, 1, 1, 1]),
    "4 × 4": ([0, 0, 1, 1], [1, 1, 1, 1]),
}

# From layer to instance norm
GROUPS = (1, 2, 4, 8, 16)  # of 16 channels; 16: one channel each
DENSE_GROUPS = (1, 2, 4, 8, 16, 32)  # of 64 units; 32: two units each


def build(name, norm, seed):
    """Return a fresh network of one of the kinds in NETS."""
    if name == "dense":
        return nl.mlp([64, 64, 64, 64, 10], norm=norm, seed=seed)
    if name == "shallow":  # two convolutions without padding: 6 × 6, 4 × 4
        return nl.cnn([16, 16], norm=norm, seed=seed)
    padding, stride = SHAPES[name]
    return nl.cnn(
        [16] * 4, padding=padding, stride=stride, norm=norm, seed=seed
    )


def pixels(data, name):
    """Return images as a network of this kind takes them."""
    if name != "dense":
        return data
    flat = (x.reshape(len(x), -1) for x in (data.x_train, data.x_test))
    x_train, x_test = flat
    return nl.Data(x_train, data.y_train, x_test, data.y_test)


def trained(data, name, norm, size, seed, rate=RATE):
    """Return a network after DRAWS samples in batches of this size."""
    net = build(name, norm, seed)
    steps, lr = DRAWS // size, rate * size / 32
    nl.fit(
        net,
        pixels(data, name),
        steps=steps,
        batch_size=size,
        lr=lr,
        seed=seed,
    )
    return net


def accuracy(net, x, y):
    """Return the share of x that is classified right, in evaluation mode."""
    return np.mean(net.predict(x) == y)


def sizes(data, seed, nets=NETS, batches=SIZES):
    """Return accuracies of shape (nets, norms, sizes, 2).

    The last axis: as trained, and with running statistics, where there are
    any, measured anew on large training batches.
    """

    def cell(name, norm, size):
        given = pixels(data, name)
        net = trained(data, name, norm, size, seed)
        before = accuracy(net, given.x_test, given.y_test)
        if net.running:
            nl.recalibrate(net, np.split(given.x_train[:1280], 10))
        return before, accuracy(net, given.x_test, given.y_test)

    return np.array(
        [
            [[cell(n, k, s) for s in batches] for k in NORMS.values()]
            for n in nets
        ]
    )


def rates(data, seed):
    """Return accuracies at a batch size of 2.

    Of shape (nets, norms, rates), the nets "dense" and "1 × 1", the norms
    batch and group.
    """

    def cell(name, norm, rate):
        net = trained(data, name, norm, 2, seed, rate)
        given = pixels(data, name)
        return accuracy(net, given.x_test, given.y_test)

    norms = NORMS["batch"], NORMS["group"]
    return np.array(
        [[[cell(n, k, r) for r in RATES] for k in norms] for n in NETS[:2]]
    )


def groups(data, seed):
    """Return accuracies of shape (groups, 2): as trained, and relit."""

    def cell(number):
        net = trained(
            data, "shallow", nl.norm("group", groups=number), 32, seed
        )
        x, y = data.x_test, data.y_test
        lit = relit(x, np.random.default_rng(seed))
        return accuracy(net, x, y), accuracy(net, lit, y)

    return np.array([cell(number) for number in GROUPS])


def dense_groups(data, seed):
    """Return accuracies of dense networks with the groups of DENSE_GROUPS."""
    given = pixels(data, "dense")

    def cell(number):
        net = trained(
            data, "dense", nl.norm("group", groups=number), 32, seed
        )
        return accuracy(net, given.x_test, given.y_test)

    return np.array([cell(number) for number in DENSE_GROUPS])


EXPERIMENTS = dict.fromkeys((groups, dense_groups, rates, sizes), SEEDS)
load = STORED.load

if __name__ == "__main__":
    STORED.run(EXPERIMENTS, nl.load_digits(images=True))
