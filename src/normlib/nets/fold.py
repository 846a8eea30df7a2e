"""Fold normalization by running statistics into the weights, for evaluation."""

from __future__ import annotations

import copy

from normlib import checks
from normlib.layers.product import Product
from normlib.nets.net import Net


def fold(net: Net) -> Net:
    r"""Return a copy of the net in which fixed statistics have become part of w and c.

    In evaluation, normalization by running statistics is a fixed scaling and shift of each
    channel, and so is a product with other weights:

    .. math:: g\,\frac{wx + c - \mu}{\sigma} + b
        = \Big(\frac{g}{\sigma} w\Big) x + \Big(\frac{g}{\sigma} (c - \mu) + b\Big)

    Parameters
    ----------
    net : Net
        Stays as it is.

    Returns
    -------
    Net
        In evaluation mode, with the outputs that `net` has there (up to rounding). Its `Dense`
        and `Conv2d` layers have w and c where they were normalized by running statistics. All
        else is as it was: normalizations that look at the sample itself, layers that normalize
        their inputs, and `Normalize` layers that stand alone, even right behind a Dense: to have
        that one folded, build it in, with ``Dense(..., norm="batch")``. Where there is nothing to
        fold, the copy equals the net. It is not for training: what it would normalize by is gone.

    Raises
    ------
    TypeError
        `net` is not a Net.

    Examples
    --------
    >>> from normlib import mlp
    >>> net, x = mlp([4, 3, 2], norm="batch"), np.random.default_rng(0).normal(size=(8, 4))
    >>> _ = net.forward(x)  # a batch for the running statistics
    >>> folded = fold(net)
    >>> list(folded.params)
    ['layer 1.w', 'layer 1.c', 'output.w', 'output.c']
    >>> bool(np.allclose(folded.forward(x), net.evaluate(x)))
    True
    """
    checks.kind(net, Net, "net", "Put layers into normlib.Net([...]).")
    folded = copy.deepcopy(net)
    for _, layer in list(folded.walk()):
        if isinstance(layer, Product):
            layer.absorb()
    folded.gather()
    folded.training = False
    return folded
