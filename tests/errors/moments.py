"""Bad input to statistics in pieces."""

from __future__ import annotations

from errors.kinds import NOT_FLOATS, NOT_POSITIVE, Case, X, many
from normlib import Moments, Normalize, Whiten, norm

V, T = ValueError, TypeError
GOOD = Moments.of(X)
ONE = Moments.of(X[:1])
WHOLE = X[0].astype(int)

CASES = [
    *many(
        "moments x",
        lambda e, v: Moments.of(v),
        (T, V),
        "x must",
        {**NOT_FLOATS, "(8,)": X[:, 0]},
        "Use|Pass|Reshape",
    ),
    *many(
        "moments axis",
        lambda e, v: Moments.of(X, v),
        V,
        "channel_axis",
        {"0": 0, "2": 2, "None": None},
        "Pass",
    ),
    *many(
        "count", lambda e, v: Moments(v, GOOD.mean, GOOD.m2), V, "count", NOT_POSITIVE, "at least 1"
    ),
    Case(
        "mean of whole numbers", lambda e: Moments(3, WHOLE, X[0]), T, "mean must", "int64", "Use"
    ),
    Case("m2 of whole numbers", lambda e: Moments(3, X[0], WHOLE), T, "m2 must", "int64", "Use"),
    Case("moments mean", lambda e: Moments(3, X, X), V, "mean", r"\(8, 3\)", "one value"),
    Case("moments m2", lambda e: Moments(3, X[0], X[0, :2]), V, "m2", r"\(2,\)", "one value"),
    Case("negative m2", lambda e: Moments(3, X[0], -1 - X[0]), V, "m2", "-5", "squared"),
    Case("merge", lambda e: Moments.merge([GOOD, X]), T, "pieces", "ndarray", "Moments.of"),
    Case("merge nothing", lambda e: Moments.merge([]), V, "pieces", "none", "list"),
    Case("add", lambda e: GOOD + 1, T, "other", "int", "Moments.of"),
    *many("sum from", lambda e, v: v + GOOD, T, "other", {"int": 1, "float": 0.0}, "Moments.of"),
    Case("add other", lambda e: GOOD + Moments.of(X[:, :2]), V, "3 channels", "2", "same layer"),
    Case("load", lambda e: e.batch.load_statistics(X), T, "moments", "ndarray", "Moments.of"),
    Case(
        "load channels",
        lambda e: e.batch.load_statistics(Moments.of(X[:, :2])),
        V,
        r"moments .*\(3,\)",
        r"\(2,\)",
        "this layer",
    ),
    Case("load one", lambda e: e.batch.load_statistics(ONE), V, "at least 2", "1", "more"),
    Case(
        "load into whitening",
        lambda e: e.whiten.load_statistics(GOOD),
        V,
        "load_statistics needs running variances",
        "Whiten.*covariance",
        "recalibrate",
    ),
    *many(
        "fixed",
        lambda e, v: v.fixed(),
        V,
        "fixed needs running variances",
        {"Whiten(3": Whiten(3), "keeps none": Normalize("layer", 3)},
        "batch",
    ),
    *many(
        "load into",
        lambda e, v: Normalize(v, 3).load_statistics(GOOD),
        V,
        "running means",
        {"'layer'": "layer", "'group'": norm("group", groups=1)},
        "batch",
    ),
]
