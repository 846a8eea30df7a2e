"""The Whitening Bench: what a move does to a cloud, and to the bowl that descent goes down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import traitlets

from normlib import checks
from normlib.plots.moves import figure
from normlib.plots.palette import SPARE, theme
from normlib.widgets.base import Widget, look
from normlib.widgets.whitening_bench.clouds import Floats, clouds
from normlib.widgets.whitening_bench.moves import DATA, KEPT, MOVES, Stage, stage

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What eps can be chosen from.
EPS = (0.0, 0.01, 0.1, 1.0)
#: No method's colour: the cloud is what all methods start from.
TONES = SPARE[0]
#: A bowl's rings stand where this part of the first loss above the least is left.
RINGS = (1.0, 0.25, 0.0625)
#: More points than this a page need not carry; a longer bowl no picture shows.
MOST, LONGEST = 1000, 1e4


class WhiteningBench(Widget):
    """A cloud of two features through seven moves, and gradient descent after each.

    As it is, centred, standardized, rotated; whitened by PCA, ZCA and Cholesky. Descent fits a
    linear model without a bias by least squares, always to the same target and at the best fixed
    rate, 2 / (largest + smallest curvature).

    Parameters
    ----------
    data : array of shape (n, 2), or mapping of str to such arrays, optional
        The clouds; by default four, from tilted to off centre.
    cloud : str, optional
        Which one to show first; by default the first one.
    move : str
        One of "as it is", "centred", "standardized", "rotated", "PCA", "ZCA", "Cholesky".
    eps : float
        Added to every variance before its root is taken: 0, 0.01, 0.1 or 1.
    title, caption : str, optional
        The accessible name, and the sentence under the picture.

    Raises
    ------
    TypeError
        A cloud is not a float array.
    ValueError
        No cloud, an unknown one, one that is not (n, 2), not finite, flat or larger than 1000
        points, or an option that is not offered.

    Examples
    --------
    >>> WhiteningBench(move="ZCA")
    WhiteningBench(cloud='tilted', eps=0.0, move='ZCA', step=0)
    """

    scripts: ClassVar[tuple[str, ...]] = ("bench.js",)
    styles: ClassVar[tuple[str, ...]] = ("bench.css",)
    cloud = traitlets.Unicode().tag(sync=True)
    move = traitlets.Unicode().tag(sync=True)
    eps = traitlets.Float(0.0).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        data: npt.ArrayLike | Mapping[str, Floats] | None = None,
        *,
        cloud: str | None = None,
        move: str = "centred",
        eps: float = 0.0,
        title: str = "A cloud, seven moves, and the way down",
        caption: str | None = None,
    ) -> None:
        self._clouds = _checked(data)
        first = next(iter(self._clouds)) if cloud is None else cloud
        checks.choice(first, "cloud", self._clouds)
        checks.choice(move, "move", MOVES)
        super().__init__(
            title=title,
            caption=caption,
            meta=self._meta(),
            arrays=self._arrays(),
            cloud=first,
            move=move,
            eps=float(_offered(eps)),
        )

    @property
    def clouds(self) -> dict[str, Floats]:
        """The clouds by name."""
        return dict(self._clouds)

    def stage(self, move: str | None = None) -> Stage:
        """Return the cloud shown after a move: what the page draws, computed here."""
        return stage(self._clouds[self.cloud], move or self.move, self.eps)

    def describe(self) -> str:
        """Return what each move leaves of the covariance, and how long descent then takes."""
        count = len(self._clouds[self.cloud])
        lines = [
            f"{self.title}: {self.cloud}, {count} points; shown is {self.move}, ε = {self.eps:g}."
        ]
        for name, move in MOVES.items():
            done = self.stage(name)
            (first, both), (_, second) = done.covariance
            lines.append(
                f"{name}, {move.formula}: variances {figure(first)} and {figure(second)}, "
                f"covariance {figure(both)}; condition number {number(done.condition)}, "
                f"steps of gradient descent to a millionth {done.steps}."
            )
        return "\n\n".join(lines)

    @property
    def size(self) -> tuple[float, float]:
        """The poster's size in inches: about that of the widget in the book."""
        return 8.8, 4.6

    def draw(self, figure: Figure) -> None:
        """Draw the cloud and the bowl."""
        left, right = figure.subplots(1, 2)
        x, done = self._clouds[self.cloud], self.stage()
        tone, ink = TONES.on(theme()), theme().ink
        y, reach = done.carry(x), self.meta["reach"][self.cloud][MOVES[self.move].unit]
        left.scatter(*y.T, s=9, color=tone, alpha=0.65, linewidth=0)
        left.plot(*done.carry(ellipse(x)).T, color=tone, linewidth=1.5)
        middle, *tips = done.carry(arrows(x))
        for i, tip in enumerate(tips, start=1):
            arrow = {"arrowstyle": "->", "color": ink, "lw": 1.5}
            left.annotate("", tip, middle, arrowprops=arrow)
            left.annotate(f"$x_{i}$", middle + 1.12 * (tip - middle), color=ink, ha="center")
        left.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="$y_1$", ylabel="$y_2$")
        left.set_title(f"{self.move}: {MOVES[self.move].formula}", fontsize=9)
        for part in RINGS:
            ring = done.best + circle() @ done.bowl * np.sqrt(part * height(done))
            right.plot(*ring.T, color=tone, linewidth=1)
        right.plot(*done.path.T, "o-", color=ink, linewidth=1, markersize=3)
        wide = 1.35 * np.abs(done.best).max()
        for side, centre in zip("xy", done.best, strict=True):
            right.set(**{f"{side}lim": (centre - wide, centre + wide)})
        right.set(xlabel=r"$\theta_1$", ylabel=r"$\theta_2$")
        words = f"condition number {number(done.condition)}: {done.steps} steps"
        right.set_title(words, fontsize=9)
        for ax in (left, right):
            ax.set_aspect("equal")

    @traitlets.validate("cloud")
    def _known_cloud(self, proposal: Any) -> Any:
        return checks.choice(proposal["value"], "cloud", self._clouds)

    @traitlets.validate("move")
    def _known_move(self, proposal: Any) -> Any:
        return checks.choice(proposal["value"], "move", MOVES)

    @traitlets.validate("eps")
    def _known_eps(self, proposal: Any) -> Any:
        return _offered(proposal["value"])

    @traitlets.validate("step")
    def _known_step(self, proposal: Any) -> Any:
        return int(np.clip(proposal["value"], 0, KEPT - 1))

    def _meta(self) -> dict[str, Any]:
        reach = {}
        for name, x in self._clouds.items():
            found: dict[str, float] = {}
            for move, (_, _, unit, _) in MOVES.items():
                size = float(np.abs(stage(x, move, EPS[0]).carry(x)).max())
                found[unit] = max(found.get(unit, 0.0), 1.1 * size)
            reach[name] = found
        return {
            "clouds": list(self._clouds),
            "moves": [[name, *move[:3]] for name, move in MOVES.items()],
            "eps": list(EPS),
            "rings": list(RINGS),
            "reach": reach,
            "scaled": [name for name, move in MOVES.items() if move.unit != DATA],
            "look": look(TONES),
        }

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the points, and per cloud, eps and move what is drawn of it."""
        done = [
            [[stage(x, move, eps) for move in MOVES] for eps in EPS] for x in self._clouds.values()
        ]

        def gather(of: Any, dtype: npt.DTypeLike = np.float64) -> npt.NDArray[Any]:
            return np.array([[[of(s) for s in row] for row in part] for part in done], dtype)

        arrays = {f"points {i}": x for i, x in enumerate(self._clouds.values())}
        arrays |= {f"ellipse {i}": ellipse(x) for i, x in enumerate(self._clouds.values())}
        arrays |= {f"arrows {i}": arrows(x) for i, x in enumerate(self._clouds.values())}
        for name in ("shift", "matrix", "covariance", "bowl", "best", "condition"):
            arrays[name] = gather(lambda s, name=name: getattr(s, name))
        arrays["height"] = gather(height)
        arrays["steps"] = gather(lambda s: s.steps, np.int32)
        arrays["circle"] = circle()
        # A descent of fewer steps stays where it has arrived.
        arrays["path"] = gather(lambda s: _padded(s.path), np.float32)
        arrays["excess"] = gather(lambda s: _padded(s.excess), np.float32)
        return arrays


def number(value: float) -> str:
    """Write a condition number: two decimals while it is small.

    Examples
    --------
    >>> number(1.0000000000000002), number(12.345), number(1234.5)
    ('1.00', '12.3', '1234')
    """
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def circle() -> Floats:
    """Return points around the unit circle, (73, 2), the last being the first."""
    turn = np.linspace(0, 2 * np.pi, 73)
    return np.column_stack([np.cos(turn), np.sin(turn)])


def ellipse(x: Floats) -> Floats:
    """Return points two standard deviations from the mean of a cloud, in every direction."""
    lower = np.linalg.cholesky(np.cov(x.T, bias=True))
    return np.asarray(x.mean(axis=0) + 2 * circle() @ lower.T)


def arrows(x: Floats) -> Floats:
    """Return a cloud's mean, and the points one standard deviation of each feature from it."""
    return np.asarray(x.mean(axis=0) + np.vstack([np.zeros(2), np.diag(x.std(axis=0))]))


def height(done: Stage) -> float:
    """Return the square of the radius, in bowl axes, at which descent starts."""
    return float(((np.linalg.inv(done.bowl.T) @ done.best) ** 2).sum())


def _padded(values: Floats) -> Floats:
    return np.concatenate([values, np.repeat(values[-1:], KEPT - len(values), axis=0)])


def _offered(eps: Any) -> Any:
    if eps not in EPS:
        words = ", ".join(f"{one:g}" for one in EPS)
        raise ValueError(f"eps must be one of {words}; got {eps!r}. Pass one of these.")
    return eps


def _checked(data: Any) -> dict[str, Floats]:
    """Return the clouds by name, if they can be shown."""
    if data is None:
        return clouds()
    named = data if isinstance(data, Mapping) else {"cloud": data}
    if not named:
        raise ValueError(
            "data must hold at least one cloud; got none. Pass an array, or {'name': array}."
        )
    found = {}
    for key, values in named.items():
        name = f"data[{key!r}]" if isinstance(data, Mapping) else "data"
        x = checks.floating(values, name).astype(np.float64)
        if x.ndim != 2 or x.shape[1] != 2 or not 3 <= len(x) <= MOST:
            raise ValueError(
                f"{name} must have shape (n, 2) with n from 3 to {MOST}; got {x.shape}. "
                "Pass two features of some of the points."
            )
        checks.finite(x, name, "Mend the input.")
        for moment in (np.cov(x.T, bias=True), x.T @ x / len(x)):
            low, high = np.linalg.eigvalsh(moment)
            if low * LONGEST <= high:
                raise ValueError(
                    f"{name} must not be flat: its variances, and its squares about 0, may differ "
                    f"by a factor of {LONGEST:g} between directions; got {low:.1e} and {high:.1e}. "
                    "Rescale it, or move it nearer to 0."
                )
        found[str(key)] = x
    return found
