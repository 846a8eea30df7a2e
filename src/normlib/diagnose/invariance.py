"""Which rescalings of weights and data a normalization's output does not notice: measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.diagnose.rescalings import RESCALINGS, Rescaled, Rescaling, Scene
from normlib.diagnose.text import aligned
from normlib.norms import NORMS, resolve
from normlib.spec import Norm

#: The number of groups of what is grouped and does not say.
GROUPS = 3


@dataclass(frozen=True, eq=False)
class Invariances:
    """How much each method's output changes under each rescaling.

    Attributes
    ----------
    methods, rescalings : names of the M rows and the R columns
    change : (M, R) largest change, as a share of the largest output; NaN in the rows of `refused`
    tolerance : a change up to this is rounding
    refused : why a method cannot be used here at all, by its name
    """

    methods: tuple[str, ...]
    rescalings: tuple[str, ...]
    change: Array
    tolerance: float
    refused: Mapping[str, str]

    @property
    def invariant(self) -> npt.NDArray[np.bool_]:
        """Whether the output did not change, (M, R); False in the rows of `refused`."""
        return np.asarray(self.change <= self.tolerance)

    def __repr__(self) -> str:
        rows = [("", *self.rescalings)]
        for name, changes in zip(self.methods, self.change, strict=True):
            words = ["same" if c <= self.tolerance else f"{c:.2g}" for c in changes]
            rows.append((name, *(["refused"] * len(words) if name in self.refused else words)))
        return aligned(rows)


def rescaled(
    norm: str | Norm | None,
    rescaling: str | Rescaling,
    *,
    strength: float | None = None,
    images: bool = False,
    padding: int = 0,
    bias: bool = False,
    eps: float = 0.0,
    seed: int = 0,
) -> Rescaled:
    """Run a normalized layer before and after a rescaling of its weights or its input.

    Parameters
    ----------
    norm : str, Norm or None
        What is grouped and has no number of `groups` gets 3.
    rescaling : str or Rescaling
        A key of `RESCALINGS`, or one of your own.
    strength : float, optional
        The factor, or the size of the shift; None: the rescaling's own.
    images : bool
        A 3 x 3 convolution of images (16, 8, 6, 6) instead of a dense layer of inputs (16, 8);
        both have 12 outputs.
    padding : int
        Zeros around the images; with 0 the convolution is valid.
    bias : bool
        Add a random linear bias c, which no rescaling touches.
    eps : float
        Replaces the Norm's own.
    seed : int
        Of input, weights, bias and shifts.

    Returns
    -------
    Rescaled

    Raises
    ------
    ValueError
        An option is out of range, or the normalization cannot be used on such data.
    TypeError
        `norm` or `rescaling` is of the wrong kind.

    Examples
    --------
    >>> bool(rescaled("batch", "data plus").change < 1e-12)
    True
    >>> bool(rescaled("layer", "data plus").change > 0.1)
    True
    """
    column = _row(rescaling)
    by = checks.number(column.strength if strength is None else strength, "strength")
    scene = Scene(images, padding, bias, seed)
    return next(scene.compare(with_eps(configured(norm), eps), [(column, by)]))


def invariance_matrix(
    norms: Iterable[str | Norm | None] | None = None,
    rescalings: Iterable[str | Rescaling] | None = None,
    *,
    images: bool = False,
    padding: int = 0,
    bias: bool = False,
    eps: float = 0.0,
    seed: int = 0,
    tolerance: float = 1e-9,
) -> Invariances:
    """Measure every method's change of output under every rescaling.

    Parameters
    ----------
    norms : iterable of str, Norm or None, optional
        None: no normalization, and then all of `NORMS`; with yours, ``[*NORMS, mine]``.
    rescalings : iterable of str or Rescaling, optional
        None: all of `RESCALINGS`.
    images, padding, bias, eps, seed
        As in `rescaled`.
    tolerance : float
        The largest change that counts as none: with eps = 0 what remains is rounding, about 1e-15.

    Returns
    -------
    Invariances

    Raises
    ------
    ValueError
        An option is out of range, a name is unknown or comes twice, nothing is asked for, or
        groups do not divide the 12 outputs.
    TypeError
        A norm or rescaling is of the wrong kind.

    Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450, section 5.1, table 1, measured.

    Examples
    --------
    >>> invariance_matrix(["batch", "layer"], ["weights times", "one sample times"]).invariant
    array([[ True, False],
           [ True,  True]])
    """
    tolerance = checks.number(tolerance, "tolerance", low=0, high=1)
    asked = _listed(norms, "norms", (None, *NORMS))
    given = [with_eps(configured(norm), eps) for norm in asked]
    columns = [_row(r) for r in _listed(rescalings, "rescalings", RESCALINGS)]
    methods = tuple(called(norm) for norm in given)
    for name, names in (("norms", methods), ("rescalings", tuple(r.name for r in columns))):
        twice = sorted({word for word in names if names.count(word) > 1})
        if twice:
            raise ValueError(f"{name} must differ in name; got {twice[0]!r} twice. Rename one.")
    scene = Scene(images, padding, bias, seed)
    change = np.full((len(given), len(columns)), np.nan)
    refused: dict[str, str] = {}
    for i, (name, norm) in enumerate(zip(methods, given, strict=True)):
        x, layer = scene.draw(norm)
        try:
            layer.forward(x)
        except ValueError as error:  # such as instance norm, which has no positions on dense data
            refused[name] = str(error)
            continue
        by_strength = ((column, column.strength) for column in columns)
        change[i] = [found.change for found in scene.compare(norm, by_strength)]
    names = tuple(column.name for column in columns)
    return Invariances(methods, names, change, tolerance, MappingProxyType(refused))


def configured(given: str | Norm | None) -> Norm | None:
    """Return the Norm that is meant, without g and b, and with groups if it needs some."""
    found = NORMS[given] if isinstance(given, str) and given in NORMS else resolve(given)
    if found is None:
        return None
    groups = GROUPS if found.grouped and found.groups is None else found.groups
    return replace(found, affine=False, groups=groups, then=configured(found.then))


def with_eps(norm: Norm | None, eps: float) -> Norm | None:
    """Return a Norm, and what comes after it, with this eps."""
    if norm is None:
        return None
    return replace(norm, eps=checks.number(eps, "eps", low=0), then=with_eps(norm.then, eps))


def _row(given: str | Rescaling) -> Rescaling:
    """Return the Rescaling that is meant."""
    if isinstance(given, Rescaling):
        return given
    return RESCALINGS[checks.choice(given, "rescaling", RESCALINGS)]


def _listed(given: Any, name: str, default: Iterable[Any]) -> list[Any]:
    """Return what is asked for as a list, and refuse a single name and an empty list."""
    if given is None:
        return list(default)
    if isinstance(given, str | Norm | Rescaling) or not isinstance(given, Iterable):
        raise TypeError(f"{name} must be a list; got {given!r}. Put it into brackets.")
    if not (found := list(given)):
        raise ValueError(f"{name} must name at least one; got none. Leave it out to take all.")
    return found


def called(norm: Norm | None) -> str:
    """Return a row's name; one method may come with several numbers of groups."""
    if norm is None:
        return "none"
    groups = f", {norm.groups} groups" if norm.groups else ""
    return norm.name + groups + (f", then {called(norm.then)}" if norm.then else "")
