"""Read what Packer wrote: the same steps as `unpack` in kit/data.js, in other words."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np


def unpack(content: bytes, where: dict[str, Any]) -> np.ndarray:
    """Return one array from the bytes of all."""
    raw = np.frombuffer(zlib.decompress(content), np.uint8)
    shape, at = where["shape"], where["at"]
    size = int(np.prod(shape))
    if where["kind"][0] in "<|":
        return np.frombuffer(raw, where["kind"], size, at).reshape(shape)
    if where["kind"] == "f4":
        folded = np.ascontiguousarray(raw[at : at + 4 * size].reshape(4, size).T).view("<u4")
        folded = folded.reshape(shape[0], -1)
        change = (folded >> 1) ^ (-(folded & 1).astype(np.int64)).astype(np.uint32)
        return np.cumsum(change, axis=0, dtype=np.uint32).view(np.float32).reshape(shape)
    form = int(where["kind"][2])
    levels = raw[at : at + size].reshape(shape)
    if form & 2:
        levels = np.cumsum(levels, axis=0, dtype=np.uint8)
    return np.cumsum(levels, axis=2, dtype=np.uint8) if form & 1 else levels
