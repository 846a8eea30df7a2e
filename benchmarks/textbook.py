"""What a textbook writes: the same layers in plain NumPy, one operation per term of a formula.

Nothing here is slow on purpose: arrays are not copied needlessly and no loop runs over samples.
It takes `x.mean`, `x.var` and broadcasting as they come, and updates one parameter at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]


class Linear:
    """a = x w.T + c."""

    def __init__(self, w: Array, bias: bool = False) -> None:
        self.w = w
        self.c = np.zeros(len(w), w.dtype) if bias else None

    def forward(self, x: Array) -> Array:
        """Return a (N, K) from x (N, D)."""
        self.x = x
        a = x @ self.w.T
        return a if self.c is None else a + self.c

    def backward(self, da: Array) -> Array:
        """Return dx, and keep dw and dc."""
        self.grads = [da.T @ self.x] if self.c is None else [da.T @ self.x, da.sum(axis=0)]
        return da @ self.w

    @property
    def params(self) -> list[Array]:
        """The arrays to be trained, in the order of `grads`."""
        return [self.w] if self.c is None else [self.w, self.c]


class Conv:
    """a = x * w (stride 1): every window a row of a matrix, then one product."""

    def __init__(self, w: Array, padding: int) -> None:
        self.w, self.padding = w, padding

    def forward(self, x: Array) -> Array:
        """Return a (N, K, H, W) from x (N, C, H, W)."""
        p, (kh, kw) = self.padding, self.w.shape[2:]
        self.shape = x.shape
        x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(2, 3))
        self.positions = windows.shape[2:4]
        rows = windows.transpose(0, 2, 3, 1, 4, 5)  # (N, H, W, C, kh, kw)
        self.rows = rows.reshape(-1, self.w[0].size)
        a = self.rows @ self.w.reshape(len(self.w), -1).T
        return a.reshape(len(x), *self.positions, -1).transpose(0, 3, 1, 2)

    def backward(self, da: Array) -> Array:
        """Return dx, and keep dw."""
        n, channels, height, width = self.shape
        p, (kh, kw), (h, w) = self.padding, self.w.shape[2:], self.positions
        da = da.transpose(0, 2, 3, 1).reshape(-1, len(self.w))
        self.grads = [(da.T @ self.rows).reshape(self.w.shape)]
        drows = (da @ self.w.reshape(len(self.w), -1)).reshape(n, h, w, channels, kh, kw)
        dx = np.zeros((n, channels, height + 2 * p, width + 2 * p), da.dtype)
        for i in range(kh):
            for j in range(kw):
                dx[:, :, i : i + h, j : j + w] += drows[..., i, j].transpose(0, 3, 1, 2)
        return dx[:, :, p : p + height, p : p + width]

    @property
    def params(self) -> list[Array]:
        """The arrays to be trained, in the order of `grads`."""
        return [self.w]


class Average:
    """The mean of each channel over the positions."""

    params: Sequence[Array] = ()
    grads: Sequence[Array] = ()

    def forward(self, x: Array) -> Array:
        """Return (N, C) from x (N, C, H, W)."""
        self.shape = x.shape
        return x.mean(axis=(2, 3))

    def backward(self, dy: Array) -> Array:
        """Return dx."""
        positions = self.shape[2] * self.shape[3]
        return np.broadcast_to(dy[:, :, None, None] / positions, self.shape)


class Norm:
    """z = g (a - mu) / sigma + b over `axes`, with running statistics if samples share them."""

    def __init__(
        self,
        channels: int,
        axes: tuple[int, ...],
        *,
        groups: int | None = None,
        dtype: npt.DTypeLike = np.float64,
        eps: float = 1e-5,
        momentum: float = 0.1,
    ) -> None:
        self.axes, self.groups, self.eps, self.momentum = axes, groups, eps, momentum
        self.g, self.b = np.ones(channels, dtype), np.zeros(channels, dtype)
        self.mean, self.var = np.zeros(channels, dtype), np.ones(channels, dtype)

    def forward(self, a: Array) -> Array:
        """Return z; where there are groups, `axes` are those of (N, G, C / G, H, W)."""
        x = a if self.groups is None else a.reshape(len(a), self.groups, -1, *a.shape[2:])
        mu = x.mean(axis=self.axes, keepdims=True)
        var = x.var(axis=self.axes, keepdims=True)
        self.sigma = np.sqrt(var + self.eps)
        self.x_hat = (x - mu) / self.sigma
        if 0 in self.axes:
            count = a.size // self.g.size
            self.mean += self.momentum * (mu.ravel() - self.mean)
            self.var += self.momentum * (var.ravel() * count / (count - 1) - self.var)
        return self._wide(self.g, a) * self.x_hat.reshape(a.shape) + self._wide(self.b, a)

    def backward(self, dz: Array) -> Array:
        """Return da, and keep dg and db."""
        over = tuple(axis for axis in range(dz.ndim) if axis != 1)
        self.grads = [
            (dz * self.x_hat.reshape(dz.shape)).sum(axis=over),
            dz.sum(axis=over),
        ]
        dx_hat = (self._wide(self.g, dz) * dz).reshape(self.x_hat.shape)
        through_mu = dx_hat.mean(axis=self.axes, keepdims=True)
        through_sigma = (dx_hat * self.x_hat).mean(axis=self.axes, keepdims=True)
        return ((dx_hat - through_mu - self.x_hat * through_sigma) / self.sigma).reshape(dz.shape)

    def _wide(self, values: Array, like: Array) -> Array:
        return values.reshape(1, -1, *[1] * (like.ndim - 2))

    @property
    def params(self) -> list[Array]:
        """The arrays to be trained, in the order of `grads`."""
        return [self.g, self.b]


class ReLU:
    """h = max(z, 0)."""

    params: Sequence[Array] = ()
    grads: Sequence[Array] = ()

    def forward(self, z: Array) -> Array:
        """Return h."""
        self.positive = z > 0
        return np.maximum(z, 0)

    def backward(self, dh: Array) -> Array:
        """Return dz."""
        return dh * self.positive


def softmax_cross_entropy(logits: Array, labels: npt.NDArray[np.integer]) -> tuple[float, Array]:
    """Return the mean loss and its gradient."""
    rows = np.arange(len(labels))
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    return float(loss), p / len(labels)


class Training:
    """Layers in a row, trained by SGD with momentum, parameter by parameter."""

    def __init__(self, layers: Sequence, lr: float, beta: float = 0.9) -> None:
        self.layers, self.lr, self.beta = layers, lr, beta
        self.velocity = [[np.zeros_like(p) for p in layer.params] for layer in layers]

    def step(self, x: Array, labels: npt.NDArray[np.integer]) -> float:
        """Make one update and return the loss before it."""
        for layer in self.layers:
            x = layer.forward(x)
        loss, dx = softmax_cross_entropy(x, labels)
        for layer in reversed(self.layers):
            dx = layer.backward(dx)
        for layer, velocity in zip(self.layers, self.velocity, strict=True):
            for p, dp, v in zip(layer.params, layer.grads, velocity, strict=True):
                v *= self.beta
                v += dp
                p -= self.lr * v
        return loss
