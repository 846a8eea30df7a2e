"""The Invariance Matrix: method by rescaling, and the outputs before and after."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import traitlets

from normlib.checks import Array
from normlib.diagnose.invariance import called, configured
from normlib.diagnose.rescalings import RESCALINGS
from normlib.norms import NORMS
from normlib.plots.palette import label, tones
from normlib.spec import Norm
from normlib.widgets.base import Widget, look
from normlib.widgets.invariance_matrix.grid import (
    BIAS,
    EPS,
    LAYERS,
    SHOWN,
    STRENGTHS,
    VERDICTS,
    measure,
)
from normlib.widgets.invariance_matrix.picture import cells, change_words, outputs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: How a page without equations writes the label of a rescaling.
PLAIN = {"$": "", r"\lambda ": "λ", r"\lambda": "λ", r"\mathbf{1}": "1", r"u^\top": "uᵀ", "_1": "₁"}


class Cell(NamedTuple):
    """One rescaling of one method: what happened, how much, to how many, from what to what."""

    verdict: str
    change: float
    moved: int
    before: Array
    after: Array


class InvarianceMatrix(Widget):
    """Which rescalings of weights and data each method's output does not notice.

    Every cell is a measurement: `rescaled` runs one layer as it is and rescaled by λ, and the cell
    says by how much the outputs differ, as a share of the largest. The reader chooses a cell, λ,
    the kind of layer, whether it has a linear bias c, and eps.

    Parameters
    ----------
    norms : iterable of str, Norm or None, optional
        The rows; by default no normalization and all of `NORMS`. What is grouped and has no number
        of groups gets 3.
    method : str, optional
        The row to show first, by its name in `invariance_matrix`; by default the first.
    rescaling : str
        The column to show first: a key of `RESCALINGS`.
    strength : float
        λ: -1, 0.001, 0.01, 0.1, 0.3, 3, 10 or 100.
    kind : "dense", "convolution" or "padded convolution"
        As in `rescaled`: 16 samples, 8 inputs, 12 units; the images have 6 x 6 positions.
    bias : bool
        Add a linear bias c.
    eps : float
        0 or 1e-5.
    seed : int
        Of input, weights, bias and shifts.
    title, caption : str, optional
        The accessible name, and the sentence under the picture.

    Raises
    ------
    ValueError
        An option is none of those above, a name is unknown or comes twice, or there is no row.
    TypeError
        A norm is of the wrong kind.

    Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450, section 5.1, table 1, measured.

    Examples
    --------
    >>> matrix = InvarianceMatrix(["batch", "layer"], method="layer", rescaling="one row times")
    >>> matrix.cell().verdict
    'changes'
    """

    scripts: ClassVar[tuple[str, ...]] = ("cells.js", "matrix.js")
    styles: ClassVar[tuple[str, ...]] = ("matrix.css",)
    method = traitlets.Unicode().tag(sync=True)
    rescaling = traitlets.Unicode().tag(sync=True)
    strength = traitlets.Float(3.0).tag(sync=True)
    kind = traitlets.Unicode("dense").tag(sync=True)
    bias = traitlets.Bool(False).tag(sync=True)
    eps = traitlets.Float(0.0).tag(sync=True)

    def __init__(
        self,
        norms: Iterable[str | Norm | None] | None = None,
        *,
        method: str | None = None,
        rescaling: str = "weights times",
        strength: float = 3.0,
        kind: str = "dense",
        bias: bool = False,
        eps: float = 0.0,
        seed: int = 0,
        title: str = "What each method does not notice",
        caption: str | None = None,
    ) -> None:
        rows = _rows(norms)
        self._norms = rows
        self._options: dict[str, tuple[Any, ...]] = {
            "method": tuple(rows),
            "rescaling": tuple(RESCALINGS),
            "strength": STRENGTHS,
            "kind": tuple(LAYERS),
            "bias": BIAS,
            "eps": EPS,
        }
        first = next(iter(rows)) if method is None else method
        given = (first, rescaling, strength, kind, bias, eps)
        chosen = {
            name: _one_of(value, name, allowed)
            for (name, allowed), value in zip(self._options.items(), given, strict=True)
        }
        self._grid = measure(tuple(rows.values()), seed)
        super().__init__(
            title=title,
            caption=caption,
            meta=self._meta(),
            arrays={
                name: getattr(self._grid, name)
                for name in ("change", "moved", "verdict", "before", "after", "outputs")
            },
            **chosen,
        )

    def cell(self, method: str | None = None, rescaling: str | None = None) -> Cell:
        """Return what was measured in one cell in the setting shown; by default the one shown."""
        row = _one_of(self.method if method is None else method, "method", self._norms)
        column = _one_of(
            self.rescaling if rescaling is None else rescaling, "rescaling", RESCALINGS
        )
        places = {"method": row, "rescaling": column}
        *setting, i, j, s = (
            self._options[name].index(places.get(name, getattr(self, name)))
            for name in ("kind", "bias", "eps", "method", "rescaling", "strength")
        )
        place, grid = (*setting, i, j, s), self._grid
        return Cell(
            VERDICTS[grid.verdict[place]],
            float(grid.change[place]),
            int(grid.moved[place]),
            grid.before[(*setting, i)],
            grid.after[place],
        )

    def refusal(self, method: str) -> str:
        """Return why a method cannot be used on the layer shown, or nothing."""
        where = self._options["kind"].index(self.kind), self._options["method"].index(method)
        return self._grid.refused.get(where, "")

    def describe(self) -> str:
        """Return the matrix row by row, and the outputs of the cell shown."""
        lines = [
            f"{self.title}: {self.kind}, {'with' if self.bias else 'without'} a linear bias c, "
            f"ε = {self.eps:g}, λ = {self.strength:g}. Numbers are the largest change, as a share "
            "of the largest output."
        ]
        for name in self._norms:
            why = self.refusal(name)
            lines.append(f"{name}: {why or self._row_words(name)}")
        now = self.cell()
        if now.verdict != "refused":
            pairs = ", ".join(
                f"{x:.2f} → {y:.2f}".replace("-", "−")
                for x, y in zip(now.before, now.after, strict=True)
            )
            samples, units = SHOWN
            where = f"the first {samples} samples and {units} units"
            lines.append(f"Outputs of {where}, {self.method}, {self.rescaling} λ: {pairs}.")
        return "\n\n".join(lines)

    def _row_words(self, name: str) -> str:
        found = {column: self.cell(name, column) for column in RESCALINGS}
        words = [f"{column} {change_words(*cell[:2])}" for column, cell in found.items()]
        return ", ".join(words) + "."

    @property
    def size(self) -> tuple[float, float]:
        """The poster's size in inches: about that of the widget in the book."""
        return 8.8, 4.9

    def draw(self, figure: Figure) -> None:
        """Draw the matrix, and the outputs of the cell shown before and after."""
        left, right = figure.subplots(1, 2, width_ratios=[1.9, 1])
        found = [[self.cell(name, column)[:2] for column in RESCALINGS] for name in self._norms]
        place = list(self._norms).index(self.method), list(RESCALINGS).index(self.rescaling)
        heads = [plain(row.label) for row in RESCALINGS.values()]
        cells(left, found, list(self._norms), heads, place)
        now = self.cell()
        outputs(right, now.before, now.after, self.method, refused=now.verdict == "refused")

    @traitlets.validate("method", "rescaling", "strength", "kind", "bias", "eps")
    def _known(self, proposal: Any) -> Any:
        name = proposal["trait"].name
        return _one_of(proposal["value"], name, self._options[name])

    def _meta(self) -> dict[str, Any]:
        looks = tones(norm.name if norm else "none" for norm in self._norms.values())
        return {
            "methods": [
                {
                    "name": name,
                    "label": _label(name, norm),
                    "look": look(looks[norm.name if norm else "none"]),
                }
                for name, norm in self._norms.items()
            ],
            "rescalings": [
                {"name": row.name, "symbol": plain(row.label)} for row in RESCALINGS.values()
            ],
            "layers": list(LAYERS),
            "strengths": list(STRENGTHS),
            "eps": list(EPS),
            "verdicts": list(VERDICTS),
            "shown": list(SHOWN),
            "refused": [
                [self._grid.refused.get((layer, row), "") for row in range(len(self._norms))]
                for layer in range(len(LAYERS))
            ],
        }


def plain(words: str) -> str:
    """Write the label of a rescaling without TeX.

    Examples
    --------
    >>> [plain(row.label) for row in RESCALINGS.values()]
    ['λW', 'W + λ1uᵀ', 'λw₁', 'λX', 'X + λ1uᵀ', 'λx₁']
    """
    for tex, letters in PLAIN.items():
        words = words.replace(tex, letters)
    return words


def _label(name: str, norm: Norm | None) -> str:
    """Say a method in words, with what its name has beside that of the Norm."""
    if norm is None:
        return label(name)
    return name.replace(norm.name, norm.label or label(norm.name), 1)


def _rows(norms: Any) -> dict[str, Norm | None]:
    """Return the rows by their names, if they can be told apart."""
    asked = (None, *NORMS) if norms is None else norms
    if isinstance(asked, str | Norm) or not isinstance(asked, Iterable):
        raise TypeError(f"norms must be a list; got {asked!r}. Put it into brackets.")
    rows: dict[str, Norm | None] = {}
    for given in asked:
        norm = configured(given)
        name = called(norm)
        if name in rows:
            raise ValueError(f"norms must differ in name; got {name!r} twice. Rename one.")
        rows[name] = norm
    if not rows:
        raise ValueError("norms must name at least one; got none. Leave it out to take all.")
    return rows


def _one_of(value: Any, name: str, allowed: Iterable[Any]) -> Any:
    """Return the allowed value that equals `value`."""
    for one in allowed:
        if one == value and isinstance(one, bool | str) == isinstance(value, bool | str):
            return one
    words = ", ".join(repr(one) for one in allowed)
    raise ValueError(f"{name} must be one of {words}; got {value!r}. Pass one of these.")
