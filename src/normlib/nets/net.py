"""Layers in a row, with all their parameters in one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.layers import Layer
from normlib.nets.parts import check_dtypes, check_parts
from normlib.nets.statistics import modes_kept


class Net(Layer):
    """Layers applied one after the other, with all parameters in one flat vector.

    Parameters
    ----------
    layers : mapping of str to Layer, or sequence of Layer
        In order of application; in a sequence they are called "0", "1", ... A layer belongs to one
        net only, since its parameters move into the net's vector.

    Attributes
    ----------
    parts : dict of str to Layer
        The layers by name: ``net.parts["output"]``.
    flat, flat_grads : arrays of shape (number of parameters,)
        All parameters and all gradients; `params` and `grads` are views of them.
    training : bool
        ``net.training = False`` is evaluation mode, and `fit` leaves a net in it; a new net is in
        training mode.

    Raises
    ------
    TypeError
        Something in `layers` is not a Layer.
    ValueError
        No layer, one that already belongs to a net or hides a layer outside its `parts`, or
        parameters of several dtypes.

    Notes
    -----
    An error from inside a layer says where that layer stands, in a note below its message.

    Examples
    --------
    `mlp`, `cnn` and `residual` build the usual ones:

    >>> from normlib import Dense, mlp, softmax_cross_entropy
    >>> net = mlp([64, 32, 10], norm="batch")
    >>> list(net.params)
    ['layer 1.w', 'layer 1.g', 'layer 1.b', 'output.w', 'output.c']

    By hand, one generator draws all weights, and the last layer has no ReLU, which is what `Dense`
    has where nothing else is said:

    >>> rng = np.random.default_rng(0)
    >>> hidden = Dense(64, 32, norm="batch", rng=rng)
    >>> net = Net({"hidden": hidden, "output": Dense(32, 10, activation="identity", rng=rng)})
    >>> x, labels = rng.normal(size=(5, 64)), np.array([3, 1, 4, 1, 5])
    >>> loss, dlogits = softmax_cross_entropy(net.forward(x), labels)
    >>> dx = net.backward(dlogits)
    >>> dx.shape, net.grads["hidden.g"].shape
    ((5, 64), (32,))
    >>> net.evaluate(x[:1]).shape  # by running statistics: one sample is enough
    (1, 10)
    """

    def __init__(self, layers: Mapping[str, Layer] | Sequence[Layer]) -> None:
        super().__init__()
        if not isinstance(layers, Mapping | Sequence) or isinstance(layers, str):
            raise TypeError(
                f"layers must be a list or a mapping of Layers; got {type(layers).__name__}. "
                "Pass [layer, layer, ...] or {'name': layer, ...}."
            )
        named = layers if isinstance(layers, Mapping) else {str(i): x for i, x in enumerate(layers)}
        if not named:
            raise ValueError("layers must hold at least one Layer; got none. Pass them in order.")
        for name, layer in named.items():
            if not isinstance(name, str) or not name:
                raise ValueError(
                    f"layers must be named by words; got {name!r}. Pass a mapping of str to Layer, "
                    "or a plain list."
                )
            if not isinstance(layer, Layer):
                raise TypeError(
                    f"layers must be Layers; got {type(layer).__name__} at {name!r}. "
                    "Wrap it in a subclass of normlib.Layer."
                )
            if layer.owned or list(named.values()).count(layer) > 1:
                raise ValueError(
                    f"layers must each have one place in one net; got {name!r}, which has one "
                    "already. Use copy.deepcopy(layer)."
                )
        check_parts(named)
        check_dtypes(named)
        self._kept = False  # whether all layers hold what backward needs, from one forward
        self.parts = dict(named)
        for layer in self.parts.values():
            layer.owned = True
        self.gather()

    def gather(self) -> None:
        """Move every parameter into one vector, so that an optimizer's step is a few operations."""
        first = next((a for _, layer in self.walk() for a in layer.values.values()), np.zeros(0))
        self.bind(*np.zeros((2, self.count()), first.dtype))

    def bind(self, values: Array, slopes: Array) -> None:
        """Move all parameters and gradients into these two vectors: a Net in a Net follows it."""
        super().bind(values, slopes)
        self.flat, self.flat_grads = values, slopes

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Join what a copy or a pickle has taken apart: each array comes back on its own."""
        super().__setstate__(state)
        self.gather()

    def forward(self, x: Array) -> Array:
        """Return the output of the last layer."""
        self._kept, name = False, ""
        try:
            for name in self.parts:
                x = self.parts[name].forward(x)
        except Exception as error:
            error.add_note(f"in {self._where(name, list(self.parts), 'which follows')}")
            raise
        self._kept = True
        return x

    def backward(self, dy: Array) -> Array:
        """Return dL/dx, and fill the gradients of every layer.

        They are of the last `forward`. A RuntimeError where there was none, or where an evaluation
        or a forward that failed came after it and has replaced what some layers kept.
        """
        if not self._kept:
            raise RuntimeError(
                "Net.backward needs the values of a forward pass; got none. Call forward first, "
                "and again after evaluate or predict."
            )
        name = ""
        try:
            for name in reversed(self.parts):
                dy = self.parts[name].backward(dy)
        except Exception as error:
            order = list(reversed(self.parts))
            error.add_note(f"in the backward of {self._where(name, order, 'after that of')}")
            raise
        return dy

    def _where(self, name: str, order: list[str], after: str) -> str:
        """Name a layer and its kind, and the one that comes before it in this order."""
        told = [f"{key!r} ({type(self.parts[key]).__name__})" for key in order]
        at = order.index(name)
        return f"{told[at]}, {after} {told[at - 1]}" if at else told[0]

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}: {layer!r}" for name, layer in self.parts.items())
        return f"Net({inside})"

    def evaluate(self, x: Array) -> Array:
        """Return the outputs (logits) in evaluation mode; the net stays in its own mode.

        Nothing is kept for `backward`: it wants another `forward` first. For gradients in
        evaluation mode, set ``training = False`` and call forward.
        """
        try:
            with modes_kept(self):
                self.training = False
                return self.forward(x)
        finally:
            self._kept = False

    def predict(self, x: Array) -> npt.NDArray[np.intp]:
        """Return the class of the largest output, shape (N,), as `evaluate` returns outputs."""
        return np.asarray(np.argmax(self.evaluate(x), axis=-1))

    def state(self) -> dict[str, Array]:
        """Return copies of all parameters and running statistics, under dotted names.

        Everything that training changes, and nothing that was chosen when the net was built.
        ``np.savez("net.npz", **net.state())`` writes it to a file, without pickle.

        Examples
        --------
        >>> from normlib import mlp
        >>> list(mlp([3, 2, 1], norm="batch").state())
        ['layer 1.w', 'layer 1.g', 'layer 1.b', 'output.w', 'output.c',
         'layer 1.mean', 'layer 1.var', 'layer 1.batches']
        """
        return {name: array.copy() for name, array in self._state().items()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Take over what `state` returned, of this net or of one built alike: all of it or nothing.

        Parameters
        ----------
        state : mapping of str to array
            Also an open npz file: ``net.load_state(np.load("net.npz"))``.

        Raises
        ------
        TypeError
            It is not a mapping, or an array has another dtype than the net's.
        ValueError
            A name is missing or too much, or a shape differs.

        Examples
        --------
        >>> import io
        >>> from normlib import mlp
        >>> net, other = mlp([3, 2, 1], norm="batch", seed=1), mlp([3, 2, 1], norm="batch", seed=2)
        >>> file = io.BytesIO()  # or a path
        >>> np.savez(file, **net.state())
        >>> other.load_state(np.load(io.BytesIO(file.getvalue())))
        >>> np.array_equal(other.flat, net.flat)
        True
        """
        checks.kind(state, Mapping, "state", "Pass what net.state() returned, or np.load(path).")
        own = self._state()
        odd = sorted(set(own) ^ set(state), key=str)
        if odd:
            raise ValueError(
                f"state must hold the names of net.state() and no other; got "
                f"{'no ' if odd[0] in own else ''}{odd[0]!r}. The names are {list(own)}."
            )
        given = {name: np.asarray(state[name]) for name in own}
        for name, array in given.items():
            way_out = "Build the net as the saved one was built."
            checks.shape(array, own[name].shape, f"state[{name!r}]", way_out)
            if array.dtype != own[name].dtype:
                raise TypeError(
                    f"state[{name!r}] must have the net's dtype {own[name].dtype}; got "
                    f"{array.dtype}. Use .astype, or build the net with another dtype."
                )
        for name, array in given.items():
            own[name][...] = array

    def _state(self) -> dict[str, Array]:
        return {**self.params, **self.running}
