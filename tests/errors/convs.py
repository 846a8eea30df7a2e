"""Bad input to convolutions, pooling and what else works on images."""

from __future__ import annotations

import numpy as np

from errors.kinds import NOT_DTYPES, NOT_EPS, NOT_FLOATS, NOT_POSITIVE, Case, X, many
from normlib import (
    AvgPool2d,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    MaxPool2d,
    cnn,
    fold,
    initialize_by_data,
    mlp,
)

V, T, R = ValueError, TypeError, RuntimeError
IMAGES = np.arange(96.0).reshape(2, 3, 4, 4)
NOT_SIZES = {
    **NOT_POSITIVE,
    "(3,)": (3,),
    "(3, 3, 3)": (3, 3, 3),
    "(3, 0)": (3, 0),
    "(True, 1)": (True, 1),
}
NOT_IMAGES = {
    **NOT_FLOATS,
    "(8, 3)": X,
    "(3, 4, 4)": IMAGES[0],
}


def conv(e, **changed):
    return Conv2d(**{"c_in": 3, "c_out": 4, "kernel": 3, "rng": e.rng, **changed})


CONV = [
    *many("c_in", lambda e, v: conv(e, c_in=v), V, "c_in", NOT_POSITIVE, "at least 1"),
    *many("c_out", lambda e, v: conv(e, c_out=v), V, "c_out", NOT_POSITIVE, "at least 1"),
    *many("kernel", lambda e, v: conv(e, kernel=v), V, "kernel", NOT_SIZES, "both directions"),
    *many("stride", lambda e, v: conv(e, stride=v), V, "stride", NOT_SIZES, "both directions"),
    *many(
        "padding",
        lambda e, v: conv(e, padding=v),
        V,
        "padding",
        {"-1": -1, "0.5": 0.5, "(0, -1)": (0, -1), "'same'": "same", "None": None},
        "both directions",
    ),
    *many("conv rng", lambda e, v: conv(e, rng=v), T, "rng", {"int": 0}, "default_rng"),
    *many(
        "conv std",
        lambda e, v: conv(e, std=v),
        V,
        "std",
        {k: v for k, v in NOT_EPS.items() if v is not None},
        "range",
    ),
    *many("conv dtype", lambda e, v: conv(e, dtype=v), T, "dtype", NOT_DTYPES, "float64"),
    Case("conv bias", lambda e: conv(e, bias="no"), V, "bias", "'no'", "Pass"),
    Case("conv norm", lambda e: conv(e, norm=3), T, "norm", "int", "'batch'"),
    Case("conv f", lambda e: conv(e, activation="x"), V, "activation", "'x'", "Pass"),
    *many(
        "conv x",
        lambda e, v: e.conv.forward(v),
        (T, V),
        "x must",
        {
            **NOT_IMAGES,
            "float32": IMAGES.astype(np.float32),
            "(2, 2, 4, 4)": IMAGES[:, :2],
            "(2, 4, 4, 3)": IMAGES.transpose(0, 2, 3, 1),
        },
        "Use|Pass|Reshape",
    ),
    *(
        Case(f"{what}, axes", call, V, rf"x must have shape \(N, {c}, H, W\)$", seen, "Reshape")
        for what, c, call, seen in (
            ("conv", 3, lambda e: e.conv.forward(IMAGES[:, :2]), r"\(2, 2, 4, 4\)"),
            ("pool", "C", lambda e: AvgPool2d(2).forward(IMAGES[0]), r"\(3, 4, 4\)"),
        )
    ),
    Case(
        "image lower than the kernel, padding included",
        lambda e: conv(e, kernel=(4, 1), padding=(1, 0)).forward(IMAGES[:, :, :1]),
        V,
        r"x must .* kernel \(4, 1\)",
        "1 x 4",
        "smaller kernel, or more padding",
    ),
    Case(
        "image smaller than the kernel",
        lambda e: conv(e, kernel=(2, 7), padding=(0, 1)).forward(IMAGES),
        V,
        r"x must .* kernel \(2, 7\)",
        "4 x 4",
        "smaller kernel, or more padding",
    ),
    Case(
        "one position",
        lambda e: conv(e, kernel=4, norm="instance").forward(IMAGES),
        V,
        "instance .* than one position",
        r"\(2, 4, 1, 1\)",
        "'layer'",
    ),
    *many(
        "conv dh",
        lambda e, v: e.conv.backward(v),
        (T, V),
        "dh must",
        {**NOT_FLOATS, "(2, 3, 4, 4)": IMAGES},
        "Use|Pass",
    ),
    *(
        Case(
            f"backward first: {name}",
            lambda e, new=new: new().backward(IMAGES),
            R,
            rf"^{name}[.]backward needs the values of a forward",
            "none",
            "Call forward first",
        )
        for name, new in {
            "Conv2d": lambda: Conv2d(3, 3, 1, rng=np.random.default_rng(0)),
            "Flatten": Flatten,
            "AvgPool2d": lambda: AvgPool2d(2),
            "MaxPool2d": lambda: MaxPool2d(2),
            "GlobalAvgPool": GlobalAvgPool,
        }.items()
    ),
    *many(
        "flatten x",
        lambda e, v: Flatten().forward(v),
        (T, V),
        "x must",
        {**NOT_FLOATS, "(8,)": X[:, 0]},
        "Use|Pass|Reshape",
    ),
    *many(
        "flatten dy",
        lambda e, v: e.flatten.backward(v),
        (T, V),
        "dy must",
        {**NOT_FLOATS, "(2, 3, 4, 4)": IMAGES},
        "Use|Pass",
    ),
]

POOL = [
    *(
        case
        for pool in (AvgPool2d, MaxPool2d)
        for case in (
            *many(
                f"{pool.__name__} kernel",
                lambda e, v, pool=pool: pool(v),
                V,
                "kernel",
                NOT_SIZES,
                "both directions",
            ),
            *many(
                f"{pool.__name__} stride",
                lambda e, v, pool=pool: pool(2, v),
                V,
                "stride",
                {k: v for k, v in NOT_SIZES.items() if v is not None},
                "both directions",
            ),
            *many(
                f"{pool.__name__} padding",
                lambda e, v, pool=pool: pool(2, padding=v),
                V,
                "padding",
                {"-1": -1, "None": None, "2": 2, "(0, 2)": (0, 2)},
                "both directions|Pass less",
            ),
            *many(
                f"{pool.__name__} x",
                lambda e, v, pool=pool: pool(2).forward(v),
                (T, V),
                "x must",
                {**NOT_IMAGES, "1 x 4": IMAGES[:, :, :1]},
                "Use|Pass|Reshape",
            ),
            *many(
                f"{pool.__name__} dy",
                lambda e, v, pool=pool: e.pools[pool].backward(v),
                (T, V),
                "dy must",
                {**NOT_FLOATS, "(2, 3, 4, 4)": IMAGES},
                "Use|Pass",
            ),
        )
    ),
    *many(
        "global x",
        lambda e, v: GlobalAvgPool().forward(v),
        (T, V),
        "x must",
        {**NOT_FLOATS, "(8, 3)": X},
        "Use|Pass|Leave",
    ),
    Case(
        "global features",
        lambda e: GlobalAvgPool().forward(X),
        V,
        r"x must have shape \(N, C, ...\) with positions",
        r"\(8, 3\)",
        "Leave",
    ),
    Case(
        "global tokens",
        lambda e: GlobalAvgPool(channel_axis=-1).forward(X),
        V,
        r"x must have shape \(N, ..., C\) with positions",
        r"\(8, 3\)",
        "Leave",
    ),
    *many(
        "global axis",
        lambda e, v: GlobalAvgPool(channel_axis=v),
        V,
        "channel_axis",
        {"0": 0, "2": 2, "None": None},
        "Pass",
    ),
    *many(
        "global dy",
        lambda e, v: e.pools[GlobalAvgPool].backward(v),
        (T, V),
        "dy must",
        {**NOT_FLOATS, "(2, 3, 4, 4)": IMAGES},
        "Use|Pass",
    ),
]
CNN = [
    *many(
        "cnn channels",
        lambda e, v: cnn(v),
        V,
        "channels",
        {"[]": [], "16": 16, "None": None},
        r"\[16, 32\]",
    ),
    *many("cnn width", lambda e, v: cnn([4, v]), V, "channels", NOT_POSITIVE, "at least 1"),
    *many(
        "cnn image",
        lambda e, v: cnn([4], image=v),
        V,
        "image",
        {"(8, 8)": (8, 8), "8": 8, "0": (1, 0, 8), "2.5": (1, 8, 2.5)},
        "x.shape|at least 1",
    ),
    *many(
        "cnn classes", lambda e, v: cnn([4], classes=v), V, "classes", NOT_POSITIVE, "at least 1"
    ),
    *(
        case
        for name in ("kernel", "stride", "padding")
        for case in many(
            f"cnn {name}",
            lambda e, v, name=name: cnn([4, 4], **{name: v}),
            V,
            name,
            {"'3'": "3", "-1": -1, "[3]": [3], "[1, 1, 1]": [1, 1, 1]},
            "both directions|as many as",
        )
    ),
    Case("cnn too deep", lambda e: cnn([4] * 4), V, "images .* kernel", "2 x 2", "padding"),
    Case("cnn f", lambda e: cnn([4], activation="x"), V, "activation", "'x'", "Pass"),
    Case("cnn head", lambda e: cnn([4], head="max"), V, "head", "'max'", "Pass"),
    Case("cnn norm", lambda e: cnn([4], norm=3), T, "norm", "int", "'batch'"),
    Case("cnn scale", lambda e: cnn([4], init_scale=-1), V, "init_scale", "-1", "range"),
    *many("cnn dtype", lambda e, v: cnn([4], dtype=v), T, "dtype", NOT_DTYPES, "float64"),
]
FROM_DATA = [
    *many(
        "initialize net",
        lambda e, v: initialize_by_data(v, X),
        T,
        "net",
        {"str": "mlp", "None": None, "the class Conv2d": Conv2d},
        "Pass a Net",
    ),
    Case(
        "initialize nothing",
        lambda e: initialize_by_data(e.net, X),
        V,
        "net .* normalizes its weights",
        "none",
        "norm='weight'",
    ),
    *many(
        "initialize x",
        lambda e, v: initialize_by_data(e.weights, v),
        (T, V),
        "x must",
        {**NOT_FLOATS, "(8, 2)": X[:, :2]},
        "Use|Pass|Reshape",
    ),
    *many(
        "initialize constant",
        lambda e, v: initialize_by_data(e.weights, v),
        V,
        "every unit vary",
        {"0 at unit 0 of 'layer 1'": X[:1], "std": np.repeat(X[1:2] / 3, 8, axis=0)},
        "more samples",
    ),
    *many(
        "fold net",
        lambda e, v: fold(v),
        T,
        "net",
        {"Dense": mlp([3, 3]).parts["output"], "None": None, "the class Conv2d": Conv2d},
        "Put layers",
    ),
]
