"""The Formula Bench: what four moves do to a sample, and what they leave as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import traitlets

from normlib import checks
from normlib.core import standardize
from normlib.plots.moves import (
    STAGES,
    TONES,
    Floats,
    Stage,
    bell_curve,
    checked,
    figure,
    histogram,
    limits,
    moments,
    moves,
    stages,
    steps,
    traced,
)
from normlib.widgets.base import Widget, look
from normlib.widgets.formula_bench.samples import shapes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What eps can be chosen from, beside the one given.
EPS = (0.0, 1e-5, 0.1, 1.0)
#: The ends of the sliders.
REACH = {"g": 3.0, "b": 4.0}
#: More values than this a page need not carry.
MOST = 2000


class FormulaBench(Widget):
    """A sample on five number lines: as it is, and after each of the four moves.

    z = g·(a − mu)/sigma + b: shift, scale, re-scale, re-shift.

    Parameters
    ----------
    samples : array of shape (m,), or mapping of str to such arrays, optional
        What goes through the moves; by default six shapes, from ReLU output to a sample that is
        nearly constant.
    sample : str, optional
        Which one to show first; by default the first one.
    g, b : float
        The second pair of moves, to start with; not 1 and 0, so that both can be seen.
    eps : float
        Added to the variance inside the root of sigma; offered beside 0, 1e-5, 0.1 and 1.
    title, caption : str, optional
        The accessible name, and the sentence under the picture.

    Raises
    ------
    TypeError
        A sample is not a float array.
    ValueError
        No sample, an unknown one, one that is not one-dimensional, not finite, constant or larger
        than 2000 values, or an option out of range.

    Examples
    --------
    >>> FormulaBench(g=2, b=0)
    FormulaBench(b=0.0, eps=1e-05, follow=216, g=2.0, sample='ReLU output')
    """

    scripts: ClassVar[tuple[str, ...]] = ("bench.js",)
    styles: ClassVar[tuple[str, ...]] = ("bench.css",)
    sample = traitlets.Unicode().tag(sync=True)
    g = traitlets.Float(1.0).tag(sync=True)
    b = traitlets.Float(0.0).tag(sync=True)
    eps = traitlets.Float(1e-5).tag(sync=True)
    follow = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        samples: npt.ArrayLike | Mapping[str, Floats] | None = None,
        *,
        sample: str | None = None,
        g: float = 1.5,
        b: float = -1.0,
        eps: float = 1e-5,
        title: str = "One sample through four moves",
        caption: str | None = None,
    ) -> None:
        self._samples = _sorted(samples)
        first = next(iter(self._samples)) if sample is None else sample
        checks.choice(first, "sample", self._samples)
        g, b = (checks.number(v, n, low=-10, high=10) for v, n in ((g, "g"), (b, "b")))
        self._eps = sorted({*EPS, checks.number(eps, "eps", low=0)})
        super().__init__(
            title=title,
            caption=caption,
            meta=self._meta(),
            arrays=self._arrays(),
            sample=first,
            g=g,
            b=b,
            eps=float(eps),
            follow=round(0.9 * len(self._samples[first])),
        )

    @property
    def samples(self) -> dict[str, Floats]:
        """The samples by name, each with its values in rising order."""
        return dict(self._samples)

    def stages(self) -> list[Stage]:
        """Return the sample shown after each move: what the page draws, computed here."""
        return stages(self._samples[self.sample], g=self.g, b=self.b, eps=self.eps)

    def describe(self) -> str:
        """Return the moments after each move, and what they say."""
        done = self.stages()
        lines = [
            f"{self.title}: {self.sample}, {done[0].values.size} values; "
            f"g = {figure(self.g)}, b = {figure(self.b)}, ε = {self.eps:g}."
        ]
        lines += [f"{stage.name}, {stage.formula}: {_words(stage)}." for stage in done]
        lines.append("A Gaussian has skewness 0 and, as counted here, kurtosis 0.")
        lines[-1] += " No move changes either, but g < 0 turns the sign of the skewness."
        return "\n\n".join(lines)

    @property
    def size(self) -> tuple[float, float]:
        """The poster's size in inches: about that of the widget in the book."""
        return 8.8, 6.4

    def draw(self, figure: Figure) -> None:
        """Draw the five number lines."""
        moves(
            figure.subplots(),
            self._samples[self.sample],
            g=self.g,
            b=self.b,
            eps=self.eps,
            follow=min(self.follow, len(self._samples[self.sample]) - 1),
            span=limits(list(self._samples.values())),
        )

    @traitlets.validate("sample")
    def _known_sample(self, proposal: Any) -> Any:
        return checks.choice(proposal["value"], "sample", self._samples)

    @traitlets.validate("eps")
    def _known_eps(self, proposal: Any) -> Any:
        if proposal["value"] not in self._eps:
            words = ", ".join(f"{eps:g}" for eps in self._eps)
            raise ValueError(
                f"eps must be one of {words}; got {proposal['value']!r}. "
                "Pass another one to FormulaBench(eps=...)."
            )
        return proposal["value"]

    @traitlets.validate("follow")
    def _known_rank(self, proposal: Any) -> Any:
        return int(np.clip(proposal["value"], 0, len(self._samples[self.sample]) - 1))

    def _meta(self) -> dict[str, Any]:
        return {
            "samples": list(self._samples),
            "stages": [list(stage) for stage in STAGES],
            "eps": self._eps,
            "range": limits(list(self._samples.values())),
            "reach": REACH,
            "look": look(TONES),
        }

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return per sample its values, outline, moments, mu, and 1/sigma for each eps."""
        arrays: dict[str, npt.NDArray[Any]] = {"bell": np.array(bell_curve())}
        for i, values in enumerate(self._samples.values()):
            edges, heights, peak = histogram(values)
            caches = [standardize(values, 0, eps=eps)[1] for eps in self._eps]
            arrays |= {
                f"values {i}": values,
                f"outline {i}": np.array(steps(edges, heights)),
                f"peak {i}": np.array([peak]),
                f"moments {i}": np.array(moments(values)),
                f"mu {i}": caches[0].mu.ravel(),
                f"inv_sigma {i}": np.array([cache.inv_sigma.item() for cache in caches]),
                f"traced {i}": traced(values.size).astype(np.int32),
            }
        return arrays


def _words(stage: Stage) -> str:
    """Say a stage's moments."""
    return ", ".join(f"{name} {figure(value)}" for name, value in stage.moments._asdict().items())


def _sorted(samples: Any) -> dict[str, Floats]:
    """Return the samples by name, each sorted, if they can go through the moves."""
    if samples is None:
        return shapes()
    named = samples if isinstance(samples, Mapping) else {"sample": samples}
    if not named:
        raise ValueError(
            "samples must hold at least one sample; got none. Pass an array, or {'name': array}."
        )
    found = {}
    for key, values in named.items():
        name = f"samples[{key!r}]" if isinstance(samples, Mapping) else "samples"
        found[str(key)] = np.sort(checked(values, name))
        if found[str(key)].size > MOST:
            raise ValueError(
                f"{name} must hold at most {MOST} values; got {found[str(key)].size}. "
                "Pass a part of them."
            )
    return found
