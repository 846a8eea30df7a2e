"""What the Tensor Cube offers: methods by key, places by number, and a block to begin with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.norms import NORMS, norm
from normlib.plots.blocks import Block
from normlib.spec import Norm

#: More cells than this nobody can touch.
MOST = 256


def methods() -> dict[str, Norm]:
    """Return what acts on activations."""
    return {name: row for name, row in NORMS.items() if not row.on_weights}


def configured(divisors: list[int]) -> dict[str, Norm]:
    """Return every method by its key; one that has groups once for each number of them."""
    found: dict[str, Norm] = {}
    for name, row in methods().items():
        if row.grouped:
            found |= {key_of(name, g): norm(name, groups=g) for g in divisors}
        else:
            found[name] = row
    return found


def key_of(name: str, groups: int) -> str:
    """Return the key of a method; the number of groups counts only where there are groups."""
    return f"{name} {groups}" if NORMS[name].grouped else name


def label_of(key: str) -> str:
    """Return the words for a key."""
    name, _, groups = key.partition(" ")
    return NORMS[name].label + (f" (G = {groups})" if groups else "")


def places_of(block: Block, shape: tuple[int, ...]) -> npt.NDArray[np.int32]:
    """Return where each number of the (N, C, H, W) block stands; a missing one, its channel."""
    places = np.full(shape, -1, np.int32)
    places.flat[block.cells] = np.arange(block.cells.size, dtype=np.int32)
    return np.where(places < 0, places[:, :, :1, :1], places).ravel()


def checked(a: Array) -> Array:
    """Return the block in float64, if its cells can be shown."""
    values = checks.floating(a, "a")
    if values.ndim != 4:
        raise ValueError(
            f"a must have shape (N, C, H, W); got {values.shape}. Reshape it, or add axes of "
            "length 1."
        )
    checks.finite(values, "a")
    if values.size > MOST:
        raise ValueError(
            f"a must hold at most {MOST} values; got shape {values.shape}. Pass a part of them."
        )
    return values.astype(np.float64)


def example() -> Array:
    """Return a block in which no two methods agree by chance."""
    rng = np.random.default_rng(0)
    offset, size = rng.normal(size=(6, 1, 1)), np.linspace(0.4, 1.6, 6)[:, None, None]
    brightness = np.array([0.5, 1.0, 1.5, 0.8])[:, None, None, None]
    return brightness * (offset + size * rng.normal(size=(4, 6, 3, 2)))
