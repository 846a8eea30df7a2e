"""The same networks and layers in PyTorch, eager, on one thread. Imported where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)


def network(weights: Sequence[np.ndarray], padding: int) -> nn.Sequential:
    """Build a ReLU network with batch normalization; the last layer is dense, with a bias.

    Weights with four axes are convolutions, behind which the positions are averaged.
    """
    layers: list[nn.Module] = []
    for w in weights[:-1]:
        if w.ndim == 4:
            product = nn.Conv2d(w.shape[1], len(w), w.shape[2:], padding=padding, bias=False)
            product.weight = nn.Parameter(torch.from_numpy(w.copy()))
            norm = nn.BatchNorm2d
        else:
            product, norm = _linear(w, bias=False), nn.BatchNorm1d
        layers += [product, norm(len(w), dtype=product.weight.dtype), nn.ReLU()]
    if weights[0].ndim == 4:
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, _linear(weights[-1], bias=True))


def _linear(w: np.ndarray, bias: bool) -> nn.Linear:
    layer = nn.Linear(w.shape[1], w.shape[0], bias=bias)
    layer.weight = nn.Parameter(torch.from_numpy(w.copy()))
    if bias:
        layer.bias = nn.Parameter(torch.zeros(len(w), dtype=layer.weight.dtype))
    return layer


def training(net: nn.Module, x: np.ndarray, labels: np.ndarray, lr: float) -> Callable[[], float]:
    """Return a function that makes one update and returns the loss before it."""
    inputs, targets = torch.from_numpy(x), torch.from_numpy(labels)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)

    def step() -> float:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def norm(name: str, shape: tuple[int, ...], groups: int) -> nn.Module:
    """Return PyTorch's own layer."""
    channels, images = shape[1], len(shape) == 4
    if name == "batch":
        return nn.BatchNorm2d(channels) if images else nn.BatchNorm1d(channels)
    if name == "layer":
        return nn.LayerNorm(shape[1:])
    if name == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    return nn.GroupNorm(groups, channels)


def there_and_back(layer: nn.Module, x: np.ndarray, dy: np.ndarray) -> Callable[[], np.ndarray]:
    """Return a function that runs forward and backward, and returns dx."""
    inputs, upstream = torch.from_numpy(x).requires_grad_(), torch.from_numpy(dy)
    wanted = [inputs, *layer.parameters()]

    def run() -> np.ndarray:
        return torch.autograd.grad(layer(inputs), wanted, upstream)[0].numpy()

    return run
