"""Networks: layers in a row, and what concerns all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.layers import ACTIVATIONS, Dense, Layer, Normalize
from normlib.spec import Norm


class Net(Layer):
    """Layers applied one after the other, with all parameters in one flat vector.

    Parameters
    ----------
    layers : mapping of str to Layer, or sequence of Layer
        In order of application; in a sequence they are called "0", "1", ... A layer belongs to one
        net only, since its parameters move into the net's vector.

    Attributes
    ----------
    flat, flat_grads : arrays of shape (number of parameters,)
        All parameters and all gradients; `params` and `grads` are views of them.

    Raises
    ------
    TypeError
        Something in `layers` is not a Layer.
    ValueError
        No layer, or one that already belongs to a net.

    Examples
    --------
    >>> net = mlp([64, 32, 10], norm="batch")
    >>> net.forward(np.zeros((5, 64))).shape
    (5, 10)
    >>> list(net.params)
    ['layer 1.w', 'layer 1.g', 'layer 1.b', 'output.w', 'output.c']
    """

    def __init__(self, layers: Mapping[str, Layer] | Sequence[Layer]) -> None:
        super().__init__()
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
        self.parts = dict(named)
        for layer in self.parts.values():
            layer.owned = True
        self._gather()

    def _gather(self) -> None:
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
        for layer in self.parts.values():
            layer.owned = True
        self._gather()

    def forward(self, x: Array) -> Array:
        """Return the output of the last layer."""
        for layer in self.parts.values():
            x = layer.forward(x)
        return x

    def backward(self, dy: Array) -> Array:
        """Return dL/dx, and fill the gradients of every layer."""
        for layer in reversed(self.parts.values()):
            dy = layer.backward(dy)
        return dy

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}: {layer!r}" for name, layer in self.parts.items())
        return f"Net({inside})"

    def evaluate(self, x: Array) -> Array:
        """Return the outputs (logits) in evaluation mode; the net stays in its own mode."""
        before = [(layer, layer.training) for _, layer in self.walk()]
        self.training = False
        try:
            return self.forward(x)
        finally:
            for layer, training in before:  # outermost first: what is inside has the last word
                layer.training = training

    def predict(self, x: Array) -> npt.NDArray[np.intp]:
        """Return the class of the largest output, shape (N,), in evaluation mode."""
        return np.asarray(np.argmax(self.evaluate(x), axis=-1))


def mlp(
    widths: Sequence[int],
    *,
    norm: str | Norm | None = None,
    activation: str = "relu",
    init_scale: float = 1.0,
    seed: int = 0,
    dtype: npt.DTypeLike = np.float64,
) -> Net:
    """Build a fully connected network.

    Parameters
    ----------
    widths : sequence of at least two ints
        Inputs, hidden widths, outputs: ``[64, 32, 32, 10]`` has two hidden layers.
    norm : str, Norm or None
        In every hidden layer; the output layer has none.
    activation : str
        Of the hidden layers; the output layer has none.
    init_scale : float
        Weights have standard deviation ``init_scale * sqrt(2 / n_in)`` for ReLU and
        ``init_scale / sqrt(n_in)`` otherwise, the output layer included.
    seed : int
        Of the weights. The same seed gives the same weights for every normalization.
    dtype : float32 or float64
        Of everything.

    Returns
    -------
    Net
        With layers "layer 1", "layer 2", ... and "output".

    Raises
    ------
    ValueError
        Fewer than two widths, or a value out of range.
    """
    if not isinstance(widths, Sequence | np.ndarray) or len(widths) < 2:
        raise ValueError(
            f"widths must be a list of inputs and outputs at least; got {widths!r}. "
            "Pass [64, 32, 10]."
        )
    sizes = [checks.positive_integer(width, "widths") for width in widths]
    checks.choice(activation, "activation", ACTIVATIONS)
    checks.number(init_scale, "init_scale", low=0)
    rng = np.random.default_rng(seed)
    layers: dict[str, Layer] = {}
    for index, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        last = index == len(sizes) - 1
        layers["output" if last else f"layer {index}"] = Dense(
            n_in,
            n_out,
            norm=None if last else norm,
            activation="identity" if last else activation,
            rng=rng,
            std=float(init_scale * np.sqrt(ACTIVATIONS[activation].gain / n_in)),
            dtype=dtype,
        )
    return Net(layers)


@contextmanager
def statistics_kept(net: Layer) -> Iterator[None]:
    """Keep the running statistics: ``with statistics_kept(net): ...`` leaves them as they were."""
    before = {key: value.copy() for key, value in net.running.items()}
    try:
        yield
    finally:
        for key, value in before.items():
            net.running[key] = value


def recalibrate(net: Layer, batches: Iterable[Array]) -> None:
    """Measure the running statistics anew, as the plain average over the given batches.

    Parameters
    ----------
    net : Layer
        Its weights and its mode stay as they are.
    batches : iterable of arrays
        Inputs, each as large as a training batch.

    Raises
    ------
    ValueError
        There is no batch, or one does not fit; the statistics are then as before.
    """
    layers = [layer for _, layer in net.walk() if isinstance(layer, Normalize) and layer.running]
    before = [(layer.momentum, layer.frozen, layer.training) for layer in layers]
    kept = {key: value.copy() for key, value in net.running.items()}
    try:
        for layer in layers:
            layer.momentum, layer.frozen, layer.training = None, False, True
            layer.running["batches"] = 0.0  # so that the first batch replaces what was there
        count = 0
        for count, batch in enumerate(batches, start=1):  # noqa: B007
            net.forward(batch)
        if count == 0:
            raise ValueError("batches must hold at least one batch; got none. Pass some inputs.")
    except BaseException:
        for key, value in kept.items():
            net.running[key] = value
        raise
    finally:
        for layer, (momentum, frozen, training) in zip(layers, before, strict=True):
            layer.momentum, layer.frozen, layer.training = momentum, frozen, training
