"""Activation functions h = f(z), each with its slope written in terms of its own output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from normlib import checks
from normlib.checks import Array
from normlib.layers.layer import Layer


@dataclass(frozen=True)
class Function:
    """One activation function, its slope, and the variance that initial weights need for it."""

    f: Callable[[Array], Array]
    slope: Callable[[Array], Array]  #: f'(z) as a function of h = f(z)
    gain: float  #: initial weights have variance gain / n_in
    steepest: float  #: the largest slope, against which saturation is measured


def relu(z: Array) -> Array:
    """Return max(z, 0), NaN where z is NaN."""
    return np.maximum(z, np.zeros_like(z))  # NumPy compares with a scalar half as fast


def sigmoid(z: Array) -> Array:
    """Return 1 / (1 + exp(-z)) without overflow: the logistic function is a shifted tanh."""
    half = z.dtype.type(0.5)
    return half + half * np.tanh(half * z)


ACTIVATIONS: Mapping[str, Function] = MappingProxyType(
    {
        "identity": Function(lambda z: z, np.ones_like, 1.0, 1.0),
        "relu": Function(relu, lambda h: (h > 0).astype(h.dtype), 2.0, 1.0),
        "sigmoid": Function(sigmoid, lambda h: h * (1 - h), 1.0, 0.25),
        "tanh": Function(np.tanh, lambda h: 1 - h * h, 1.0, 1.0),
    }
)


class Activation(Layer):
    """Apply h = f(z) to every value.

    Parameters
    ----------
    name : "identity", "relu", "sigmoid" or "tanh"
        The slope of ReLU at 0 is taken as 0.

    Raises
    ------
    ValueError
        The name is unknown.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = checks.choice(name, "activation", ACTIVATIONS)
        self._h: Array | None = None

    def forward(self, z: Array) -> Array:
        """Return h = f(z), in z's shape."""
        self._h = ACTIVATIONS[self.name].f(checks.floating(z, "z"))
        self.show("h", self._h)
        return self._h

    def backward(self, dh: Array) -> Array:
        """Return dL/dz = f'(z) dL/dh."""
        h = self.cached(self._h)
        dh = checks.floating(dh, "dh")
        checks.shape(dh, h.shape, "dh", "Pass the gradient with respect to the output.")
        if self.name == "identity":
            return dh
        return dh * ACTIVATIONS[self.name].slope(h)

    def __repr__(self) -> str:
        return f"Activation({self.name!r})"
