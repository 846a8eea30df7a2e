"""Data small enough to train on in seconds: scikit-learn's handwritten digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array

TEST_SIZE = 500


@dataclass(frozen=True, eq=False, repr=False)
class Data(checks.Brief):
    """Training and test inputs with what belongs to them: classes, or numbers.

    Parameters
    ----------
    x_train, x_test : float arrays (N, ...)
    y_train, y_test : int arrays (N,), or float arrays (N,) or (N, K)
        Labels from 0 to the number of classes - 1; or the numbers that a net should compute, for
        ``fit(..., loss="mean_squared_error")``.

    Raises
    ------
    TypeError
        Inputs are not float arrays, targets neither integers nor floats, or labels in one part
        and numbers in the other.
    ValueError
        Inputs and targets differ in length, or training and test data in shape; or a number is
        NaN or infinite, of which no net could learn.
    """

    x_train: Array
    y_train: npt.NDArray[Any]
    x_test: Array
    y_test: npt.NDArray[Any]

    def __post_init__(self) -> None:
        """Refuse pairs that do not belong together."""
        for part in ("train", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
                raise TypeError(
                    f"x_{part} must be a float array; got "
                    f"{getattr(x, 'dtype', type(x).__name__)}. Use .astype(float)."
                )
            if not isinstance(y, np.ndarray) or y.dtype.kind not in "iuf":
                raise TypeError(
                    f"y_{part} must be an integer array, or a float array; got "
                    f"{getattr(y, 'dtype', type(y).__name__)}. Number the classes from 0."
                )
            if y.shape[:1] != x.shape[:1] or y.ndim > (2 if y.dtype.kind == "f" else 1):
                way_out = "Check that both come from the same samples"
                if y.ndim == 2 and len(y) == len(x) and y.shape[1] > 1:
                    way_out += ", and pass y.argmax(1) if the rows are one-hot"
                raise ValueError(
                    f"y_{part} must have one label per input, shape {x.shape[:1]}, or one row of "
                    f"numbers; got {y.shape}. {way_out}."
                )
            for name, values in ((f"x_{part}", x), (f"y_{part}", y)):
                checks.finite(values, name, "Leave these samples out, or fill in a number.")
        if self.x_train.shape[1:] != self.x_test.shape[1:]:
            raise ValueError(
                f"x_test must have inputs of shape {self.x_train.shape[1:]}; got "
                f"{self.x_test.shape[1:]}. Prepare both the same way."
            )
        if (self.y_train.dtype.kind == "f") != (self.y_test.dtype.kind == "f"):
            raise TypeError(
                f"y_test must hold labels or numbers as y_train does, {self.y_train.dtype}; got "
                f"{self.y_test.dtype}. Prepare both the same way."
            )
        if self.y_train.shape[1:] != self.y_test.shape[1:]:
            raise ValueError(
                f"y_test must have targets of shape {self.y_train.shape[1:]}; got "
                f"{self.y_test.shape[1:]}. Prepare both the same way."
            )

    @property
    def labelled(self) -> bool:
        """Whether the targets are classes, and not numbers."""
        return self.y_train.dtype.kind != "f"


def load_digits(images: bool = False, *, split: int = 0, dtype: npt.DTypeLike = np.float64) -> Data:
    """Load 1797 handwritten digits of 8 x 8 pixels: 1297 to train on, 500 to test on.

    Parameters
    ----------
    images : bool
        Shape (N, 1, 8, 8) instead of (N, 64).
    split : int
        Seed of the permutation that decides which digits are test data.
    dtype : float64 or float32
        Of the pixels: that of the net which is to learn them.

    Returns
    -------
    Data
        Standardized by one mean and one standard deviation, those of all training pixels.

    Raises
    ------
    ImportError
        scikit-learn, which ships the digits, is not installed.
    ValueError, TypeError
        `split` is no seed, or `dtype` another one.

    Source: E. Alpaydin and C. Kaynak 1998, UCI Machine Learning Repository,
    https://doi.org/10.24432/C50P49, the test part, as shipped by scikit-learn.
    """
    with checks.installed("load_digits", "scikit-learn"):
        from sklearn import datasets
    dtype = checks.float_dtype(dtype)
    pixels, labels = datasets.load_digits(return_X_y=True)
    order = checks.seeded(split, "split").permutation(len(pixels))
    x, y = pixels[order].astype(np.float64), labels[order]
    train = x[:-TEST_SIZE]
    x = ((x - train.mean()) / train.std()).astype(dtype, copy=False)
    if images:
        x = x.reshape(-1, 1, 8, 8)
    return Data(x[:-TEST_SIZE], y[:-TEST_SIZE], x[-TEST_SIZE:], y[-TEST_SIZE:])
