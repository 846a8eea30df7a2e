"""Bad input to the formula and its description."""

from __future__ import annotations

import numpy as np

from errors.kinds import (
    NAN,
    NOT_EPS,
    NOT_FLOATS,
    NOT_POSITIVE,
    Case,
    X,
    many,
)
from normlib import Norm, mlp, norm, standardize, standardize_backward

V, T, R, K = ValueError, TypeError, RuntimeError, KeyError


def like(**fields):
    """Return a good Norm's fields with some bad ones."""
    return Norm(**{"name": "mine", "shares": "cS", **fields})


def on_weights(**fields):
    """Return the same of one that acts on weights."""
    return like(acts_on="weight", shares="", **fields)


CORE = [
    *many("x", lambda e, v: standardize(v, 0), (T, V), "x must", NOT_FLOATS, "Use|Pass"),
    *many("eps", lambda e, v: standardize(X, 0, eps=v), V, "eps", NOT_EPS, "range"),
    *many(
        "axes",
        lambda e, v: standardize(X, v),
        V,
        "axes must (name at least one axis of x, from -2 to 1|be distinct)",
        {"2": 2, "-3": -3, "()": (), "[0.5]": [0.5], "(0, -2)": (0, -2), "None": None, "'x'": "x"},
        "Name",
    ),
    Case("scale", lambda e: standardize(X, 0, scale="var"), V, "scale", "'var'", "Pass"),
    Case(
        "center", lambda e: standardize(X, 0, center=False), V, "scale='std'", "center=False", "rms"
    ),
    Case("one", lambda e: standardize(X, 0, center=False, scale="one"), V, "'one'", "False", "rms"),
    Case(
        "statistics",
        lambda e: standardize(X, 0, statistics=(np.zeros(8), np.ones(8))),
        V,
        r"statistics .* \(8, 3\)",
        r"\(8,\) and \(8,\)",
        "size 1",
    ),
    *many(
        "either of statistics",
        lambda e, v: standardize(X, 0, statistics=v),
        V,
        "statistics",
        {
            "(5, 1, 1) and (1, 3)": (np.zeros((5, 1, 1)), np.ones((1, 3))),
            "(1, 3) and (5, 1, 1)": (np.zeros((1, 3)), np.ones((5, 1, 1))),
        },
        "size 1",
    ),
    Case(
        "larger statistics",
        lambda e: standardize(X, 0, statistics=(np.zeros((5, 1, 1)), np.ones((5, 1, 1)))),
        V,
        "statistics",
        r"\(5, 1, 1\)",
        "size 1",
    ),
    *many(
        "dx_hat",
        lambda e, v: standardize_backward(v, standardize(X, 0)[1]),
        (T, V),
        "dx_hat must",
        {**NOT_FLOATS, "(8,)": X[:, 0], "(3, 8)": X.T},
        "Use|Pass",
    ),
    *many(
        "standardized",
        lambda e, v: standardize_backward(X, v),
        T,
        "cache must be a Cache",
        {"ndarray": X, "NoneType": None, "tuple": standardize(X, 0)},
        "standardize returned",
    ),
]
SPEC = [
    *many(
        "norm name",
        lambda e, v: norm(v),
        V,
        "name must be one of 'batch', .*'group'",
        {"'bath'": "bath", "5": 5},
        "Pass",
    ),
    Case(
        "option",
        lambda e: norm("batch", epsilon=1),
        T,
        "options .*eps",
        "'epsilon'",
        "normlib.Norm",
    ),
    Case("norm then", lambda e: norm("weight", then="batch"), T, "then", "str", "norm"),
    Case(
        "norm then elsewhere",
        lambda e: norm("batch", then=norm("layer")),
        V,
        "then",
        "'layer' behind 'batch'",
        "Leave it out",
    ),
    Case("no groups", lambda e: norm("group"), V, "number of groups", "none", "groups="),
    Case(
        "no groups in mlp", lambda e: mlp([4, 4, 2], norm="group"), V, "groups", "none", "groups="
    ),
    Case("groups elsewhere", lambda e: norm("batch", groups=2), V, "batch", "groups=2", "'group'"),
    *many(
        "groups",
        lambda e, v: norm("group", groups=v),
        V,
        "groups",
        {k: v for k, v in NOT_POSITIVE.items() if v is not None},
        "at least 1",
    ),
    *many("norm eps", lambda e, v: norm("batch", eps=v), V, "eps", NOT_EPS, "range"),
    *many(
        "momentum",
        lambda e, v: norm("batch", momentum=v),
        V,
        r"momentum .*\[0, 1\]",
        {"1.1": 1.1, "-0.1": -0.1, "nan": NAN, "'0.1'": "0.1"},
        "range",
    ),
    *many("affine", lambda e, v: norm("batch", affine=v), V, "affine", {"1": 1, "'no'": "no"}, "."),
    *many(
        "shares",
        lambda e, v: like(shares=v),
        V,
        "shares must (be distinct letters of 'NGcS'|hold 'S'|be a string)",
        {"'X'": "X", "''": "", "'SS'": "SS", "'nS'": "nS", "'N'": "N", "['S']": ["S"]},
        "Name|Add|quotes",
    ),
    Case(
        "shares of weights",
        lambda e: like(acts_on="weight"),
        V,
        "empty for weights",
        "'cS'",
        "Name",
    ),
    Case("acts_on", lambda e: like(acts_on="bias"), V, "acts_on", "'bias'", "Pass"),
    Case("own scale", lambda e: like(scale="max"), V, "scale", "'max'", "Pass"),
    *many(
        "start",
        lambda e, v: like(start=v),
        V,
        "start",
        {"'two'": "two", "nan": NAN, "None": None, "True": True},
        "Pass",
    ),
    Case(
        "then", lambda e: like(acts_on="weight", shares="", then="batch"), T, "then", "str", "Pass"
    ),
    Case(
        "then without weights",
        lambda e: like(then=norm("batch")),
        V,
        "then",
        "'batch'",
        "Leave it out",
    ),
    Case(
        "weights then weights",
        lambda e: on_weights(then=norm("cosine")),
        V,
        "then",
        "'cosine' behind 'mine'",
        "Leave it out",
    ),
    Case("own center", lambda e: like(center=False), V, "scale='std'", "center=False", "rms"),
    Case("own name", lambda e: like(name=None), V, "name", "None", "quotes"),
    Case(
        "own groups left out",
        lambda e: like(grouped=True).groups_of(6),
        V,
        "mine .* number of groups",
        "none",
        r"Norm\(\.\.\., groups=",
    ),
    Case("own groups", lambda e: like(groups=2), V, "groups", "groups=2", "Leave it out"),
]
