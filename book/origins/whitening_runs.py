"""The larger experiment of whitening.ipynb: many runs, stored as a summary.

    python book/origins/whitening_runs.py

classifies the digits on ten random splits, once per way to prepare them,
and writes whitening_runs.json beside this file. The chapter shows that
summary, runs split 0 again and compares.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import normlib as nl

sys.path.append(str(Path(__file__).parents[1]))
from stored import Stored

STORED = Stored(__file__)
SPLITS = range(10)
SIZES = 997, 300, 500  # training, validation, test

EPS = (1e-5, 1e-3, 1e-2, 0.1, 1.0, 10.0)
WAYS = ("raw", "centred", "standardized", *EPS)
RATES = 0.06 * 2.0 ** np.arange(12)
STEPS = 200
TARGET = 0.1  # training loss


def split(seed):
    """Return three (pixels from 0 to 1, labels), in random order."""
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    parts = np.split(order, np.cumsum(SIZES)[:-1])
    return [(pixels[rows] / 16, labels[rows]) for rows in parts]


def prepared(way, x) -> Callable:
    """Return what prepares any pixels as the training pixels x say.

    A number is the eps of whitening.
    """
    if way == "raw":
        return lambda new: new
    if way == "centred":
        return lambda new: new - x.mean(axis=0)
    if way == "standardized":
        sigma = np.sqrt(x.var(axis=0) + EPS[0])
        return lambda new: (new - x.mean(axis=0)) / sigma
    return nl.whiten(x, "zca", eps=way).transform


def descend(parts, steps=STEPS):
    """Softmax regression by full-batch gradient descent, from zero weights.

    Every learning rate at once. Returns the training loss, and the
    accuracy on the other parts, each of shape (steps + 1, rates).
    """
    inputs = [np.column_stack([x, np.ones(len(x))]) for x, _ in parts]
    labels = [y[:, None] for _, y in parts]
    x, wanted = inputs[0], np.eye(10)[parts[0][1]][:, None]
    w = np.zeros((x.shape[1], len(RATES), 10))
    loss, *right = np.empty((len(parts), steps + 1, len(RATES)))
    for k in range(steps + 1):
        scores = [np.tensordot(one, w, 1) for one in inputs]
        for part, found in enumerate(right, start=1):
            same = scores[part].argmax(axis=2) == labels[part]
            found[k] = same.mean(axis=0)
        p = scores[0] - scores[0].max(axis=2, keepdims=True)
        chosen = (p * wanted).sum(axis=2)
        np.exp(p, out=p)
        total = p.sum(axis=2)
        loss[k] = (np.log(total) - chosen).mean(axis=0)
        p = p / total[:, :, None] - wanted
        w -= RATES[:, None] * np.tensordot(x.T, p, 1) / len(x)
    return loss, *right


def digits(seed, ways=WAYS):
    """Return, for each way, three numbers: shape (ways, 3).

    The fewest steps to a training loss of 0.1, over all rates (one more
    than there are where none gets there); the test accuracy at that
    moment; and that at the rate and step of best validation accuracy.
    """
    found = []
    for way in ways:
        parts = split(seed)
        prepare = prepared(way, parts[0][0])
        loss, valid, test = descend([(prepare(x), y) for x, y in parts])
        low = loss <= TARGET
        first = np.where(low.any(axis=0), low.argmax(axis=0), STEPS + 1)
        rate = first.argmin()
        then = test[min(first[rate], STEPS), rate]
        best = np.unravel_index(valid.argmax(), valid.shape)
        found.append([first[rate], then, test[best]])
    return np.array(found)


EXPERIMENTS = {digits: SPLITS}
load = STORED.load

if __name__ == "__main__":
    STORED.run(EXPERIMENTS)
