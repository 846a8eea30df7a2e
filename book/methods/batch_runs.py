"""The larger experiments of batch.ipynb: many runs, stored as a summary.

    python book/methods/batch_runs.py

trains every cell with five seeds and writes batch_runs.json beside this
file. The chapter shows that summary, runs seed 0 again and compares.
"""

import sys
from pathlib import Path

import numpy as np

import normlib as nl

sys.path.append(str(Path(__file__).parents[1]))
from stored import Stored

STORED = Stored(__file__)
SEEDS = range(5)
NORMS = ("none", "batch")

# Learning rate and initialization
SCALES = (0.1, 0.3, 1, 3, 10)
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
STEPS = 150

# Batch sizes: equal numbers of samples drawn, learning rate in proportion
SIZES = (2, 4, 8, 32)
DRAWS = 3200
PARTITIONS = 5


def net(norm, widths, seed, **options):
    """Return a fresh network; "none" means no normalization."""
    chosen = None if norm == "none" else norm
    return nl.mlp(widths, norm=chosen, seed=seed, **options)


def own_statistics(net, x, size, seed=0):
    """Predict x in random batches, each normalized by its own statistics."""
    order = np.random.default_rng(seed).permutation(len(x))
    found = np.empty(len(x), int)
    net.training = True
    try:
        with nl.statistics_kept(net):
            for rows in np.split(order, len(x) // size):
                found[rows] = net.forward(x[rows]).argmax(axis=1)
    finally:
        net.training = False
    return found


def grid(data, seed, norms=NORMS):
    """Return test accuracies of shape (norms, scales, rates)."""

    def cell(norm, scale, rate):
        made = net(norm, (64, 48, 48, 48, 48, 10), seed, init_scale=scale)
        fitted = nl.fit(made, data, steps=STEPS, lr=rate, seed=seed)
        return fitted.accuracy

    return np.array(
        [[[cell(n, s, r) for r in RATES] for s in SCALES] for n in norms]
    )


def sizes(data, seed):
    """Return accuracies of shape (sizes, 4).

    The columns: no normalization; batch normalization with running
    statistics, with those of each test batch, and with running ones that
    are measured anew on large training batches.
    """
    x, y = data.x_test[:480], data.y_test[:480]  # whole batches of any size

    def row(size):
        found = []
        for norm in NORMS:
            made = net(norm, (64, 64, 64, 64, 10), seed)
            rate = 0.1 * size / 32
            nl.fit(
                made,
                data,
                steps=DRAWS // size,
                batch_size=size,
                lr=rate,
                seed=seed,
            )
            found.append(np.mean(made.predict(x) == y))
        own = [own_statistics(made, x, size, p) for p in range(PARTITIONS)]
        nl.recalibrate(made, np.split(data.x_train[:1280], 10))
        anew = np.mean(made.predict(x) == y)
        return [*found, np.mean(np.array(own) == y), anew]

    return np.array([row(size) for size in SIZES])


EXPERIMENTS = dict.fromkeys((grid, sizes), SEEDS)
load = STORED.load

if __name__ == "__main__":
    STORED.run(EXPERIMENTS, nl.load_digits())
