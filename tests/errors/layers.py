"""Bad input to layers."""

from __future__ import annotations

from operator import setitem

import numpy as np

from errors.kinds import (
    NAN,
    NOT_DTYPES,
    NOT_EPS,
    NOT_FLOATS,
    NOT_POSITIVE,
    Case,
    X,
    many,
    used,
)
from normlib import Activation, Affine, Dense, Layer, Net, Normalize, Whiten, mlp, norm

V, T, R, K = ValueError, TypeError, RuntimeError, KeyError


def with_nan(value):
    x = X.copy()
    x[2, 1] = value
    return x


class Unready(Layer):
    """Has forgotten super().__init__()."""

    def __init__(self):
        self.scale = 3.0


class Hiding(Layer):
    """Keeps a layer where nothing finds it."""

    def __init__(self):
        super().__init__()
        self.inner = Affine(3)


class HidingMany(Layer):
    """Keeps layers in a list, as one does elsewhere."""

    def __init__(self):
        super().__init__()
        self.inner = {"both": [Affine(3), Affine(3)]}


A_LAYER = [
    *many(
        "add",
        lambda e, v: e.tanh.add("s", v),
        (T, V),
        "value",
        {**NOT_FLOATS, "float16": X.astype(np.float16), "float": 1.0},
        "Use|Pass",
    ),
    Case("no forward", lambda e: Layer().forward(X), NotImplementedError, "forward", "n", "Return"),
    Case(
        "no backward", lambda e: Layer().backward(X), NotImplementedError, "backward", "n", "dL/dx"
    ),
    *many(
        "training",
        lambda e, v: setattr(e.net, "training", v),
        V,
        "training must be True or False",
        {"'no'": "no", "0": 0, "None": None},
        "Pass",
    ),
    *many(
        "freeze",
        lambda e, v: e.net.freeze_statistics(v),
        V,
        "on must be True or False",
        {"'no'": "no", "0": 0, "None": None},
        "Pass",
    ),
    *many(
        "call",
        lambda e, v: v(e)(X),
        T,
        "must be told",
        {"a plain call": lambda e: e.net, "a": lambda e: e.batch},
        r"Use forward.*evaluate\(x\)",
    ),
    Case("no init", lambda e: Unready().params, AttributeError, "Unready", "no", "super"),
    Case(
        "no init, add",
        lambda e: Unready().add("s", X),
        AttributeError,
        "Unready must be set up",
        "'values'",
        "super",
    ),
    Case("no init in a net", lambda e: Net([Unready()]), AttributeError, "Unready", "no", "super"),
    Case(
        "hidden", lambda e: Net([Hiding()]), V, "self.parts", "'inner' in '0'", r"parts\['inner'\]"
    ),
    Case(
        "hidden in a list",
        lambda e: Net([HidingMany()]),
        V,
        "self.parts",
        "'inner' in '0'",
        r"parts\['inner'\]",
    ),
    Case(
        "hidden deeper",
        lambda e: Net([Net({"deep": Hiding()})]),
        V,
        "self.parts",
        "'inner' in 'deep'",
        r"parts\['inner'\]",
    ),
    Case(
        "dtypes",
        lambda e: Net({"one": Affine(3), "two": Affine(3, dtype="float32")}),
        V,
        "one dtype",
        "float64 in 'one.g' and float32 in 'two.g'",
        "same dtype",
    ),
]
CASES = [
    *A_LAYER,
    Case("norm None", lambda e: Normalize(None, 3), V, "norm", "None", "Leave the layer out"),
    Case("norm of a type", lambda e: Normalize(3, 3), T, "norm", "int", "'batch'"),
    Case("unknown norm", lambda e: Normalize("bn", 3), V, "name", "'bn'", "Pass"),
    Case("weight", lambda e: Normalize("weight", 3), T, "activations", "'weight'", "Dense"),
    Case("cosine", lambda e: Normalize("cosine", 3), T, "activations", "'cosine'", "Dense"),
    Case(
        "groups and channels",
        lambda e: Normalize(norm("group", groups=4), 6),
        V,
        "groups must divide",
        "groups=4 for 6",
        r"\[1, 2, 3, 6\][.]",
    ),
    *many("channels", lambda e, v: Normalize("layer", v), V, "channels", NOT_POSITIVE, "at least"),
    *many("affine channels", lambda e, v: Affine(v), V, "channels", NOT_POSITIVE, "at least 1"),
    *many(
        "channel_axis",
        lambda e, v: Normalize("layer", 3, channel_axis=v),
        V,
        "channel_axis",
        {"0": 0, "2": 2, "None": None},
        "Pass",
    ),
    Case("affine axis", lambda e: Affine(3, channel_axis=0), V, "channel_axis", "0", "Pass"),
    *many("dtype", lambda e, v: Normalize("rms", 3, dtype=v), T, "dtype", NOT_DTYPES, "float64"),
    *many("affine dtype", lambda e, v: Affine(3, dtype=v), T, "dtype", NOT_DTYPES, "float64"),
    *many(
        "normalize x",
        lambda e, v: e.batch.forward(v),
        (T, V),
        "x must",
        {
            **NOT_FLOATS,
            "float32": X.astype(np.float32),
            "shape (8,)": X[:, 0],
            "shape (8, 2)": X[:, :2],
        },
        "Use|Pass|Reshape|Check",
    ),
    Case(
        "batch of one",
        lambda e: e.batch.forward(X[:1]),
        V,
        "than one sample",
        r"\(1, 3\)",
        "larger",
    ),
    Case(
        "batch of one, dense", lambda e: e.dense.forward(X[:1]), V, "batch", r"\(1, 4\)", "larger"
    ),
    Case(
        "instance on dense data",
        lambda e: Normalize("instance", 3).forward(X),
        V,
        "instance .* than one position",
        r"\(8, 3\)",
        "'layer'",
    ),
    Case(
        "one value per group",
        lambda e: Normalize(norm("group", groups=3), 3).forward(X),
        V,
        "group .* than one channel or position",
        r"\(8, 3\)",
        "'layer'",
    ),
    *many(
        "check_finite",
        lambda e, v: e.checked.forward(with_nan(v)),
        V,
        "x must be finite",
        {"nan at index (2, 1)": NAN, "inf at index (2, 1)": np.inf, "-inf": -np.inf},
        "check_finite=False",
    ),
    *many(
        "normalize dz",
        lambda e, v: e.batch.backward(v),
        (T, V),
        "dz must",
        {**NOT_FLOATS, "(4, 3)": X[:4], "(3, 8)": X.T},
        "Use|Pass",
    ),
    *many(
        "affine x_hat",
        lambda e, v: Affine(3).forward(v),
        (T, V),
        "x_hat must",
        {**NOT_FLOATS, "(8, 1)": X[:, :1], "(8,)": X[:, 0]},
        "Use|Pass|Check",
    ),
    *many(
        "affine dz",
        lambda e, v: used(Affine(3), X).backward(v),
        (T, V),
        "dz must",
        {**NOT_FLOATS, "(4, 3)": X[:4]},
        "Use|Pass",
    ),
    *(
        Case(
            f"backward first: {name}",
            lambda e, new=new: new().backward(X),
            R,
            rf"^{name}[.]backward needs the values of a forward",
            "none",
            "Call forward first",
        )
        for name, new in {
            "Normalize": lambda: Normalize("layer", 3),
            "Affine": lambda: Affine(3),
            "Whiten": lambda: Whiten(3),
            "Activation": lambda: Activation("relu"),
            "Dense": lambda: Dense(3, 3, rng=np.random.default_rng(0)),
            "Net": lambda: mlp([3, 3], norm="batch"),
        }.items()
    ),
    *many("Whiten channels", lambda e, v: Whiten(v), V, "channels", NOT_POSITIVE, "at least"),
    *many(
        "Whiten groups",
        lambda e, v: Whiten(6, groups=v),
        V,
        "groups",
        {**NOT_POSITIVE, "groups=4 for 6": 4},
        "at least 1|Pass one of",
    ),
    *many("Whiten eps", lambda e, v: Whiten(3, eps=v), V, "eps", NOT_EPS, "range"),
    *many(
        "Whiten momentum",
        lambda e, v: Whiten(3, momentum=v),
        V,
        r"momentum .*\[0, 1\]",
        {"1.1": 1.1, "-0.1": -0.1, "nan": NAN, "'0.1'": "0.1"},
        "range",
    ),
    *many(
        "Whiten iterations",
        lambda e, v: Whiten(3, iterations=v),
        V,
        "iter",
        NOT_POSITIVE,
        "1",
    ),
    *many("Whiten affine", lambda e, v: Whiten(3, affine=v), V, "affine", {"1": 1}, "one of"),
    *many(
        "Whiten axis",
        lambda e, v: Whiten(3, channel_axis=v),
        V,
        "channel_axis",
        {"0": 0},
        "P",
    ),
    *many("Whiten dtype", lambda e, v: Whiten(3, dtype=v), T, "dtype", NOT_DTYPES, "float64"),
    Case("Whiten method", lambda e: Whiten(3, method="svd"), V, "method", "'svd'", "Pass"),
    *many(
        "Whiten x",
        lambda e, v: e.whiten.forward(v),
        (T, V),
        "x must",
        {
            **NOT_FLOATS,
            "float32": X.astype(np.float32),
            "shape (8,)": X[:, 0],
            "shape (8, 2)": X[:, :2],
        },
        "Use|Pass|Reshape|Check",
    ),
    *many(
        "Whiten finite",
        lambda e, v: e.whiten.forward(with_nan(v)),
        V,
        "x must be finite",
        {"nan at index (2, 1)": NAN, "inf at index (2, 1)": np.inf},
        "Mend",
    ),
    Case(
        "Whiten rank",
        lambda e: e.exact.forward(np.ones((8, 3))),
        V,
        "x must have a covariance of full rank",
        "rank 0 of 3",
        "eps=1e-5",
    ),
    Case(
        "Whiten sample",
        lambda e: e.whiten.forward(X[:1]),
        V,
        "whitening normalization needs more than one sample or position",
        r"\(1, 3\)",
        "larger batch",
    ),
    *many(
        "Whiten dz",
        lambda e, v: e.whiten.backward(v),
        (T, V),
        "dz must",
        {**NOT_FLOATS, "(4, 3)": X[:4], "(3, 8)": X.T},
        "Use|Pass",
    ),
    Case("activation", lambda e: Activation("gelu"), V, "activation", "'gelu'", "Pass"),
    *many(
        "z", lambda e, v: Activation("tanh").forward(v), (T, V), "z must", NOT_FLOATS, "Use|Pass"
    ),
    *many(
        "activation dh",
        lambda e, v: e.tanh.backward(v),
        (T, V),
        "dh must",
        {**NOT_FLOATS, "(4, 3)": X[:4]},
        "Use|Pass",
    ),
    *many("n_in", lambda e, v: Dense(v, 3, rng=e.rng), V, "n_in", NOT_POSITIVE, "at least 1"),
    *many("n_out", lambda e, v: Dense(3, v, rng=e.rng), V, "n_out", NOT_POSITIVE, "at least 1"),
    *many("rng", lambda e, v: Dense(3, 3, rng=v), T, "rng", {"int": 0}, "default_rng"),
    *many(
        "std",
        lambda e, v: Dense(3, 3, std=v, rng=e.rng),
        V,
        "std",
        {k: v for k, v in NOT_EPS.items() if v is not None},
        "range",
    ),
    Case("bias", lambda e: Dense(3, 3, bias="no", rng=e.rng), V, "bias", "'no'", "Pass"),
    Case("dense norm", lambda e: Dense(3, 3, norm=3, rng=e.rng), T, "norm", "int", "'batch'"),
    Case(
        "dense f",
        lambda e: Dense(3, 3, activation="x", rng=e.rng),
        V,
        "activation",
        "'x'",
        "Pass",
    ),
    *many(
        "dense dtype", lambda e, v: Dense(3, 3, dtype=v, rng=e.rng), T, "dtype", NOT_DTYPES, "Pass"
    ),
    *many(
        "dense x",
        lambda e, v: e.dense.forward(v),
        (T, V),
        "x must",
        {
            **NOT_FLOATS,
            "float32": X.astype(np.float32),
            "(3,)": X[0],
            "(8, 2)": X[:, :2],
        },
        "Use|Pass|n_in=",
    ),
    Case(
        "dense x, a number",
        lambda e: e.dense.forward(np.array(1.0)),
        V,
        "x must have shape .* two axes",
        r"\(\)",
        "n_in=1[.]",
    ),
    *many(
        "dense dh",
        lambda e, v: e.dense.backward(v),
        (T, V),
        "dh must",
        {**NOT_FLOATS, "(8, 3)": X},
        "Use|Pass",
    ),
    Case(
        "params shape",
        lambda e: setitem(e.dense.params, "w", X),
        V,
        r"params\['w'\] must keep its shape",
        r"\(8, 3\)",
        "of that shape",
    ),
    Case(
        "grads shape",
        lambda e: setitem(e.net.grads, "layer 1.g", np.ones((8, 4))),
        V,
        r"grads\['layer 1.g'\] must keep its shape \(4,\)",
        r"\(8, 4\)",
        "Sum over the samples",
    ),
    Case(
        "running shape",
        lambda e: setitem(e.batch.running, "mean", X),
        V,
        r"running\['mean'\] must keep its shape \(3,\)",
        r"\(8, 3\)",
        "of that shape",
    ),
    Case(
        "params dtype",
        lambda e: setitem(e.dense.params, "g", [1j] * 4),
        T,
        r"params\['g'\]",
        "complex128",
        "float",
    ),
    Case(
        "params name",
        lambda e: setitem(e.dense.params, "gamma", X),
        K,
        "^a key of params must be in 'w', 'g', 'b'",
        "'gamma'",
        "Use",
    ),
]
