"""A convolutional layer: the product of `Dense` on every window of an image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.layers.product import Product
from normlib.layers.windows import Pair, Windows, images, pair
from normlib.spec import Norm


class Conv2d(Product):
    r"""Compute :math:`h = f(z)` of :math:`a_{nkij} = c_k + \sum_{cpq} w_{kcpq}\,x_{n,c,i+p,j+q}`.

    (With a stride s it is :math:`x_{n,c,si+p,sj+q}`.) As in every library of neural networks, the
    kernel is not flipped. A normalization of activations acts on a; its positions are those of the
    output. One of weights divides each filter (and, if it says so, each window of x) by its size,
    and a second one (``norm.then``) may act on what comes out.

    Parameters
    ----------
    c_in, c_out : int
        C and K, the channels of the input and of the output.
    kernel, stride, padding : int, or pair of int for the vertical and the horizontal
        The window, the steps that it moves by, and how many zeros are added on each side. With k,
        s and p of them, the output has :math:`H' = \lfloor (H + 2p - k) / s \rfloor + 1` rows.
    norm : str, Norm or None
        Any of `NORMS`; "group" as ``norm("group", groups=...)``.
    activation : "relu", "tanh", "sigmoid" or "identity"
        The function f.
    bias : bool, optional
        Add the linear bias c. None: only where no normalization follows, as in `Dense`.
    rng : numpy.random.Generator
        Draws w from a normal distribution of mean 0.
    std : float, optional
        Its standard deviation; None: sqrt(2/n) before a ReLU and 1/sqrt(n) otherwise, where
        n = C kh kw.
    dtype : float32 or float64
        Of parameters, input and output.

    Attributes
    ----------
    params : mapping
        `w` (K, C, kh, kw); `c` (K,) with a bias; `g` and `b` (K,) with an affine normalization.

    Raises
    ------
    ValueError
        Wrong shapes, sizes or options, or an image smaller than the kernel.
    TypeError
        The input is not an array of `dtype`; rng is not a Generator.

    Examples
    --------
    >>> layer = Conv2d(1, 4, 3, padding=1, norm="batch", rng=np.random.default_rng(0))
    >>> layer.forward(np.ones((5, 1, 8, 8))).shape
    (5, 4, 8, 8)
    >>> layer.params
    Arrays(w: (4, 1, 3, 3), g: (4,), b: (4,))
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        norm: str | Norm | None = None,
        activation: str = "relu",
        bias: bool | None = None,
        rng: np.random.Generator,
        std: float | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        c_in = checks.positive_integer(c_in, "c_in")
        c_out = checks.positive_integer(c_out, "c_out")
        self.windows = Windows(
            pair(kernel, "kernel", 1), pair(stride, "stride", 1), pair(padding, "padding", 0)
        )
        super().__init__(
            (c_out, c_in, *self.windows.kernel),
            channel_axis=1,
            norm=norm,
            activation=activation,
            bias=bias,
            rng=rng,
            std=std,
            dtype=dtype,
        )

    def _product(self, x: Array, w: Array) -> Array:
        """Return a (N, K, H', W'), a view of memory that has its channels last."""
        count, _, height, width = x.shape
        a = np.empty((count, *self.windows.positions(height, width), len(w)), self.dtype)
        for here, rows in self.windows.rows(x.transpose(0, 2, 3, 1)):
            self._times(rows, w, out=a[here].reshape(len(rows), -1))
        return a.transpose(0, 3, 1, 2)

    def _product_backward(self, da: Array, x: Array, w: Array) -> tuple[Array, Array]:
        """Return dL/dw (K, kh kw C), and dL/dx, again with the channels last in memory."""
        da = np.ascontiguousarray(da.transpose(0, 2, 3, 1))
        x = x.transpose(0, 2, 3, 1)
        (kh, kw), (ph, pw) = self.windows.kernel, self.windows.padding
        on_inputs = self.norm is not None and self.norm.on_inputs
        mirrored = self.windows.stride == (1, 1) and ph < kh and pw < kw and not on_inputs
        dw, dx = (self._by_pixels if mirrored else self._by_windows)(da, x, w)
        return dw, dx.transpose(0, 3, 1, 2)

    def _by_pixels(self, da: Array, x: Array, w: Array) -> tuple[Array, Array]:
        """Look at what each pixel was part of: with steps of 1, that is a window of da.

        In it the kernel lies the other way round. One copy of windows serves both gradients.
        """
        (kh, kw), (ph, pw), (k, c) = self.windows.kernel, self.windows.padding, (len(w), x.shape[3])
        turned = w.reshape(k, kh, kw, c)[:, ::-1, ::-1].transpose(1, 2, 0, 3).reshape(-1, c)
        dw, dx = np.zeros_like(turned), np.empty(x.shape, self.dtype)
        for here, rows in Windows((kh, kw), padding=(kh - 1 - ph, kw - 1 - pw)).rows(da):
            dw += rows.T @ x[here].reshape(-1, c)
            np.matmul(rows, turned, out=dx[here].reshape(-1, c))
        return dw.reshape(kh, kw, k, c)[::-1, ::-1].transpose(2, 0, 1, 3).reshape(w.shape), dx

    def _by_windows(self, da: Array, x: Array, w: Array) -> tuple[Array, Array]:
        """Look at each window, and add up what every cell of the kernel passes back to its pixel.

        This is right for every step and every normalization, and takes twice as many copies.
        """
        dw, dx = np.zeros_like(w), np.empty(x.shape, self.dtype)
        for here, rows in self.windows.rows(x):
            dw_block, drows = self._times_backward(da[here].reshape(len(rows), -1), rows, w)
            dw += dw_block
            room = self.windows.room(len(dx[here]), x)
            cells = np.split(drows, math.prod(self.windows.kernel), axis=1)
            for seen, cell in zip(self.windows.cells(room), cells, strict=True):
                seen += cell.reshape(seen.shape)
            dx[here] = self.windows.inside(room)
        return dw, dx

    def _checked(self, given: Any) -> Array:
        x = super()._checked(given)
        _, height, width, _ = images(x, self.values["w"].shape[1]).shape
        self.windows.positions(height, width)
        return x

    def _sizes(self) -> str:
        c_out, c_in = self.values["w"].shape[:2]
        windows = ", ".join(f"{name}={value}" for name, value in vars(self.windows).items())
        return f"{c_in}, {c_out}, {windows}"
