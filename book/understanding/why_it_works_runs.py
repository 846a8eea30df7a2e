"""The larger experiments of why_it_works.ipynb, stored as a summary.

    python book/understanding/why_it_works_runs.py

makes every measurement with five seeds and writes why_it_works_runs.json
beside this file. The chapter shows that summary, runs parts of seed 0
again and compares.
"""

import sys
from pathlib import Path

import numpy as np

import normlib as nl

sys.path.append(str(Path(__file__).parents[1]))
from stored import Stored

STORED = Stored(__file__)
SEEDS = range(5)
FOLLOWED = ("none", "started", "layer", "batch")  # see KINDS

#: Activation function, initial scale, hidden layers, learning rate.
TANH = ("tanh", 0.7, 8, 0.1)
SLOW = ("tanh", 1.0, 10, 0.03)
RELU = ("relu", 1.0, 8, 0.1)
SETTINGS = (TANH, SLOW, RELU)
DEEP = (("tanh", 0.7, 20, 0.1), ("relu", 1.0, 20, 0.1))

# One thing changed at a time: a start, a method, or what a method does
KINDS = (
    "none",
    "started",  # the plain net that computes what BN's net starts with
    "weight",
    "layer",
    "batch",
    "held",  # BN, weights scaled back to their first length at each step
    "noisy",  # BN, then noise
    "started noisy",
)
RATES = (0.01, 0.03, 0.1, 0.3, 1, 3)
STEPS = 150
TIMES = range(0, STEPS, 20)
FEWER = range(0, STEPS, 30)  # for the measure that costs most
ENOUGH = 10.0  # a larger loss, or one that is not finite, counts as this

# Step lengths along the gradient, as multiples of the learning rate
LENGTHS = (1 / 64, 1 / 16, 1 / 4, 1 / 2, 1, 2, 4)
LOWER = 0.05  # equal steps promise to lower the loss by this share


class Jittered(nl.Activation):
    """f(s z + m): s and m are drawn anew, for each unit in each step."""

    def __init__(self, name, units, rng):
        super().__init__(name)
        self.units, self.rng, self.s = units, rng, 1.0

    def forward(self, z):
        if self.training:
            m = self.rng.uniform(-0.5, 0.5, self.units)
            self.s = self.rng.uniform(1, 1.25, self.units)
            z = self.s * z + m
            self.show("z", z)
        return super().forward(z)

    def backward(self, dh):
        return self.s * super().backward(dh)


def net(norm, seed, setting):
    """Return a fresh network; "none" means no normalization."""
    f, scale, depth, _ = setting
    return nl.mlp(
        [64, *[64] * depth, 10],
        norm=None if norm == "none" else norm,
        activation=f,
        init_scale=scale,
        seed=seed,
    )


def hidden(made):
    """Return the layers below the output layer."""
    return list(made.parts.values())[:-1]


def variant(kind, data, seed, setting):
    """Return a fresh network of one of KINDS."""
    word = kind.split()[0]
    norm = {"started": "batch", "held": "batch", "noisy": "batch"}
    made = net(norm.get(word, word), seed, setting)
    if word == "started":  # statistics of the start become weights
        nl.recalibrate(made, [data.x_train])
        made = nl.fold(made)
    if kind.endswith("noisy"):
        rng = np.random.default_rng([seed, 1])
        for layer in hidden(made):
            layer.parts["f"] = Jittered(setting[0], 64, rng)
    return made


def holder(made):
    """Return what scales the hidden weights back to their first length."""
    weights = [layer.params["w"] for layer in hidden(made)]
    first = [np.linalg.norm(w) for w in weights]

    def hold(step, loss, record):
        for w, length in zip(weights, first, strict=True):
            w *= length / np.linalg.norm(w)

    return hold


def train(kind, data, seed, setting, rate=None, **options):
    """Return the history of one run."""
    made = variant(kind, data, seed, setting)
    if kind == "held":
        options["on_step"] = holder(made)
    rate = setting[-1] if rate is None else rate
    return nl.fit(made, data, steps=STEPS, lr=rate, seed=seed, **options)


def capped(losses):
    """Return a mean loss, of at most ENOUGH."""
    return float(
        np.minimum(np.nan_to_num(losses, nan=np.inf), ENOUGH).mean()
    )


def kinds(data, seed, settings=(TANH, RELU), rates=RATES, only=KINDS):
    """Return shape (settings, kinds, rates, 3).

    Mean loss of the first 100 steps, of the last 20, and test accuracy.
    """

    def row(kind, setting, rate):
        run = train(kind, data, seed, setting, rate)
        loss = np.full(STEPS, np.inf)
        loss[: len(run.loss)] = run.loss
        return capped(loss[:100]), capped(loss[-20:]), run.accuracy

    return np.array(
        [[[row(k, s, r) for r in rates] for k in only] for s in settings]
    )


def deep(data, seed):
    """Return shape (settings, FOLLOWED, rates, 3), as `kinds` does."""
    return kinds(data, seed, DEEP, RATES[:4], FOLLOWED)


def moves(data, seed, settings=(TANH, RELU), only=KINDS):
    """Return how unit means of z move, in units of the layer's spread.

    Shape (settings, kinds, 2): from one step to the next, and from the
    start to the last pair of steps; the mean over layers and pairs.
    """
    pairs = [t + k for t in TIMES for k in (0, 1)]
    probe = {"probe": data.x_train[:64], "sample": 64 * 64}

    def row(kind, setting):
        record = nl.Recorder(pairs, signals="z", **probe)
        run = train(kind, data, seed, setting, record=record)
        z = run.trace.signals["z"]
        if len(z.spread) < len(pairs):
            return ENOUGH, ENOUGH
        step = np.diff(z.unit_mean, axis=0)[::2]
        far = z.unit_mean[-1] - z.unit_mean[0]
        near = np.sqrt((step**2).mean(axis=2)) / z.spread[::2]
        return near.mean(), (
            np.sqrt((far**2).mean(1)) / z.spread[-1]
        ).mean()

    return np.array([[row(k, s) for k in only] for s in settings])


def two_batches(data, seed, step):
    """Return 64 training digits drawn at random, and all of them."""
    rng = np.random.default_rng([seed, step])
    rows = rng.choice(len(data.x_train), 64, replace=False)
    return (
        (data.x_train[rows], data.y_train[rows]),
        (data.x_train, data.y_train),
    )


def followed(kind, data, seed, setting, look, times=TIMES):
    """Train, and return what `look` returns at each of the times."""
    made, found = variant(kind, data, seed, setting), []

    def on_step(step, loss, record):
        if step in times:
            found.append(look(made, step))

    nl.fit(
        made, data, steps=STEPS, lr=setting[-1], seed=seed, on_step=on_step
    )
    return found


def measured(made, batch, rate):
    """Return six numbers, means over the layers above the first.

    Loss; length of the gradient; length of its change and cosine, for a
    step at the learning rate; both again for a step whose gradient
    promises to lower the loss by the share LOWER.
    """
    start = nl.loss_landscape(made, batch, [rate])
    equal = LOWER * start.start / start.gradient**2
    own, same = (
        nl.internal_covariate_shift(made, batch, lr) for lr in (rate, equal)
    )
    rows = own.before, own.difference, own.cosine
    rows += same.difference, same.cosine
    return start.start, *(row[1:].mean() for row in rows)


def shift(data, seed, settings=SETTINGS, only=FOLLOWED):
    """Return shape (settings, only, FEWER, batches, 6)."""

    def row(kind, setting):
        return followed(
            kind,
            data,
            seed,
            setting,
            lambda made, step: [
                measured(made, batch, setting[-1])
                for batch in two_batches(data, seed, step)
            ],
            FEWER,
        )

    return np.array([[row(k, s) for k in only] for s in settings])


def smooth(data, seed, settings=(TANH, RELU)):
    """Return means over times: shape (settings, FOLLOWED, 2 + lengths).

    For steps of half to four times the learning rate: the range of the
    loss, and the largest change of the gradient as a share of it. Then
    that share per distance moved, for each of LENGTHS alone.
    """

    def look(made, step, rate):
        batch = two_batches(data, seed, step)[0]
        far = nl.loss_landscape(made, batch, rate * np.array(LENGTHS[3:]))
        near = nl.loss_landscape(made, batch, rate * np.array(LENGTHS))
        beta = near.change / near.lrs / near.gradient
        return far.loss_range, far.gradient_predictiveness, *beta

    def row(kind, setting):
        return np.mean(
            followed(
                kind,
                data,
                seed,
                setting,
                lambda made, step: look(made, step, setting[-1]),
            ),
            axis=0,
        )

    return np.array([[row(k, s) for k in FOLLOWED] for s in settings])


EXPERIMENTS = dict.fromkeys((kinds, deep, moves, shift, smooth), SEEDS)
load = STORED.load

if __name__ == "__main__":
    STORED.run(EXPERIMENTS, nl.load_digits())
