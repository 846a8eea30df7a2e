"""The Copy Bench: a feature is copied, and naive Bayes grows sure of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets

from normlib import checks
from normlib.plots.palette import SPARE
from normlib.widgets.base import Widget, look
from normlib.widgets.copy_bench.poster import poster
from normlib.widgets.copy_bench.world import COPIES, CORRELATIONS, WAYS, Score, stacked, world

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: No method's colour: a classifier is not a normalization.
TONES = SPARE[0]


class CopyBench(Widget):
    """Gaussian naive Bayes on three features, the first of which is measured again and again.

    The errors of two measurements have a correlation rho within a class: 0 for new information, 1
    for a copy. k + 1 of them are worth (k + 1)/(1 + k rho) independent ones, and naive Bayes counts
    k + 1.

    Parameters
    ----------
    copies : int
        k, to start with: one of 0, 1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 70, 100.
    correlation : float
        rho, to start with: 0.0, 0.1, …, 1.0.
    whitening : "none", "all" or "within"
        What happens to the features first: nothing; PCA whitening by the covariance of all training
        points; or by their covariance around the means of their classes.
    seed : int
        Of the 1000 training and 1000 test points.
    title, caption : str, optional
        The accessible name, and the sentence under the picture.

    Raises
    ------
    ValueError
        An option is not one of those above.
    ImportError
        scikit-learn, whose GaussianNB is used, is not installed.

    Examples
    --------
    >>> CopyBench(copies=100)
    CopyBench(copies=100, correlation=1.0, whitening='none')
    """

    scripts: ClassVar[tuple[str, ...]] = ("bench.js",)
    styles: ClassVar[tuple[str, ...]] = ("bench.css",)
    copies = traitlets.Int(0).tag(sync=True)
    correlation = traitlets.Float(1.0).tag(sync=True)
    whitening = traitlets.Unicode("none").tag(sync=True)

    def __init__(
        self,
        *,
        copies: int = 10,
        correlation: float = 1.0,
        whitening: str = "none",
        seed: int = 0,
        title: str = "One feature, copied",
        caption: str | None = None,
    ) -> None:
        copies = _one_of(copies, "copies", COPIES)
        correlation = _one_of(correlation, "correlation", CORRELATIONS)
        checks.choice(whitening, "whitening", WAYS)
        self._grid = world(_seed(seed)).grid
        super().__init__(
            title=title,
            caption=caption,
            meta={
                "copies": list(COPIES),
                "correlations": list(CORRELATIONS),
                "ways": list(WAYS.items()),
                "look": look(TONES),
            },
            arrays={
                f"{name} {way}": values
                for way, grid in self._grid.items()
                for name, values in stacked(grid).items()
            },
            copies=copies,
            correlation=correlation,
            whitening=whitening,
        )

    @property
    def score(self) -> Score:
        """How good naive Bayes is in the state shown."""
        return self._at(self.whitening)

    @property
    def best(self) -> Score:
        """How good the true probabilities are, which nothing can beat but by luck."""
        return self._at("best")

    @property
    def worth(self) -> float:
        """How many independent measurements those of feature 1 are worth."""
        return (self.copies + 1) / (1 + self.copies * self.correlation)

    def _at(self, way: str) -> Score:
        return self._grid[way][CORRELATIONS.index(self.correlation)][COPIES.index(self.copies)]

    def describe(self) -> str:
        """Return the figures of naive Bayes beside the best possible ones, and the five points."""
        pairs = zip(self.best.points, self.score.points, strict=True)
        points = ", ".join(f"{probability(*best)} → {probability(*said)}" for best, said in pairs)
        return "\n\n".join(
            [
                f"{self.title}: feature 1 and {self.copies} copies, correlation "
                f"{self.correlation:.1f}, features {WAYS[self.whitening]}. "
                f"{self.copies + 1} measurements, worth {self.worth:.2f} independent ones.",
                f"Naive Bayes: {_figures(self.score)}.",
                f"The best possible: {_figures(self.best)}.",
                f"Probability of class 1 for five test points, true → naive Bayes: {points}.",
            ]
        )

    @property
    def size(self) -> tuple[float, float]:
        """The poster's size in inches: about that of the widget in the book."""
        return 8.8, 3.6

    def draw(self, figure: Figure) -> None:
        """Draw the five points, what was said against what was found, and the loss by copies."""
        at = CORRELATIONS.index(self.correlation)
        curves = {way: [score.loss for score in grid[at]] for way, grid in self._grid.items()}
        poster(figure, self.score, self.best, curves, self.whitening, self.copies, TONES)

    @traitlets.validate("copies")
    def _known_copies(self, proposal: Any) -> Any:
        return _one_of(proposal["value"], "copies", COPIES)

    @traitlets.validate("correlation")
    def _known_correlation(self, proposal: Any) -> Any:
        return _one_of(proposal["value"], "correlation", CORRELATIONS)

    @traitlets.validate("whitening")
    def _known_whitening(self, proposal: Any) -> Any:
        return checks.choice(proposal["value"], "whitening", WAYS)


def probability(zero: float, one: float) -> str:
    """Write the second of two probabilities that add up to 1, however near to 1 it is.

    Examples
    --------
    >>> [probability(1 - p, p) for p in (0.5, 0.9321, 0.9996, 0.0004)]
    ['0.50', '0.93', '1 − 4e−4', '4e−4']
    >>> probability(7e-45, 1.0)
    '1 − 7e−45'
    """
    rest = min(zero, one)
    if rest >= 0.00995:
        return f"{one:.2f}"
    digits, power = f"{rest:.0e}".split("e")
    words = f"{digits}e−{-int(power)}" if rest else "0"
    return words if one < zero else f"1 − {words}"


def _figures(score: Score) -> str:
    return (
        f"says it is right with probability {score.confidence:.3f} and is right in "
        f"{score.accuracy:.3f} of cases; negative log-likelihood {score.loss:.2f}, calibration "
        f"error {score.error:.3f}"
    )


def _one_of(value: Any, name: str, allowed: tuple[Any, ...]) -> Any:
    """Return the allowed value that equals this one, so that 1 is 1.0 where numbers are floats."""
    if isinstance(value, bool) or value not in allowed:
        raise ValueError(
            f"{name} must be one of {', '.join(map(str, allowed))}; got {value!r}. "
            "The grid has these."
        )
    return allowed[allowed.index(value)]


def _seed(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise ValueError(f"seed must be an integer of 0 or more; got {value!r}. Pass 0.")
    return int(value)
