"""The Copy Bench's picture by matplotlib: the twin of what bench.js draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from normlib.plots.palette import Tones, theme
from normlib.widgets.copy_bench.world import COPIES, WAYS, Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Losses below this are drawn at it, on an axis of powers of ten.
LEAST = 0.01
#: How the lines of the ways differ, besides by their words.
DASHES = {"none": (), "all": (5, 2.5), "within": (1.2, 1.6)}
BEST = (8, 2, 2, 2)


def poster(
    figure: Figure,
    score: Score,
    best: Score,
    curves: Mapping[str, Sequence[float]],
    whitening: str,
    copies: int,
    tones: Tones,
) -> None:
    """Draw the five points, the calibration, and the loss by copies."""
    tone = tones.on(theme())
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.15, 1, 1.15))
    _points(left, score, best, tone)
    _calibration(middle, score, tone)
    _losses(right, curves, whitening, copies, tone)


def _points(ax: Axes, score: Score, best: Score, tone: str) -> None:
    rows = -np.arange(len(score.points))
    said, true = score.points[:, 1], best.points[:, 1]
    ax.hlines(rows, true, said, color=tone, linewidth=2, alpha=0.5)
    ax.plot(true, rows, "|", color=theme().ink, markersize=15, markeredgewidth=2)
    ax.plot(said, rows, "o", color=tone, markersize=7)
    ax.axvline(0.5, color=theme().muted, linewidth=0.8, linestyle=(0, (3, 2)))
    ax.set(xlim=(-0.04, 1.04), xlabel="probability of class 1")
    ax.set_yticks(rows, [f"point {i + 1}" for i in range(len(rows))])
    ax.set_title("five test points: true | and said ●", fontsize=9, weight="normal")
    ax.grid(axis="y", visible=False)


def _calibration(ax: Axes, score: Score, tone: str) -> None:
    count, said, found = score.bins[score.bins[:, 0] > 0].T
    ax.plot((0, 1), (0, 1), color=theme().ink, linewidth=1, linestyle=(0, (3, 2)))
    ax.scatter(said, found, s=6 + 260 * count / count.sum(), color=tone, alpha=0.75, linewidth=0)
    ax.set(xlim=(-0.06, 1.06), ylim=(-0.06, 1.06), xlabel="said: probability of class 1")
    ax.set_title("found: share of class 1", fontsize=9, weight="normal")


def _losses(
    ax: Axes, curves: Mapping[str, Sequence[float]], whitening: str, copies: int, tone: str
) -> None:
    places = range(len(COPIES))
    shown = {way: np.maximum(losses, LEAST) for way, losses in curves.items()}
    ax.plot(places, shown["best"], color=theme().ink, linewidth=1, linestyle=(0, BEST))
    for way in WAYS:
        strong = way == whitening
        ax.plot(
            places,
            shown[way],
            color=tone if strong else theme().muted,
            linewidth=2 if strong else 1.1,
            linestyle=(0, DASHES[way]) if DASHES[way] else "solid",
        )
    at = COPIES.index(copies)
    ax.plot(at, shown[whitening][at], "o", color=tone, markersize=7)
    ax.set(yscale="log", ylim=(LEAST, 40), xlabel="k, copies of feature 1")
    ax.set_xticks(places[::3], [str(k) for k in COPIES[::3]])
    ax.set_yticks((0.01, 0.1, 1, 10), ("0.01", "0.1", "1", "10"))
    ax.minorticks_off()
    ax.set_title("negative log-likelihood, nats", fontsize=9, weight="normal")
