"""The loss and its gradient along the direction that training takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from normlib import checks
from normlib.checks import Array
from normlib.diagnose.probe import Probe
from normlib.nets import Net
from normlib.train.losses import Loss


@dataclass(frozen=True, eq=False, repr=False)
class Landscape(checks.Brief):
    """Loss and gradient at S points along the gradient, and at their start w.

    Attributes
    ----------
    lrs : (S,) the points are w - lr * gradient
    start : the loss at w
    gradient : the length of the gradient at w
    loss : (S,) the losses at the points
    change : (S,) the length of the difference between a point's gradient and that at w
    """

    lrs: Array
    start: float
    gradient: float
    loss: Array
    change: Array

    @property
    def loss_range(self) -> float:
        """The largest loss of the points less the smallest, in the loss's unit."""
        return float(self.loss.max() - self.loss.min())

    @property
    def gradient_predictiveness(self) -> float:
        """The largest change of the gradient, as a share of its length; small is predictive."""
        return _ratio(self.change.max(), self.gradient)

    @property
    def smoothness(self) -> float:
        """Effective beta: the largest change of the gradient per distance moved; small is smooth.

        It is at most the largest curvature, in absolute value, on the way.
        """
        return _ratio((self.change / self.lrs).max(), self.gradient)


def loss_landscape(
    net: Net,
    batch: tuple[Array, Any],
    lrs: Sequence[float] | Array,
    *,
    loss: str | Loss = "cross_entropy",
) -> Landscape:
    r"""Measure loss and gradient at several step lengths along the gradient of one batch.

    .. math:: L(w - \eta\nabla L(w)), \qquad
        \frac{\|\nabla L(w - \eta\nabla L(w)) - \nabla L(w)\|}{\|\nabla L(w)\|}, \qquad
        \beta = \max_\eta \frac{\|\nabla L(w - \eta\nabla L(w)) - \nabla L(w)\|}
        {\eta\,\|\nabla L(w)\|}

    Parameters
    ----------
    net : Net
        Measured on a copy in training mode, so that the net itself stays as it is; frozen
        statistics stay frozen.
    batch : (x, targets)
        Of any size. To follow a run, call this in ``fit(..., on_step=...)``.
    lrs : sequence of floats
        The learning rates eta, all positive; each costs one forward and one backward pass.
    loss : "cross_entropy", "mean_squared_error", or a function
        As in `fit`.

    Returns
    -------
    Landscape
        With `loss_range`, `gradient_predictiveness` and `smoothness`. Where the loss overflows
        they are not finite; where the gradient is 0 the last two are NaN.

    Raises
    ------
    TypeError
        `net` is not a Net, or `loss` does not return the loss and its gradient.
    ValueError
        `batch` is not a pair or does not fit the net, `lrs` does not hold positive numbers, or
        the net has no parameters.

    Source: Santurkar et al. 2018, arXiv:1805.11604, section 3.1 and figure 4.

    Examples
    --------
    >>> from normlib import mlp
    >>> x = np.random.default_rng(0).standard_normal((32, 8))
    >>> seen = loss_landscape(mlp([8, 6, 2]), (x, np.arange(32) % 2), lrs=[0.05, 0.1, 0.2])
    >>> seen.loss.shape, seen.smoothness > 0
    ((3,), True)
    """
    probe = Probe(net, batch, loss)
    steps = _positive(lrs)
    start, gradient = probe.gradient()
    origin = probe.net.flat.copy()
    losses, changes = np.empty((2, len(steps)))
    for index, lr in enumerate(steps):
        probe.net.flat[...] = origin - lr * gradient
        losses[index], there = probe.gradient()
        changes[index] = np.linalg.norm(there - gradient)
    return Landscape(steps, start, float(np.linalg.norm(gradient)), losses, changes)


def _positive(lrs: Any) -> Array:
    """Return the step lengths as an array, if there are any and all are positive."""
    try:
        steps = np.array(lrs, np.float64)
    except (TypeError, ValueError):
        steps = np.empty(0)
    if steps.ndim != 1 or not steps.size or not (np.isfinite(steps) & (steps > 0)).all():
        raise ValueError(
            f"lrs must be a list of positive, finite numbers; got {lrs!r}. Pass [0.05, 0.1, 0.2]."
        )
    return steps


def _ratio(value: Any, by: float) -> float:
    """Return value / by, NaN where `by` is 0."""
    return float(value / by) if by else float("nan")
