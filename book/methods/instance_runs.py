"""The larger experiments of instance.ipynb: many runs, stored as a summary.

    python book/methods/instance_runs.py

trains every network with five seeds and writes instance_runs.json beside this
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
STEPS, SIZE, RATE = 200, 32, 0.1
FOUR = nl.norm("group", groups=4)

#: What normalizes, and whether each image is standardized before the network.
NETS = {
    "none": (None, False),
    "batch": ("batch", False),
    "layer": ("layer", False),
    "group": (FOUR, False),
    "instance": ("instance", False),
    "batch, images standardized": ("batch", True),
}


def own_mean(x):
    """Return the mean grey of each image."""
    return x.mean(axis=(1, 2, 3), keepdims=True)


def standardized(x):
    """Give each image mean 0 and standard deviation 1."""
    return (x - own_mean(x)) / x.std(axis=(1, 2, 3), keepdims=True)


def relit(x, rng):
    """Give each image a contrast and a brightness of its own."""
    shape = (len(x), 1, 1, 1)
    return rng.uniform(0.2, 1.5, shape) * x + rng.normal(size=shape)


def blurred(x):
    """Replace each pixel by the mean of the nine around it."""
    room = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    rows = sum(room[:, :, i : i + 8] for i in range(3))
    return sum(rows[..., j : j + 8] for j in range(3)) / 9


#: Each takes standardized images x, in which 0 is the mean grey of all
#: training pixels, and `black`, the value of a pixel without light.
LIGHTS = {
    "as trained": lambda x, black: x,
    "contrast × 0.2 about 0": lambda x, black: 0.2 * x,
    "contrast × 0.2 about its own mean": lambda x, black: (
        own_mean(x) + 0.2 * (x - own_mean(x))
    ),
    "lamp × 0.2": lambda x, black: black + 0.2 * (x - black),
    "brightness + 1": lambda x, black: x + 1,
    "each image its own": lambda x, black: relit(
        x, np.random.default_rng(0)
    ),
    "brighter to the right": lambda x, black: x * np.linspace(0.2, 1.8, 8),
    "blurred": lambda x, black: blurred(x),
}


def order(count, rng, size=SIZE):
    """Yield rows of batches, shuffled anew every epoch, for ever."""
    while True:
        rows = rng.permutation(count)
        for start in range(0, count - size + 1, size):
            yield rows[start : start + size]


def trained(data, name, seed, light=None):
    """Return a network, trained on the images or on `light(images, rng)`."""
    norm, by_image = NETS[name]
    net = nl.cnn([8, 16], norm=norm, seed=seed)
    rng, lamp = (
        np.random.default_rng(seed),
        np.random.default_rng(seed + 1000),
    )

    def batches():
        for rows in order(len(data.x_train), rng):
            x = data.x_train[rows]
            x = x if light is None else light(x, lamp)
            yield standardized(x) if by_image else x, data.y_train[rows]

    nl.fit(net, data, steps=STEPS, lr=RATE, batches=batches())
    return net


def accuracies(net, data, name):
    """Return test accuracies in all LIGHTS."""
    black = data.x_train.min()
    found = []
    for light in LIGHTS.values():
        x = light(data.x_test, black)
        x = standardized(x) if NETS[name][1] else x
        found.append(np.mean(net.predict(x) == data.y_test))
    return found


def light(data, seed):
    """Return accuracies, trained on images as they are: (nets, lights)."""
    nets = {name: trained(data, name, seed) for name in NETS}
    return np.array([accuracies(nets[name], data, name) for name in NETS])


def taught(data, seed):
    """Return accuracies, trained on relit images: (nets, lights)."""
    nets = {name: trained(data, name, seed, relit) for name in NETS}
    return np.array([accuracies(nets[name], data, name) for name in NETS])


EXPERIMENTS = dict.fromkeys((light, taught), SEEDS)
load = STORED.load

if __name__ == "__main__":
    STORED.run(EXPERIMENTS, nl.load_digits(images=True))
