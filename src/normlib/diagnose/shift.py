"""Internal covariate shift, as a change of gradients."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from normlib import checks
from normlib.checks import Array
from normlib.diagnose.probe import Probe
from normlib.nets import Net
from normlib.train.losses import Loss


@dataclass(frozen=True, eq=False, repr=False)
class CovariateShift(checks.Brief):
    """The internal covariate shift of every layer that has parameters, the first one's being 0.

    Attributes
    ----------
    layers : names of the L layers
    before : (L,) length of the layer's gradient G
    difference : (L,) length of G - G', where G' is the gradient after the layers below have moved
    cosine : (L,) of the angle between G and G'; NaN where one of them is 0
    """

    layers: tuple[str, ...]
    before: Array
    difference: Array
    cosine: Array


def internal_covariate_shift(
    net: Net, batch: tuple[Array, Any], lr: float, *, loss: str | Loss = "cross_entropy"
) -> CovariateShift:
    r"""Measure how much a layer's gradient changes because the layers below it are updated.

    With all layers' parameters :math:`W_1, \dots, W_k` and those after one step of gradient
    descent on the same batch, :math:`W'_j = W_j - \eta\,\partial L/\partial W_j`:

    .. math::
        G_i = \frac{\partial L}{\partial W_i}(W_1, \dots, W_k), \qquad
        G'_i = \frac{\partial L}{\partial W_i}(W'_1, \dots, W'_{i-1}, W_i, \dots, W_k)

    Parameters
    ----------
    net : Net
        Measured on a copy in training mode, so that the net itself stays as it is; frozen
        statistics stay frozen. Its layers are its parts, a part counting as one.
    batch : (x, targets)
        Of any size; to follow a run, call this in ``fit(..., on_step=...)`` with the batch to come
        out of your own `batches`, or with one batch throughout.
    lr : float
        The learning rate of the step.
    loss : "cross_entropy", "mean_squared_error", or a function
        As in `fit`.

    Returns
    -------
    CovariateShift
        A net that hardly moves has a small one, so read it beside `before` and the loss.

    Raises
    ------
    TypeError
        `net` is not a Net, or `loss` does not return the loss and its gradient.
    ValueError
        `batch` is not a pair or does not fit the net, `lr` is negative or not finite, or the net
        has no parameters.

    Source: Santurkar et al. 2018, arXiv:1805.11604, definition 2.1.

    Examples
    --------
    >>> from normlib import mlp
    >>> x = np.random.default_rng(0).standard_normal((32, 8))
    >>> shift = internal_covariate_shift(mlp([8, 6, 6, 2]), (x, np.arange(32) % 2), lr=0.1)
    >>> shift.layers
    ('layer 1', 'layer 2', 'output')
    >>> bool(shift.difference[0] == 0), bool(shift.difference[1] > 0)
    (True, True)
    """
    probe = Probe(net, batch, loss)
    lr = checks.number(lr, "lr", low=0)
    counts = {name: layer.count() for name, layer in probe.net.parts.items() if layer.count()}
    _, gradient = probe.gradient()
    ends = np.cumsum([0, *counts.values()])
    rows = []
    for start, end in pairwise(ends):
        g, g_after = gradient[start:end], probe.gradient()[1][start:end]
        rows.append((np.linalg.norm(g), np.linalg.norm(g - g_after), _cosine(g, g_after)))
        probe.net.flat[start:end] -= (lr * gradient[start:end]).astype(probe.net.flat.dtype)
    before, difference, cosine = np.array(rows).T
    return CovariateShift(tuple(counts), before, difference, cosine)


def _cosine(u: Array, v: Array) -> float:
    """Return the cosine of the angle between two vectors, NaN where there is none."""
    lengths = np.linalg.norm(u) * np.linalg.norm(v)
    return float(np.clip(u @ v / lengths, -1, 1)) if lengths else float("nan")
