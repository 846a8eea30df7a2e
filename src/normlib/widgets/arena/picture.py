"""The Arena by matplotlib: what stands where the widget cannot run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from normlib.plots.palette import theme, tones
from normlib.widgets.arena.standings import Places, Standings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 6
#: The share of the ramp just below a good score, and at it: the step can be seen.
STEP = (0.42, 0.72)


def pm(mean: float, spread: float) -> str:
    """Write a score as mean ± standard deviation, with as many digits as the book has."""
    return f"{mean:.3f} ± {spread:.3f}"


def signed(value: float) -> str:
    """Write a difference with its sign; what is left of rounding has none."""
    text = f"{value:+.3f}".replace("-", "−")
    return "0.000" if text[1:] == "0.000" else text


def strength(score: float, good: float) -> float:
    """Return where on the ramp a score lies, from 0 to 1, with a step at what is good."""
    low, high = STEP
    return low * score / good if score < good else high + (1 - high) * (score - good) / (1 - good)


def blend(start: str, end: str, share: float) -> str:
    """Mix two colours written as #rrggbb."""
    pairs = ((int(start[k : k + 2], 16), int(end[k : k + 2], 16)) for k in (1, 3, 5))
    return "#" + "".join(f"{math.floor(a + (b - a) * share + 0.5):02x}" for a, b in pairs)


def duel(found: Standings, pair: tuple[int, int]) -> Places:
    """Return which of two methods beats the other in each cell, and -1 where neither does."""
    a, b = pair
    return np.where(found.beats[a, b], a, np.where(found.beats[b, a], b, -1)).astype(np.int32)


def picture(
    figure: Figure,
    found: Standings,
    place: tuple[int, int, int],
    pair: tuple[int, int],
    good: float,
) -> None:
    """Draw all panels of the batch size shown, and below them the cell."""
    b, i, k = place
    rows = math.ceil((len(found.methods) + 2) / COLUMNS)
    heights = [rows, 0.16 * len(found.methods) + 0.4]
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    axes = above.subplots(rows, COLUMNS, squeeze=False)
    for ax in axes.flat[len(found.methods) + 2 :]:
        ax.set_axis_off()
    names = [f"{m + 1} {name.replace('_', ' ')}" for m, name in enumerate(found.methods)]
    first, second = pair
    titles = ["Who wins", f"{first + 1} against {second + 1}", *names]
    for ax, title in zip(axes.flat, titles, strict=False):
        ax.set_title(title, fontsize=8, weight="normal")
        _frame(ax, found, corner=ax in axes[:, 0], bottom=ax in axes[-1])
    _verdicts(axes.flat[0], found, found.winner[b])
    _verdicts(axes.flat[1], found, duel(found, pair)[b])
    for m, ax in enumerate(axes.flat[2 : len(found.methods) + 2]):
        _scores(ax, found, m, b, good)
    for ax in axes.flat[: len(found.methods) + 2]:
        _box(ax, k, i, 1.0, theme().ink, 1.6)
    _cell(below.subplots(), found, place)


def _frame(ax: Axes, found: Standings, *, corner: bool, bottom: bool) -> None:
    """Set the axes of a panel: learning rates to the right, initializations down."""
    ax.set_xlim(-0.5, len(found.lr) - 0.5)
    ax.set_ylim(len(found.init_scale) - 0.5, -0.5)
    ax.set_xticks(range(len(found.lr)), [f"{v:g}" for v in found.lr] if bottom else [])
    ax.set_yticks(
        range(len(found.init_scale)), [f"×{v:g}" for v in found.init_scale] if corner else []
    )
    ax.tick_params(labelsize=7)
    ax.tick_params(axis="x", rotation=90)
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)


def _box(
    ax: Axes, x: int, y: int, size: float, edge: str, width: float, face: str = "none"
) -> None:
    from matplotlib.patches import Rectangle

    corner = (x - size / 2, y - size / 2)
    ax.add_patch(Rectangle(corner, size, size, facecolor=face, edgecolor=edge, linewidth=width))


def _verdicts(ax: Axes, found: Standings, winners: Places) -> None:
    """Write into each cell the number of the method that wins, or a sign of equality."""
    looks = list(tones(found.methods).values())
    for (i, k), m in np.ndenumerate(winners):
        face = looks[m].on(theme()) if m >= 0 else "none"
        _box(ax, k, i, 0.9, theme().grid if m < 0 else face, 0.8, face)
        words, tone = (f"{m + 1}", theme().paper) if m >= 0 else ("=", theme().muted)
        ax.text(k, i, words, ha="center", va="center", fontsize=7, color=tone)


def _scores(ax: Axes, found: Standings, m: int, b: int, good: float) -> None:
    """Draw a method's means, with a frame where it wins and a dot where it ties with the best."""
    for i, k in np.ndindex(found.winner[b].shape):
        share = strength(float(found.mean[m, b, i, k]), good)
        tone = theme().paper if share > STEP[0] else theme().ink
        _box(ax, k, i, 0.9, "none", 0, blend(theme().low, theme().high, share))
        if found.winner[b, i, k] == m:
            _box(ax, k, i, 0.5, tone, 1.2)
        elif found.tied[m, b, i, k]:
            ax.plot(k, i, ".", color=tone, markersize=3)


def _cell(ax: Axes, found: Standings, place: tuple[int, int, int]) -> None:
    """Draw each method's seeds in one cell, its mean and its spread."""
    here = (slice(None), *place)
    tied = found.tied[here]
    for m, look in enumerate(tones(found.methods).values()):
        tone = look.on(theme())
        mean, spread = found.mean[here][m], found.spread[here][m]
        ax.plot(found.scores[here][m], np.full(found.scores.shape[-1], m), ".", color=tone)
        ax.plot([mean - spread, mean + spread], [m, m], color=tone, linewidth=1.4)
        ax.plot(mean, m, "|", color=tone, markersize=10, markeredgewidth=2)
        words = f"{pm(mean, spread)}{'  tied' if tied[m] else ''}"
        ax.text(1.01, m, words, transform=ax.get_yaxis_transform(), va="center", fontsize=7.5)
    names = [f"{m + 1} {name.replace('_', ' ')}" for m, name in enumerate(found.methods)]
    ax.set_yticks(range(len(names)), names, fontsize=7.5)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlabel("test accuracy of each seed; bar: mean ± standard deviation", fontsize=8)
    ax.spines[["left"]].set_visible(False)
