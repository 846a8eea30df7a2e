"""A ready-made stack of residual blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.layers import ACTIVATIONS, Dense, Layer, Normalize, Residual
from normlib.nets.net import Net
from normlib.spec import Norm


def residual(
    width: int,
    blocks: int,
    *,
    n_in: int,
    classes: int,
    norm: str | Norm | None = "layer",
    placement: str = "pre",
    activation: str = "relu",
    init_scale: float = 1.0,
    seed: int = 0,
    dtype: npt.DTypeLike = np.float64,
) -> Net:
    """Build a stack of residual blocks between a linear layer in and a linear layer out.

    Parameters
    ----------
    width : int
        Of the stack, and of the one hidden layer inside each block.
    blocks : int
        How many; each adds ``w2 f(w1 x)`` to its input.
    n_in, classes : int
        Inputs and outputs of the whole net.
    norm : str, Norm or None
        In every block; any that acts on activations and has something to share on dense data.
    placement : "pre" or "post"
        Before each body, or after each sum. With "pre" nothing has normalized the sum that leaves
        the last block, so one more normalization does (Xiong et al. 2020, arXiv:2002.04745).
    activation : str
        f, between the two layers of a block; all others are linear.
    init_scale : float
        Weights have standard deviation ``init_scale * sqrt(2 / n_in)`` in front of a ReLU and
        ``init_scale / sqrt(n_in)`` otherwise.
    seed : int
        Of the weights. The same seed gives the same weights for every normalization and placement.
    dtype : float32 or float64
        Of everything.

    Returns
    -------
    Net
        With layers "embed", "block 1", "block 2", ..., with "pre" and a norm "final", and "output".

    Raises
    ------
    ValueError
        A value is out of range.
    TypeError
        The norm acts on weights.

    Examples
    --------
    >>> net = residual(32, 2, n_in=64, classes=10)
    >>> list(net.parts)
    ['embed', 'block 1', 'block 2', 'final', 'output']
    """
    width = checks.positive_integer(width, "width")
    blocks = checks.positive_integer(blocks, "blocks")
    checks.choice(activation, "activation", ACTIVATIONS)
    checks.number(init_scale, "init_scale", low=0)
    rng = checks.seeded(seed)

    def dense(n_in: int, n_out: int, f: str = "identity") -> Dense:
        n_in = checks.positive_integer(n_in, "n_in")
        std = float(init_scale * np.sqrt(ACTIVATIONS[f].gain / n_in))
        return Dense(n_in, n_out, activation=f, rng=rng, std=std, dtype=dtype)

    layers: dict[str, Layer] = {"embed": dense(n_in, width)}
    for index in range(1, blocks + 1):
        body = Net({"inner": dense(width, width, activation), "outer": dense(width, width)})
        layers[f"block {index}"] = Residual(
            body, norm=norm, channels=width, placement=placement, dtype=dtype
        )
    if norm is not None and placement == "pre":
        layers["final"] = Normalize(norm, width, dtype=dtype)
    layers["output"] = dense(width, checks.positive_integer(classes, "classes"))
    return Net(layers)
