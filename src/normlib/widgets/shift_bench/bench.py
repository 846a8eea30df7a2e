"""The Shift Bench: a model fitted on the source, with weights and without, and met by a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import traitlets
from numpy.polynomial.polynomial import polyval

from normlib.plots.moves import bell_curve
from normlib.plots.palette import color, theme, tones
from normlib.widgets.base import Widget, look
from normlib.widgets.shift_bench.draws import (
    DEGREES,
    DRAWS,
    MEANS,
    POINTS,
    POWERS,
    RULE,
    SOURCE,
    SPREADS,
    Floats,
    log_ratio,
    study,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES = {1: "line", 3: "cubic"}
#: What each trait can be.
GRID: dict[str, Sequence[float]] = {
    "degree": DEGREES,
    "points": POINTS,
    "mean": MEANS,
    "spread": SPREADS,
    "power": POWERS,
}
#: The picture of the sample: x from -2 to 2, y from -3 to 3.
FRAME = {"x": (-2.0, 2.0), "y": (-3.0, 3.0)}
#: From this many wins of 50 on, or as many losses, a fair coin would do it in one case of 30.
CLEAR = 33


class Range(NamedTuple):
    """Of the draws, 10 % lie below `low`, half below `middle`, and 10 % above `high`."""

    low: float
    middle: float
    high: float


class Outcome(NamedTuple):
    """What 50 draws say about one setting: errors, wins of the weighted fit, effective size."""

    plain: Range
    weighted: Range
    wins: int
    worth: Range


class ShiftBench(Widget):
    """Shimodaira's cubic, and a model that is fitted where the data are and used elsewhere.

    Points come from the source, N(0.5, 0.5²), around y = x³ − x with noise of 0.3. Each is weighted
    by w(x)^λ, w being the density of the target over that of the source. The *target error* is
    the mean squared distance of the fit from the noise-free rule, over the target's density. Every
    figure is read from a grid that is computed here; sliders stop at its points.

    Parameters
    ----------
    mean, spread : float
        Mean and standard deviation of the target's x: -1 to 0.5 and 0.2 to 0.6, in steps of 0.1.
    points : int
        The sample's size: 20, 100 or 400.
    power : float
        The weights' exponent λ, 0 to 1 in steps of 0.2: 0 is ordinary least squares.
    degree : int
        The model's: 1 for a line, 3 for a cubic.
    title, caption : str, optional
        The accessible name, and the sentence under the picture.

    Raises
    ------
    ValueError
        A setting is not on the grid.

    Notes
    -----
    H. Shimodaira 2000, doi:10.1016/S0378-3758(00)00115-4.

    Examples
    --------
    >>> bench = ShiftBench(points=20, degree=3)
    >>> bench
    ShiftBench(degree=3, mean=0.0, points=20, power=1.0, spread=0.3)
    >>> bench.outcome().wins
    7
    """

    scripts: ClassVar[tuple[str, ...]] = ("bench.js",)
    styles: ClassVar[tuple[str, ...]] = ("bench.css",)
    mean = traitlets.Float(0.0).tag(sync=True)
    spread = traitlets.Float(0.3).tag(sync=True)
    points = traitlets.Int(100).tag(sync=True)
    power = traitlets.Float(1.0).tag(sync=True)
    degree = traitlets.Int(1).tag(sync=True)

    def __init__(
        self,
        *,
        mean: float = 0.0,
        spread: float = 0.3,
        points: int = 100,
        power: float = 1.0,
        degree: int = 1,
        title: str = "A fit that meets other inputs",
        caption: str | None = None,
    ) -> None:
        chosen = {"mean": mean, "spread": spread, "points": points, "power": power}
        chosen["degree"] = degree
        super().__init__(
            title=title,
            caption=caption,
            meta=_meta(),
            arrays=_arrays(),
            **{name: GRID[name][_index(name, value)] for name, value in chosen.items()},
        )

    def outcome(self, *, power: float | None = None) -> Outcome:
        """Return what the draws say about this setting, or about it with another exponent."""
        found, at = study(), self._at(power)
        d = _index("degree", self.degree)
        ends = found.errors[d][*at[:3], 0], found.errors[(d, *at)], found.worth[at]
        plain, weighted, worth = (Range(*map(float, values)) for values in ends)
        return Outcome(plain, weighted, int(found.wins[(d, *at)]), worth)

    def fits(self) -> tuple[Floats, Floats]:
        """Return both fits of the sample shown, unweighted and weighted, from the constant up."""
        found, at = getattr(study(), NAMES[self.degree]), self._at(None)
        return found[*at[:3], 0].astype(np.float64), found[at].astype(np.float64)

    def sample(self) -> tuple[Floats, Floats, Floats]:
        """Return x and y of the sample shown, and each point's share of the weight."""
        found, (i, *_) = study(), self._at(None)
        x, y = found.x[i].astype(np.float64), found.y[i].astype(np.float64)
        weight = np.exp(self.power * polyval(x, log_ratio(self.mean, self.spread)))
        return x, y, weight / weight.sum()

    def describe(self) -> str:
        """Return the setting, both errors, and the effective sample size."""
        plain, weighted, wins, worth = self.outcome()
        model = NAMES[self.degree]
        return "\n\n".join(
            [
                f"{self.title}: {self.points} points of a cubic with noise, a {model} fitted; "
                f"the source is N({SOURCE[0]:g}, {SOURCE[1]:g}²), the target "
                f"N({self.mean:g}, {self.spread:g}²), the weights' exponent {self.power:g}.",
                f"Median target error over {DRAWS} draws (10 to 90 %): unweighted "
                f"{_words(plain)}, weighted {_words(weighted)}; the weighted {model} is better "
                f"in {wins} of {DRAWS} draws.",
                f"Effective sample size: {_words(worth)} of {self.points}.",
            ]
        )

    @property
    def size(self) -> tuple[float, float]:
        """The poster's size in inches."""
        return 8.8, 4.0

    def draw(self, figure: Figure) -> None:
        """Draw the sample, its fits and both densities, and the error for every exponent."""
        grid = figure.add_gridspec(2, 2, width_ratios=(1.5, 1), height_ratios=(3, 1))
        upper = figure.add_subplot(grid[0, 0])
        self._draw_sample(upper)
        self._draw_densities(figure.add_subplot(grid[1, 0], sharex=upper))
        self._draw_errors(figure.add_subplot(grid[:, 1]))

    def _draw_sample(self, ax: Axes) -> None:
        x, y, share = self.sample()
        tone, line = color("weighted"), np.linspace(*FRAME["x"], 101)
        ax.scatter(x, y, s=1.5, color=theme().muted, linewidth=0)
        ax.scatter(x, y, s=1400 * share, color=tone, alpha=0.35, linewidth=0)
        ax.plot(line, polyval(line, RULE), color=theme().ink, linewidth=1, label="rule")
        looks = (theme().muted, "--", "unweighted"), (tone, "-", "weighted")
        for fit, (shade, style, label) in zip(self.fits(), looks, strict=True):
            ax.plot(line, polyval(line, fit), style, color=shade, linewidth=2, label=label)
        ax.set(xlim=FRAME["x"], ylim=FRAME["y"], ylabel="y")
        ax.tick_params(labelbottom=False)
        ax.legend(loc="upper left")

    def _draw_densities(self, ax: Axes) -> None:
        u, height = bell_curve()
        shades = theme().muted, color("weighted")
        for shade, mean, spread, word in (
            (shades[0], *SOURCE, "source"),
            (shades[1], self.mean, self.spread, "target"),
        ):
            ax.fill_between(mean + spread * u, height / spread, color=shade, alpha=0.3, linewidth=0)
            ax.plot(mean + spread * u, height / spread, color=shade, linewidth=1.2, label=word)
        ax.set(ylim=(0, 1.05 / min(SPREADS)), yticks=[], xlabel="x", ylabel="density")
        ax.legend(loc="upper right")

    def _draw_errors(self, ax: Axes) -> None:
        low, middle, high = np.transpose([self.outcome(power=p).weighted for p in POWERS])
        tone = color("weighted")
        ax.fill_between(POWERS, low, high, color=tone, alpha=0.2, linewidth=0)
        ax.axhline(middle[0], color=theme().muted, linestyle="--", linewidth=1.2)
        ax.plot(POWERS, middle, color=tone)
        ax.plot(POWERS[0], middle[0], "x", color=theme().muted, markersize=8, mew=2)
        ax.plot(self.power, self.outcome().weighted.middle, "o", color=tone, markersize=8)
        ax.set(yscale="log", xlabel="exponent λ of the weights", ylabel="target error")

    def _at(self, power: float | None) -> tuple[int, int, int, int]:
        """Return the setting's place in the study."""
        chosen = self.power if power is None else power
        return (
            _index("points", self.points),
            _index("mean", self.mean),
            _index("spread", self.spread),
            _index("power", chosen),
        )

    @traitlets.validate(*GRID)
    def _on_the_grid(self, proposal: Any) -> Any:
        name = proposal["trait"].name
        return GRID[name][_index(name, proposal["value"])]


def _index(name: str, value: Any) -> int:
    """Return where a setting stands on its grid; a slider's own rounding is forgiven."""
    try:
        near = np.flatnonzero(np.abs(np.asarray(GRID[name]) - value) < 1e-9)
    except TypeError:
        near = np.array([], int)
    if near.size == 0:
        words = ", ".join(f"{one:g}" for one in GRID[name])
        raise ValueError(
            f"{name} must be one of {words}; got {value!r}. "
            "Pass one of these: nothing between them has been computed."
        )
    return int(near[0])


def _words(found: Range) -> str:
    return f"{found.middle:.3g} ({found.low:.3g} to {found.high:.3g})"


def _meta() -> dict[str, Any]:
    errors = np.log10(study().errors[..., 1])
    return {
        **{name: list(values) for name, values in GRID.items()},
        "names": {str(degree): name for degree, name in NAMES.items()},
        "draws": DRAWS,
        "clear": CLEAR,
        "source": list(SOURCE),
        "rule": RULE.tolist(),
        "frame": FRAME,
        # The axis of errors stays where it is while sliders move: heights can be compared.
        "decades": [[int(np.floor(e.min())), int(np.ceil(e.max()))] for e in errors],
        "look": look(tones(["weighted"])["weighted"]),
    }


def _arrays() -> dict[str, npt.NDArray[Any]]:
    found = study()
    samples = {f"x {i}": x for i, x in enumerate(found.x)}
    samples |= {f"y {i}": y for i, y in enumerate(found.y)}
    return {
        **samples,
        "bell": np.array(bell_curve()),
        "log ratio": np.array([[log_ratio(m, s) for s in SPREADS] for m in MEANS]),
        "fit 1": found.line,
        "fit 3": found.cubic,
        "errors": found.errors,
        "wins": found.wins,
        "worth": found.worth,
    }
