"""The Tensor Cube: touch a value, and see which others share its mu and sigma."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import traitlets

from normlib import checks
from normlib.checks import Array
from normlib.plots.blocks import Block, Sharing, blocks, sharing, sheet
from normlib.plots.moves import figure as written
from normlib.plots.palette import theme, tones
from normlib.widgets.base import Widget, look
from normlib.widgets.tensor_cube.prepare import (
    checked,
    configured,
    example,
    key_of,
    label_of,
    methods,
    places_of,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What can be written into the cells.
SHOWN = ("a", "x_hat")


class TensorCube(Widget):
    """A block of activations, and the set of values that share one mu and one sigma.

    Every normalization of activations in `NORMS` can be chosen, and the block can be read as
    images, sequences, tokens, or the input of a dense layer.

    Parameters
    ----------
    a : float array of shape (N, C, H, W), optional
        The activations; by default 4 samples of 6 channels of 3 by 2, each channel with a scale
        and an offset of its own, and each sample with another brightness.
    method : str
        Which normalization to show first.
    kind : "image", "sequence", "tokens" or "dense"
        How to read the block.
    groups : int, optional
        The number of groups, where the method has groups; it must divide C. By default 2, or 1
        where 2 does not divide it.
    cell : (n, c, h, w)
        The value whose set is shown.
    title, caption : str, optional
        The accessible name, and the sentence under the picture.

    Raises
    ------
    TypeError
        a is not a float array.
    ValueError
        a does not have four axes, is not finite, or has more than 256 values; an option is out of
        range.

    Examples
    --------
    >>> cube = TensorCube(method="group", groups=3)
    >>> cube.sharing().count, cube.sharing().slices[4]
    (12, 'a[1, 2:4, :, :]')
    """

    scripts: ClassVar[tuple[str, ...]] = ("cube.js",)
    styles: ClassVar[tuple[str, ...]] = ("cube.css",)
    method = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Unicode().tag(sync=True)
    groups = traitlets.Int(1).tag(sync=True)
    cell = traitlets.Int(0).tag(sync=True)
    shown = traitlets.Unicode("a").tag(sync=True)

    def __init__(
        self,
        a: Array | None = None,
        *,
        method: str = "batch",
        kind: str = "image",
        groups: int | None = None,
        cell: tuple[int, int, int, int] = (1, 1, 1, 0),
        title: str = "Which values share one mu and one sigma",
        caption: str | None = None,
    ) -> None:
        self._a = example() if a is None else checked(a)
        self._blocks = blocks(self._a)
        self._divisors = [g for g in range(1, self._a.shape[1] + 1) if self._a.shape[1] % g == 0]
        checks.choice(method, "method", methods())
        checks.choice(kind, "kind", self._blocks)
        if groups is None:
            groups = 2 if 2 in self._divisors else 1
        self._sharings = {
            (name, key): sharing(chosen, block)
            for name, block in self._blocks.items()
            for key, chosen in configured(self._divisors).items()
        }
        super().__init__(
            title=title,
            caption=caption,
            meta=self._meta(),
            arrays=self._arrays(),
            method=method,
            kind=kind,
            groups=self._divisor(groups),
            cell=self._flat(cell),
        )

    @property
    def block(self) -> Block:
        """The block as it is read now."""
        return self._blocks[self.kind]

    def sharing(self) -> Sharing:
        """Return the sets of the method shown and their statistics: what the page draws."""
        return self._sharings[self.kind, key_of(self.method, self.groups)]

    @property
    def place(self) -> int:
        """Where the chosen value stands in the block as it is read now."""
        return int(places_of(self.block, self._a.shape)[self.cell])

    def describe(self) -> str:
        """Return the set of the chosen value, its statistics, and m for every method."""
        found, block, k = self.sharing(), self.block, self.place
        s = found.sets[k]
        index = ", ".join(f"{i}" for i in np.unravel_index(k, block.values.shape))
        value, mu, sigma, x_hat = (
            written(float(number))
            for number in (block.values.flat[k], found.mu[s], found.sigma[s], found.x_hat[k])
        )
        lines = [
            f"{self.title}: {self._label()}, {block.name} of shape {block.values.shape}.",
            f"a[{index}] = {value} is in the set {found.slices[s]}: m = {found.count} of "
            f"{block.values.size} values, one of {found.mu.size} sets; μ = {mu}, σ = {sigma}, "
            f"x̂ = {x_hat}.",
        ]
        if found.refused:
            lines.append(f"normlib refuses: {found.refused}")
        counts = [
            f"{label_of(key)} {self._sharings[block.name, key].count}"
            for key in configured(self._divisors)
        ]
        lines.append(f"m: {', '.join(counts)}.")
        return "\n\n".join(lines)

    @property
    def size(self) -> tuple[float, float]:
        """The poster's size in inches: about that of the widget in the book."""
        return 8.8, 5.2

    def draw(self, figure: Figure) -> None:
        """Draw the cells, and the numbers of the chosen one beside them."""
        cells, words = figure.subplots(1, 2, width_ratios=(2.6, 1))
        found, block, k = self.sharing(), self.block, self.place
        tone = tones([self.method])[self.method].on(theme())
        s = found.sets[k]
        sheet(cells, block, found.sets == s, tone=tone, chosen=k, numbers=block.values)
        cells.set_title(f"{self._label()}: {found.slices[s]}", color=tone)
        cells.set_xlabel(block.reading)
        words.set_axis_off()
        rows = (
            ("m", f"{found.count} of {block.values.size}"),
            ("sets", f"{found.mu.size}"),
            ("a", written(float(block.values.flat[k]))),
            ("μ", written(float(found.mu[s]))),
            ("σ", written(float(found.sigma[s]))),
            ("x̂", written(float(found.x_hat[k]))),
        )
        for row, (name, number) in enumerate(rows):
            words.text(0, 0.85 - 0.1 * row, name, color=theme().muted, transform=words.transAxes)
            words.text(
                0.9, 0.85 - 0.1 * row, number, ha="right", weight="bold", transform=words.transAxes
            )

    def _label(self) -> str:
        return label_of(key_of(self.method, self.groups))

    @traitlets.validate("method")
    def _known_method(self, proposal: Any) -> Any:
        return checks.choice(proposal["value"], "method", methods())

    @traitlets.validate("kind")
    def _known_kind(self, proposal: Any) -> Any:
        return checks.choice(proposal["value"], "kind", self._blocks)

    @traitlets.validate("shown")
    def _known_shown(self, proposal: Any) -> Any:
        return checks.choice(proposal["value"], "shown", SHOWN)

    @traitlets.validate("groups")
    def _known_groups(self, proposal: Any) -> Any:
        return self._divisor(proposal["value"])

    @traitlets.validate("cell")
    def _known_cell(self, proposal: Any) -> Any:
        return int(np.clip(proposal["value"], 0, self._a.size - 1))

    def _divisor(self, groups: int) -> int:
        if groups not in self._divisors:
            raise ValueError(
                f"groups must divide the number of channels; got groups={groups!r} for "
                f"{self._a.shape[1]} channels. Pass one of {self._divisors}."
            )
        return int(groups)

    def _flat(self, cell: tuple[int, int, int, int]) -> int:
        shape = self._a.shape
        if len(cell) != 4 or not all(0 <= i < n for i, n in zip(cell, shape, strict=True)):
            raise ValueError(
                f"cell must be an index (n, c, h, w) into the shape {shape}; got {cell!r}. "
                "Count from 0."
            )
        return int(np.ravel_multi_index(cell, shape))

    def _meta(self) -> dict[str, Any]:
        looks = tones(methods())
        return {
            "methods": [
                {
                    "name": name,
                    "label": row.label,
                    "grouped": row.grouped,
                    "look": look(looks[name]),
                }
                for name, row in methods().items()
            ],
            "kinds": [
                {
                    "name": name,
                    "axes": block.form.axes,
                    "shape": list(block.values.shape),
                    "size": list(block.size),
                    "reading": block.reading,
                    "across": block.form.across,
                    "narrow": block.form.narrow,
                }
                for name, block in self._blocks.items()
            ],
            "shape": list(self._a.shape),
            "divisors": self._divisors,
            "sharings": {
                f"{name} {key}": {
                    "count": found.count,
                    "slices": found.slices,
                    "refused": found.refused,
                    "same": self._same(name, key),
                }
                for (name, key), found in self._sharings.items()
            },
        }

    def _same(self, name: str, key: str) -> list[str]:
        """Return which other methods give exactly these x_hat."""
        own = self._sharings[name, key]
        return [
            label_of(other)
            for (where, other), found in self._sharings.items()
            if where == name and other != key and np.array_equal(found.x_hat, own.x_hat)
        ]

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name, block in self._blocks.items():
            arrays |= {
                f"values {name}": block.values.ravel(),
                f"cells {name}": block.cells,
                f"places {name}": places_of(block, self._a.shape),
                f"x {name}": block.x,
                f"y {name}": block.y,
            }
        for (name, key), found in self._sharings.items():
            arrays |= {
                f"sets {name} {key}": found.sets.astype(np.int32),
                f"mu {name} {key}": found.mu,
                f"sigma {name} {key}": found.sigma,
                f"x_hat {name} {key}": found.x_hat,
            }
        return arrays
