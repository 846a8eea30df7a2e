"""Counts, means and second moments that can be merged: statistics of data in several pieces."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from normlib import checks
from normlib.checks import Array
from normlib.core import measure


@dataclass(frozen=True, eq=False, repr=False)
class Moments(checks.Brief):
    r"""Count, mean and sum of squared deviations of each channel; ``+`` merges two of them.

    With n, m the counts and :math:`\delta` the difference of the means, the merged ones are

    .. math:: \mu = \mu_1 + \delta \frac{m}{n + m}, \qquad
        M = M_1 + M_2 + \delta^2 \frac{n m}{n + m}

    Nothing is subtracted that is of similar size, so a mean of 10,000 costs no digits, as it would
    with sums of x and of x squared. It does not matter which piece is merged with which first, but
    for rounding. Pieces come from batches, from files, or from the processes that share a batch
    between them: `merge` adds up a list of them, as `sum` does, and `Normalize.load_statistics`
    takes the result. In a net from `mlp`, that layer is inside the first one:
    ``net.parts["layer 1"].parts[""].load_statistics(Moments.merge(pieces))``.

    Two Moments are equal only if they are the same object: compare their arrays.

    Attributes
    ----------
    count : int, values per channel
    mean : float64 array (C,)
    m2 : float64 array (C,), the sum over the values of (x - mean)^2

    Raises
    ------
    TypeError
        The other one is not Moments.
    ValueError
        It has another number of channels, or an attribute does not fit the others.

    Source: Chan, Golub & LeVeque 1983, https://doi.org/10.1080/00031305.1983.10483115.

    Examples
    --------
    >>> x = np.arange(12.0).reshape(6, 2)
    >>> both = Moments.of(x[:2]) + Moments.of(x[2:])
    >>> np.allclose(both.mean, x.mean(axis=0)) and np.allclose(both.var, x.var(axis=0))
    True
    """

    count: int
    mean: Array
    m2: Array

    def __post_init__(self) -> None:
        checks.positive_integer(self.count, "count")
        for name in ("mean", "m2"):
            values = checks.floating(getattr(self, name), name)
            if values.ndim != 1 or values.shape != self.mean.shape:
                raise ValueError(
                    f"{name} must have shape (C,), as mean has; got {values.shape}. "
                    "Pass one value per channel."
                )
        if not (self.m2 >= 0).all():
            raise ValueError(
                f"m2 must be a sum of squares, at least 0; got {self.m2.min():g}. "
                "Pass sums of squared deviations."
            )

    @classmethod
    def of(cls, x: Array, channel_axis: int = 1) -> Moments:
        """Measure an array of at least two axes; all but the channels' are summed over."""
        x = checks.floating(x, "x")
        if x.ndim < 2:
            raise ValueError(
                f"x must have a sample and a channel axis; got shape {x.shape}. "
                "Reshape it to (samples, channels)."
            )
        axis = checks.channel_axis(channel_axis) % x.ndim
        others = tuple(i for i in range(x.ndim) if i != axis)
        x = x.astype(np.float64, copy=False)  # a float32 mean of 10,000 has an error of 0.0005
        found = measure(x, others, center=True, scale="norm", eps=0.0)
        return cls(math.prod([x.shape[i] for i in others]), found.mu.ravel(), found.var.ravel())

    @classmethod
    def merge(cls, pieces: Iterable[Moments]) -> Moments:
        """Return the sum of all pieces."""
        found = list(pieces)
        if not found:
            raise ValueError("pieces must hold at least one Moments; got none. Pass a list.")
        for piece in found:
            checks.kind(piece, cls, "pieces", "Pass what Moments.of returns.")
        return reduce(add, found)

    def __add__(self, other: Moments) -> Moments:
        """Merge with those of other values of the same channels."""
        checks.kind(other, Moments, "the other", "Pass what Moments.of returns.")
        if other.mean.shape != self.mean.shape:
            raise ValueError(
                f"the other must have {self.mean.size} channels; got {other.mean.size}. "
                "Merge moments of the same layer."
            )
        count = self.count + other.count
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.count / count)
        m2 = self.m2 + other.m2 + apart * apart * (self.count / count * other.count)
        return Moments(count, mean, m2)

    def __radd__(self, zero: Any) -> Moments:
        """Let `sum` start from its 0."""
        if not isinstance(zero, int) or zero:
            checks.kind(zero, Moments, "the other", "Pass what Moments.of returns.")
        return self

    @property
    def var(self) -> Array:
        """The biased variance, which normalization divides by."""
        return np.asarray(self.m2 / self.count)

    @property
    def unbiased_var(self) -> Array:
        """The unbiased variance, which is kept as a running statistic; NaN for a single value."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.m2 / (self.count - 1))
