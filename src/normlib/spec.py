"""A normalization is data: what shares one mu and sigma, and how both are measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np

from normlib import checks
from normlib.checks import Array
from normlib.core import SCALES, Scale, check_measure

ActsOn = Literal["pre-activation", "weight", "weight and input"]
ACTS_ON: tuple[ActsOn, ...] = ("pre-activation", "weight", "weight and input")

#: Any array of activations is seen as (samples, groups, channels per group, positions).
VIEW = "NGcS"


def in_view(a: Array, groups: int, channel_axis: int) -> Array:
    """Return `a` as (N, G, c, S); where the channels come last, every position is a sample."""
    c = a.shape[channel_axis] // groups
    if channel_axis == 1:
        return np.reshape(a, (a.shape[0], groups, c, -1))
    return np.reshape(a, (-1, groups, c, 1))


@dataclass(frozen=True, kw_only=True, repr=False)
class Norm:
    r"""One normalization, as a row of the table that the whole library is built on.

    All of them compute :math:`h = f(g\,(a - \mu)/\sigma + b)`; they differ in the fields below. A
    Norm never changes and can be pickled, so one written in a notebook works in a layer, in `fit`
    and in the worker processes of a sweep.

    Parameters
    ----------
    name, label : str
        The word used in code, and the words used in figures.
    acts_on : "pre-activation", "weight" or "weight and input"
        What is standardized: a, the rows of w, or the rows of w and of the layer's input.
    shares : str
        For pre-activations, which of the axes N (samples), G (groups), c (channels of a group) and
        S (positions) share one mu and one sigma. Empty for weights: there a row shares them.
    center, scale, eps
        As in `standardize`.
    grouped : bool
        Whether the channels are split into `groups`, which must then be given.
    groups : int, optional
        The NUMBER of groups, as in PyTorch; it must divide the number of channels.
    momentum : float in [0, 1], or None
        The weight of the NEW statistics in the running ones, as in PyTorch (Keras weighs the old
        ones). None keeps the plain average of all batches. Used only where samples share
        statistics.
    affine : bool
        Whether the layer learns g and b, one pair per channel.
    start : "one", "sigma" or a number
        Where g starts: at 1, at sigma, so that the layer starts as the one without normalization,
        or at this number: a cosine, which is at most 1, learns faster from a larger scale.
    then : Norm, optional
        For weights only: what normalizes the product with those weights, before g and b. Its own
        `affine` and `start` are not looked at.
    paper, url : str
        Where it comes from.

    Raises
    ------
    ValueError
        A field is out of range, or `groups` comes without `grouped`.

    Examples
    --------
    A normalization of your own, by the root mean square of each of two groups of channels:

    >>> import numpy as np
    >>> from normlib import Dense, Norm
    >>> mine = Norm(name="mine", shares="cS", grouped=True, groups=2, center=False, scale="rms")
    >>> layer = Dense(3, 4, norm=mine, rng=np.random.default_rng(0))
    >>> layer.forward(np.ones((5, 3))).shape
    (5, 4)
    """

    name: str
    label: str = ""
    acts_on: ActsOn = "pre-activation"
    shares: str = ""
    center: bool = True
    scale: Scale = "std"
    eps: float = 1e-5
    grouped: bool = False
    groups: int | None = None
    momentum: float | None = 0.1
    affine: bool = True
    start: Literal["one", "sigma"] | float = "one"
    then: Norm | None = None
    paper: str = field(default="", compare=False)
    url: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Refuse a row that no layer could carry out."""
        for name in ("name", "label", "shares"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(
                    f"{name} must be a string; got {getattr(self, name)!r}. Write it in quotes."
                )
        checks.choice(self.acts_on, "acts_on", ACTS_ON)
        checks.choice(self.scale, "scale", SCALES)
        if isinstance(self.start, str):
            checks.choice(self.start, "start", ("one", "sigma"))
        else:
            checks.number(self.start, "start")
        checks.number(self.eps, "eps", low=0)
        if self.momentum is not None:
            checks.number(self.momentum, "momentum", low=0, high=1)
        for name in ("center", "affine", "grouped"):
            checks.flag(getattr(self, name), name)
        check_measure(self.center, self.scale)
        self._check_shares()
        self._check_then()
        if self.groups is None:
            return
        if not self.grouped:
            raise ValueError(
                f"{self.name} normalization has no groups; got groups={self.groups!r}."
                " Leave it out, or use norm('group', groups=...)."
            )
        checks.positive_integer(self.groups, "groups")

    def _check_shares(self) -> None:
        """`shares` is a set of view letters for activations, and empty for weights."""
        on_activations = self.acts_on == "pre-activation"
        distinct = len(set(self.shares)) == len(self.shares)
        if bool(self.shares) != on_activations or not distinct or set(self.shares) - set(VIEW):
            rule = f"distinct letters of {VIEW!r}" if on_activations else "empty for weights"
            raise ValueError(
                f"shares must be {rule}; got {self.shares!r}. Name the axes that share"
                " one mu and sigma, as in 'NS' for batch normalization."
            )
        if "N" in self.shares and "S" not in self.shares:
            raise ValueError(
                "shares must hold 'S' where it holds 'N', or there is no running mean per "
                f"channel; got {self.shares!r}. Add 'S'."
            )

    def _check_then(self) -> None:
        """`then` is a normalization of activations behind one of weights."""
        if self.then is None:
            return
        checks.kind(self.then, Norm, "then", "Pass norm('batch'), say, or leave it out.")
        if not self.on_weights or self.then.on_weights:
            raise ValueError(
                "then must be a normalization of activations behind one of weights; got "
                f"{self.then.name!r} behind {self.name!r}. Leave it out, or put a Normalize "
                "layer behind."
            )

    def __repr__(self) -> str:
        """Show what differs from the defaults, and leave out where it comes from."""
        told = (f for f in fields(self) if f.compare and getattr(self, f.name) != f.default)
        return f"Norm({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in told)})"

    @cached_property
    def axes(self) -> tuple[int, ...]:
        """The shared axes of the (N, G, c, S) view."""
        return tuple(i for i, letter in enumerate(VIEW) if letter in self.shares)

    @property
    def running(self) -> bool:
        """Whether samples share statistics, so that evaluation needs running ones."""
        return "N" in self.shares

    @property
    def on_weights(self) -> bool:
        """Whether the rows of w are standardized."""
        return self.acts_on != "pre-activation"

    @property
    def on_inputs(self) -> bool:
        """Whether the rows of the layer's input are standardized too."""
        return self.acts_on == "weight and input"

    @cached_property
    def measure(self) -> Mapping[str, Any]:
        """The options that `standardize` takes from this row."""
        return {"center": self.center, "scale": self.scale, "eps": self.eps}

    def groups_of(self, channels: int) -> int:
        """Return how many groups `channels` channels fall into, or say why they cannot."""
        if not self.grouped:
            return 1
        if self.groups is None:
            raise ValueError(
                f"{self.name} normalization needs the number of groups; got none. "
                "Use norm('group', groups=...), or Norm(..., groups=...) for one of your own."
            )
        if channels % self.groups:
            divisors = [n for n in range(1, channels + 1) if channels % n == 0]
            raise ValueError(
                f"groups must divide the number of channels; got groups={self.groups} "
                f"for {channels} channels. Pass one of {divisors}."
            )
        return self.groups
