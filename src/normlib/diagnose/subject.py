"""A layer to be measured by differences: a copy that starts each forward from the same state."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from normlib import checks
from normlib.checks import Array

#: How far two calls on the same input may differ.
REPEATABLE = 1e-12


class Differentiable(Protocol):
    """What can be checked; `params`, `grads` and `running` are looked at where they exist."""

    def forward(self, x: Array, /) -> Array:
        """Return the output."""
        ...

    def backward(self, dy: Array, /) -> Array:
        """Return dL/dx."""
        ...


Pair = tuple[Callable[[Array], tuple[Array, Any]], Callable[[Array, Any], Array]]


class Subject:
    """A copy of the layer with its input, both free to be changed one entry at a time."""

    def __init__(self, layer: Any, x: Array) -> None:
        self.layer = _copied(layer)
        self.x = _float64(x, "x").copy()
        params = dict(getattr(self.layer, "params", {}))
        self.arrays = {"x": self.x} | {k: _float64(p, f"params[{k!r}]") for k, p in params.items()}
        self.running = getattr(self.layer, "running", {})
        self.kept = {name: np.array(value) for name, value in self.running.items()}
        self.moved: tuple[str, ...] = ()

    def forward(self) -> Array:
        """Return the output, always from the same running statistics."""
        for name, value in self.kept.items():
            self.running[name] = value.copy()
        y: Array = self.layer.forward(self.x)
        return y

    def output(self) -> Array:
        """Return the output, once it is sure that only x and the parameters decide it."""
        before = self.x.copy()
        y = _float64(self.forward(), "the output").copy()
        self.moved = tuple(
            name
            for name, value in self.kept.items()
            if not np.array_equal(self.running[name], value)
        )
        if not np.array_equal(self.x, before, equal_nan=True):
            raise ValueError(
                "forward must leave its input alone; got x changed in place. Write x = x - mu "
                "instead of x -= mu."
            )
        if not np.isfinite(y).all():
            raise ValueError(
                f"the output must be finite; got {y[~np.isfinite(y)][0]}. "
                "Check x and the parameters."
            )
        again = float(np.abs(self.forward() - y).max())
        if again > REPEATABLE * np.abs(y).max():
            raise ValueError(
                "forward must give the same output for the same input; got a difference of "
                f"{again:.1g} at the second call. Draw random numbers before, and keep no state "
                "that the output depends on."
            )
        return y

    def gradients(self, dy: Array) -> dict[str, Any]:
        """Return what backward says, by array; None where it says nothing."""
        self.forward()
        dx = np.array(self.layer.backward(dy.copy()))
        grads = getattr(self.layer, "grads", {})
        own = {name: np.array(grads[name]) for name in self.arrays if name in grads}
        return {**dict.fromkeys(self.arrays), **own, "x": dx}

    def slope(
        self, array: Array, index: Any, step: float, y: Array, dy: Array
    ) -> tuple[float, float]:
        """Return dL / d array[index], and how far left and right of it disagree about it."""
        old, change = array[index], {}
        for k in (-2, -1, 1, 2):
            array[index] = old + k * step
            change[k] = float(np.sum(dy * (self.forward() - y)))
        array[index] = old
        right = (4 * change[1] - change[2]) / (2 * step)
        left = (change[-2] - 4 * change[-1]) / (2 * step)
        central = 8 * (change[1] - change[-1]) - (change[2] - change[-2])
        return central / (12 * step), abs(right - left)


def _copied(layer: Any) -> Any:
    """Return a copy of the layer, or of a pair of functions made into one."""
    if isinstance(layer, tuple):
        if len(layer) == 2 and all(map(callable, layer)):
            return _Pair(*layer)
    elif not isinstance(layer, type) and hasattr(layer, "forward") and hasattr(layer, "backward"):
        return copy.deepcopy(layer)
    got = f"the class {layer.__name__}" if isinstance(layer, type) else type(layer).__name__
    raise TypeError(
        f"layer must have forward and backward, or be a pair of functions; got {got}. "
        "Pass a layer, or (f, f_backward)."
    )


class _Pair:
    """Two functions, seen as a layer without parameters."""

    def __init__(self, f: Any, f_backward: Any) -> None:
        self.f, self.f_backward, self.cache = f, f_backward, None

    def forward(self, x: Array) -> Any:
        """Return y, and keep the cache."""
        y, self.cache = self.f(x)
        return y

    def backward(self, dy: Array) -> Any:
        """Return dx."""
        return self.f_backward(dy, self.cache)


def _float64(value: Any, name: str) -> Array:
    """Return `value` if it is a float64 array."""
    array = checks.floating(value, name)
    if array.dtype != np.float64:
        raise TypeError(
            f"{name} must be float64, since differences need its digits; got {array.dtype}. "
            "Build the layer with dtype=np.float64, and use x.astype(np.float64)."
        )
    return array
