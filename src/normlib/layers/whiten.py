"""Batch normalization of whole groups of channels: not only scaled, but decorrelated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.layers.layer import differing
from normlib.layers.normalize import Affine, Normalize
from normlib.roots import ROOTS
from normlib.spec import Norm
from normlib.whiten import Decorrelated, decorrelate, decorrelate_backward, root


class Whiten(Normalize):
    r"""Whiten activations: :math:`z = g\,\hat x + b` with :math:`\hat x = (a - \mu)\,W`.

    The channels of a group are decorrelated by the mean and covariance over all samples and
    positions of the batch. With one channel per group this is batch normalization.

    Parameters
    ----------
    channels : int
        C. The parameters `g` and `b` have shape (C,).
    groups : int
        The NUMBER of groups; it must divide C. A group of c channels needs several times c values
        per channel in a batch, and time c³.
    method, eps, iterations
        As in `decorrelate`. "pca" is there to be compared with: its directions change places from
        batch to batch, and the next layer sees another input each time.
    momentum, channel_axis, dtype
        As in `Normalize`.
    affine : bool
        Learn g and b.

    Attributes
    ----------
    running : mapping
        `mean` (C,), `covariance` (groups, c, c), stored unbiased, and the number of `batches`.
        Evaluation takes W from this covariance (the papers average W itself, which says nothing
        where its columns change places, as with "pca").

    Raises
    ------
    ValueError
        As in `Normalize` and `decorrelate`. Running statistics stay as they were.
    TypeError
        The input is not an array of `dtype`.

    Source: Huang et al. 2018 (Decorrelated BN), arXiv:1804.08450, with "zca" and groups; Huang et
    al. 2019 (IterNorm), arXiv:1904.03441, with "newton_schulz".

    Examples
    --------
    >>> layer = Whiten(2)
    >>> z = layer.forward(np.array([[1.0, 2.0], [3.0, 2.0], [2.0, 8.0], [4.0, 6.0]]))
    >>> np.abs(np.cov(z.T, bias=True)).round(4)
    array([[1., 0.],
           [0., 1.]])
    """

    def __init__(
        self,
        channels: int,
        *,
        groups: int = 1,
        method: str = "zca",
        eps: float = 1e-5,
        iterations: int = 20,
        momentum: float | None = 0.1,
        affine: bool = True,
        channel_axis: int = 1,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        row = Norm(
            name="whitening",
            shares="NS",
            grouped=True,
            groups=checks.positive_integer(groups, "groups"),
            eps=eps,
            momentum=momentum,
            affine=affine,
        )
        without = replace(row, affine=False)  # g and b are a part of their own here
        super().__init__(without, channels, channel_axis=channel_axis, dtype=dtype)
        self.method = checks.choice(method, "method", ROOTS)
        self.iterations = checks.positive_integer(iterations, "iterations")
        if row.affine:
            self.parts[""] = Affine(self.channels, channel_axis=channel_axis, dtype=self.dtype)
        c = self.channels // self.groups
        self._statistics = {
            "mean": np.zeros(self.channels, self.dtype),
            "covariance": np.tile(np.eye(c, dtype=self.dtype), (self.groups, 1, 1)),
            "batches": np.zeros((), self.dtype),
        }
        self._matrices: Array | None = None
        self._measured: list[Decorrelated] = []

    def forward(self, a: Array) -> Array:
        """Return z, in a's shape; in training, take the batch into the running statistics."""
        view = self._view(a)
        rows = _rows(view)
        if self.training and not self.frozen:
            self._check_count(view.shape, a.shape)
            found = [
                decorrelate(group, self.method, eps=self.norm.eps, iterations=self.iterations)
                for group in rows
            ]
            x_hat = np.stack([y for y, _ in found])
            self._measured = [cache for _, cache in found]
            self._matrices = np.stack([cache.whitening.matrix for cache in self._measured])
            self._take(self._measured)
        else:
            matrices = np.stack([self._root(group) for group in self._statistics["covariance"]])
            x_hat = (rows - self._statistics["mean"].reshape(self.groups, 1, -1)) @ matrices
            self._measured, self._matrices = [], matrices
        self._shape = a.shape
        x_hat = _in_view(x_hat, view.shape).reshape(a.shape)
        self.show("a", a)
        if self.parts:
            return self.parts[""].forward(x_hat)
        self.show("x_hat", x_hat)
        self.show("z", x_hat)
        return x_hat

    def backward(self, dz: Array) -> Array:
        """Return dL/da, and fill the gradients of g and b."""
        matrices: Array = self.cached(self._matrices)
        dz = checks.floating(dz, "dz")
        checks.shape(dz, self._shape, "dz", "Pass the gradient with respect to the output.")
        view = self._view(self.parts[""].backward(dz) if self.parts else dz)
        rows = _rows(view)
        if self._measured:
            pairs = zip(rows, self._measured, strict=True)
            da = np.stack([decorrelate_backward(group, cache) for group, cache in pairs])
        else:
            da = rows @ matrices.transpose(0, 2, 1)
        return _in_view(da, view.shape).reshape(dz.shape)

    def _root(self, covariance: Array) -> Array:
        """Return W for a running covariance."""
        return root(covariance, 1, self.method, self.norm.eps, self.iterations)[0]

    def _take(self, measured: list[Decorrelated]) -> None:
        """Move the running statistics towards the batch's, by `momentum` or as a plain average."""
        mean, covariance, batches = self._statistics.values()
        batches += 1
        weight = 1 / batches if self.momentum is None else self.momentum
        m = len(measured[0].centred)
        now = np.stack([cache.whitening.covariance for cache in measured])
        mean += weight * (np.concatenate([cache.whitening.mean for cache in measured]) - mean)
        covariance += weight * (now * (m / (m - 1)) - covariance)

    def __repr__(self) -> str:
        options = differing(
            eps=(self.norm.eps, 1e-5),
            iterations=(self.iterations, 20),
            momentum=(self.momentum, 0.1),
            affine=(bool(self.parts), True),
            channel_axis=(self.channel_axis, 1),
            dtype=(self.dtype, np.float64),
            frozen=(self.frozen, False),
        )
        return f"Whiten({self.channels}, groups={self.groups}, method={self.method!r}{options})"


def _rows(view: Array) -> Array:
    """Return (N, G, c, S) as (G, N S, c): for each group, values by channels."""
    n, groups, c, s = view.shape
    return view.transpose(1, 0, 3, 2).reshape(groups, n * s, c)


def _in_view(rows: Array, shape: tuple[int, ...]) -> Array:
    """Return (G, N S, c) as (N, G, c, S)."""
    n, groups, c, s = shape
    return rows.reshape(groups, n, s, c).transpose(1, 0, 3, 2)
