"""Ridges of distributions, loss curves and heatmaps on matplotlib axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.plots.palette import color as color_of
from normlib.plots.palette import label, style, theme
from normlib.plots.shapes import SPAN, height, shapes, window
from normlib.record import Signal, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

#: How a signal is written in figures.
SYMBOLS = {"a": "$a$", "x_hat": r"$\hat{x}$", "z": "$z$", "h": "$h$"}


def ridge(
    ax: Axes,
    trace: Trace,
    signal: str = "z",
    frame: int = -1,
    *,
    color: str | None = None,
    reference: bool = True,
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw the distribution of each layer at one recorded step, the first layer on top.

    Under each ridge a bar spans mean ± std, dark where samples differ from each other (± the
    spread between samples of one unit); its sigma stands at the right. A layer that does not show
    the signal has an empty row that says so.

    Parameters
    ----------
    ax : matplotlib Axes
        Loses its spines: make its figure with ``layout="constrained"``, and nothing is cut off.
    trace : Trace
    signal : str
        One of the trace's signals: "a", "x_hat", "z", "h".
    frame : int
        Which recorded step; negative ones count from the end.
    color : str, optional
        The method's own by default.
    reference : bool
        Draw, dashed, the same layers before the first step.
    limits : (float, float), optional
        The range of values, in the signal's units, to share it between axes. By default one for all
        frames of the trace: 0, and mean ± 3.2 std of nineteen in twenty layers and frames.

    Raises
    ------
    ValueError
        The trace is empty, has no such signal or no such frame.
    TypeError
        It is not a Trace.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from normlib import Recorder, fit, load_digits, mlp
    >>> trace = fit(mlp([64, 32, 10]), load_digits(), steps=20, record=Recorder()).trace
    >>> figure = Figure(layout="constrained")
    >>> ridge(figure.subplots(), trace, "h")
    """
    data = _signal(trace, signal)
    frame = _frame_index(trace, frame)
    low, high = limits or window([data])
    tone = color or color_of(trace.info.get("norm", "none"))
    outlines = shapes(data)
    symbol = SYMBOLS.get(signal, signal)
    for layer in range(len(trace.layers)):
        empty = _empty(data, frame, layer, symbol)
        _note(ax, layer, empty or _sigma(float(data.std[frame, layer])))
        if empty:
            continue
        if reference:
            _outline(ax, data, outlines, 0, layer, (low, high), tone, dashed=True)
        _outline(ax, data, outlines, frame, layer, (low, high), tone)
        _bar(ax, data, frame, layer, tone)
    ax.set_yticks([-i for i in range(len(trace.layers))], trace.layers)
    ax.set_ylim(-len(trace.layers) + 0.6, 1.1)
    ax.set_xlim(low, high)
    ax.set_xlabel(symbol)
    ax.grid(axis="y", visible=False)
    ax.spines[:].set_visible(False)


def _empty(data: Signal, frame: int, layer: int, symbol: str) -> str:
    """Say why a layer has no ridge, if it has none."""
    if not data.shown[layer]:
        return f"no {symbol}"
    finite = np.isfinite([data.mean[frame, layer], data.std[frame, layer]]).all()
    return "" if finite else "not finite"


def _sigma(std: float) -> str:
    """Write a layer's sigma with digits left where it is small."""
    return f"σ {std:.2f}" if std >= 0.0995 else f"σ {std:.2g}"


def _note(ax: Axes, layer: int, words: str) -> None:
    """Write at the right edge of a layer's row."""
    ax.annotate(
        words,
        (1, -layer + 0.32),
        xycoords=("axes fraction", "data"),
        ha="right",
        color=theme().muted,
        fontsize=8,
    )


def _outline(
    ax: Axes,
    data: Signal,
    outlines: npt.NDArray[np.float64],
    frame: int,
    layer: int,
    limits: tuple[float, float],
    tone: str,
    *,
    dashed: bool = False,
) -> None:
    """Draw one layer's ridge: filled with a thin edge, or dashed as a reference."""
    mean, std = float(data.mean[frame, layer]), float(data.std[frame, layer])
    shape = outlines[frame, layer]
    width = limits[1] - limits[0]
    middle = (np.arange(len(shape)) + 0.5) / len(shape) * 2 - 1
    # A constant layer would be a line without width: give it a hair's.
    x = mean + middle * SPAN * max(std, 4e-4 * width)
    # The last point before the smallest value and the first after the largest: both have height 0.
    least, largest = data.extremes[frame, layer]
    before, after = np.searchsorted(x, least), np.searchsorted(x, largest, side="right")
    x[before - 1 : before], x[after : after + 1] = least, largest
    tall = 0.82 * height(shape, std, width)
    y = -layer + tall * shape
    if dashed:
        ax.plot(x, y, color=theme().muted, linewidth=0.8, linestyle=(0, (3, 2)), zorder=layer + 2.6)
        return
    ax.hlines(-layer, *limits, color=tone, linewidth=0.6, alpha=0.6, zorder=layer + 2)
    ax.fill_between(x, -layer, y, color=tone, alpha=0.22, linewidth=0, zorder=layer + 2)
    ax.plot(x, y, color=tone, linewidth=1.1, zorder=layer + 2.5)


def _bar(ax: Axes, data: Signal, frame: int, layer: int, tone: str) -> None:
    """Draw mean ± std under a ridge, and in ink the part of it that lies between samples."""
    mean, std = float(data.mean[frame, layer]), float(data.std[frame, layer])
    spread = float(data.spread[frame, layer])
    under, order = -layer - 0.09, layer + 2.8
    ax.hlines(under, mean - std, mean + std, color=tone, linewidth=3.2, alpha=0.55, zorder=order)
    ax.hlines(under, mean - spread, mean + spread, color=tone, linewidth=3.2, zorder=order)
    ax.plot(mean, under, "o", color=theme().ink, markersize=2.6, zorder=order + 0.1)


def loss(ax: Axes, runs: Mapping[Any, Any], *, names: Mapping[str, str] | None = None) -> None:
    """Draw training loss by step, one line per run, each named at its end.

    Parameters
    ----------
    ax : matplotlib Axes
        Loses the spines at the top and on the right. The names stand right of it: make its figure
        with ``layout="constrained"``, and none is cut off.
    runs : mapping of str or None to array, Trace or History
        Losses by step, or anything with a `loss`, under the method's name (None: without one);
        what follows a NaN or infinity is not drawn.
    names : mapping of str to str, optional
        The words at the line's end; a method's label by default.

    Raises
    ------
    ValueError
        There is no run, or a loss is not one number per step.
    TypeError
        runs is not a mapping.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure(layout="constrained")
    >>> loss(figure.subplots(), {"none": [2.3, 1.9, 1.6], "batch": [2.3, 1.2, 0.7]})
    """
    checks.kind(runs, Mapping, "runs", "Pass {'batch': history}.")
    if not runs:
        raise ValueError("runs must hold at least one run; got none. Pass {'batch': history}.")
    ends = []
    for key, run in runs.items():
        values = np.asarray(getattr(run, "loss", run), dtype=np.float64)
        if values.ndim != 1 or values.size == 0:
            raise ValueError(
                f"the loss of {key!r} must be one number per step; got shape {values.shape}. "
                "Pass a 1-D array, a Trace or a History."
            )
        bad = np.flatnonzero(~np.isfinite(values))
        values = values[: bad[0]] if bad.size else values
        words = (names or {}).get(key, label(key))
        words += f" (diverged at step {bad[0]})" if bad.size else ""
        ax.plot(values, **style(key, linewidth=1.4, label=words))
        ends.append((float(values[-1]) if values.size else 0.0, words, color_of(key)))
    ax.set_xlabel("step")
    ax.set_ylabel("training loss")
    ax.set_ylim(bottom=0)
    ax.margins(x=0)
    ax.spines[["top", "right"]].set_visible(False)
    _name_ends(ax, ends)


def _name_ends(ax: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Write each line's name beside its end, moved apart where they would overlap."""
    low, high = ax.get_ylim()
    # A line of text is about 0.16 inches; most of a figure's height belongs to its axes.
    figure = ax.get_figure()
    inches = figure.bbox.height / figure.figure.dpi if figure else 4.0
    gap = 0.2 / max(inches, 0.5) * (high - low)
    place = -np.inf
    for value, words, tone in sorted(ends, key=lambda end: end[0]):
        place = max(value, place + gap)
        ax.annotate(
            words,
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=tone,
            fontsize=8.5,
            annotation_clip=False,
        )


def heatmap(
    ax: Axes,
    values: npt.ArrayLike,
    rows: Sequence[object],
    columns: Sequence[object],
    *,
    fmt: str = "{:.2f}",
    limits: tuple[float, float] | None = None,
    ties: npt.ArrayLike | None = None,
    missing: str = "–",
) -> AxesImage:
    """Draw a table of numbers as colours with the numbers in it.

    Parameters
    ----------
    ax : matplotlib Axes
    values : array of shape (rows, columns)
        NaN cells stay empty and carry `missing`.
    rows, columns : sequences
        Names of the rows and columns.
    fmt : str
        How a number is written.
    limits : (float, float), optional
        The values of the palest and the strongest colour; by default the smallest and largest.
    ties : boolean array of shape (rows, columns), optional
        Cells to frame, such as all those that are as good as the best.
    missing : str
        Written into NaN cells.

    Returns
    -------
    matplotlib AxesImage
        For a colour bar.
    """
    from matplotlib.colors import LinearSegmentedColormap

    table = np.asarray(values, dtype=np.float64)
    if table.shape != (len(rows), len(columns)) or table.size == 0:
        raise ValueError(
            f"values must have shape (rows, columns) = ({len(rows)}, {len(columns)}); "
            f"got {table.shape}. Pass one number per cell."
        )
    good = table[np.isfinite(table)]
    low, high = limits or ((float(good.min()), float(good.max())) if good.size else (0.0, 1.0))
    ramp = LinearSegmentedColormap.from_list("book", [theme().low, theme().high])
    image = ax.imshow(
        np.ma.masked_invalid(table),
        cmap=ramp,
        vmin=low,
        vmax=high if high > low else low + 1,
        aspect="auto",
    )
    _cells(ax, rows, columns)
    for (i, j), value in np.ndenumerate(table):
        words = fmt.format(value) if np.isfinite(value) else missing
        ax.text(j, i, words, ha="center", va="center", fontsize=8.5, color=_readable(image, value))
    if ties is not None:
        _frame(ax, image, np.asarray(ties, dtype=bool), table)
    return image


def _cells(ax: Axes, rows: Sequence[object], columns: Sequence[object]) -> None:
    """Name a heatmap's rows and columns, and part its cells with paper."""
    ax.set_xticks(range(len(columns)), [str(c) for c in columns])
    ax.set_yticks(range(len(rows)), [str(r) for r in rows])
    ax.grid(visible=False)
    ax.set_xticks(np.arange(1, len(columns)) - 0.5, minor=True)
    ax.set_yticks(np.arange(1, len(rows)) - 0.5, minor=True)
    ax.grid(which="minor", color=theme().paper, linewidth=2)
    ax.set_axisbelow(False)
    ax.spines[["left", "bottom"]].set_visible(False)


def _readable(image: AxesImage, value: float) -> str:
    """Return black or white, whichever stands out more on a cell's colour."""
    if not np.isfinite(value):
        return theme().muted
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in image.to_rgba(np.array([value]))[0, :3]
    )
    bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    # Contrast with white is 1.05 / (bright + 0.05), with black (bright + 0.05) / 0.05: the larger
    # of the two is never below 4.58, which no softer pair of tones can promise.
    return "#000000" if (bright + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"


def _frame(
    ax: Axes,
    image: AxesImage,
    ties: npt.NDArray[np.bool_],
    table: npt.NDArray[np.float64],
) -> None:
    """Put a frame into each marked cell."""
    from matplotlib.patches import Rectangle

    if ties.shape != table.shape:
        raise ValueError(
            f"ties must mark each cell of the table; got shape {ties.shape} for {table.shape}. "
            "Pass a boolean array of the table's shape."
        )
    for i, j in np.argwhere(ties):
        tone = _readable(image, float(table[i, j]))
        # Drawn inside the cell, so that neighbouring frames do not merge into one.
        ax.add_patch(
            Rectangle((j - 0.44, i - 0.41), 0.88, 0.82, fill=False, ec=tone, lw=1.5, zorder=4)
        )


def _signal(trace: Trace, signal: str) -> Signal:
    """Return a trace's signal, or say what is wrong with the request."""
    checks.kind(trace, Trace, "trace", "Pass history.trace.")
    if not len(trace.steps) or not trace.layers:
        raise ValueError(
            f"the trace must hold at least one recorded step and layer; got {len(trace.steps)} "
            f"steps of {len(trace.layers)} layers. Record some: fit(..., record=Recorder())."
        )
    if signal not in trace.signals:
        words = ", ".join(repr(name) for name in trace.signals)
        raise ValueError(f"signal must be one of {words}; got {signal!r}. Pass one of these.")
    return trace.signals[signal]


def _frame_index(trace: Trace, frame: int) -> int:
    """Return a frame counted from the start, or say which there are."""
    steps = len(trace.steps)
    if not -steps <= frame < steps:
        raise ValueError(
            f"frame must be one of the {steps} recorded ones; got {frame}. "
            f"Pass {-steps} to {steps - 1}."
        )
    return frame % steps
