"""Pooling: one number for each window of an image, or for the whole of it."""

from __future__ import annotations

import math

import numpy as np

from normlib import checks
from normlib.checks import Array
from normlib.layers.layer import Layer
from normlib.layers.windows import Pair, Windows, images, pair
from normlib.sums import total


class _Pool2d(Layer):
    """What both kinds of windows share: their geometry, and the images that they slide over."""

    fill: float  #: what stands in the padding

    def __init__(
        self, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
    ) -> None:
        super().__init__()
        size = pair(kernel, "kernel", 1)
        self.windows = Windows(
            size,
            size if stride is None else pair(stride, "stride", 1),
            pair(padding, "padding", 0),
        )
        if any(2 * p > k for p, k in zip(self.windows.padding, size, strict=True)):
            raise ValueError(
                f"padding must be at most half the kernel {size}; got {padding!r}. "
                "Pass less, or windows would see nothing but padding."
            )
        self._cache: tuple[Array, Array] | None = None

    def forward(self, x: Array) -> Array:
        """Return y (N, C, H', W') from x (N, C, H, W)."""
        last = images(checks.floating(x, "x"))
        room = self._room(last)
        y = self._pool(room)
        self._cache = last, y
        return y.transpose(0, 3, 1, 2)

    def backward(self, dy: Array) -> Array:
        """Return dL/dx (N, C, H, W)."""
        last, y = self.cached(self._cache)
        dy = checks.floating(dy, "dy")
        shape = y.transpose(0, 3, 1, 2).shape
        checks.shape(dy, shape, "dy", "Pass the gradient with respect to the output.")
        slopes = self.windows.room(len(last), last)
        self._pool_backward(np.ascontiguousarray(dy.transpose(0, 2, 3, 1)), slopes)
        return self.windows.inside(slopes).transpose(0, 3, 1, 2)

    def _room(self, last: Array) -> Array:
        """Return the images with their padding, the channels last in memory."""
        room = self.windows.room(len(last), last, self.fill)
        self.windows.inside(room)[...] = last
        return room

    def _pool(self, room: Array) -> Array:
        raise NotImplementedError

    def _pool_backward(self, dy: Array, slopes: Array) -> None:
        """Add what each window passes on to the slopes of the padded images."""
        raise NotImplementedError

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value}" for name, value in vars(self.windows).items())
        return f"{type(self).__name__}({options})"


class AvgPool2d(_Pool2d):
    r"""Return the mean of each window.

    .. math:: y_{ncij} = \frac{1}{k_h k_w} \sum_{pq} x_{n,c,si+p,sj+q}

    Parameters
    ----------
    kernel : int, or pair of int for the vertical and the horizontal
    stride : int or pair, optional
        The steps that the window moves by; None: the kernel's size, so that windows tile the image.
    padding : int or pair
        How many zeros are added on each side. They count in the mean, as is PyTorch's default.

    Raises
    ------
    ValueError
        A size is out of range, the padding is more than half the kernel, or the input is not
        (N, C, H, W) with an image as large as the kernel.
    TypeError
        The input is not a float array.

    Examples
    --------
    >>> AvgPool2d(2).forward(np.arange(16.0).reshape(1, 1, 4, 4))[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """

    fill = 0.0

    def _pool(self, room: Array) -> Array:
        first, *rest = self.windows.cells(room)
        y = first.copy()
        for cell in rest:
            y += cell
        y /= math.prod(self.windows.kernel)
        return y

    def _pool_backward(self, dy: Array, slopes: Array) -> None:
        share = dy / math.prod(self.windows.kernel)
        for cell in self.windows.cells(slopes):
            cell += share


class MaxPool2d(_Pool2d):
    r"""Return the largest value of each window: :math:`y_{ncij} = \max_{pq} x_{n,c,si+p,sj+q}`.

    The gradient goes to the place that the value came from; of equal ones, to the first in reading
    order, as in PyTorch. A window with NaN in it gives NaN, and passes its gradient to a pixel in
    front of the NaN, or to that one.

    Parameters
    ----------
    kernel : int, or pair of int for the vertical and the horizontal
    stride : int or pair, optional
        The steps that the window moves by; None: the kernel's size, so that windows tile the image.
    padding : int or pair
        How many values of minus infinity, which are never the largest, are added on each side.

    Raises
    ------
    ValueError
        A size is out of range, the padding is more than half the kernel, or the input is not
        (N, C, H, W) with an image as large as the kernel.
    TypeError
        The input is not a float array.

    Examples
    --------
    >>> MaxPool2d(2).forward(np.arange(16.0).reshape(1, 1, 4, 4))[0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """

    fill = -np.inf

    def _pool(self, room: Array) -> Array:
        first, *rest = self.windows.cells(room)
        y = first.copy()
        for cell in rest:
            np.maximum(y, cell, out=y)
        return y

    def _pool_backward(self, dy: Array, slopes: Array) -> None:
        last, y = self.cached(self._cache)
        waiting = np.ones(y.shape, bool)  # windows whose largest value has not been met
        cells = zip(self.windows.cells(self._room(last)), self.windows.cells(slopes), strict=True)
        for value, slope in cells:
            found = waiting & ~(value < y)  # not ==, which no value is where y is NaN
            slope += np.where(found, dy, 0)
            waiting &= ~found


class GlobalAvgPool(Layer):
    r"""Return the mean of each channel over all positions: :math:`y_{nc} = \overline{x_{nc}}`.

    After instance normalization, without g and b between, it is 0 for every image: that is what
    this normalization removes.

    Parameters
    ----------
    channel_axis : 1 or -1
        Where the channels stand: 1 for images (N, C, H, W) and sequences (N, C, T); for tokens
        (N, T, C) pass -1. The output is (N, C).

    Raises
    ------
    TypeError
        The input is not a float array.
    ValueError
        It has no positions, or `channel_axis` is something else.

    Examples
    --------
    >>> GlobalAvgPool().forward(np.arange(8.0).reshape(1, 2, 2, 2))
    array([[1.5, 5.5]])
    >>> GlobalAvgPool(channel_axis=-1).forward(np.arange(8.0).reshape(1, 4, 2))
    array([[3., 4.]])
    """

    def __init__(self, *, channel_axis: int = 1) -> None:
        super().__init__()
        self.channel_axis = checks.channel_axis(channel_axis)
        self._shape: tuple[int, ...] | None = None

    def forward(self, x: Array) -> Array:
        """Return y (N, C) from x: (N, C, ...), or (N, ..., C) with channel_axis=-1."""
        x = checks.floating(x, "x")
        if x.ndim < 3:
            form = "(N, C, ...)" if self.channel_axis == 1 else "(N, ..., C)"
            raise ValueError(
                f"x must have shape {form} with positions to average over; got {x.shape}. "
                "Leave the layer out where there are none."
            )
        n, *positions, c = self._shape = np.moveaxis(x, self.channel_axis, -1).shape
        axes = (axis for axis in range(1, x.ndim) if axis != self.channel_axis % x.ndim)
        return total(x, tuple(axes)).reshape(n, c) / math.prod(positions)

    def backward(self, dy: Array) -> Array:
        """Return dL/dx, in x's shape: every position has the same share."""
        n, *positions, c = self.cached(self._shape)
        dy = checks.floating(dy, "dy")
        checks.shape(dy, (n, c), "dy", "Pass the gradient with respect to the output.")
        share = dy / math.prod(positions)
        dx = np.empty((n, *positions, c), dy.dtype)  # channels last, as convolutions have it
        np.moveaxis(dx, (0, -1), (-2, -1))[...] = share
        return np.moveaxis(dx, -1, self.channel_axis)

    def __repr__(self) -> str:
        return f"GlobalAvgPool({'' if self.channel_axis == 1 else 'channel_axis=-1'})"
