"""The networks whose training steps are measured, each in normlib, as a textbook and in PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

import normlib as nl
import textbook

try:
    import in_torch
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    in_torch = None

LR = 1e-4  # small, since deep networks under batch norm multiply every rounding error

#: Hidden layers and their width, batch size, and the aimed ratio to PyTorch in float32.
MLPS = [(2, 32, 32, 0.25), (4, 128, 64, 0.5), (10, 256, 128, 0.9), (20, 128, 64, None)]
#: The same for images: channels of the convolutions, batch size, aim.
CNNS = [((16, 32, 32), 64, 1.1)]
IMAGE, PADDING = (1, 8, 8), 1

Step = Callable[[], float]


@dataclass
class Workload:
    """A network with a batch to train it on."""

    name: str
    net: nl.Net
    x: np.ndarray
    labels: np.ndarray
    aim: float | None

    def step(self) -> Step:
        """Return a function that makes one update with normlib and returns the loss before it."""
        net, optimizer = self.net, nl.Momentum(0.9)

        def step() -> float:
            loss, dlogits = nl.softmax_cross_entropy(net.forward(self.x), self.labels)
            net.backward(dlogits)
            optimizer.step(net.flat, net.flat_grads, LR)
            return loss

        return step

    def peers(self) -> dict[str, Step]:
        """Return the same of the others, which start from the same weights."""
        weights = [self.net.params[name] for name in self.net.params if name.endswith(".w")]
        plain = textbook.Training(_textbook_layers(weights), LR)
        steps = {"textbook NumPy": lambda: plain.step(self.x, self.labels)}
        if in_torch:
            same = in_torch.network(weights, PADDING)
            steps["PyTorch"] = in_torch.training(same, self.x, self.labels, LR)
        return steps

    def products(self) -> Callable[[], None]:
        """Return a function that does the matrix products of a step and nothing else.

        Three for each layer; the first has no need of dx.
        """
        triples = []
        for name in self.net.params:
            if name.endswith(".w"):
                w = self.net.params[name].reshape(len(self.net.params[name]), -1)
                positions = np.prod(IMAGE[1:]) if self.net.params[name].ndim == 4 else 1
                rows = len(self.x) * int(positions)
                h, da = (np.ones((rows, n), w.dtype) for n in w.shape[::-1])
                triples.append((h, w, da))

        def multiply() -> None:
            for index, (h, w, da) in enumerate(triples):
                h @ w.T
                da.T @ h
                if index:
                    da @ w

        return multiply


def _textbook_layers(weights: list[np.ndarray]) -> list:
    layers: list = []
    for w in weights[:-1]:
        product = textbook.Linear(w.copy()) if w.ndim == 2 else textbook.Conv(w.copy(), PADDING)
        axes = (0,) if w.ndim == 2 else (0, 2, 3)
        layers += [product, textbook.Norm(len(w), axes, dtype=w.dtype), textbook.ReLU()]
    if weights[0].ndim == 4:
        layers.append(textbook.Average())
    return [*layers, textbook.Linear(weights[-1].copy(), bias=True)]


def workloads(dtype: str) -> Iterator[Workload]:
    """Yield all of them, each with its own batch of noise."""
    rng = np.random.default_rng(0)
    for depth, width, batch, aim in MLPS:
        net = nl.mlp([64, *[width] * depth, 10], norm="batch", dtype=dtype)
        x = rng.standard_normal((batch, 64)).astype(dtype)
        name = f"64-{width}×{depth}-10, batch norm, batch {batch}, {dtype}"
        yield Workload(name, net, x, rng.integers(0, 10, batch), aim)
    for channels, batch, aim in CNNS:
        net = nl.cnn(
            channels, image=IMAGE, norm="batch", padding=PADDING, head="average", dtype=dtype
        )
        x = rng.standard_normal((batch, *IMAGE)).astype(dtype)
        widths = "-".join(map(str, channels))
        name = f"CNN {widths} on 8×8, batch norm, batch {batch}, {dtype}"
        yield Workload(name, net, x, rng.integers(0, 10, batch), aim)
