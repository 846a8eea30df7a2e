"""Ready-made networks, whose weights depend on the seed and not on the normalization."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.layers import ACTIVATIONS, Conv2d, Dense, Flatten, GlobalAvgPool, Layer
from normlib.layers.windows import Pair, pair
from normlib.nets.net import Net
from normlib.norms import resolve
from normlib.spec import Norm

#: One for all convolutions, or a list with one for each.
Sizes = int | Pair | list[int | Pair]

#: What stands between the last convolution and the output layer.
HEADS: Mapping[str, Callable[[], Layer]] = MappingProxyType(
    {"flatten": Flatten, "average": GlobalAvgPool}
)


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
        In every hidden layer; the output layer has none. ``norm("batch", eps=1e-3)`` has options.
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

    Examples
    --------
    >>> mlp([64, 32, 10], norm="batch").forward(np.zeros((5, 64))).shape
    (5, 10)
    """
    if not isinstance(widths, Sequence | np.ndarray) or len(widths) < 2:
        raise ValueError(
            f"widths must be a list of inputs and outputs at least; got {widths!r}. "
            "Pass [64, 32, 10]."
        )
    sizes = [checks.positive_integer(width, f"widths[{i}]") for i, width in enumerate(widths)]
    norm = resolve(norm)  # a wrong one is an error without hidden layers too
    checks.choice(activation, "activation", ACTIVATIONS)
    checks.number(init_scale, "init_scale", low=0)
    rng = checks.seeded(seed)
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


def cnn(
    channels: Sequence[int],
    *,
    image: tuple[int, int, int] = (1, 8, 8),
    classes: int = 10,
    norm: str | Norm | None = None,
    activation: str = "relu",
    kernel: Sizes = 3,
    stride: Sizes = 1,
    padding: Sizes = 0,
    head: str = "flatten",
    init_scale: float = 1.0,
    seed: int = 0,
    dtype: npt.DTypeLike = np.float64,
) -> Net:
    """Build a convolutional network: convolutions, then one dense layer.

    Parameters
    ----------
    channels : sequence of ints
        Of each convolution's output: ``[16, 32]`` has two.
    image : (C, H, W)
        The shape of one input; the default is that of ``load_digits(images=True)``.
    classes : int
        Outputs.
    norm : str, Norm or None
        In every convolution; the output layer has none.
    activation : str
        Of the convolutions; the output layer has none.
    kernel, stride, padding : int, or list of ints, one per convolution
        As in `Conv2d`; in a list, an entry may be a pair. Without padding every window sees
        pixels only, so that what a normalization is invariant to stays exact.
    head : "flatten" or "average"
        What the output layer sees: all values of the last convolution, or the mean of each channel
        over the positions.
    init_scale : float
        Weights have standard deviation ``init_scale * sqrt(2 / n)`` for ReLU and
        ``init_scale / sqrt(n)`` otherwise, where n values meet in each sum; the output layer
        included.
    seed : int
        Of the weights. The same seed gives the same weights for every normalization.
    dtype : float32 or float64
        Of everything.

    Returns
    -------
    Net
        With layers "layer 1", "layer 2", ..., the head, and "output".

    Raises
    ------
    ValueError
        No channels, a list of another length, an image that the kernels do not fit into, or a
        value out of range.

    Examples
    --------
    >>> net = cnn([16, 32], norm="batch", kernel=[3, 4], padding=[1, 0], head="average")
    >>> list(net.parts)
    ['layer 1', 'layer 2', 'average', 'output']
    >>> net.forward(np.zeros((5, 1, 8, 8))).shape
    (5, 10)
    """
    if not isinstance(channels, Sequence | np.ndarray) or len(channels) < 1:
        raise ValueError(
            f"channels must be a list with one number per convolution; got {channels!r}. "
            "Pass [16, 32]."
        )
    widths = [checks.positive_integer(width, f"channels[{i}]") for i, width in enumerate(channels)]
    classes = checks.positive_integer(classes, "classes")
    if not isinstance(image, Sequence) or len(image) != 3:
        raise ValueError(
            f"image must be (channels, height, width); got {image!r}. Pass x.shape[1:]."
        )
    n_in, height, width = (checks.positive_integer(size, "image") for size in image)
    gain = ACTIVATIONS[checks.choice(activation, "activation", ACTIVATIONS)].gain
    checks.choice(head, "head", HEADS)
    checks.number(init_scale, "init_scale", low=0)
    rng = checks.seeded(seed)

    def std(n: int) -> float:
        return float(init_scale * np.sqrt(gain / n))

    layers: dict[str, Layer] = {}
    sizes = (
        _each(value, name, len(widths))
        for value, name in ((kernel, "kernel"), (stride, "stride"), (padding, "padding"))
    )
    for index, (n_out, size, step, zeros) in enumerate(zip(widths, *sizes, strict=True), start=1):
        layer = Conv2d(
            n_in,
            n_out,
            size,
            stride=step,
            padding=zeros,
            norm=norm,
            activation=activation,
            rng=rng,
            std=std(n_in * math.prod(pair(size, "kernel", 1))),
            dtype=dtype,
        )
        layers[f"layer {index}"] = layer
        n_in, (height, width) = n_out, layer.windows.positions(height, width)
    layers[head] = HEADS[head]()
    _, n_in = HEADS[head]().forward(np.zeros((1, n_in, height, width))).shape
    layers["output"] = Dense(
        n_in, classes, activation="identity", rng=rng, std=std(n_in), dtype=dtype
    )
    return Net(layers)


def _each(value: Sizes, name: str, depth: int) -> list[int | Pair]:
    """Return one value per convolution from one for all, or from a list of them."""
    if not isinstance(value, list):
        return [value] * depth
    if len(value) != depth:
        raise ValueError(
            f"{name} must be one for all convolutions, or a list of {depth}; got {value!r}. "
            "Pass as many as there are channels."
        )
    return value
