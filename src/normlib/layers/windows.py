"""Windows that slide over images: what convolutions multiply and pooling sums up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from normlib.checks import Array

Pair = tuple[int, int]

#: Windows are copied out for as many images at once as fill about this many bytes: what is
#: multiplied should still be in the processor's cache.
BLOCK = 2**19


@dataclass(frozen=True)
class Windows:
    """A kernel's size, the steps it moves by, and how many values are added around the image.

    Images are (N, H, W, C) in here: with the channels last, a window's row is one run of memory.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)

    def positions(self, height: int, width: int) -> Pair:
        """Return H' and W', how many windows fit, or say that none does."""
        (kh, kw), (sh, sw), (ph, pw) = self.kernel, self.stride, self.padding
        if height + 2 * ph < kh or width + 2 * pw < kw:
            raise ValueError(
                f"x must hold images at least as large as the kernel {self.kernel}, the padding "
                f"{self.padding} included; got {height} x {width}. "
                "Use a smaller kernel, or more padding."
            )
        return (height + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1

    def room(self, count: int, x: Array, fill: float = 0.0) -> Array:
        """Return `count` padded images like those of x, with nothing but the filling in them."""
        _, height, width, channels = x.shape
        (ph, pw) = self.padding
        return np.full((count, height + 2 * ph, width + 2 * pw, channels), fill, x.dtype)

    def inside(self, room: Array) -> Array:
        """Return the view of padded images without their padding."""
        (ph, pw), (height, width) = self.padding, room.shape[1:3]
        return room[:, ph : height - ph, pw : width - pw]

    def view(self, room: Array) -> Array:
        """Return all windows of padded images, (N, H', W', kh, kw, C), without a copy."""
        count, height, width, channels = room.shape
        rows, columns = Windows(self.kernel, self.stride).positions(height, width)
        n, h, w, c = room.strides
        return as_strided(
            room,
            (count, rows, columns, *self.kernel, channels),
            (n, h * self.stride[0], w * self.stride[1], h, w, c),
            writeable=False,
        )

    def rows(self, x: Array) -> Iterator[tuple[slice, Array]]:
        """Yield some images at a time, and their windows as rows (M, kh kw C).

        The rows are overwritten by the next ones. They are several times as large as the image,
        and copying them again in the backward pass costs less than going to memory for them.
        """
        each = math.prod(self.kernel) * x.shape[-1]
        bytes_per_image = math.prod(self.positions(*x.shape[1:3])) * each * x.itemsize
        size = min(len(x), -(-BLOCK // bytes_per_image))
        room = self.room(size, x)
        inside, windows = self.inside(room), self.view(room)
        copies = np.empty(windows.shape, x.dtype)
        for start in range(0, len(x), size):
            here = slice(start, start + size)
            count = len(x[here])
            inside[:count] = x[here]
            copies[:count] = windows[:count]
            yield here, copies[:count].reshape(-1, each)

    def cells(self, room: Array) -> Iterator[Array]:
        """Yield, for each cell of the kernel in reading order, what all windows have there.

        Each is a view of shape (N, H', W', C), which one may write into.
        """
        (kh, kw), (sh, sw) = self.kernel, self.stride
        rows, columns = Windows(self.kernel, self.stride).positions(*room.shape[1:3])
        for i in range(kh):
            for j in range(kw):
                yield room[:, i : i + sh * rows : sh, j : j + sw * columns : sw]


def pair(value: Any, name: str, low: int) -> Pair:
    """Return two whole numbers, of at least `low`, from one or two of them."""
    both = tuple(value) if isinstance(value, tuple | list) else (value, value)
    good = len(both) == 2 and all(
        isinstance(one, Integral) and not isinstance(one, bool) and int(one) >= low for one in both
    )
    if not good:
        raise ValueError(
            f"{name} must be a whole number of at least {low}, or a pair of them; got {value!r}. "
            f"Pass one for both directions, or (vertical, horizontal)."
        )
    return int(both[0]), int(both[1])


def images(x: Array, channels: int | None = None) -> Array:
    """Return x (N, C, H, W) as (N, H, W, C), a view, or say that it is not made of images."""
    if x.ndim != 4 or (channels is not None and x.shape[1] != channels):
        raise ValueError(
            f"x must have shape (N, {'C' if channels is None else channels}, H, W); got "
            f"{x.shape}. Reshape it to images with their channels on axis 1."
        )
    return x.transpose(0, 2, 3, 1)
