"""The modes and running statistics of a whole network: kept, or measured anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from normlib.checks import Array
from normlib.layers import Layer, Normalize


@contextmanager
def statistics_kept(net: Layer) -> Iterator[None]:
    """Keep the running statistics: ``with statistics_kept(net): ...`` leaves them as they were."""
    before = {key: value.copy() for key, value in net.running.items()}
    try:
        yield
    finally:
        for key, value in before.items():
            net.running[key] = value


@contextmanager
def modes_kept(net: Layer) -> Iterator[None]:
    """Let every layer go back to its own mode, training or evaluation, afterwards."""
    before = [(layer, layer.training) for _, layer in net.walk()]
    try:
        yield
    finally:
        for layer, training in before:  # outermost first: what is inside has the last word
            layer.training = training


def recalibrate(net: Layer, batches: Iterable[Array]) -> None:
    """Measure the running statistics anew, as the plain average over the given batches.

    Each batch runs through `forward`: call that again before the next `backward`.

    Parameters
    ----------
    net : Layer
        A `Net`, or a single layer. Its weights and its modes stay as they are. Frozen layers are
        measured too, and stay frozen. One without running statistics has none to measure: nothing
        changes.
    batches : iterable of arrays
        Inputs, each as large as a training batch: ``[x]``, or ``np.split(x, 10)``.

    Raises
    ------
    TypeError
        `batches` is one array, whose samples would each be taken for a batch; or a batch is none.
    ValueError
        There is no batch, or one does not fit; the statistics are then as before.

    Examples
    --------
    >>> from normlib import mlp
    >>> net, x = mlp([4, 3, 2], norm="batch"), np.random.default_rng(0).normal(size=(64, 4))
    >>> recalibrate(net, np.split(x, 2))
    >>> a = x @ net.params["layer 1.w"].T
    >>> bool(np.allclose(net.running["layer 1.mean"], a.mean(axis=0)))
    True
    """
    if isinstance(batches, np.ndarray):
        raise TypeError(
            f"batches must be an iterable of batches; got one array of shape {batches.shape}. "
            "Pass [x], or list(x) where its first axis counts batches."
        )
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
