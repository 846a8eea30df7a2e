"""Layers that change nothing but the shape."""

from __future__ import annotations

import numpy as np

from normlib import checks
from normlib.checks import Array
from normlib.layers.layer import Layer


def sequences(x: Array, width: int, what: str) -> Array:
    """Return x (N, T, D) if it is that, with D = `width`; `what` T counts, for the error."""
    if x.ndim == 3 and x.shape[2] == width:
        return x
    way_out = {
        2: "Use x[None] for one sample",
        3: f"Build the layer for {x.shape[-1]}, or look at the order of the axes",
    }.get(x.ndim, "Reshape it to these three axes")
    raise ValueError(
        f"x must have shape (N, T, {width}), samples of {what}; got {x.shape}. {way_out}."
    )


class Flatten(Layer):
    """Make one row of each sample: (N, ...) becomes (N, D), in the order of the indices.

    Raises
    ------
    TypeError
        The input is not a float array.
    ValueError
        It has no axis after the samples.

    Examples
    --------
    >>> Flatten().forward(np.zeros((5, 3, 2, 2))).shape
    (5, 12)
    """

    def __init__(self) -> None:
        super().__init__()
        self._x: Array | None = None

    def forward(self, x: Array) -> Array:
        """Return x as (N, D)."""
        x = checks.floating(x, "x")
        if x.ndim < 2:
            raise ValueError(
                f"x must have at least one axis after the samples; got shape {x.shape}. "
                "Reshape it to (samples, values)."
            )
        self._x = x
        return x.reshape(len(x), -1)

    def backward(self, dy: Array) -> Array:
        """Return dy in x's shape, and in the order that x has in memory."""
        x = self.cached(self._x)
        dy = checks.floating(dy, "dy")
        checks.shape(dy, (len(x), x[0].size), "dy", "Pass the gradient with respect to the output.")
        dx = np.empty_like(x, dtype=dy.dtype)
        dx[...] = dy.reshape(x.shape)
        return dx

    def __repr__(self) -> str:
        return "Flatten()"
