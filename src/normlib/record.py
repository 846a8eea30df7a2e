"""Record what flows through a network while it trains: copy now, count later.

During training a `Recorder` only copies a few thousand numbers per layer. When the run is over it
makes a `Trace` of them: histograms, moments and quantiles, with bins that fit what happened.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.layers import ACTIVATIONS, Activation, Layer
from normlib.nets import statistics_kept

SIGNALS = ("a", "x_hat", "z", "h")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FRAMES = 70
#: A value is saturated where the slope of f has fallen below this share of its steepest.
SATURATED = 0.05


@dataclass(frozen=True, eq=False, repr=False)
class Signal(checks.Brief):
    """One signal of one run: T frames, L layers, B bins, U units.

    Everything is measured on the kept samples, pooled over a layer where no unit is named, in the
    units of the signal. For a layer that does not show this signal the counts are 0, and what is
    measured of it is NaN.

    Attributes
    ----------
    counts : (T, L, B) histogram; values beyond the edges are in the outermost bins
    edges : (B + 1,), shared by all frames and layers
    mean, std : (T, L)
    quantiles : (T, L, 5) at 5, 25, 50, 75 and 95 %
    extremes : (T, L, 2) the smallest and the largest value
    saturated : (T, L) share of values at which the slope of f is below 5 % of its steepest (for
        ReLU: the zeros); NaN where f's input is not recorded
    unit_mean : (T, L, U) mean of each unit; NaN beyond a layer's width
    spread : (T, L) standard deviation of a unit over samples and positions, as a root mean square
        over units: how much of `std` is not a difference between units
    """

    counts: npt.NDArray[np.uint32]
    edges: Array
    mean: Array
    std: Array
    quantiles: Array
    extremes: Array
    saturated: Array
    unit_mean: Array
    spread: Array
    shown: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, repr=False)
class Trace(checks.Brief):
    """What a `Recorder` saw of one run. Frozen; `save` and `load` keep it in an npz file.

    `normlib.plots.ridge` draws its distributions and `normlib.plots.loss` its losses. Two Traces
    are equal only if they are the same object: compare their arrays.

    Attributes
    ----------
    steps : (T,) for each frame, how many updates the weights had; the last possible frame of a run
        of n steps is n - 1, the batch before the last update
    layers : names of the L recorded layers
    loss : (n,) training loss of every step, not only of the recorded ones
    signals : mapping of "a", "x_hat", "z", "h" to `Signal`, as far as the run has them: weight and
        cosine normalization form no a, and without a normalization z is a, the same object
    info : what normalizes and activates, in words
    """

    steps: npt.NDArray[np.int64]
    layers: tuple[str, ...]
    loss: Array
    signals: Mapping[str, Signal]
    info: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("signals", "info"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as what made it: a read-only mapping cannot be pickled itself."""
        return Trace, (self.steps, self.layers, self.loss, dict(self.signals), dict(self.info))

    def save(self, path: str | Path) -> None:
        """Write an npz file, without pickle, under exactly this name."""
        import json

        arrays: dict[str, Any] = {"steps": self.steps, "loss": self.loss}
        same: dict[str, str] = {}
        for name, signal in self.signals.items():
            twin = next((k for k in same if self.signals[k] is signal), name)
            same[name] = twin
            if twin == name:
                for part in fields(signal):
                    arrays[f"{name}/{part.name}"] = getattr(signal, part.name)
        text = {"layers": self.layers, "info": dict(self.info), "signals": same}
        with open(path, "wb") as file:  # NumPy would add .npz to a name without it
            np.savez_compressed(file, text=np.array(json.dumps(text)), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> Trace:
        """Read what `save` has written; ValueError if the file holds something else."""
        import json  # these two make up a good part of what importing normlib takes
        import zipfile

        with open(path, "rb") as stream:
            try:
                file = np.load(stream, allow_pickle=False)
            except (ValueError, EOFError, zipfile.BadZipFile):
                file = None
            if not isinstance(file, np.lib.npyio.NpzFile) or "text" not in file:
                raise ValueError(
                    f"path must be a file that holds a Trace; got {str(path)!r}. "
                    "Pass one that Trace.save has written."
                )
            text = json.loads(str(file["text"]))
            signals: dict[str, Signal] = {}
            for name, twin in text["signals"].items():
                parts = {part.name: file[f"{twin}/{part.name}"] for part in fields(Signal)}
                signals[name] = signals[twin] if twin in signals else Signal(**parts)
            return cls(file["steps"], tuple(text["layers"]), file["loss"], signals, text["info"])


class Recorder(checks.Brief):
    """Keep samples of every hidden layer's signals at some steps of a run.

    ``fit(..., record=Recorder()).trace`` is what it saw; `normlib.plots.ridge` draws that.

    Parameters
    ----------
    steps : int, iterable of int, or None
        How many frames, or at which steps; a frame shows the weights after that many updates.
        None means about 70, dense early and sparse late.
    sample : int
        About how many values to keep per layer, signal and frame: whole samples of the batch, with
        all their units, at even distances, and at least two of them.
    bins : int
        Of the histograms.
    signals : str or iterable of str
        Which of "a" (the pre-activation, what is normalized), "x_hat" (normalized), "z"
        (g x_hat + b, what f receives) and "h" (f(z), the output).
    probe : array, optional
        Record this batch instead of the training batch, with batch statistics and without a
        trace in the running ones.
    output : bool
        Record the last layer too.

    Attributes
    ----------
    nbytes : int
        What the samples take: frames * layers * signals * sample numbers, at most.

    Raises
    ------
    ValueError
        A value is out of range, or a signal unknown.

    Examples
    --------
    >>> from normlib import fit, load_digits, mlp
    >>> record = Recorder(signals=["z"])
    >>> history = fit(mlp([64, 32, 10]), load_digits(), steps=20, record=record)
    >>> history.trace.signals["z"].std.shape
    (20, 1)
    """

    def __init__(
        self,
        steps: int | Iterable[int] | None = None,
        *,
        sample: int = 512,
        bins: int = 64,
        signals: str | Iterable[str] = SIGNALS,
        probe: Array | None = None,
        output: bool = False,
    ) -> None:
        self.steps: int | tuple[int, ...]
        if steps is None or isinstance(steps, int | np.integer):
            self.steps = checks.positive_integer(FRAMES if steps is None else steps, "steps")
        else:
            chosen = list(steps) if isinstance(steps, Iterable) else [steps]
            if not chosen or not all(isinstance(s, Integral) and s >= 0 for s in chosen):
                raise ValueError(
                    f"steps must name steps from 0 on; got {steps!r}. "
                    "Pass a number of frames, or a list of step numbers."
                )
            self.steps = tuple(sorted({int(step) for step in chosen}))
        self.sample = checks.positive_integer(sample, "sample")
        self.bins = checks.positive_integer(bins, "bins")
        self.signals = (signals,) if isinstance(signals, str) else tuple(signals)
        if not self.signals:
            raise ValueError(f"signals must name at least one of {SIGNALS}; got none. Name one.")
        for name in self.signals:
            checks.choice(name, "signals", SIGNALS)
        self.probe = None if probe is None else checks.floating(probe, "probe")
        self.output = bool(output)
        self._reset()

    def _reset(self) -> None:
        self._steps: list[int] = []
        self._loss: list[float] = []
        self._tapes: dict[str, dict[str, Array]] = {}  # by layer and signal: (frames, samples, ...)
        self._layers: dict[str, Layer] = {}
        self._inside: list[tuple[str, Layer]] = []  # all that may show a signal, by layer
        self._wanted: list[int] = []
        self._info: dict[str, str] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of the samples kept so far."""
        return sum(
            {id(t): t.nbytes for tapes in self._tapes.values() for t in tapes.values()}.values()
        )

    @property
    def frames(self) -> int:
        """How many frames have been kept so far."""
        return len(self._steps)

    def start(self, net: Layer, steps: int) -> None:
        """Forget the last run and prepare for one of `steps` steps of `net`."""
        self._reset()
        if isinstance(self.steps, tuple):
            self._wanted = [step for step in self.steps if step < steps]
            if not self._wanted:
                raise ValueError(
                    f"steps must name a step of the run, from 0 to {steps - 1}; got "
                    f"{list(self.steps)}. Pass a number of frames, or train longer."
                )
        else:
            count = min(self.steps, steps)
            even = np.linspace(0, 1, count) if count > 1 else np.zeros(1)
            late = (steps - 1) * even**1.5  # below k, every step is kept
            self._wanted = sorted({max(k, round(float(t))) for k, t in enumerate(late)})
        names = list(net.parts)
        self._layers = {name: net.parts[name] for name in (names if self.output else names[:-1])}
        self._inside = [(name, p) for name, layer in self._layers.items() for p in layer.shown()]
        if not self._layers:
            raise ValueError(
                "a Recorder needs a net with at least one hidden layer; got "
                f"{len(names)} layer. Pass output=True to record the output layer."
            )
        self._info = _describe(self._layers)

    def wants(self, step: int) -> bool:
        """Whether this step is to be recorded."""
        return len(self._steps) < len(self._wanted) and step == self._wanted[len(self._steps)]

    def forward(self, net: Layer, x: Array, step: int) -> Array:
        """Run the forward pass of a training step, and keep what it shows if the step is wanted."""
        if not self.wants(step):
            return net.forward(x)
        if self.probe is not None:
            with statistics_kept(net):
                self._listen(net, self.probe)
            y = net.forward(x)
        else:
            y = self._listen(net, x)
        self._steps.append(step)
        return y

    def note(self, loss: float) -> None:
        """Keep the loss of a step."""
        self._loss.append(float(loss))

    def _listen(self, net: Layer, x: Array) -> Array:
        """Run a forward pass, and copy every signal that the recorded layers show."""
        shown: dict[str, dict[str, Array]] = {name: {} for name in self._layers}
        for name, part in self._inside:
            part.tap = shown[name].__setitem__
        try:
            y = net.forward(x)
        finally:
            for _, part in self._inside:
                part.tap = None
        if not self._tapes:
            self._reserve(shown)
        for name, signals in shown.items():
            self._keep(name, signals)
        return y

    def _reserve(self, shown: Mapping[str, Mapping[str, Array]]) -> None:
        """Make all tapes parts of one block of memory.

        Memory that is touched for the first time costs more than the copying, and much less so in
        the large pages that the system has for large blocks. Hence float32, too: no picture needs
        more digits.
        """
        arrays = {
            (layer, id(signals[name])): self._kept(signals[name])
            for layer, signals in shown.items()
            for name in self.signals
            if name in signals
        }
        ends = np.cumsum([0, *map(math.prod, arrays.values())])
        frames = len(self._wanted)
        block = np.empty((frames, ends[-1]), np.float32)
        tapes = {
            key: block[:, start:end].reshape(frames, *shape)
            for (key, shape), start, end in zip(arrays.items(), ends[:-1], ends[1:], strict=True)
        }
        for layer, signals in shown.items():
            own = [(name, (layer, id(values))) for name, values in signals.items()]
            self._tapes[layer] = {name: tapes[key] for name, key in own if key in tapes}

    def _keep(self, layer: str, shown: Mapping[str, Array]) -> None:
        """Copy one layer's signals, each array once: without normalization z IS a."""
        tapes = self._tapes.setdefault(layer, {})
        copied: dict[int, Array] = {}
        for name in self.signals:
            if name in shown:
                values = shown[name]
                if id(values) not in copied:
                    copied[id(values)] = self._copy(tapes.get(name), values)
                tapes[name] = copied[id(values)]

    def _kept(self, values: Array) -> tuple[int, ...]:
        """Return the shape of what is kept of a signal: whole samples, at least two of them."""
        count = len(values)
        return (min(count, max(2, self.sample * count // values.size)), *values.shape[1:])

    def _copy(self, tape: Array | None, values: Array) -> Array:
        """Copy evenly spaced samples into the next frame of a tape, and return the tape."""
        if tape is None:  # a signal that the first frame did not have
            tape = np.empty((len(self._wanted), *self._kept(values)), np.float32)
        count, kept = len(values), tape.shape[1]
        tape[self.frames] = values if kept == count else values[np.arange(kept) * count // kept]
        return tape

    def trace(self) -> Trace:
        """Return what has been recorded so far, binned to fit it."""
        return self._trace(slice(0, len(self._steps)))

    def latest(self) -> Trace | None:
        """Return the newest frame alone, with provisional bins; None before the first."""
        count = len(self._steps)
        return self._trace(slice(count - 1, count)) if count else None

    def _trace(self, frames: slice) -> Trace:
        if not self._steps:
            raise RuntimeError(
                "a Recorder needs a run to make a trace of; got no frame yet. "
                "Pass it as fit(..., record=...)."
            )
        layers = [layer for layer, tapes in self._tapes.items() if tapes]  # pooling shows nothing
        shares = [self._saturated(layer, frames) for layer in layers]
        flat = np.stack(shares, axis=1) if shares else np.empty((0, 0))
        made: dict[tuple[int, ...], Signal] = {}
        signals: dict[str, Signal] = {}
        for name in SIGNALS:
            tapes = [self._tapes[layer].get(name) for layer in layers]
            key = tuple(map(id, tapes))
            if any(tape is not None for tape in tapes):
                made[key] = made.get(key) or self._signal(tapes, frames, flat)
                signals[name] = made[key]
        return Trace(
            np.array(self._steps[frames], np.int64),
            tuple(layers),
            np.array(self._loss),
            signals,
            self._info,
        )

    def _signal(self, tapes: list[Array | None], frames: slice, saturated: Array) -> Signal:
        absent = np.full((len(self._wanted), 1, 1), np.nan, np.float32)
        shown = [(absent if tape is None else tape)[frames] for tape in tapes]
        pooled = [tape.reshape(len(tape), -1) for tape in shown]
        by_unit = [_by_unit(tape) for tape in shown]
        units = max(tape.shape[2] for tape in by_unit)
        edges = _edges(pooled, self.bins)
        with np.errstate(all="ignore"):  # a diverged frame is NaN and infinite, and stays so
            return Signal(
                np.stack([_counts(s, edges) for s in pooled], axis=1),
                edges,
                np.stack([s.mean(axis=1, dtype=np.float64) for s in pooled], axis=1),
                np.stack([s.std(axis=1, dtype=np.float64) for s in pooled], axis=1),
                np.stack([np.quantile(s, QUANTILES, axis=1).T for s in pooled], axis=1),
                np.stack([[s.min(axis=1), s.max(axis=1)] for s in pooled]).transpose(2, 0, 1),
                saturated,
                np.stack(
                    [_padded(s.mean(axis=1, dtype=np.float64), units) for s in by_unit], axis=1
                ),
                np.stack(
                    [np.sqrt(s.var(axis=1, dtype=np.float64).mean(axis=1)) for s in by_unit], axis=1
                ),
                np.array([tape is not None for tape in tapes]),
            )

    def _saturated(self, layer: str, frames: slice) -> Array:
        """Return the share of values, in each frame, at which a layer's f is flat."""
        f, tapes = ACTIVATIONS[_activation(self._layers[layer])], self._tapes[layer]
        if "h" in tapes:
            h = tapes["h"][frames]
        elif "z" in tapes:
            h = f.f(tapes["z"][frames])
        else:
            return np.full(len(self._steps[frames]), np.nan)
        flat = f.slope(h) < SATURATED * f.steepest
        return np.asarray(flat.reshape(len(h), -1).mean(axis=1))


def _by_unit(tape: Array) -> Array:
    """Return (frames, samples and positions, units); images have their units on axis 1."""
    if tape.ndim == 5:
        tape = np.moveaxis(tape, 2, -1)
    return tape.reshape(len(tape), -1, tape.shape[-1])


def _edges(samples: list[Array], bins: int) -> Array:
    """Return bin edges that hold all but 0.2 % of the finite values."""
    pooled = np.concatenate([s.ravel() for s in samples], dtype=np.float64)
    pooled = pooled[np.isfinite(pooled)]
    low, high = np.quantile(pooled, (0.001, 0.999)) if pooled.size else (0.0, 0.0)
    room = 0.02 * (high - low) or max(abs(low), 1.0) * 1e-3
    return np.linspace(low - room, high + room, bins + 1, dtype=np.float64)


def _counts(samples: Array, edges: Array) -> npt.NDArray[np.uint32]:
    """Return a histogram per frame; what is beyond the edges goes into the outermost bins."""
    bins = len(edges) - 1
    scale = bins / (edges[-1] - edges[0])
    finite = np.isfinite(samples)
    place = np.clip((np.where(finite, samples, 0) - edges[0]) * scale, 0, bins - 1).astype(np.int64)
    place += np.arange(len(samples))[:, None] * bins
    found = np.bincount(place[finite], minlength=len(samples) * bins)
    return found.reshape(len(samples), bins).astype(np.uint32)


def _padded(rows: Array, units: int) -> Array:
    """Fill a layer that is narrower than the widest with NaN."""
    return np.pad(rows, ((0, 0), (0, units - rows.shape[1])), constant_values=np.nan)


def _activation(layer: Layer) -> str:
    """Return the name of the activation function behind a layer's h."""
    found = [part.name for part in layer.shown() if isinstance(part, Activation)]
    return found[-1] if found else "identity"


def _describe(layers: Mapping[str, Layer]) -> dict[str, str]:
    """Say in words what normalizes and what activates the recorded layers."""
    norms = [getattr(part, "norm", None) for layer in layers.values() for _, part in layer.walk()]
    norm = next((n for n in norms if n is not None), None)
    info = {"activation": _activation(next(iter(layers.values())))}
    if norm is None:
        return info | {"norm": "none", "label": "No normalization"}
    return info | {
        "norm": norm.name,
        "label": norm.label or norm.name,
        "acts_on": cast(str, norm.acts_on),
        "shares": norm.shares,
    }
