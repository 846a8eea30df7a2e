"""The Activation Player: how the distributions of every layer move while networks train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets

from normlib import checks, plots
from normlib.record import Trace
from normlib.widgets.activation_player.encode import NOTABLE, diverged, encode, sound
from normlib.widgets.activation_player.live import Follower
from normlib.widgets.activation_player.signals import SIGNALS, meaning
from normlib.widgets.activation_player.telling import frame_at, telling_frame
from normlib.widgets.base import Widget, look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Runs beside each other in the poster.
COLUMNS = 4


class ActivationPlayer(Widget):
    """Runs side by side: ridges of each layer, moments over time, loss, one playhead for all.

    A layer that does not show the signal has an empty row that says so.

    Parameters
    ----------
    traces : mapping of str to Trace
        One per run; the keys name the runs, and pick their colours where the palette knows them.
    signal : str
        Which signal to show first: "a", "x_hat", "z" or "h".
    frame : int, optional
        Which recorded frame to show first. By default the one that tells most: where layers have
        moved far from their start and the runs' losses lie apart.
    title, caption : str, optional
        The accessible name, and the sentence under the picture.
    frames, bins : int
        At most so many frames; so many points per outline.

    Raises
    ------
    ValueError
        No runs, a trace without frames, no signal that all runs have, an unknown signal, a frame
        out of range; or every run had diverged before its first recorded step.
    TypeError
        A run is not a Trace.

    Examples
    --------
    >>> from normlib import Recorder, fit, load_digits, mlp
    >>> trace = fit(mlp([64, 32, 10]), load_digits(), steps=20, record=Recorder()).trace
    >>> ActivationPlayer({"none": trace}, signal="h")
    ActivationPlayer(none; 1 layer, 20 frames, signal h)
    """

    scripts: ClassVar[tuple[str, ...]] = ("ridges.js", "parts.js", "live.js", "player.js")
    styles: ClassVar[tuple[str, ...]] = ("player.css",)
    signal = traitlets.Unicode("z").tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        traces: Mapping[str, Trace],
        *,
        signal: str = "z",
        frame: int | None = None,
        title: str | None = None,
        caption: str | None = None,
        frames: int = 70,
        bins: int = 40,
    ) -> None:
        self._traces = _checked(traces)
        self._limit = checks.positive_integer(frames, "frames")
        self._bins = checks.positive_integer(bins, "bins")
        names = _signals(self._traces)
        if signal not in names:
            words = ", ".join(repr(name) for name in names)
            raise ValueError(f"signal must be one of {words}; got {signal!r}. Pass one of these.")
        title = title or f"{_words(plots.label(key) for key in traces)}: layers in training"
        meta, data = self._encoded()
        shown = meta["frames"]
        if frame is None:
            frame = telling_frame(self._traces, signal, shown)
        elif isinstance(frame, bool) or not -len(shown) <= frame < len(shown):
            raise ValueError(
                f"frame must be one of the {len(shown)} shown ones; got {frame!r}. "
                f"Pass {-len(shown)} to {len(shown) - 1}."
            )
        place = frame % len(shown)
        super().__init__(
            title=title, caption=caption, meta=meta, data=data, signal=signal, frame=place
        )
        self.on_msg(self._answer)

    def __repr__(self) -> str:
        layers, frames = len(self.layers), len(self.meta["frames"])
        return (
            f"ActivationPlayer({', '.join(self._traces)}; {layers} layer{'s' * (layers > 1)}, "
            f"{frames} frame{'s' * (frames > 1)}, signal {self.signal})"
        )

    @property
    def traces(self) -> dict[str, Trace]:
        """The runs shown, by name."""
        return dict(self._traces)

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers: those of the deepest run, which the others are a part of."""
        return max((trace.layers for trace in self._traces.values()), key=len)

    @property
    def step(self) -> int:
        """The recorded step of the frame shown."""
        return int(self.meta["frames"][self.frame])

    def follow(self, name: str, *, steps: int | None = None, stop: Any = None) -> Follower:
        """Return a callback that streams a run while it trains: ``fit(..., on_step=callback)``.

        Parameters
        ----------
        name : str
            The run to replace.
        steps : int, optional
            How long the run will be, for the axis of the loss.
        stop : threading.Event, optional
            Once set, the callback ends the run.
        """
        self._known(name)
        return Follower(self, name, steps=steps, stop=stop)

    def finish(self, name: str, trace: Trace) -> None:
        """Show a finished run in place of the streamed one, with its final bins."""
        self._known(name)
        self._traces = _checked({**self._traces, name: trace})
        meta, data = self._encoded()
        with self.hold_sync():
            self.meta, self.data = {**meta, "title": self.title}, data
            self.frame = min(self.frame, len(meta["frames"]) - 1)
        self.send({"type": "finish", "run": name})

    def cancel(self, name: str) -> None:
        """Show what was there before the run began to stream."""
        self._known(name)
        self.send({"type": "cancel", "run": name})

    def stream(self, name: str, trace: Trace, steps: int | None) -> None:
        """Send one frame to the page; `follow` does it for you."""
        meta, data = encode(
            {name: trace},
            list(self.meta["ranges"]),
            frames=1,
            bins=self._bins,
            limits=self.meta["ranges"],
        )
        meta["layers"] = list(trace.layers)
        self.send({"type": "frame", "run": name, "total": steps, "meta": meta}, [data])

    def describe(self) -> str:
        """Return the runs, their losses and what each layer does at the frame shown."""
        symbol, words = SIGNALS[self.signal]
        lines = [
            f"{self.title}.",
            f"{len(self.layers)} layers; signal {symbol} ({words}) at step {self.step} "
            f"of {self.meta['total']}.",
        ]
        lines += [_line(key, trace, self.signal, self.step) for key, trace in self._traces.items()]
        return "\n\n".join(lines)

    @property
    def size(self) -> tuple[float, float]:
        """The poster's size in inches: as wide and as tall as the widget in the book."""
        lines = -(-len(self._traces) // COLUMNS)
        layer = min(max(336 / len(self.layers), 38), 60)  # pixels, as in parts.js
        return 8.8, round((lines * (len(self.layers) * layer + 85) + 270) / 100, 2)

    def draw(self, figure: Figure) -> None:
        """Draw the ridges of each run and the losses at the frame shown."""
        runs = {k: t for k, t in self._traces.items() if self.signal in t.signals and sound(t)}
        looks = plots.tones(self._traces)
        columns = min(max(len(runs), 1), COLUMNS)
        lines = max(-(-len(runs) // columns), 1)
        parts: Any = figure.subfigures(2, 1, height_ratios=(4 * lines, 1))
        axes = parts[0].subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
        places = dict(zip(runs, axes, strict=False))
        # Axes that are shared have the layers of the run drawn last: the deepest.
        for key in sorted(runs, key=lambda key: len(runs[key].layers)):
            tone = looks[key].on(plots.theme())
            limits = tuple(self.meta["ranges"][self.signal])
            at = frame_at(runs[key], self.step)
            plots.ridge(places[key], runs[key], self.signal, at, color=tone, limits=limits)
            places[key].set_title(self.meta["runs"][key]["label"], color=tone)
        for ax in axes[len(runs) :]:
            ax.set_axis_off()
        below = parts[1].subplots()
        plots.loss(below, self._traces)
        below.axvline(self.step, color=plots.theme().ink, linewidth=1)

    def _encoded(self) -> tuple[dict[str, Any], bytes]:
        """Return the state that the page draws."""
        names = _signals(self._traces)
        meta, data = encode(self._traces, names, frames=self._limit, bins=self._bins)
        looks = plots.tones(self._traces)
        for key, trace in self._traces.items():
            meta["runs"][key] |= look(looks[key]) | {
                "label": plots.label(key),
                "meaning": {name: meaning(trace, name) for name in names},
            }
        meta["layers"] = list(self.layers)
        meta["total"] = max(len(trace.loss) for trace in self._traces.values())
        meta["signals"] = [[name, *SIGNALS[name]] for name in names]
        return meta, data

    def _known(self, name: str) -> None:
        if name not in self._traces:
            words = ", ".join(repr(key) for key in self._traces)
            raise ValueError(f"name must be one of {words}; got {name!r}. Pass one of these.")

    def _answer(self, _: object, content: Any, __: object) -> None:
        """Let the page know that the kernel is alive."""
        if isinstance(content, dict) and content.get("type") == "ping":
            self.send({"type": "pong"})


def _line(key: str, trace: Trace, signal: str, step: int) -> str:
    """Say what one run does at a step."""
    label, bad = plots.label(key), diverged(trace)
    ended = f" It diverged at step {bad}." if bad is not None and bad <= step else ""
    if signal not in trace.signals:
        return f"{label}: {meaning(trace, signal)}{ended}"
    row = frame_at(trace, step)
    data, at = trace.signals[signal], min(int(trace.steps[row]), len(trace.loss) - 1)
    text = f"{label}: loss {trace.loss[at]:#.3g}; sigma by layer {_figures(data.std[row])}"
    if (data.spread[row] < NOTABLE * data.std[row]).any():
        text += f"; between samples {_figures(data.spread[row])}"
    return f"{text}.{ended}"


def _figures(values: Any) -> str:
    """Write numbers with three significant digits, the same on every machine; NaN as a dash."""
    return " ".join("–" if np.isnan(value) else f"{value:#.3g}" for value in values)


def _checked(traces: Mapping[str, Trace]) -> dict[str, Trace]:
    """Return the runs if they can stand side by side."""
    if not isinstance(traces, Mapping) or not traces:
        raise ValueError(
            f"traces must name at least one run; got {traces!r}. Pass {{'batch': history.trace}}."
        )
    for key, trace in traces.items():
        if not isinstance(trace, Trace):
            raise TypeError(
                f"traces[{key!r}] must be a Trace; got {type(trace).__name__}. "
                "Record one: fit(..., record=Recorder()).trace."
            )
        if not len(trace.steps) or not trace.signals:
            raise ValueError(
                f"traces[{key!r}] must hold a frame of a signal; got {len(trace.steps)} frames of "
                f"{len(trace.signals)} signals. Record more steps, or other signals."
            )
    if not any(sound(trace) for trace in traces.values()):
        raise ValueError(
            f"a run must have a frame of finite numbers; got none in {list(traces)}. "
            "They diverged before the first recorded step: lower the learning rate."
        )
    return dict(traces)


def _signals(traces: Mapping[str, Trace]) -> list[str]:
    """Return the signals to offer: those that any run has, if there is one that all have."""
    common = set(SIGNALS).intersection(*(trace.signals for trace in traces.values()))
    if not common:
        recorded = {key: list(trace.signals) for key, trace in traces.items()}
        raise ValueError(
            f"runs side by side must share a signal; got {recorded}. "
            "Record the same signals: Recorder(signals=['z'])."
        )
    return [name for name in SIGNALS if any(name in trace.signals for trace in traces.values())]


def _words(parts: Any) -> str:
    """Join words with commas and an 'and'."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else str(last)
