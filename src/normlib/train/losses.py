"""Losses: each returns one number, and its gradient with respect to the net's outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.sums import total

Labels = npt.NDArray[np.integer[Any]]
#: Takes outputs and targets, returns the loss and its gradient, which has the outputs' shape.
Loss = Callable[[Array, Any], tuple[float, Array]]


def softmax_cross_entropy(logits: Array, labels: Labels) -> tuple[float, Array]:
    r"""Return the mean cross-entropy of softmax(logits), and its gradient.

    .. math:: L = -\frac1N \sum_n \log \frac{e^{s_{n,y_n}}}{\sum_k e^{s_{nk}}}, \qquad
        \frac{\partial L}{\partial s_{nk}} = \frac1N (p_{nk} - [k = y_n])

    Parameters
    ----------
    logits : float array (N, K)
    labels : int array (N,) with values 0 to K - 1

    Returns
    -------
    loss : float, in nats
    dlogits : array (N, K)

    Raises
    ------
    ValueError
        Shapes do not match, as those of one-hot labels do not, or a label is out of range.
    TypeError
        Labels are not integers.
    """
    logits = checks.floating(logits, "logits")
    labels = np.asarray(labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        way_out = "Pass one integer label per row of logits"
        if labels.shape == logits.shape:
            way_out += ", of one-hot rows labels.argmax(1)"
        raise ValueError(
            f"logits must be (N, K) and labels (N,); got {logits.shape} and {labels.shape}. "
            f"{way_out}."
        )
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"labels must be integers; got dtype {labels.dtype}. Number the classes from 0; for "
            'targets that are numbers use loss="mean_squared_error".'
        )
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        more = labels.min() >= 0
        raise ValueError(
            f"labels must be from 0 to {logits.shape[1] - 1}; got {labels.min()} to "
            f"{labels.max()}. Number the classes from 0"
            + (f", or give the net {labels.max() + 1} outputs." if more else ".")
        )
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)  # exp of large logits would overflow
    p = np.exp(shifted)
    sums = total(p, (1,))
    loss = float((np.log(sums).sum() - shifted[rows, labels].sum()) / len(labels))
    p /= sums * len(labels)
    p[rows, labels] -= 1 / len(labels)
    return loss, p


def mean_squared_error(outputs: Array, targets: Array) -> tuple[float, Array]:
    r"""Return the mean of all squared errors, and its gradient.

    .. math:: L = \frac1m \sum_i (y_i - t_i)^2, \qquad
        \frac{\partial L}{\partial y_i} = \frac2m (y_i - t_i)

    The mean is over all m values, outputs of one sample included, as in PyTorch's ``MSELoss``.

    Parameters
    ----------
    outputs : float array of any shape
        What the net computes; the loss is measured in its dtype.
    targets : float array of the same shape, or (N,) for outputs (N, 1)

    Returns
    -------
    loss : float, in squared units of the targets
    doutputs : array of the outputs' shape and dtype

    Raises
    ------
    ValueError
        Shapes differ: (N,) and (N, 1) would broadcast to (N, N), and train on nonsense.
    TypeError
        One of the two is not a float array.

    Examples
    --------
    >>> loss, doutputs = mean_squared_error(np.array([[1.0], [5.0]]), np.array([1.0, 2.0]))
    >>> loss
    4.5
    >>> doutputs.ravel()
    array([0., 3.])
    """
    outputs = checks.floating(outputs, "outputs")
    targets = checks.floating(targets, "targets")
    if targets.ndim == 1 and outputs.shape == (*targets.shape, 1):
        targets = targets[:, None]
    checks.shape(targets, outputs.shape, "targets", "Pass one target per output.")
    error = outputs - targets.astype(outputs.dtype, copy=False)
    loss = float(np.vdot(error, error) / error.size)
    error *= 2 / error.size
    return loss, error


LOSSES: Mapping[str, Loss] = MappingProxyType(
    {"cross_entropy": softmax_cross_entropy, "mean_squared_error": mean_squared_error}
)


def resolve(given: str | Loss) -> Loss:
    """Return the loss function that is meant, one of the caller's own with its result checked."""
    if not callable(given):
        way_out = "Pass one of these, or a function of outputs and targets."
        return LOSSES[checks.choice(given, "loss", LOSSES, way_out)]

    def checked(outputs: Array, targets: Any) -> tuple[float, Array]:
        found = given(outputs, targets)
        if not isinstance(found, tuple) or len(found) != 2:
            raise TypeError(
                "loss must return a pair, the loss and its gradient; got "
                f"{type(found).__name__}. See normlib.mean_squared_error."
            )
        name = getattr(given, "__name__", type(given).__name__)
        way_out = "Return the gradient with respect to the outputs."
        checks.shape(np.asarray(found[1]), outputs.shape, f"the gradient from loss {name}", way_out)
        return float(found[0]), found[1]

    return checked
