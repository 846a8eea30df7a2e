"""The Arena: a heatmap for every method, who wins each cell, and which the seeds leave open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import traitlets

from normlib import checks
from normlib.checks import Array
from normlib.grids import Sweep
from normlib.plots.palette import DARK, LIGHT, label, tones
from normlib.widgets.arena.picture import picture, pm, signed
from normlib.widgets.arena.standings import AXES, Places, Standings, standings
from normlib.widgets.base import Widget, look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What the reader chooses: three places on axes, and two methods.
CHOSEN = ("batch_size", "init_scale", "lr", "first", "second")


class Cell(NamedTuple):
    """One cell: each method's mean, spread and scores, who leads, who ties, and who wins."""

    mean: Array
    spread: Array
    scores: Array
    leader: str
    tied: tuple[str, ...]
    winner: str | None


class Arena(Widget):
    """Learning rate by initialization for every method, with ties drawn as ties.

    The reader chooses a batch size, a cell, and two methods. A cell has a winner only if its
    leader is ahead of every other method beyond what the seeds explain; `standings` has the rules.

    Parameters
    ----------
    table, result, level
        What `standings` takes; the result must be a share, between 0 and 1.
    good : float in [0, 1)
        Where the colour steps: cells from here on are counted.
    batch_size, init_scale, lr : number, optional
        The cell to show first; by default the middle batch size, and there the best mean.
    first, second : str, optional
        The two methods to compare; by default the first two.
    title, caption : str, optional
        The accessible name, and the sentence under the picture.

    Raises
    ------
    TypeError, KeyError, ImportError
        Where `standings` raises them.
    ValueError
        Where `standings` raises it; scores are no shares, or an option is out of range.

    Examples
    --------
    >>> import normlib
    >>> def run(norm, lr, init_scale, batch_size, seed):
    ...     net = normlib.mlp([64, 16, 10], norm=norm, init_scale=init_scale, seed=seed)
    ...     return normlib.fit(net, normlib.load_digits(), steps=20, lr=lr, seed=seed)
    >>> grid = {"norm": [None, "batch"], "lr": [0.1, 1.0], "init_scale": [1.0]}
    >>> grid |= {"batch_size": [32], "seed": [0, 1, 2]}
    >>> arena = Arena(normlib.sweep(run, grid, n_jobs=1), lr=0.1)
    >>> arena.cell().mean.shape
    (2,)
    """

    scripts: ClassVar[tuple[str, ...]] = ("panels.js", "arena.js")
    styles: ClassVar[tuple[str, ...]] = ("arena.css",)
    batch_size = traitlets.Float().tag(sync=True)
    init_scale = traitlets.Float().tag(sync=True)
    lr = traitlets.Float().tag(sync=True)
    first = traitlets.Unicode().tag(sync=True)
    second = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        table: Sweep,
        *,
        result: str = "accuracy",
        level: float = 0.05,
        good: float = 0.9,
        batch_size: float | None = None,
        init_scale: float | None = None,
        lr: float | None = None,
        first: str | None = None,
        second: str | None = None,
        title: str = "Which method wins where",
        caption: str | None = None,
    ) -> None:
        found = standings(table, result=result, level=level)
        if found.scores.min() < 0 or found.scores.max() > 1:
            raise ValueError(
                f"{result} must be shares between 0 and 1; got {found.scores.min():g} to "
                f"{found.scores.max():g}. Divide what is counted by how much there is."
            )
        self.standings: Standings = found
        self.good = checks.number(good, "good", low=0, high=1, open_high=True)
        self._allowed = {
            **{name: getattr(found, name) for name in AXES[1:-1]},
            "first": found.methods,
            "second": found.methods,
        }
        given = (batch_size, init_scale, lr, first, second)
        asked = dict(zip(CHOSEN, given, strict=True))
        chosen = {
            name: _one_of(value, name, self._allowed[name])
            for name, value in asked.items()
            if value is not None
        }
        super().__init__(
            title=title,
            caption=caption,
            meta=self._meta(),
            arrays=self._arrays(),
            **{**self._default(chosen), **chosen},
        )

    def _default(self, chosen: dict[str, Any]) -> dict[str, Any]:
        """Return what is shown where nobody has asked: the best mean of the middle batch size."""
        found = self.standings
        sizes = found.batch_size
        size = chosen.get("batch_size", sizes[len(sizes) // 2])
        means = found.mean[:, sizes.index(size)].max(0)
        i, k = np.unravel_index(means.argmax(), means.shape)
        first, second = found.methods[:2]
        places = {"batch_size": size, "init_scale": found.init_scale[i], "lr": found.lr[k]}
        return {**places, "first": first, "second": second}

    @property
    def place(self) -> tuple[int, int, int]:
        """Where the arrays of `standings` have the cell shown."""
        b, i, k = (self._allowed[name].index(getattr(self, name)) for name in CHOSEN[:3])
        return b, i, k

    @property
    def pair(self) -> tuple[int, int]:
        """The places of the two methods that are compared."""
        methods = self.standings.methods
        return methods.index(self.first), methods.index(self.second)

    def cell(self) -> Cell:
        """Return what was measured in the cell shown."""
        found, (b, i, k) = self.standings, self.place
        here = (slice(None), b, i, k)
        winner, leader = int(found.winner[b, i, k]), int(found.leader[b, i, k])
        tied = np.flatnonzero(found.tied[here])
        return Cell(
            found.mean[here],
            found.spread[here],
            found.scores[here],
            found.methods[leader],
            tuple(found.methods[m] for m in tied if m != leader),
            found.methods[winner] if winner >= 0 else None,
        )

    @property
    def above(self) -> Places:
        """Return how many cells of each method and batch size reach `good` in the mean."""
        above: Places = (self.standings.mean >= self.good).sum((2, 3), np.int32)
        return above

    @property
    def won(self) -> Places:
        """Return how many cells of each batch size each method wins."""
        places = np.arange(len(self.standings.methods))[:, None, None, None]
        won: Places = (self.standings.winner[None] == places).sum((2, 3), np.int32)
        return won

    def describe(self) -> str:
        """Return each method's cells above `good` and best cell, and the cell shown."""
        found, (b, _, _) = self.standings, self.place
        cells = len(found.init_scale) * len(found.lr)
        won, above = self.won[:, b], self.above[:, b]
        lines = [
            f"{self.title}: batch size {self.batch_size:g}, {cells} cells of learning rate by "
            f"initialization, {found.scores.shape[-1]} seeds. {cells - won.sum()} cells are ties."
        ]
        for m, name in enumerate(found.methods):
            means = found.mean[m, b]
            i, k = np.unravel_index(means.argmax(), means.shape)
            best = pm(means[i, k], found.spread[m, b, i, k])
            lines.append(
                f"{label(name)}: from {self.good:g} on in {above[m]} of {cells}, {won[m]} won; "
                f"best {best} at learning rate {found.lr[k]:g}, "
                f"initialization ×{found.init_scale[i]:g}."
            )
        return "\n\n".join([*lines, self._cell_words(), self._pair_words()])

    def _cell_words(self) -> str:
        now, names = self.cell(), self.standings.methods
        scores = ", ".join(
            f"{name.replace('_', ' ')} {pm(mean, spread)}"
            for name, mean, spread in zip(names, now.mean, now.spread, strict=True)
        )
        verdict = (
            f"{label(now.winner)} wins."
            if now.winner
            else f"{label(now.leader)} leads and ties with {len(now.tied)} others."
        )
        where = f"learning rate {self.lr:g}, initialization ×{self.init_scale:g}"
        return f"The cell shown, {where}: {scores}. {verdict}"

    def _pair_words(self) -> str:
        found, (a, b), place = self.standings, self.pair, self.place
        gap, spread = found.gap[(a, b, *place)], found.gap_spread[(a, b, *place)]
        if found.beats[(a, b, *place)] or found.beats[(b, a, *place)]:
            verdict = f"{label(self.first if gap > 0 else self.second)} beats the other."
        else:
            verdict = "Noise can explain it."
        names = f"{label(self.first)} less {label(self.second)}"
        return f"{names}: {signed(gap)} ± {spread:.3f}. {verdict}"

    @property
    def size(self) -> tuple[float, float]:
        """The poster's size in inches: about that of the widget in the book."""
        return 8.8, 5.8

    def draw(self, figure: Figure) -> None:
        """Draw who wins, the pair, every method's heatmap, and the cell shown."""
        picture(figure, self.standings, self.place, self.pair, self.good)

    @traitlets.validate(*CHOSEN)
    def _known(self, proposal: Any) -> Any:
        name = proposal["trait"].name
        return _one_of(proposal["value"], name, self._allowed[name])

    def _meta(self) -> dict[str, Any]:
        found = self.standings
        looks = tones(found.methods)
        return {
            "methods": [
                {"name": name, "label": label(name), "look": look(looks[name])}
                for name in found.methods
            ],
            **{name: list(self._allowed[name]) for name in AXES[1:-1]},
            "seeds": found.scores.shape[-1],
            "good": self.good,
            "t_pair": found.t_pair,
            "ramp": {"light": [LIGHT.low, LIGHT.high], "dark": [DARK.low, DARK.high]},
        }

    def _arrays(self) -> dict[str, Any]:
        found = self.standings
        floats = {name: getattr(found, name) for name in ("mean", "spread", "scores", "gap_spread")}
        return {
            **{name: values.astype(np.float32) for name, values in floats.items()},
            "beats": found.beats.astype(np.uint8),
            "tied": found.tied.astype(np.uint8),
            "leader": found.leader,
            "winner": found.winner,
            "above": self.above,
            "won": self.won,
        }


def _one_of(value: Any, name: str, allowed: tuple[Any, ...]) -> Any:
    """Return the allowed value that equals `value`."""
    for one in allowed:
        if one == value and isinstance(value, str) == isinstance(one, str):
            return one
    words = ", ".join(repr(one) for one in allowed)
    raise ValueError(f"{name} must be one of {words}; got {value!r}. Pass one of these.")
