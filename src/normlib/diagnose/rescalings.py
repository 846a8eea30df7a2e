"""Ways to rescale a layer's weights or its input, and what the layer makes of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from normlib import checks
from normlib.checks import Array
from normlib.layers import Conv2d, Dense
from normlib.spec import Norm

#: Samples, inputs (or input channels), outputs, image size and kernel.
SAMPLES, INPUTS, CHANNELS, SIZE, KERNEL = 16, 8, 12, (6, 6), 3

#: Input and weights before, the strength, a source of randomness; input and weights after.
#: (In quotes, since NumPy loads its generators when they are first named.)
Change = Callable[[Array, Array, float, "np.random.Generator"], tuple[Array, Array]]


@dataclass(frozen=True)
class Rescaling:
    """One way to rescale or shift a layer's weights or its input.

    Attributes
    ----------
    name : in words
    label : as mathematics, with λ for the strength
    strength : the usual factor or size of the shift
    change : function of ``x, w, strength, rng`` that returns the new x and w, and changes neither;
        x is (N, D) or (N, C, H, W), w is (K, D) or (K, C, kh, kw)
    """

    name: str
    label: str
    strength: float
    change: Change


def _first(array: Array, factor: float) -> Array:
    """Return a copy of `array` with its first row times `factor`."""
    changed = array.copy()
    changed[0] *= factor
    return changed


def _per_channel(x: Array, rng: np.random.Generator) -> Array:
    """Draw one value per input channel, the same at all samples and positions."""
    return rng.standard_normal((x.shape[1], *[1] * (x.ndim - 2)))


#: Six rescalings of weights and data, by name; read-only.
RESCALINGS: Mapping[str, Rescaling] = MappingProxyType(
    {
        row.name: row
        for row in (
            Rescaling("weights times", r"$\lambda W$", 3.0, lambda x, w, s, rng: (x, s * w)),
            Rescaling(
                "weights plus",
                r"$W + \lambda\mathbf{1}u^\top$",
                1.0,
                lambda x, w, s, rng: (x, w + s * rng.standard_normal(w.shape[1:])),
            ),
            Rescaling(
                "one row times", r"$\lambda w_1$", 3.0, lambda x, w, s, rng: (x, _first(w, s))
            ),
            Rescaling("data times", r"$\lambda X$", 3.0, lambda x, w, s, rng: (s * x, w)),
            Rescaling(
                "data plus",
                r"$X + \lambda\mathbf{1}u^\top$",
                1.0,
                lambda x, w, s, rng: (x + s * _per_channel(x, rng), w),
            ),
            Rescaling(
                "one sample times", r"$\lambda x_1$", 3.0, lambda x, w, s, rng: (_first(x, s), w)
            ),
        )
    }
)


@dataclass(frozen=True, eq=False, repr=False)
class Rescaled(checks.Brief):
    """A layer before and after one rescaling.

    Attributes
    ----------
    x, w : input and weights before: (N, D) and (K, D), or (N, C, H, W) and (K, C, kh, kw)
    x_after, w_after : the same, rescaled
    output, output_after : what the layer makes of them, without g, b and activation function
    change : largest difference of the outputs, as a share of the largest output
    """

    x: Array
    w: Array
    x_after: Array
    w_after: Array
    output: Array
    output_after: Array
    change: float


@dataclass(frozen=True)
class Scene:
    """What a layer is rescaled in; everything random is drawn anew from the seed."""

    images: bool
    padding: int
    bias: bool
    seed: int

    def __post_init__(self) -> None:
        """Refuse what a dense layer has no use for."""
        if self.padding and not self.images:
            raise ValueError(
                f"padding must be 0 for a dense layer; got {self.padding!r}. Pass images=True."
            )

    def draw(self, norm: Norm | None) -> tuple[Array, Dense | Conv2d]:
        """Draw an input, of mean other than 0 so that centring matters, and a layer."""
        rng = np.random.default_rng(self.seed)
        x = 0.5 + rng.standard_normal((SAMPLES, INPUTS, *(SIZE if self.images else ())))
        options: dict[str, Any] = {
            "norm": norm,
            "activation": "identity",
            "bias": bool(self.bias),
            "rng": rng,
        }
        layer = (
            Conv2d(INPUTS, CHANNELS, KERNEL, padding=self.padding, **options)
            if self.images
            else Dense(INPUTS, CHANNELS, **options)
        )
        if self.bias:
            layer.params["c"] = rng.standard_normal(CHANNELS)
        return x, layer

    def compare(
        self, norm: Norm | None, changes: Iterable[tuple[Rescaling, float]]
    ) -> Iterator[Rescaled]:
        """Run one layer as it is, and after each rescaling by its strength."""
        x, layer = self.draw(norm)
        w = layer.params["w"].copy()
        output = layer.forward(x).copy()
        largest = np.abs(output).max()
        for rescaling, strength in changes:
            rng = np.random.default_rng((self.seed, 1))  # the same shift for every method
            x_after, w_after = rescaling.change(x, w, strength, rng)
            layer.params["w"] = w_after
            output_after = layer.forward(x_after).copy()
            change = float(np.abs(output_after - output).max() / largest)
            yield Rescaled(x, w, x_after, w_after, output, output_after, change)
