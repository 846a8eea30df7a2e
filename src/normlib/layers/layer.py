"""What every layer has: parameters, gradients, parts, and the forward and backward pair."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from normlib import checks
from normlib.checks import Array

#: Called with a signal's name and its values at the moment a layer makes them.
Tap = Callable[[str, Array], None]


class Arrays(Mapping[str, Array]):
    """Named arrays whose entries are written into and never replaced.

    ``layer.params["w"] = new`` copies the numbers of `new` into the array that the layer computes
    with, so that an optimizer or a saved reference keeps pointing at it.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = dict(arrays)

    def __getitem__(self, key: str) -> Array:
        if key not in self._arrays:
            known = ", ".join(map(repr, self._arrays)) or "nothing"
            raise KeyError(f"key must be in {known}; got {key!r}. Use one of these names.")
        return self._arrays[key]

    def __setitem__(self, key: str, value: Any) -> None:
        target = self[key]
        new = np.asarray(value)
        if new.shape != target.shape:
            raise ValueError(
                f"{key!r} must keep its shape {target.shape}; got {new.shape}. "
                "Pass an array of the same shape."
            )
        if new.dtype.kind not in "fiu":
            raise TypeError(
                f"{key!r} must hold real numbers; got dtype {new.dtype}. Convert it to float."
            )
        target[...] = new

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return f"Arrays({self.shapes()})"

    def shapes(self) -> str:
        """Return the names with their shapes, for a repr."""
        return ", ".join(f"{key}: {array.shape}" for key, array in self.items())


class Layer:
    """Base of all layers: a forward, a backward, and the arrays between them.

    A layer owns `values` (its parameters) and `slopes` (their gradients), and may be made of
    named `parts`, which are layers too; a part with the name "" lends its parameters under their
    own names.

    Notes
    -----
    A layer of your own

    - calls ``super().__init__()`` first, and ``self.add(name, array)`` for each parameter;
    - reads ``self.params[name]`` anew each time, since a Net moves the arrays into its own vector;
    - writes ``self.grads[name] = ...`` in `backward`, and returns dL/dx;
    - puts layers that it is made of into ``self.parts[name]``: one that is a plain attribute is
      invisible to optimizers, modes and files, and a Net refuses it;
    - calls ``self.show("z", values)``, or "a", "x_hat", "h", to be seen by a Recorder.

    Examples
    --------
    >>> from normlib import Layer, check_gradients
    >>> class Scale(Layer):
    ...     def __init__(self, channels):
    ...         super().__init__()
    ...         self.add("s", np.ones(channels))
    ...     def forward(self, x):
    ...         self.x = x
    ...         return x * self.params["s"]
    ...     def backward(self, dy):
    ...         self.grads["s"] = (dy * self.x).sum(axis=0)
    ...         return dy * self.params["s"]
    >>> Scale(4)
    Scale(s: (4,))
    >>> check_gradients(Scale(4), np.random.default_rng(0).standard_normal((5, 4))).passed
    True
    """

    def __init__(self) -> None:
        self.values: dict[str, Array] = {}
        self.slopes: dict[str, Array] = {}
        self.parts: dict[str, Layer] = {}
        self.tap: Tap | None = None
        self.frozen = False
        self.owned = False  # whether it stands in a Net or in another layer
        self._training = True

    if not TYPE_CHECKING:  # a type checker would take every misspelt attribute for one that exists

        def __getattr__(self, name: str) -> Any:
            """Say what has been forgotten where a layer has nothing yet."""
            if "values" in vars(self) or name.startswith("__"):
                return object.__getattribute__(self, name)  # raises what it raised before
            raise AttributeError(
                f"{type(self).__name__} must be set up as a Layer; got no {name!r}. "
                "Call super().__init__() first in its __init__."
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.params.shapes()})"

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copy, which stands in no net even if its original does; its parts do."""
        self.__dict__.update(state)
        self.owned = False
        for part in self.parts.values():
            part.owned = True

    def forward(self, x: Array, /) -> Array:
        """Return the output, and keep what `backward` needs."""
        raise NotImplementedError(
            f"{type(self).__name__} must define forward(self, x); got none. Return the output "
            "there, and keep what backward needs."
        )

    def backward(self, dy: Array, /) -> Array:
        """Return dL/dx from dL/dy, and write the parameters' gradients into `grads`."""
        raise NotImplementedError(
            f"{type(self).__name__} must define backward(self, dy); got none. Return dL/dx there, "
            "and write the parameters' gradients into self.grads."
        )

    @property
    def params(self) -> Arrays:
        """The parameters by name; assigning writes into them."""
        return Arrays(self._collect("values"))

    @property
    def grads(self) -> Arrays:
        """The gradients of the last backward, under the names of `params`."""
        return Arrays(self._collect("slopes"))

    @property
    def running(self) -> Arrays:
        """The running statistics of this layer and its parts; empty where it has none."""
        return Arrays(self._collect("statistics"))

    @property
    def training(self) -> bool:
        """Whether batch statistics are used and tracked; parts follow."""
        return self._training

    @training.setter
    def training(self, on: bool) -> None:
        self._training = bool(on)
        for part in self.parts.values():
            part.training = on

    def freeze_statistics(self, on: bool = True) -> None:
        """Normalize by the running statistics and leave them alone, even in training.

        Gradients flow, with the statistics as constants. ``freeze_statistics(False)`` undoes it.
        """
        for _, layer in self.walk():
            layer.frozen = bool(on)

    @property
    def statistics(self) -> dict[str, Array]:
        """The running statistics of the layer itself, without those of its parts."""
        return {}

    def walk(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        """Yield this layer and everything inside it, with dotted names."""
        yield prefix, self
        for name, part in self.parts.items():
            yield from part.walk(_join(prefix, name))

    def shown(self) -> Iterator[Layer]:
        """Yield the layers whose signals are those of this one: itself and its parts."""
        yield self
        for part in self.parts.values():
            yield from part.shown()

    def count(self) -> int:
        """Return the number of parameters, those of the parts included."""
        return sum(array.size for _, layer in self.walk() for array in layer.values.values())

    def add(self, name: str, value: Array) -> None:
        """Add a parameter, a float32 or float64 array, with a gradient of zeros."""
        value = checks.floating(value, "value")
        checks.float_dtype(value.dtype, "value's dtype")
        self.values[name] = value
        self.slopes[name] = np.zeros_like(value)

    def bind(self, values: Array, slopes: Array) -> None:
        """Move all parameters and gradients into two flat vectors, keeping their numbers.

        An optimizer then updates the whole network in one array operation.
        """
        start = 0
        for name, old in self.values.items():
            here = slice(start, start + old.size)
            values[here], slopes[here] = old.ravel(), self.slopes[name].ravel()
            self.values[name] = values[here].reshape(old.shape)
            self.slopes[name] = slopes[here].reshape(old.shape)
            start += old.size
        for part in self.parts.values():
            here = slice(start, start + part.count())
            part.bind(values[here], slopes[here])
            start += part.count()

    def show(self, name: str, values: Array) -> None:
        """Hand a signal to whoever listens."""
        if self.tap is not None:
            self.tap(name, values)

    def cached(self, cache: Any) -> Any:
        """Return what forward kept, or say that it has not run."""
        if cache is None:
            raise RuntimeError(
                f"{type(self).__name__}.backward needs the values of a forward pass; got none. "
                "Call forward first."
            )
        return cache

    def _collect(self, kind: str) -> dict[str, Array]:
        """Gather the own arrays of a kind and those of the parts, under dotted names."""
        return {
            _join(name, key): array
            for name, layer in self.walk()
            for key, array in getattr(layer, kind).items()
        }


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix and name else prefix or name
