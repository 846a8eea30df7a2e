"""Ready-made networks, whose weights depend on the seed and not on the normalization."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.layers import ACTIVATIONS, Dense, Layer
from normlib.nets.net import Net
from normlib.spec import Norm


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
