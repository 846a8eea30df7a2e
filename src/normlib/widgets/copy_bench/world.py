"""Two classes, three features, and more measurements of the first: what naive Bayes makes of it.

The errors of these measurements have a correlation. At 0 each of them tells something new, at 1
they are copies; naive Bayes takes them for independent in either case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.whiten import whiten

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]

#: How many more measurements of feature 1 there can be: fine at the start, where most happens.
COPIES = (0, 1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 70, 100)
#: The correlation of two measurements within a class.
CORRELATIONS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
#: What is whitened before naive Bayes sees the features.
WAYS = {
    "none": "as they are",
    "all": "whitened",
    "within": "whitened within classes",
}
#: The mean of every feature is this far above 0 in class 1 and below 0 in class 0, in standard
#: deviations. The best possible accuracy with three such features is 0.85.
APART = 0.6
#: The test points followed: their probability before anything is copied, and the side on which
#: feature 1 lies. In the second and the fourth it speaks against the others.
FOLLOWED = ((0.1, -1), (0.3, 1), (0.5, 1), (0.7, -1), (0.9, 1))
BINS = 10
#: Directions with less than this part of the largest variance have none but rounding.
NOTHING = 1e-9


class Score(NamedTuple):
    """How good probabilities of class 1 are on test points.

    `accuracy`; `confidence`, the mean probability given to the class that is chosen; `loss`, the
    mean negative log-likelihood in nats; `error`, the expected calibration error; `points`, the
    probabilities of classes 0 and 1 of the points followed; and `bins`, for tenths of the
    probability of class 1, how many points, its mean, and the share that is of class 1.
    """

    accuracy: float
    confidence: float
    loss: float
    error: float
    points: Floats  # (followed, 2)
    bins: Floats  # (BINS, 3); the last two are 0 where there is no point


@dataclass(frozen=True, eq=False, repr=False)
class World(checks.Brief):
    """One draw of training and test points, and of the noise of all measurements to come.

    Only the mixture of the same noise changes with the correlation, so that sliders show what they
    change and not what chance does.
    """

    seed: int = 0
    n_train: int = 1000
    n_test: int = 1000
    labels: Labels = field(init=False)
    noise: Floats = field(init=False)

    def __post_init__(self) -> None:
        """Draw everything once."""
        rng = np.random.default_rng(self.seed)
        n = self.n_train + self.n_test
        object.__setattr__(self, "labels", rng.integers(0, 2, n))
        # The first measurement, features 2 and 3, what all measurements share, and their own.
        object.__setattr__(self, "noise", rng.normal(size=(n, 4 + COPIES[-1])))

    def features(self, copies: int, correlation: float) -> Floats:
        """Return x, shape (n, copies + 3): the measurements of feature 1, then features 2 and 3."""
        common, alone = np.sqrt(correlation), np.sqrt(1 - correlation)
        first, others = self.noise[:, :1], self.noise[:, 1:3]
        shared = common * first + alone * self.noise[:, 3:4]
        more = common * shared + alone * self.noise[:, 4 : 4 + copies]
        centres = APART * (2 * self.labels[:, None] - 1)
        return np.asarray(np.hstack([first, more, others]) + centres)

    def best(self, copies: int, correlation: float) -> Score:
        """Return the score of the true probabilities: those of the distribution drawn from."""
        x = self.features(copies, correlation)[self.n_train :]
        worth = x[:, : copies + 1].sum(axis=1) / (1 + copies * correlation)
        return self.score(2 * APART * (worth + x[:, copies + 1 :].sum(axis=1)))

    def bayes(self, copies: int, correlation: float, way: str) -> Score:
        """Return the score of scikit-learn's GaussianNB, fitted to the training points."""
        with checks.installed("naive Bayes", "scikit-learn"):
            from sklearn.naive_bayes import GaussianNB
        x = self.whitened(self.features(copies, correlation), way)
        model = GaussianNB().fit(x[: self.n_train], self.labels[: self.n_train])
        joint = np.asarray(model.predict_joint_log_proba(x[self.n_train :]))
        return self.score(joint[:, 1] - joint[:, 0])

    def whitened(self, x: Floats, way: str) -> Floats:
        """Return x after PCA whitening by the training points, without directions of no variance.

        Way "all" measures the covariance of all of them, "within" that around each class's mean.
        """
        if way == "none":
            return x
        measured, y = x[: self.n_train], self.labels[: self.n_train]
        if way == "within":
            measured = measured - np.array([measured[y == k].mean(axis=0) for k in (0, 1)])[y]
        found = whiten(measured, eps=NOTHING)
        kept = found.eigenvalues > NOTHING * found.eigenvalues[0]
        return np.asarray(found.transform(x)[:, kept], np.float64)

    def score(self, odds: Floats) -> Score:
        """Return the score of log-odds of class 1 on the test points, shape (n_test,)."""
        y = self.labels[self.n_train :]
        losses = np.logaddexp(0, np.where(y == 1, -odds, odds))
        both = np.exp(-np.logaddexp(0, np.stack([odds, -odds], axis=1)))  # classes 0 and 1
        p = both[:, 1]
        tenth = np.minimum((BINS * p).astype(int), BINS - 1)
        count = np.bincount(tenth, minlength=BINS)
        said, found = (
            np.bincount(tenth, weights, BINS) / np.maximum(count, 1) for weights in (p, y == 1)
        )
        return Score(
            accuracy=float(np.mean((odds > 0) == (y == 1))),
            confidence=float(both.max(axis=1).mean()),
            loss=float(losses.mean()),
            error=float(count @ np.abs(said - found) / len(y)),
            points=both[self.followed],
            bins=np.stack([count.astype(np.float64), said, found], axis=1),
        )

    @cached_property
    def followed(self) -> Labels:
        """Which test points are followed."""
        x = self.features(0, 0.0)[self.n_train :]
        p = 1 / (1 + np.exp(-2 * APART * x.sum(axis=1)))
        far = [np.abs(p - wanted) + (np.sign(x[:, 0]) != side) for wanted, side in FOLLOWED]
        return np.asarray(np.argmin(far, axis=1))

    @cached_property
    def grid(self) -> dict[str, list[list[Score]]]:
        """The scores of "best" and of every way, by correlation and copies."""
        return {
            way: [
                [self.best(k, rho) if way == "best" else self.bayes(k, rho, way) for k in COPIES]
                for rho in CORRELATIONS
            ]
            for way in ("best", *WAYS)
        }


@cache
def world(seed: int) -> World:
    """Return a world whose grid is computed once, however many benches show it."""
    return World(seed)


def stacked(grid: list[list[Score]]) -> dict[str, npt.NDArray[Any]]:
    """Return a grid of scores as arrays: "figures", "points" and "bins", grid axes first."""
    return {
        # Three further digits than are ever written; the points' last digits are the story.
        "figures": np.array([[score[:4] for score in line] for line in grid], np.float32),
        "points": np.array([[score.points for score in line] for line in grid]),
        "bins": np.array([[score.bins for score in line] for line in grid], np.float32),
    }
