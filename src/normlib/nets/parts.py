"""What a net asks of the layers that it is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from normlib.layers import Layer


def check_parts(layers: Mapping[str, Layer]) -> None:
    """Refuse a layer inside another that no optimizer, mode or file would reach."""
    for place, layer in ((at, inside) for key in layers for at, inside in layers[key].walk(key)):
        kept = list(layer.parts.values())
        for name, value in vars(layer).items():
            # A list with an underscore is the layer's own business: copies for each time step, say.
            found = [value] if name.startswith("_") else list(_layers_in(value))
            if any(isinstance(inside, Layer) and inside not in kept for inside in found):
                raise ValueError(
                    f"layers must keep what they are made of in self.parts; got {name!r} in "
                    f"{place!r}, with a Layer that is not in self.parts. "
                    f"Write self.parts[{name!r}] = ... in its __init__."
                )


def _layers_in(value: Any) -> Iterator[Layer]:
    """Yield a layer, or those that a list, tuple or mapping holds."""
    if isinstance(value, Layer):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _layers_in(item)


def check_dtypes(layers: Mapping[str, Layer]) -> None:
    """Refuse float32 beside float64: one vector holds all parameters."""
    dtypes = {
        f"{key}.{name}": array.dtype
        for key, layer in layers.items()
        for name, array in layer.params.items()
    }
    first = next(iter(dtypes), "")
    other = next((name for name in dtypes if dtypes[name] != dtypes[first]), None)
    if other is not None:
        raise ValueError(
            f"layers must share one dtype; got {dtypes[first]} in {first!r} and {dtypes[other]} "
            f"in {other!r}. Build them all with the same dtype=."
        )
