"""Start g and b from data, for layers whose weights are normalized."""

from __future__ import annotations

import numpy as np

from normlib import checks
from normlib.checks import Array
from normlib.layers import Layer
from normlib.layers.product import Product
from normlib.nets.statistics import modes_kept, statistics_kept


def initialize_by_data(net: Layer, x: Array) -> None:
    r"""Set g and b so that z of every unit has mean 0 and variance 1 over the batch x.

    .. math:: g = \frac{1}{\sigma[\hat x]}, \qquad b = -\frac{\mu[\hat x]}{\sigma[\hat x]}

    Weight and cosine normalization see no data, so nothing keeps their pre-activations at a
    sensible size. This does, once, before training: one layer after the other, each behind those
    that have been set already. The weights stay as they are, and so does every layer of another
    kind, the running statistics included (what needs a batch's statistics takes those of x).

    Parameters
    ----------
    net : Layer
        A `Net`, or a single layer.
    x : array
        Inputs, as many as a training batch has or more.

    Raises
    ------
    ValueError
        No layer normalizes its weights and has g and b, x does not fit the net, or a unit has the
        same value everywhere, so that no g can give it variance 1. Nothing has changed then.

    Source: Salimans & Kingma 2016, arXiv:1602.07868, section 3.

    Examples
    --------
    >>> from normlib import mlp
    >>> net, x = mlp([8, 6, 3], norm="weight"), np.random.default_rng(0).normal(size=(64, 8))
    >>> initialize_by_data(net, x)
    >>> layer = net.parts["layer 1"]
    >>> x_hat = x @ (layer.params["w"] / np.linalg.norm(layer.params["w"], axis=1)[:, None]).T
    >>> z = layer.params["g"] * x_hat + layer.params["b"]
    >>> bool(np.allclose(z.mean(axis=0), 0) and np.allclose(z.var(axis=0), 1))
    True
    """
    checks.kind(net, Layer, "net", "Pass a Net, or a layer.")
    moves = [
        (name, layer.parts[""], layer.channel_axis)
        for name, layer in net.walk()
        if isinstance(layer, Product) and layer.norm is not None
        if layer.norm.on_weights and layer.norm.affine
    ]
    if not moves:
        raise ValueError(
            "net must have a layer that normalizes its weights, with g and b; got none. "
            "Build it with norm='weight' or norm='cosine'."
        )
    before = [(part, part.values["g"].copy(), part.values["b"].copy()) for _, part, _ in moves]
    try:
        with statistics_kept(net), modes_kept(net):
            net.training = True
            for name, part, axis in moves:
                mean, std = _moments(net, x, part, axis, name)
                part.params["g"], part.params["b"] = 1 / std, -mean / std
    except BaseException:
        for part, g, b in before:
            part.params["g"], part.params["b"] = g, b
        raise


def _moments(net: Layer, x: Array, part: Layer, axis: int, name: str) -> tuple[Array, Array]:
    """Return mean and std of what reaches g and b of one layer, over the batch and positions."""
    seen: dict[str, Array] = {}
    part.tap = seen.__setitem__
    try:
        net.forward(x)
    finally:
        part.tap = None
    x_hat = np.moveaxis(seen["x_hat"], axis, -1)
    rows = x_hat.reshape(-1, x_hat.shape[-1]).astype(np.float64)
    mean, std = rows.mean(axis=0), rows.std(axis=0)
    # Equal values differ from their mean by a rounding.
    constant = ~(std > 4 * np.finfo(x_hat.dtype).eps * np.abs(rows).max(axis=0))
    if constant.any():
        raise ValueError(
            f"x must make every unit vary; got std {std[constant][0]:.3g} at unit "
            f"{np.flatnonzero(constant)[0]} of {name or 'the layer'!r}. "
            "Pass more samples, or other weights."
        )
    return mean, std
