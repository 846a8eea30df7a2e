"""A copy of a net to measure on: what is measured leaves nothing behind."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from normlib import checks
from normlib.checks import Array
from normlib.nets import Net
from normlib.train.losses import Loss, resolve


class Probe:
    """A copy of a net in training mode, with the batch and the loss that a measurement is about."""

    def __init__(self, net: Net, batch: tuple[Array, Any], loss: str | Loss) -> None:
        checks.kind(net, Net, "net", "Put layers into normlib.Net([...]).")
        if not net.count():
            raise ValueError("net must have parameters; got none. Add a layer that learns.")
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            got = (
                f"{len(batch)} of them" if isinstance(batch, tuple | list) else type(batch).__name__
            )
            raise ValueError(f"batch must be a pair (x, targets); got {got}. Pass (x, labels).")
        self.net = copy.deepcopy(net)
        self.net.training = True
        self.x, self.targets = batch
        self.loss = resolve(loss)

    def gradient(self) -> tuple[float, Array]:
        """Return the loss, and its gradient by all parameters as one float64 vector."""
        with np.errstate(over="ignore", invalid="ignore"):  # far along a gradient all may overflow
            loss, dy = self.loss(self.net.forward(self.x), self.targets)
            self.net.backward(dy)
        return loss, self.net.flat_grads.astype(np.float64)
