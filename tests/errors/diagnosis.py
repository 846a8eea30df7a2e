"""Bad input to what measures gradients, shift, smoothness and invariance."""

from __future__ import annotations

import numpy as np

from errors.kinds import LABELS, NAN, NOT_EPS, NOT_FLOATS, NOT_NUMBERS, NOT_POSITIVE, Case, X, many
from normlib import (
    RESCALINGS,
    Activation,
    Dense,
    Layer,
    Net,
    check_gradients,
    internal_covariate_shift,
    invariance_matrix,
    loss_landscape,
    norm,
    rescaled,
)

V, T, R, K = ValueError, TypeError, RuntimeError, KeyError
BATCH = (X, LABELS)
NOT_NETS = {"Dense": Dense(3, 2, rng=np.random.default_rng(0)), "the class Net": Net, "str": "net"}
NOT_BATCHES = {"ndarray": X, "3 of them": (X, LABELS, X), "NoneType": None}


class Bent(Layer):
    """Identity, with a forward that a test may bend."""

    def __init__(self, forward):
        super().__init__()
        self.forward = forward

    def backward(self, dy):
        return dy


def in_place(x):
    x -= x.mean()
    return x


def noisy():
    rng = np.random.default_rng(0)
    return Bent(lambda x: x + rng.standard_normal(x.shape))


class Narrow(Layer):
    """Has an integer parameter, which differences cannot change."""

    def __init__(self):
        super().__init__()
        self.add("k", np.zeros(3))
        self.values["k"] = np.arange(3)  # `add` would refuse it

    def forward(self, x):
        return x

    def backward(self, dy):
        return dy


def both(what, call, error, argument, values, way_out):
    """Make cases for the two measurements of a net and a batch."""
    return [
        *many(f"shift {what}", lambda e, v: call(shift, e, v), error, argument, values, way_out),
        *many(f"land {what}", lambda e, v: call(landscape, e, v), error, argument, values, way_out),
    ]


def shift(net, batch, **options):
    return internal_covariate_shift(net, batch, **{"lr": 0.1, **options})


def landscape(net, batch, **options):
    return loss_landscape(net, batch, **{"lrs": [0.1], **options})


CASES = [
    *many(
        "check x",
        lambda e, v: check_gradients(e.tanh, v),
        (T, V),
        "x must",
        {**NOT_FLOATS, "float32": X.astype(np.float32)},
        "Use|Pass|use",
    ),
    Case(
        "check shape",
        lambda e: check_gradients(e.dense, X[:, :2]),
        V,
        "x must",
        r"\(8, 2\)",
        "n_in=2",
    ),
    *many(
        "check layer",
        lambda e, v: check_gradients(v, X),
        T,
        "layer must have forward and backward",
        {
            "ufunc": np.tanh,
            "the class Activation": Activation,
            "tuple": (np.tanh, 1),
            "NoneType": None,
            "list": [np.tanh, np.tanh],
        },
        "Pass",
    ),
    *many(
        "check sample",
        lambda e, v: check_gradients(e.tanh, X, sample=v),
        V,
        "sample",
        NOT_POSITIVE,
        "1",
    ),
    *many(
        "tolerance",
        lambda e, v: check_gradients(e.tanh, X, tolerance=v),
        V,
        "tolerance",
        {**NOT_EPS, "0": 0, "1": 1},
        "range",
    ),
    Case(
        "params float32",
        lambda e: check_gradients(Dense(3, 2, rng=e.rng, dtype=np.float32), X),
        T,
        r"params\['w'\]",
        "float32",
        "dtype=np.float64",
    ),
    Case("params int", lambda e: check_gradients(Narrow(), X), T, r"params\['k'\]", "int64", "Use"),
    Case("in place", lambda e: check_gradients(Bent(in_place), X), V, "input", "in place", "Write"),
    Case("noisy", lambda e: check_gradients(noisy(), X), V, "same output", "second call", "Draw"),
    Case("check nan", lambda e: check_gradients(e.batch, X * NAN), V, "output", "nan", "Check x"),
    Case(
        "check output",
        lambda e: check_gradients(Bent(lambda x: x.tolist()), X),
        T,
        "the output must",
        "list",
        "Use",
    ),
    Case(
        "check batch of one",
        lambda e: check_gradients(e.batch, X[:1]),
        V,
        "than one sample",
        r"\(1, 3\)",
        "larger",
    ),
    *both("net", lambda f, e, v: f(v, BATCH), T, "net must be a Net", NOT_NETS, "normlib.Net"),
    *both("batch", lambda f, e, v: f(e.net, v), V, "batch must be a pair", NOT_BATCHES, "Pass"),
    *both(
        "x",
        lambda f, e, v: f(e.net, (v, LABELS)),
        (T, V),
        "x must",
        {"(8, 2)": X[:, :2], "float32": X.astype(np.float32), "list": X.tolist()},
        "Use|n_in",
    ),
    *both(
        "labels",
        lambda f, e, v: f(e.net, (X, v)),
        (T, V),
        "labels",
        {"(5,)": LABELS[:5], "float64": LABELS * 1.0, "0 to 2": LABELS * 2},
        "Pass|Number",
    ),
    *both(
        "loss",
        lambda f, e, v: f(e.net, BATCH, loss=v),
        (T, V),
        "loss must",
        {"'mse'": "mse", "None": None, "float": lambda y, t: 1.0},
        "Pass|See",
    ),
    *many("shift lr", lambda e, v: shift(e.net, BATCH, lr=v), V, "lr must", NOT_EPS, "range"),
    *many(
        "lrs",
        lambda e, v: landscape(e.net, BATCH, lrs=v),
        V,
        "lrs must",
        {
            "0.1": 0.1,
            "[]": [],
            "[0.1, 0]": [0.1, 0],
            "[-0.1]": [-0.1],
            "[nan]": [NAN],
            "'fast'": "fast",
            "None": None,
            "[[0.1]]": [[0.1]],
        },
        "Pass",
    ),
    *both(
        "learns",
        lambda f, e, v: f(Net([v()]), BATCH),
        V,
        "net must have parameters",
        {"none": lambda: Activation("tanh")},
        "Add",
    ),
    *many(
        "matrix norms",
        lambda e, v: invariance_matrix(v),
        T,
        "norms must be a list",
        {"'batch'": "batch", "Norm(": norm("layer"), "3": 3},
        "brackets",
    ),
    *many(
        "matrix rescalings",
        lambda e, v: invariance_matrix(rescalings=v),
        T,
        "rescalings must be a list",
        {"'data times'": "data times", "Rescaling(": RESCALINGS["data times"]},
        "brackets",
    ),
    Case("no norms", lambda e: invariance_matrix([]), V, "norms must name", "none", "Leave"),
    Case("no columns", lambda e: invariance_matrix(rescalings=[]), V, "resc", "none", "Leave"),
    Case("bn", lambda e: invariance_matrix(["bn"]), V, "name", "'bn'", "Pass"),
    Case("norm 3", lambda e: invariance_matrix([3]), T, "norm", "int", "'batch'"),
    Case("twice", lambda e: invariance_matrix(["rms", "rms"]), V, "norms", "'rms' twice", "Rename"),
    *many(
        "rescaling",
        lambda e, v: rescaled("batch", v),
        V,
        "rescaling must be one of",
        {"'contrast'": "contrast", "None": None, "3": 3},
        "Pass",
    ),
    *many(
        "strength",
        lambda e, v: rescaled("batch", "data times", strength=v),
        V,
        "strength",
        NOT_NUMBERS,
        "range",
    ),
    *many("matrix eps", lambda e, v: invariance_matrix(eps=v), V, "eps", NOT_EPS, "range"),
    *many(
        "matrix tolerance",
        lambda e, v: invariance_matrix(tolerance=v),
        V,
        "tolerance",
        {**NOT_EPS, "2": 2},
        "range",
    ),
    *many(
        "matrix padding",
        lambda e, v: invariance_matrix(images=True, padding=v),
        V,
        "padding",
        {"-1": -1, "1.5": 1.5, "True": True},
        "Pass",
    ),
    Case("dense padding", lambda e: invariance_matrix(padding=1), V, "padding", "1", "images=True"),
    Case(
        "instance rescaled",
        lambda e: rescaled("instance", "data times"),
        V,
        "instance",
        r"\(16, 12\)",
        "another",
    ),
]
