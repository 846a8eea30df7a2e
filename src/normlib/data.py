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
    """Training and test inputs with their integer labels, 0 to the number of classes - 1.

    Raises
    ------
    TypeError
        Inputs are not float or labels not integer arrays.
    ValueError
        Inputs and labels differ in length, or training and test inputs in shape.
    """

    x_train: Array
    y_train: npt.NDArray[np.integer[Any]]
    x_test: Array
    y_test: npt.NDArray[np.integer[Any]]

    def __post_init__(self) -> None:
        """Refuse pairs that do not belong together."""
        for part in ("train", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
                raise TypeError(
                    f"x_{part} must be a float array; got "
                    f"{getattr(x, 'dtype', type(x).__name__)}. Use .astype(float)."
                )
            if not isinstance(y, np.ndarray) or y.dtype.kind not in "iu":
                raise TypeError(
                    f"y_{part} must be an integer array; got "
                    f"{getattr(y, 'dtype', type(y).__name__)}. Number the classes from 0."
                )
            if y.shape != x.shape[:1]:
                raise ValueError(
                    f"y_{part} must have one label per input, shape {x.shape[:1]}; got "
                    f"{y.shape}. Check that both come from the same samples."
                )
        if self.x_train.shape[1:] != self.x_test.shape[1:]:
            raise ValueError(
                f"x_test must have inputs of shape {self.x_train.shape[1:]}; got "
                f"{self.x_test.shape[1:]}. Prepare both the same way."
            )


def load_digits(images: bool = False, *, split: int = 0) -> Data:
    """Load 1797 handwritten digits of 8 x 8 pixels: 1297 to train on, 500 to test on.

    Parameters
    ----------
    images : bool
        Shape (N, 1, 8, 8) instead of (N, 64).
    split : int
        Seed of the permutation that decides which digits are test data.

    Returns
    -------
    Data
        Standardized by one mean and one standard deviation, those of all training pixels.

    Raises
    ------
    ImportError
        scikit-learn, which ships the digits, is not installed.

    Source: E. Alpaydin and C. Kaynak 1998, UCI Machine Learning Repository,
    https://doi.org/10.24432/C50P49, the test part, as shipped by scikit-learn.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError(
            'load_digits needs scikit-learn. Install it with: pip install "normlib[book]"'
        ) from error
    pixels, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(split).permutation(len(pixels))
    x, y = pixels[order].astype(np.float64), labels[order]
    train = x[:-TEST_SIZE]
    x = (x - train.mean()) / train.std()
    if images:
        x = x.reshape(-1, 1, 8, 8)
    return Data(x[:-TEST_SIZE], y[:-TEST_SIZE], x[-TEST_SIZE:], y[-TEST_SIZE:])
