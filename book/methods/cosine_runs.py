"""The larger experiments of cosine.ipynb: many runs, stored as a summary.

    python book/methods/cosine_runs.py

trains every cell with several seeds and writes cosine_runs.json beside this
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
COSINE = nl.NORMS["cosine"]
SCALED = replace(COSINE, name="cosine, g from 4", start=4.0)

# The output layer: what normalizes it, and whether its scale g is learned
HEADS = {
    "linear": (None, False),
    "cosine, scale 1": (COSINE, False),
    "cosine, scale 10": (replace(COSINE, start=10.0), False),
    "cosine, learned from 1": (COSINE, True),
}
HEAD_RATES = (0.03, 0.1, 0.3, 1, 3)

# Hidden layers
HIDDEN = {
    "none": None,
    "cosine, as published": replace(COSINE, affine=False),
    "cosine, g from 1": COSINE,
    "cosine, g from 4": SCALED,
    "layer": "layer",
    "batch": "batch",
}
HIDDEN_RATES = (0.01, 0.03, 0.1, 0.3, 1, 3)

# Attention over the 16 patches of 2 x 2 pixels
FACTORS = (1, 4, 16)
QK = {"dot products": None, "cosines": "cosine"}
QK_RATES = (0.01, 0.03, 0.1)
WIDTH = 32


def head(data, kind, rate, seed):
    """Return (accuracy, loss of the last 20 steps, mean scale) of one run."""
    norm, learned = HEADS[kind]
    rng = np.random.default_rng(seed)
    hidden = nl.Dense(64, 64, rng=rng)
    output = nl.Dense(64, 10, norm=norm, activation="identity", rng=rng)
    net = nl.Net({"hidden": hidden, "output": output})
    rates = dict.fromkeys(net.params, rate)
    if norm is not None and not learned:
        rates["output.g"] = rates["output.b"] = 0.0
    run = nl.fit(net, data, steps=300, lr=rates, seed=seed)
    scale = np.mean(net.params["output.g"]) if norm else np.nan
    return run.accuracy, run.loss[-20:].mean(), scale


def heads(data, seed, kinds=HEADS, rates=HEAD_RATES):
    """Return an array of shape (kinds, rates, 3), as `head` returns it."""
    return np.array(
        [[head(data, kind, rate, seed) for rate in rates] for kind in kinds]
    )


def hidden(data, seed, methods=HIDDEN, rates=HIDDEN_RATES):
    """Return (methods, rates, 2): accuracy, and its unrest in a run.

    The unrest is the standard deviation of the test accuracy over every
    fifth of the last 50 of 150 steps.
    """

    def run(method, rate):
        norm, seen = HIDDEN[method], []
        net = nl.mlp((64, 48, 48, 48, 48, 10), norm=norm, seed=seed)

        def look(step, loss, record):
            if step >= 100 and step % 5 == 4:
                found = net.predict(data.x_test)
                seen.append(np.mean(found == data.y_test))

        done = nl.fit(
            net, data, steps=150, lr=rate, seed=seed, on_step=look
        )
        return done.accuracy, np.std(seen) if len(seen) == 10 else np.nan

    return np.array([[run(m, rate) for rate in rates] for m in methods])


class Place(nl.Layer):
    """Add a learned vector to each token, so that it knows where it is."""

    def __init__(self, tokens, width, rng):
        super().__init__()
        self.add("p", 0.5 * rng.normal(size=(tokens, width)))

    def forward(self, x):
        """Return x + p."""
        return x + self.params["p"]

    def backward(self, dy):
        """Return dL/dx, and fill the gradient of p."""
        self.grads["p"] = dy.sum(axis=0)
        return dy


class Join(nl.Layer):
    """Put a sample's tokens into one row."""

    def forward(self, x):
        """Return (N, T D) from (N, T, D)."""
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy):
        """Return dL/dx."""
        return dy.reshape(self.shape)


def patches(data):
    """Return the digits as 16 tokens of 4 pixels."""

    def cut(x):
        squares = x.reshape(-1, 4, 2, 4, 2).swapaxes(2, 3)
        return np.ascontiguousarray(squares.reshape(-1, 16, 4))

    return replace(data, x_train=cut(data.x_train), x_test=cut(data.x_test))


def attention_net(qk_norm, factor, seed):
    """Return a net with one attention layer, its q and k times a factor."""
    rng = np.random.default_rng(seed)
    embed = nl.Dense(4, WIDTH, activation="identity", rng=rng)
    place = Place(16, WIDTH, rng)
    attention = nl.Attention(WIDTH, qk_norm=qk_norm, rng=rng)
    output = nl.Dense(16 * WIDTH, 10, activation="identity", rng=rng)
    net = nl.Net(
        {
            "embed": embed,
            "place": place,
            "attention": attention,
            "join": Join(),
            "output": output,
        }
    )
    for name in ("attention.q.w", "attention.k.w"):
        net.params[name] = factor * net.params[name]
    return net


def entropy(net, x):
    """Return the mean entropy of the attention weights, in nats."""
    net.evaluate(x)
    p = net.parts["attention"].attention
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    return -(p * logs).sum(axis=-1).mean()


def attention(data, seed, factors=FACTORS, rates=QK_RATES):
    """Return (QK, factors, rates, 3): accuracy, entropy before and after."""
    tokens = patches(data)

    def run(qk_norm, factor, rate):
        net = attention_net(qk_norm, factor, seed)
        before = entropy(net, tokens.x_test[:100])
        done = nl.fit(net, tokens, lr=rate, batch_size=32, seed=seed)
        after = np.nan
        if np.isfinite(done.loss).all():
            after = entropy(net, tokens.x_test[:100])
        return done.accuracy, before, after

    return np.array(
        [
            [[run(qk, f, rate) for rate in rates] for f in factors]
            for qk in QK.values()
        ]
    )


EXPERIMENTS = {heads: range(5), hidden: range(5), attention: range(3)}
load = STORED.load

if __name__ == "__main__":
    STORED.run(EXPERIMENTS, nl.load_digits())
