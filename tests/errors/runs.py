"""Bad input to nets, training, data and records."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from errors.kinds import (
    LABELS,
    NAN,
    NOT_DTYPES,
    NOT_EPS,
    NOT_FLOATS,
    NOT_POSITIVE,
    Case,
    X,
    many,
)
from normlib import (
    Adam,
    Data,
    Momentum,
    Net,
    Normalize,
    Recorder,
    Sweep,
    Trace,
    accuracy,
    cnn,
    fit,
    load_digits,
    mean_squared_error,
    mlp,
    recalibrate,
    softmax_cross_entropy,
    sweep,
)

NOT_IN_RANGE = {"-0.1": -0.1, "nan": NAN, "inf": np.inf}
NOT_WORDS = {seen: value for seen, value in NOT_EPS.items() if seen not in NOT_IN_RANGE}
NOT_ARRAYS = {seen: value for seen, value in NOT_FLOATS.items() if seen != "(0, 3)"}

V, T, R, K = ValueError, TypeError, RuntimeError, KeyError


def train(e, **options):
    return fit(e.net, e.data, **{"steps": 2, "batch_size": 4, **options})


def loss(logits=X, labels=LABELS):
    return softmax_cross_entropy(logits, labels)


def load(e, **changes):
    e.net.load_state({**{name: value + 1 for name, value in e.net.state().items()}, **changes})


def stepped(optimizer):
    optimizer.step(np.zeros(3), np.zeros(3), 0.1)
    return optimizer


def data(**parts):
    good = {"x_train": X, "y_train": LABELS, "x_test": X, "y_test": LABELS}
    return Data(**{**good, **parts})


FOLDER = Path(tempfile.gettempdir()) / "never made"  # the call fails before
INSIDE = f"{__file__}/below"
NOT_SEEDS = {"-1": -1, "1.5": 1.5, "'one'": "one"}
NOT_JOBS = {"0": 0, "2.5": 2.5, "True": True, "'all'": "all"}


def grid(run=lambda lr: {"y": lr}, values=None, **options):
    return sweep(run, {"lr": [0.1, 0.2]} if values is None else values, **{"n_jobs": 1, **options})


def table():
    return Sweep({"lr": (0.1, 0.2)}, {"y": np.ones(2)})


NETS = [
    *many("layers", lambda e, v: Net(v), V, "layers", {"none": []}, "order"),
    *many(
        "not layers",
        lambda e, v: Net(v),
        T,
        "layers must be a list",
        {"Normalize": Normalize("layer", 3), "str": "layer", "NoneType": None},
        "Pass",
    ),
    *many("mlp seed", lambda e, v: mlp([4, 2], seed=v), (T, V), "seed must", NOT_SEEDS, "seed=0"),
    *many("cnn seed", lambda e, v: cnn([4], seed=v), (T, V), "seed must", NOT_SEEDS, "seed=0"),
    Case("no layer", lambda e: Net([np.tanh]), T, "layers", "ufunc at '0'", "normlib.Layer"),
    Case("layer twice", lambda e: Net([e.batch, e.batch]), V, "one place", "'0'", "deepcopy"),
    Case(
        "layer elsewhere", lambda e: Net([e.net.parts["output"]]), V, "one place", "'0'", "deepcopy"
    ),
    Case("layer name", lambda e: Net({1: e.batch}), V, "layers", "1", "mapping of str"),
    *many(
        "widths",
        lambda e, v: mlp(v),
        V,
        "widths",
        {"5": 5, "[64]": [64], "0": [4, 0, 2], "2.5": [4, 2.5], "None": None},
        "Pass",
    ),
    Case("which width", lambda e: mlp([64, 0, 10]), V, r"^widths\[1\] must", "0", "at least 1"),
    Case("which channels", lambda e: cnn([16, 0]), V, r"^channels\[1\] must", "0", "at least 1"),
    *many("init_scale", lambda e, v: mlp([4, 2], init_scale=v), V, "init_scale", NOT_EPS, "range"),
    Case("mlp f", lambda e: mlp([4, 2], activation="elu"), V, "activation", "'elu'", "Pass"),
    Case("mlp norm", lambda e: mlp([4, 3, 2], norm="bn"), V, "name", "'bn'", "Pass"),
    Case("mlp without hidden", lambda e: mlp([4, 2], norm="bn"), V, "name", "'bn'", "Pass"),
    Case("mlp norm type", lambda e: mlp([4, 2], norm=3), T, "norm", "int", "'batch'"),
    *many("mlp dtype", lambda e, v: mlp([4, 2], dtype=v), T, "dtype", NOT_DTYPES, "float64"),
    Case("net x", lambda e: e.net.forward(X[:, :2]), V, "x must", r"\(8, 2\)", "n_in"),
    Case("predict", lambda e: e.net.predict(X[:, :2]), V, "x must", r"\(8, 2\)", "n_in"),
    *many("state", lambda e, v: e.net.load_state(v), T, "state", {"list": [X]}, "net.state"),
    Case("no state", lambda e: e.net.load_state({}), V, "state", "no 'layer 1.b'", "The names"),
    Case(
        "state name",
        lambda e: load(e, extra=X),
        V,
        "state must hold the names",
        "'extra'",
        "The names",
    ),
    Case(
        "state shape",
        lambda e: load(e, **{"output.w": X}),
        V,
        r"state\['output.w'\] must have shape \(2, 4\)",
        r"\(8, 3\)",
        "was built",
    ),
    *many(
        "state dtype",
        lambda e, v: load(e, **{"layer 1.var": v}),
        T,
        r"state\['layer 1.var'\] .*float64",
        {
            "float32": np.ones(4, np.float32),
            "int64": np.ones(4, int),
            "complex128": 1j * np.ones(4),
        },
        "another dtype",
    ),
    Case("no batches", lambda e: recalibrate(e.net, []), V, "batches", "none", "Pass"),
    *many(
        "batches in one array",
        lambda e, v: recalibrate(e.net, v),
        T,
        "batches must be an iterable of batches",
        {"one array of shape (8, 3)": X, "(2, 4, 3)": X.reshape(2, 4, 3)},
        r"Pass \[x\]",
    ),
    Case("pairs", lambda e: recalibrate(e.net, [(X, LABELS)]), T, "x must", "tuple", "asarray"),
]
TRAIN = [
    *many("logits", lambda e, v: loss(v), (T, V), "logits must", NOT_FLOATS, "Use|Pass"),
    *many(
        "labels",
        lambda e, v: loss(labels=v),
        T,
        "labels must be integers",
        {"float64": LABELS * 1.0, "<U1": LABELS.astype("U1"), "bool": LABELS > 0},
        "from 0",
    ),
    *many(
        "range",
        lambda e, v: loss(labels=v),
        V,
        "labels must be from 0 to 2",
        {"-1 to 0": LABELS - 1, "2 to 3": LABELS + 2},
        "from 0",
    ),
    Case(
        "labels beyond",
        lambda e: loss(labels=LABELS + 2),
        V,
        "labels must be from 0 to 2",
        "2 to 3",
        "or give the net 4 outputs",
    ),
    *many(
        "shapes",
        lambda e, v: loss(v),
        V,
        r"logits must be \(N, K\)",
        {"(8,)": X[:, 0], "(4, 3)": X[:4], "(8, 3, 1)": X[..., None]},
        "one integer label",
    ),
    *many(
        "outputs", lambda e, v: mean_squared_error(v, X), T, "outputs must", NOT_ARRAYS, "Use|Pass"
    ),
    *many(
        "targets", lambda e, v: mean_squared_error(X, v), T, "targets must", NOT_ARRAYS, "Use|Pass"
    ),
    *many(
        "targets' shape",
        lambda e, v: mean_squared_error(X, v),
        V,
        r"targets must have shape \(8, 3\)",
        {"(8,)": X[:, 0], "(8, 1)": X[:, :1], "(3, 8)": X.T, "(1, 8, 3)": X[None]},
        "one target per output",
    ),
    Case(
        "loss",
        lambda e: train(e, loss="mse"),
        V,
        "loss must be one of 'cross_entropy', 'mean_squared_error'",
        "'mse'",
        "or a function of outputs and targets",
    ),
    *many(
        "one-hot",
        lambda e, v: loss(labels=v),
        V,
        r"labels \(N,\)",
        {"(8, 3)": np.eye(3)[LABELS], "and (8, 3)": np.eye(3, dtype=int)[LABELS]},
        r"labels\.argmax\(1\)",
    ),
    *many(
        "dtype",
        lambda e, v: fit(mlp([3, 2], dtype=np.float32), data(**v), batch_size=4),
        T,
        "data must have inputs of the net's dtype float32",
        {
            "float64 in x_train": {},
            "float64 in x_test": {"x_train": X.astype(np.float32)},
        },
        r"load_digits\(dtype=np\.float32\), or Data of x\.astype\(np\.float32\)",
    ),
    Case("loss alone", lambda e: train(e, loss=lambda y, t: 1.0), T, "loss", "float", "squared"),
    Case(
        "accuracy of numbers",
        lambda e: accuracy(e.net, data(y_train=X, y_test=X)),
        T,
        "data must hold integer labels",
        "float64",
        "evaluate",
    ),
    *many("accuracy data", lambda e, v: accuracy(e.net, v), T, "data must", {"int": 3}, "Data"),
    *many(
        "another net",
        lambda e, v: stepped(v).step(np.zeros(4), np.zeros(4), 0.1),
        V,
        "params must stay",
        {"float64 of shape (4,)": Momentum()},
        "new Momentum",
    ),
    *many("beta", lambda e, v: Momentum(v), V, "beta", {**NOT_EPS, "1.5": 1.5}, "range"),
    *many("beta1", lambda e, v: Adam(beta1=v), V, r"beta1.*\[0, 1\)", {**NOT_EPS, "1": 1}, "range"),
    *many("beta2", lambda e, v: Adam(beta2=v), V, r"beta2.*\[0, 1\)", {**NOT_EPS, "1": 1}, "range"),
    *many("adam eps", lambda e, v: Adam(eps=v), V, "eps", NOT_EPS, "range"),
    *many("steps", lambda e, v: train(e, steps=v), V, "steps", NOT_POSITIVE, "at least 1"),
    *many(
        "batch_size",
        lambda e, v: train(e, batch_size=v),
        V,
        "batch_size",
        {**NOT_POSITIVE, "9": 9},
        "at least 1|smaller",
    ),
    *many(
        "lr",
        lambda e, v: train(e, lr=v),
        V,
        "lr must be a number, a function of the step or a mapping",
        {**NOT_WORDS, "'cosine'": "cosine"},
        r"Pass lr=0\.1",
    ),
    *many("lr out of range", lambda e, v: train(e, lr=v), V, "lr", NOT_IN_RANGE, "range"),
    *many(
        "schedule",
        lambda e, v: train(e, lr=lambda step: v),
        V,
        r"lr\(0\) must be a finite number of at least 0",
        {**NOT_EPS, "'a'": "a"},
        "Return the learning rate",
    ),
    *many(
        "schedule of nothing",
        lambda e, v: train(e, lr=v),
        T,
        r"lr must be callable as lr\(step\)",
        {"<lambda>()": lambda: 0.1},
        r"def lr\(step\)",
    ),
    Case("rates", lambda e: train(e, lr={}), V, "lr", "'layer 1.b' without a number", "layer 1.w"),
    Case(
        "rate too much",
        lambda e: train(e, lr={**dict.fromkeys(e.net.params, 0.1), "v": 1}),
        V,
        "lr",
        "'v' without a parameter",
        "layer 1.w",
    ),
    *many(
        "rate",
        lambda e, v: train(e, lr=dict.fromkeys(e.net.params, v)),
        V,
        r"lr\['layer 1.w'\]",
        NOT_EPS,
        "range",
    ),
    Case(
        "decays",
        lambda e: train(e, weight_decay={"w": 1}),
        V,
        "weight_decay must name",
        "'",
        "layer",
    ),
    *many(
        "decay of one",
        lambda e, v: train(e, weight_decay=dict.fromkeys(e.net.params, v)),
        V,
        r"weight_decay\['layer 1.w'\]",
        NOT_EPS,
        "range",
    ),
    *many("fit seed", lambda e, v: train(e, seed=v), (T, V), "seed must", NOT_SEEDS, "seed=0"),
    *many(
        "on_step",
        lambda e, v: train(e, on_step=v),
        T,
        r"on_step must be callable as on_step\(step, loss, record\)",
        {"<lambda>(step)": lambda step: None, "3": 3},
        "Write def on_step",
    ),
    Case(
        "optimizer class", lambda e: train(e, optimizer=Adam), T, "object", "the class Adam", "()"
    ),
    *many(
        "gradient of a loss",
        lambda e, v: train(e, loss=lambda y, t: (1.0, v)),
        V,
        r"gradient from .*lambda.* shape \(4, 2\)",
        {"(4,)": np.ones(4), "()": None, "(2, 4)": np.ones((2, 4))},
        "respect to the outputs",
    ),
    Case("optimizer", lambda e: train(e, optimizer="adamw"), V, "optimizer", "'adamw'", "Pass"),
    *many(
        "decay",
        lambda e, v: train(e, weight_decay=v),
        V,
        "weight_decay must be a number or a mapping",
        NOT_WORDS,
        "Pass weight_decay=0",
    ),
    *many(
        "decay out of range",
        lambda e, v: train(e, weight_decay=v),
        V,
        "weight_decay",
        NOT_IN_RANGE,
        "range",
    ),
    Case("empty batches", lambda e: train(e, batches=[]), V, "batches", "none", "Pass"),
    Case("no pairs", lambda e: train(e, batches=[X]), V, "batches", "ndarray", "pairs"),
    Case(
        "batch",
        lambda e: train(e, batches=[(X[:, :2], LABELS)]),
        V,
        "x must",
        r"\(8, 2\)",
        "n_in=2",
    ),
    *many(
        "x_train",
        lambda e, v: data(x_train=v),
        T,
        "x_train",
        {k: v for k, v in NOT_FLOATS.items() if "0" not in k},
        "float",
    ),
    *many(
        "y_test",
        lambda e, v: data(y_test=v),
        T,
        "y_test",
        {"float64": LABELS * 1.0, "list": LABELS.tolist(), "bool": LABELS > 0},
        "from 0|same way",
    ),
    Case("kinds", lambda e: data(y_train=LABELS * 1.0), T, "y_test .*float64", "int64", "same way"),
    Case(
        "columns",
        lambda e: data(y_train=X, y_test=X[:, :2]),
        V,
        r"y_test .*\(3,\)",
        r"\(2,\)",
        "same way",
    ),
    *many(
        "targets of inputs",
        lambda e, v: data(y_train=v),
        V,
        r"y_train .*\(8,\)",
        {"(8, 3, 1)": X[..., None], "()": X[0, 0, ...]},
        "same samples",
    ),
    *many(
        "one-hot targets",
        lambda e, v: data(y_test=v),
        V,
        r"y_test .*\(8,\)",
        {"(8, 2)": np.eye(2, dtype=int)[LABELS]},
        r"y\.argmax\(1\)",
    ),
    *many(
        "finite",
        lambda e, v: data(**v),
        V,
        "[xy]_t[a-z]+ must be finite",
        {
            "nan at index (1, 0)": {"x_train": np.where(X == 9, NAN, X)},
            "inf at index (1, 0)": {"x_test": np.where(X == 9, np.inf, X)},
            "-inf at index (1,)": {
                "y_train": np.where(X == 9, -np.inf, X)[:, 0],
                "y_test": X[:, 0],
            },
        },
        "Leave these samples out",
    ),
    *many("digits", lambda e, v: load_digits(dtype=v), T, "dtype", NOT_DTYPES, "float64"),
    Case("length", lambda e: data(y_train=LABELS[:5]), V, r"y_train .*\(8,\)", r"\(5,\)", "same"),
    Case("width", lambda e: data(x_test=X[:, :2]), V, r"x_test .*\(3,\)", r"\(2,\)", "same way"),
]
RECORD = [
    *many(
        "frames",
        lambda e, v: Recorder(v),
        V,
        "steps",
        {
            "0": 0,
            "-1": -1,
            "True": True,
            "2.5": 2.5,
            "'all'": "all",
            "[]": [],
            "[1.5]": [1.5],
            "[3, -1]": [3, -1],
        },
        "Pass",
    ),
    *many("sample", lambda e, v: Recorder(sample=v), V, "sample", NOT_POSITIVE, "at least 1"),
    *many("bins", lambda e, v: Recorder(bins=v), V, "bins", NOT_POSITIVE, "at least 1"),
    *many(
        "signals",
        lambda e, v: Recorder(signals=v),
        V,
        "signals",
        {"'w'": ["w"], "none": [], "3": [3], "'y'": "y"},
        "Pass|Name",
    ),
    *many(
        "probe",
        lambda e, v: Recorder(probe=v),
        (T, V),
        "probe must",
        NOT_FLOATS,
        "Use|Pass",
    ),
    Case(
        "probe width",
        lambda e: train(e, record=Recorder(probe=X[:, :2])),
        V,
        "x must",
        r"\(8, 2\)",
        "n_in=2",
    ),
    Case(
        "late steps",
        lambda e: train(e, record=Recorder([5, 9])),
        V,
        "steps .* 0 to 1",
        r"\[5, 9\]",
        "train longer",
    ),
    Case(
        "no hidden layer",
        lambda e: fit(mlp([3, 2]), e.data, batch_size=4, record=Recorder()),
        V,
        "hidden layer",
        "1 layer",
        "output=True",
    ),
    Case("no run", lambda e: Recorder().trace(), R, "Recorder", "no frame", "fit"),
    Case("file", lambda e: Trace.load(__file__), V, "path", r"runs\.py", "Trace.save"),
]
SWEEP = [
    *many("run", lambda e, v: grid(v), T, "run", {"int": 3, "dict": {}}, "Pass"),
    *many("grid", lambda e, v: grid(values=v), V, "grid", {"{}": {}, "list": [0.1]}, "'lr'"),
    *many(
        "axis",
        lambda e, v: grid(values={"lr": v}),
        V,
        r"grid\['lr'\]",
        {"'batch'": "batch", "0.1": 0.1, "None": None},
        "Put",
    ),
    *many(
        "axis of values",
        lambda e, v: grid(values={"lr": v}),
        V,
        r"grid\['lr'\]",
        {"()": [], "(0.1, 0.2, 0.1)": [0.1, 0.2, np.float64(0.1)]},
        "repetitions",
    ),
    *many(
        "value",
        lambda e, v: grid(values={"lr": [v]}),
        T,
        "grid",
        {"Adam": Adam(), "builtin_function_or_method": len, "type": Adam, "object": object()},
        "word",
    ),
    *many(
        "arguments",
        lambda e, v: grid(values=v),
        T,
        "grid .* arguments",
        {"['rate']": {"rate": [1]}, "['lr', 'seed']": {"lr": [1], "seed": [1]}},
        "axis",
    ),
    *many("version", lambda e, v: grid(path=FOLDER, version=v), T, "version", {"2": 2}, "quotes"),
    Case(
        "no code",
        lambda e: grid(type("Run", (), {"__call__": lambda self, lr: lr})(), path=FOLDER),
        T,
        "version",
        "Run",
        "whenever",
    ),
    *many("path", lambda e, v: grid(path=v), V, "path", {__file__: __file__}, "another"),
    *many("path below a file", lambda e, v: grid(path=v), V, "path", {"below": INSIDE}, "another"),
    *many("n_jobs", lambda e, v: grid(n_jobs=v), V, "n_jobs", NOT_JOBS, "per core"),
    *many(
        "result",
        lambda e, v: grid(lambda lr: v),
        T,
        "run must return",
        {"float": 0.5, "NoneType": None, "dict": {}},
        "Return",
    ),
    *many(
        "in the result",
        lambda e, v: grid(lambda lr: {"y": v}),
        T,
        "run must return",
        {"str": "0.5", "NoneType": None, "Adam": Adam()},
        "Return",
    ),
    Case("result name", lambda e: grid(lambda lr: {1: lr}), T, "run must", "1", "Return"),
    Case(
        "other names",
        lambda e: grid(lambda lr: {f"y{lr}": lr}),
        V,
        "same names",
        "y0.1.*y0.2",
        "NaN",
    ),
    Case(
        "other axes",
        lambda e: grid(lambda lr: {"y": lr if lr < 0.15 else np.ones(3)}),
        V,
        "numbers of axes",
        "0.*1",
        "NaN",
    ),
    Case("no such result", lambda e: table().array("z"), K, "name", "'z'", "'y'"),
    Case("no such axis", lambda e: table().array("y", seed=0), K, "at", "'seed'", "'lr'"),
    Case("no such value", lambda e: table().array("y", lr=0.3), K, "lr", "0.3", "0.1, 0.2"),
]
