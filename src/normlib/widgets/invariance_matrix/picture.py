"""The Invariance Matrix by matplotlib: what stands where the widget cannot run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from normlib.checks import Array
from normlib.plots.moves import figure
from normlib.plots.palette import color, theme
from normlib.widgets.invariance_matrix.grid import SHOWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def change_words(verdict: str, change: float) -> str:
    """Write a cell: a verdict in a word, or how large the change is."""
    if verdict == "refused":
        return "–"
    if verdict != "changes":
        return verdict
    return short(change)


def short(change: float) -> str:
    """Write a change with two digits, or as a power of ten where it is tiny."""
    if change < 0.0095:
        return figure(float(f"{change:.0e}")) if change >= 5e-4 else _power(change)
    return f"{change:.0f}" if change >= 10 else f"{change:.1f}" if change >= 1 else f"{change:.2f}"


def _power(change: float) -> str:
    digits, power = f"{change:.0e}".split("e")
    return f"{digits}e{int(power)}".replace("-", "−")


def cells(
    ax: Axes,
    found: Sequence[Sequence[tuple[str, float]]],
    rows: Sequence[str],
    columns: Sequence[str],
    place: tuple[int, int],
) -> None:
    """Draw the matrix: full tone where the output stays, a frame where it only turns its sign."""
    from matplotlib.patches import Rectangle

    for i, row in enumerate(found):
        tone = color(rows[i].partition(",")[0])
        for j, (verdict, change) in enumerate(row):
            same, flips = verdict == "same", verdict == "flips"
            box = Rectangle(
                (j - 0.46, i - 0.42),
                0.92,
                0.84,
                facecolor=tone if same else "none",
                edgecolor=tone if flips else "none",
                linewidth=1.4,
            )
            ax.add_patch(box)
            ink = theme().paper if same else tone if flips else theme().muted
            words = change_words(verdict, change)
            ax.text(j, i, words, ha="center", va="center", fontsize=8.5, color=ink)
    i, j = place
    ax.add_patch(
        Rectangle(
            (j - 0.5, i - 0.48), 1, 0.96, facecolor="none", edgecolor=theme().ink, linewidth=1.6
        )
    )
    ax.set_xlim(-0.55, len(columns) - 0.45)
    ax.set_ylim(len(rows) - 0.45, -0.55)
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.xaxis.tick_top()
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)


def outputs(ax: Axes, before: Array, after: Array, method: str, *, refused: bool) -> None:
    """Draw each output as a ring where it was, and a dot where it is."""
    ax.spines[["left"]].set_visible(False)
    if refused:
        ax.set(xticks=[], yticks=[])
        ax.text(0.5, 0.5, "refused", transform=ax.transAxes, ha="center", color=theme().muted)
        return
    tone, places = color(method.partition(",")[0]), np.arange(len(before))
    samples, units = SHOWN
    middles = np.arange(samples) * units + (units - 1) / 2
    ax.set_yticks(middles, [f"sample {n + 1}" for n in range(samples)])
    ax.grid(axis="y", visible=False)
    for edge in np.arange(1, samples) * units - 0.5:
        ax.axhline(edge, color=theme().grid, linewidth=0.8)
    ax.plot(after, places, "o", color=tone, markersize=4.5)
    ax.plot(before, places, "o", color=theme().ink, markersize=7, fillstyle="none", linewidth=0)
    ax.hlines(places, before, after, color=tone, linewidth=1.4)
    ax.set_ylim(len(before) - 0.5, -0.5)
    reach = max(1.0, math.ceil(float(np.abs([before, after]).max()) * 1.08))
    ax.set_xlim(-reach, reach)
    ax.set_xlabel("output: ring before, dot after")
