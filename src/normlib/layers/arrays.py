"""Named arrays: what a layer's parameters, gradients and running statistics are seen as."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from normlib import checks
from normlib.checks import Array


class Arrays(Mapping[str, Array]):
    """Named arrays whose entries are written into and never replaced.

    ``layer.params["w"] = new`` copies the numbers of `new` into the array that the layer computes
    with, so that an optimizer or a saved reference keeps pointing at it.
    """

    def __init__(
        self, arrays: Mapping[str, Array], name: str, way_out: str = "Pass an array of that shape."
    ) -> None:
        self._arrays, self._name, self._way_out = dict(arrays), name, way_out

    def __getitem__(self, key: str) -> Array:
        if key not in self._arrays:
            known = ", ".join(map(repr, self._arrays)) or "nothing"
            raise checks.NoSuchKeyError(
                f"a key of {self._name} must be in {known}; got {key!r}. Use one of these."
            )
        return self._arrays[key]

    def __setitem__(self, key: str, value: Any) -> None:
        target = self[key]
        new = np.asarray(value)
        if new.shape != target.shape:
            raise ValueError(
                f"{self._name}[{key!r}] must keep its shape {target.shape}; got {new.shape}. "
                f"{self._way_out}"
            )
        if new.dtype.kind not in "fiu":
            raise TypeError(
                f"{self._name}[{key!r}] must hold real numbers; got dtype {new.dtype}. "
                "Convert it to float."
            )
        target[...] = new

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return f"Arrays({self.shapes()})"

    def shapes(self) -> str:
        """Return the names with their shapes, for a repr."""
        return ", ".join(f"{key}: {array.shape}" for key, array in self.items())
