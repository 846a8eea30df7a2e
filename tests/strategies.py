"""Drawn shapes, axes and memory layouts."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

LAYOUTS = ("contiguous", "fortran", "strided", "reversed", "broadcast", "read-only")


def shapes(least: int = 1, most: int = 4) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw shapes, axes of size 1 among them."""
    return st.lists(st.integers(1, 5), min_size=least, max_size=most).map(tuple)


def axes_of(shape: tuple[int, ...], least: int = 1) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw some axes of a shape, in order."""
    return st.sets(st.integers(0, len(shape) - 1), min_size=least).map(lambda s: tuple(sorted(s)))


def laid_out(x: np.ndarray, layout: str) -> np.ndarray:
    """Return x's numbers in another memory layout; "broadcast" repeats its first entry."""
    if layout == "fortran":
        return np.asfortranarray(x)
    if layout == "strided":
        return np.repeat(x, 2, axis=-1)[..., ::2]
    if layout == "reversed":
        return x[..., ::-1].copy()[..., ::-1]
    if layout == "broadcast":
        return np.broadcast_to(x[:1], x.shape)
    if layout == "read-only":
        x.flags.writeable = False
    return x
