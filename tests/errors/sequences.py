"""Bad input to residual blocks, attention and recurrent layers."""

from __future__ import annotations

import numpy as np

from errors.kinds import NOT_DTYPES, NOT_EPS, NOT_FLOATS, NOT_POSITIVE, Case, X, many, used
from normlib import Activation, Attention, Dense, Recurrent, Residual, residual

V, T, R = ValueError, TypeError, RuntimeError

TOKENS = X.reshape(2, 4, 3) / 100


def plain(e, **options):
    return Dense(3, 3, rng=e.rng, **options)


def attention(e, **options):
    return Attention(**{"width": 3, "rng": e.rng, **options})


def recurrent(e, **options):
    return Recurrent(**{"n_in": 3, "n_hidden": 4, "rng": e.rng, **options})


def stack(**options):
    return residual(**{"width": 4, "blocks": 2, "n_in": 3, "classes": 2, **options})


NOT_STD = {seen: value for seen, value in NOT_EPS.items() if value is not None}
RESIDUAL = [
    *many("body", lambda e, v: Residual(v), T, "body must be a Layer", {"ufunc": np.tanh}, "Wrap"),
    Case(
        "body in a net",
        lambda e: Residual(e.net.parts["output"]),
        V,
        "body must have one place",
        "Dense",
        "deepcopy",
    ),
    Case(
        "no channels",
        lambda e: Residual(plain(e), norm="layer"),
        V,
        "channels must be given",
        "None",
        "number of channels",
    ),
    *many(
        "residual channels",
        lambda e, v: Residual(plain(e), norm="layer", channels=v),
        V,
        "channels",
        {seen: value for seen, value in NOT_POSITIVE.items() if value is not None},
        "at least 1",
    ),
    *many(
        "placement",
        lambda e, v: Residual(plain(e), placement=v),
        V,
        "placement",
        {"'mid'": "mid", "None": None},
        "Pass",
    ),
    Case(
        "residual weight",
        lambda e: Residual(plain(e), norm="weight", channels=3),
        T,
        "activations",
        "'weight'",
        "Dense",
    ),
    Case(
        "residual axis",
        lambda e: Residual(plain(e), norm="layer", channels=3, channel_axis=0),
        V,
        "channel_axis",
        "0",
        "Pass",
    ),
    *many(
        "residual dtype",
        lambda e, v: Residual(plain(e), norm="layer", channels=3, dtype=v),
        T,
        "dtype",
        NOT_DTYPES,
        "float64",
    ),
    *many(
        "residual x",
        lambda e, v: Residual(Activation("tanh")).forward(v),
        (T, V),
        "x must",
        NOT_FLOATS,
        "Use|Pass",
    ),
    *(
        Case(
            f"body that {what}",
            lambda e, n=n, p=p: Residual(
                Dense(3, n, rng=e.rng), norm="layer", channels=3, placement=p
            ).forward(X),
            V,
            r"the body's output must have shape \(8, 3\)",
            rf"\(8, {n}\)",
            "keeps the shape",
        )
        for what, n, p in (("widens", 4, "pre"), ("would broadcast", 1, "post"))
    ),
    *many(
        "residual dy",
        lambda e, v: used(Residual(Activation("tanh")), X).backward(v),
        (T, V),
        "dy must",
        {**NOT_FLOATS, "(4, 3)": X[:4]},
        "Use|Pass",
    ),
    *many("stack width", lambda e, v: stack(width=v), V, "width", NOT_POSITIVE, "at least 1"),
    *many("stack blocks", lambda e, v: stack(blocks=v), V, "blocks", NOT_POSITIVE, "at least 1"),
    *many("stack n_in", lambda e, v: stack(n_in=v), V, "n_in", NOT_POSITIVE, "at least 1"),
    *many("stack classes", lambda e, v: stack(classes=v), V, "classes", NOT_POSITIVE, "at least 1"),
    *many("stack scale", lambda e, v: stack(init_scale=v), V, "init_scale", NOT_EPS, "range"),
    *many("stack dtype", lambda e, v: stack(dtype=v), T, "dtype", NOT_DTYPES, "float64"),
    Case("stack f", lambda e: stack(activation="elu"), V, "activation", "'elu'", "Pass"),
    Case("stack norm", lambda e: stack(norm="bn"), V, "name", "'bn'", "Pass"),
    Case("stack weight", lambda e: stack(norm="weight"), T, "activations", "'weight'", "Dense"),
    Case("stack place", lambda e: stack(placement="in"), V, "placement", "'in'", "Pass"),
]
ATTENTION = [
    *many("attention width", lambda e, v: attention(e, width=v), V, "width", NOT_POSITIVE, "least"),
    *many("attention rng", lambda e, v: attention(e, rng=v), T, "rng", {"int": 0}, "default_rng"),
    *many("attention std", lambda e, v: attention(e, std=v), V, "std", NOT_STD, "range"),
    *many("attention dtype", lambda e, v: attention(e, dtype=v), T, "dtype", NOT_DTYPES, "float64"),
    *many(
        "causal",
        lambda e, v: attention(e, causal=v),
        V,
        "causal",
        {"1": 1, "'yes'": "yes", "None": None},
        "Pass",
    ),
    Case("qk_norm", lambda e: attention(e, qk_norm="l2"), V, "name", "'l2'", "Pass"),
    Case("qk_norm of a type", lambda e: attention(e, qk_norm=3), T, "norm", "int", "'batch'"),
    Case(
        "qk_norm of weights",
        lambda e: attention(e, qk_norm="weight"),
        T,
        "both queries and keys",
        "'weight'",
        "'cosine'",
    ),
    *many(
        "attention x",
        lambda e, v: attention(e, qk_norm="batch").forward(v),
        (T, V),
        "x must",
        {
            **NOT_FLOATS,
            "float32": TOKENS.astype(np.float32),
        },
        "Use|Pass|n_in=",
    ),
    *many(
        "attention dy",
        lambda e, v: used(attention(e), TOKENS).backward(v),
        (T, V),
        "dh must",
        {**NOT_FLOATS, "(8, 3)": X},
        "Use|Pass",
    ),
]
RECURRENT = [
    *many("steps n_in", lambda e, v: recurrent(e, n_in=v), V, "n_in", NOT_POSITIVE, "at least 1"),
    *many(
        "n_hidden", lambda e, v: recurrent(e, n_hidden=v), V, "n_hidden", NOT_POSITIVE, "at least 1"
    ),
    *many("steps rng", lambda e, v: recurrent(e, rng=v), T, "rng", {"int": 0}, "default_rng"),
    *many("steps std", lambda e, v: recurrent(e, std=v), V, "std", NOT_STD, "range"),
    *many("steps dtype", lambda e, v: recurrent(e, dtype=v), T, "dtype", NOT_DTYPES, "float64"),
    *many(
        "output",
        lambda e, v: recurrent(e, output=v),
        V,
        "output",
        {"'all'": "all", "None": None, "-1": -1},
        "Pass",
    ),
    Case("steps norm", lambda e: recurrent(e, norm="bn"), V, "name", "'bn'", "Pass"),
    Case("steps f", lambda e: recurrent(e, activation="elu"), V, "activation", "'elu'", "Pass"),
    Case("steps bias", lambda e: recurrent(e, bias="no"), V, "bias", "'no'", "Pass"),
    Case(
        "steps of one sample",
        lambda e: recurrent(e, norm="batch").forward(TOKENS[:1]),
        V,
        "than one sample",
        r"\(1, 4\)",
        "larger",
    ),
    *many(
        "steps x",
        lambda e, v: recurrent(e, norm="batch").forward(v),
        (T, V),
        "x must",
        {
            **NOT_FLOATS,
            "float32": TOKENS.astype(np.float32),
        },
        "Use|Pass",
    ),
    *many(
        "steps dh",
        lambda e, v: used(recurrent(e), TOKENS).backward(v),
        (T, V),
        "dh must",
        {**NOT_FLOATS, "(2, 4, 3)": TOKENS, "(2, 4)": TOKENS[..., 0]},
        "Use|Pass",
    ),
]
AXES = [
    Case(
        f"{type(layer).__name__} x={seen}",
        lambda e, layer=layer, x=x: layer.forward(x),
        V,
        rf"x must have shape \(N, T, 3\), samples of {what}$",
        seen,
        way_out,
    )
    for what, layer in {
        "tokens": Attention(3, qk_norm="batch", rng=np.random.default_rng(0)),
        "steps": Recurrent(3, 4, norm="batch", rng=np.random.default_rng(0)),
    }.items()
    for seen, x, way_out in (
        (r"\(8, 3\)", X, r"Use x\[None\]"),
        (r"\(1, 2, 4, 3\)", TOKENS[None], "Reshape it to these three axes"),
        (r"\(2, 4, 2\)", TOKENS[..., :2], "Build the layer for 2"),
        (r"\(8,\)", X[:, 0], "Reshape it to these three axes"),
    )
]
FIRST = [
    Case(
        f"backward first: {name}",
        lambda e, new=new: new().backward(TOKENS),
        R,
        rf"^{name}[.]backward needs the values of a forward",
        "none",
        "Call forward first",
    )
    for name, new in {
        "Residual": lambda: Residual(Activation("tanh")),
        "Attention": lambda: Attention(3, rng=np.random.default_rng(0)),
        "Recurrent": lambda: Recurrent(3, 4, rng=np.random.default_rng(0)),
    }.items()
]
CASES = [*RESIDUAL, *ATTENTION, *RECURRENT, *AXES, *FIRST]
