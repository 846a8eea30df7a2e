"""What every layer has: parameters, gradients, parts, and the forward and backward pair."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from normlib import checks
from normlib.checks import Array
from normlib.layers.arrays import Arrays

#: Called with a signal's name and its values at the moment a layer makes them.
Tap = Callable[[str, Array], None]

#: What is looked for under the names that it has elsewhere, and how it is done here.
HINTS = {
    "eval": "Set training = False.",
    "train": "Set training = True; normlib.fit(net, data) trains a Net.",
    "parameters": "Use params, a mapping of names to arrays.",
    "zero_grad": "Leave it out: backward replaces the gradients.",
    "fit": "Use normlib.fit(net, data).",
    "save": "A Net has state(): np.savez(path, **net.state()).",
    "load": "A Net has load_state: net.load_state(np.load(path)).",
    "state_dict": "A Net has state().",
    "load_state_dict": "A Net has load_state(state).",
}


def differing(**options: tuple[Any, Any]) -> str:
    """Return the options that are not at their default, from (value, default), for a repr."""
    told = ((name, value) for name, (value, default) in options.items() if value != default)
    return "".join(f", {name}={value}" for name, value in told)


class Layer:
    """Base of all layers: a forward, a backward, and the arrays between them.

    A layer owns `values` (its parameters) and `slopes` (their gradients), and may be made of
    named `parts`, which are layers too; a part called ``""`` lends its parameters under their own
    names: what `params` calls "g" is then ``parts[""].params["g"]``.

    Notes
    -----
    A layer of your own

    - calls ``super().__init__()`` first, and ``self.add(name, array)`` for each parameter;
    - reads ``self.params[name]`` anew each time, since a Net moves the arrays into its own vector;
    - keeps in `forward` what `backward` needs, None before the first time, and reads it through
      ``self.cached``, which says "Call forward first" where it is None;
    - writes ``self.grads[name] = ...`` in `backward`, in the parameter's shape and so summed over
      the samples, and returns dL/dx;
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
    ...         self.kept = None
    ...     def forward(self, x):
    ...         self.kept = x
    ...         return x * self.params["s"]
    ...     def backward(self, dy):
    ...         x = self.cached(self.kept)
    ...         self.grads["s"] = (dy * x).sum(axis=0)  # (N, C) summed over the samples: (C,)
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
            """Say what has been forgotten where a layer has nothing yet, or has another name."""
            kind, ready = type(self).__name__, "values" in vars(self)
            if name.startswith("__") or (ready and name not in HINTS):
                return object.__getattribute__(self, name)  # raises what it raised before
            if ready:
                message = f"{kind!r} object has no attribute {name!r}. {HINTS[name]}"
                raise AttributeError(message, name=name, obj=self)
            raise AttributeError(
                f"{kind} must be set up as a Layer; got no {name!r}. "
                "Call super().__init__() first in its __init__."
            )

        def __call__(self, x: Array, /) -> Array:
            """Refuse: whether it is training or evaluation is to be read where it happens."""
            raise TypeError(
                f"{type(self).__name__} must be told what to do; got a plain call. "
                "Use forward(x), or a Net's evaluate(x)."
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
        return Arrays(self._collect("values"), "params")

    @property
    def grads(self) -> Arrays:
        """The gradients of the last backward, under the names of `params`."""
        return Arrays(self._collect("slopes"), "grads", "Sum over the samples, and over positions.")

    @property
    def running(self) -> Arrays:
        """The running statistics of this layer and its parts; empty where it has none."""
        return Arrays(self._collect("statistics"), "running")

    @property
    def training(self) -> bool:
        """Whether batch statistics are used and tracked; parts follow.

        ``net.training = False`` is evaluation mode: running statistics are used, and left alone.
        `fit` leaves a net in it, and `Net.evaluate` takes it for one call. A ValueError unless it
        is set to True or False.
        """
        return self._training

    @training.setter
    def training(self, on: bool) -> None:
        on = self._training = checks.flag(on, "training")
        for part in self.parts.values():
            part.training = on

    def freeze_statistics(self, on: bool = True) -> None:
        """Normalize by the running statistics and leave them alone, even in training.

        Gradients flow, with the statistics as constants. ``freeze_statistics(False)`` undoes it.
        A ValueError unless `on` is True or False.
        """
        on = checks.flag(on, "on")
        for _, layer in self.walk():
            layer.frozen = on

    @property
    def statistics(self) -> dict[str, Array]:
        """The running statistics of the layer itself, without those of its parts."""
        return {}

    def walk(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        """Yield this layer and everything inside it, with dotted names.

        A part called ``""`` has its owner's name, since it lends its parameters under that: of a
        `Dense` with a normalization come "layer 1", the Dense, "layer 1" again, its `Normalize`,
        and "layer 1.f", its activation. Tell them apart by their type.
        """
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
        """Return what forward kept, or say that it has not run: RuntimeError where it is None."""
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
