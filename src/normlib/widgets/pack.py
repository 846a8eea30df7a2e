"""Arrays as one small block of bytes, for a page that has no Python.

`readArrays` and `unpack` in kit/data.js undo it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

#: What float32 can hold; a diverging run goes beyond.
FLOAT32 = 3e38
#: The types that cross as they are, as NumPy names them and a page reads them.
PLAIN = ("<f8", "<f4", "<i4", "|u1")

Bytes = npt.NDArray[np.uint8]


def pack(arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[dict[str, Any], bytes]:
    """Return where each array is, and the bytes of all.

    Parameters
    ----------
    arrays : mapping of str to array
        float64, float32, int32 or uint8, of any shape.

    Raises
    ------
    TypeError
        An array has another type.

    Examples
    --------
    >>> pack({"x": np.zeros((2, 3))})[0]
    {'x': {'at': 0, 'shape': [2, 3], 'kind': '<f8'}}
    """
    packer = Packer()
    for name, values in arrays.items():
        if not isinstance(values, np.ndarray) or values.dtype.newbyteorder("<").str not in PLAIN:
            got = getattr(values, "dtype", type(values).__name__)
            raise TypeError(
                f"{name} must be an array of float64, float32, int32 or uint8; got {got}. "
                "Convert it with astype."
            )
    return {name: packer.plain(values) for name, values in arrays.items()}, packer.finish()


class Packer:
    """Collects arrays into one byte string, and remembers where each one is.

    Arrays of T frames that change little from one to the next take a fraction of their size as
    `floats` or `levels`; any other array goes as it is, through `plain`.
    """

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(9)
        self._parts: list[bytes] = []
        self._length = 0

    def plain(self, values: npt.NDArray[Any]) -> dict[str, Any]:
        """Add an array of any shape in its own type, exactly: float64, float32, int32 or uint8."""
        little = np.asarray(values, values.dtype.newbyteorder("<"), order="C")
        return self._add(little.tobytes(), values.shape, little.dtype.str)

    def floats(self, values: npt.NDArray[Any]) -> dict[str, Any]:
        """Add float32 numbers of shape (T, ...), exactly."""
        within = np.clip(values, -FLOAT32, FLOAT32)
        row = int(np.prod(values.shape[1:]))
        bits = np.ascontiguousarray(within, "<f4").reshape(len(values), row).view("<u4")
        change = np.diff(bits, axis=0, prepend=np.zeros_like(bits[:1]))  # modulo 2**32
        signed = change.view("<i4")
        folded = ((signed << 1) ^ (signed >> 31)).astype("<u4")  # small changes, small numbers
        # Bytes of equal weight side by side: the high ones are almost all 0.
        planes = folded.reshape(-1, 1).view(np.uint8).T
        return self._add(planes.tobytes(), values.shape, "f4")

    def levels(self, values: npt.NDArray[Any]) -> dict[str, Any]:
        """Add whole numbers from 0 to 255 of shape (T, L, K), in whichever form is shortest."""
        plain = np.ascontiguousarray(values, np.uint8)
        along = np.diff(plain, axis=2, prepend=np.zeros_like(plain[:, :, :1]))
        forms = {0: plain, 1: along, 2: _in_time(plain), 3: _in_time(along)}
        form = min(forms, key=lambda key: len(zlib.compress(forms[key].tobytes(), 6)))
        return self._add(forms[form].tobytes(), values.shape, f"u1{form}")

    def _add(self, content: bytes, shape: tuple[int, ...], kind: str) -> dict[str, Any]:
        where = {"at": self._length, "shape": list(shape), "kind": kind}
        # A flush ends the block, so that each kind of number gets a code of its own: 6 % shorter.
        self._parts.append(
            self._deflate.compress(content) + self._deflate.flush(zlib.Z_PARTIAL_FLUSH)
        )
        self._length += len(content)
        return where

    def finish(self) -> bytes:
        """Return everything, deflated."""
        return b"".join(self._parts) + self._deflate.flush()


def _in_time(values: Bytes) -> Bytes:
    """Return the change from frame to frame, modulo 256."""
    return np.diff(values, axis=0, prepend=np.zeros_like(values[:1]))
