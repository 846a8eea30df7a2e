"""Bad input to whitening."""

from __future__ import annotations

import numpy as np

from errors.kinds import NAN, NOT_EPS, NOT_FLOATS, NOT_POSITIVE, Case, X, many
from normlib import decorrelate, decorrelate_backward, whiten
from normlib.roots import ROOTS

V, T = ValueError, TypeError
MAKERS = (whiten, decorrelate)
NOT_2D = {"(8,)": X[:, 0], "(2, 4, 3)": X.reshape(2, 4, 3)}
CONSTANT = np.ones((8, 3))


def holding(value):
    """Return X with one bad value."""
    x = X.copy()
    x[2, 1] = value
    return x


CASES = [
    *(
        case
        for make in MAKERS
        for name in (make.__name__,)
        for case in (
            *many(
                f"{name} x",
                lambda e, v, make=make: make(v),
                (T, V),
                "x must",
                {**NOT_FLOATS, **NOT_2D},
                "Use|Pass|Reshape",
            ),
            *many(
                f"{name} dtype",
                lambda e, v, make=make: make(v),
                T,
                "x's dtype must be float32 or float64",
                {
                    "float16": X.astype(np.float16),
                    str(np.dtype(np.longdouble)): X.astype(np.longdouble),
                },
                "np.float64",
            ),
            *many(
                f"{name} finite",
                lambda e, v, make=make: make(holding(v)),
                V,
                "x must be finite",
                {"nan at index (2, 1)": NAN, "inf at index (2, 1)": np.inf, "-inf": -np.inf},
                "Mend the input[.]",
            ),
            *many(
                f"{name} size",
                lambda e, v, make=make: make(holding(v)),
                V,
                "x must be small enough .* float64",
                {"1.0e+160": 1e160, "1.0e+308": 1e308},
                "Divide",
            ),
            Case(
                f"{name} sum",
                lambda e, make=make: make(np.where(X > 9, 1e308, X), eps=0),
                V,
                "x must be small enough",
                r"1\.0e\+308",
                "Divide",
            ),
            *many(
                f"{name} method",
                lambda e, v, make=make: make(X, v),
                V,
                "method must be one of 'cholesky', 'newton_schulz', 'pca', 'zca'",
                {"'svd'": "svd", "None": None, "3": 3},
                "Pass",
            ),
            *many(
                f"{name} eps",
                lambda e, v, make=make: make(X, eps=v),
                V,
                "eps must be a finite number of at least 0",
                NOT_EPS,
                "Pass",
            ),
            Case(
                f"{name} eps of float32",
                lambda e, make=make: make(X.astype(np.float32), eps=1e39),
                V,
                "eps",
                r"1e\+39",
                "range",
            ),
            *many(
                f"{name} iterations",
                lambda e, v, make=make: make(X, "newton_schulz", iterations=v),
                V,
                "iterations",
                NOT_POSITIVE,
                "at least 1",
            ),
            *(
                Case(
                    f"{name} rank, {method}",
                    lambda e, make=make, method=method: make(X, method, eps=0),
                    V,
                    "x must have a covariance of full rank",
                    "rank 2 of 3|indefinite|pivot",
                    "eps=1e-5",
                )
                for method in ROOTS
            ),
            Case(
                f"{name} constant but for rounding",
                lambda e, make=make: make(np.full((7, 1), 0.1), eps=0),
                V,
                "x must have a covariance of full rank",
                "rank 0 of 1",
                "eps=1e-5",
            ),
            *(
                Case(
                    f"{name} constant, {method}",
                    lambda e, make=make, method=method: make(CONSTANT, method, eps=0),
                    V,
                    "x must have a covariance of full rank",
                    "rank 0 of 3|indefinite|pivot",
                    "eps=1e-5",
                )
                for method in ROOTS
            ),
        )
    ),
    *many(
        "transform",
        lambda e, v: whiten(X).transform(v),
        (T, V),
        "x must",
        {**NOT_FLOATS, **NOT_2D, "(8, 2)": X[:, :2]},
        "Use|Pass a non-empty|Pass the same 3 features",
    ),
    *many(
        "inverse",
        lambda e, v: whiten(X).inverse(v),
        (T, V),
        "y must",
        {**NOT_FLOATS, **NOT_2D, "(8, 2)": X[:, :2]},
        "Use|Pass a non-empty|Pass the same 3 features",
    ),
    *many(
        "dy",
        lambda e, v: decorrelate_backward(v, decorrelate(X)[1]),
        (T, V),
        "dy must",
        {**NOT_FLOATS, "(8,)": X[:, 0], "(3, 8)": X.T, "(8, 2)": X[:, :2]},
        "Use|Pass",
    ),
    *many(
        "decorrelated",
        lambda e, v: decorrelate_backward(X, v),
        T,
        "cache must be a Decorrelated",
        {"ndarray": X, "Whitening": whiten(X), "NoneType": None},
        "decorrelate returned",
    ),
    Case(
        "gradient of equal eigenvalues",
        lambda e: decorrelate_backward(CONSTANT, decorrelate(CONSTANT, "pca")[1]),
        V,
        "cache must .* eigenvalues differ",
        r"differ by 0\.0e\+00",
        "method='zca'",
    ),
]
