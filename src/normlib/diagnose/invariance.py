"""Which rescalings of weights and data a normalization's output does not notice: measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.diagnose.text import aligned
from normlib.layers import Conv2d, Dense
from normlib.norms import NORMS, resolve
from normlib.spec import Norm

#: Samples, inputs (or input channels), outputs, image size, kernel, and groups where none are said.
SAMPLES, INPUTS, CHANNELS, SIZE, KERNEL, GROUPS = 16, 8, 12, (6, 6), 3, 3

#: Input and weights before, the strength, a source of randomness; input and weights after.
#: (In quotes, since NumPy loads its generators when they are first named.)
Change = Callable[[Array, Array, float, "np.random.Generator"], tuple[Array, Array]]


@dataclass(frozen=True)
class Rescaling:
    """One way to rescale or shift a layer's weights or its input.

    Attributes
    ----------
    name : in words
    label : as mathematics, for a table of the book
    strength : the usual factor or size of the shift
    change : function of ``x, w, strength, rng`` that returns the new x and w, and changes neither;
        x is (N, D) or (N, C, H, W), w is (K, D) or (K, C, kh, kw)
    """

    name: str
    label: str
    strength: float
    change: Change


def _first(array: Array, factor: float) -> Array:
    """Return a copy of `array` with its first row times `factor`."""
    changed = array.copy()
    changed[0] *= factor
    return changed


def _per_channel(x: Array, rng: np.random.Generator) -> Array:
    """Draw one value per input channel, the same at all samples and positions."""
    return rng.standard_normal((x.shape[1], *[1] * (x.ndim - 2)))


#: Six rescalings of weights and data, by name; read-only.
RESCALINGS: Mapping[str, Rescaling] = MappingProxyType(
    {
        row.name: row
        for row in (
            Rescaling("weights times", r"$\lambda W$", 3.0, lambda x, w, s, rng: (x, s * w)),
            Rescaling(
                "weights plus",
                r"$W + \mathbf{1}u^\top$",
                1.0,
                lambda x, w, s, rng: (x, w + s * rng.standard_normal(w.shape[1:])),
            ),
            Rescaling(
                "one row times", r"$\lambda w_1$", 3.0, lambda x, w, s, rng: (x, _first(w, s))
            ),
            Rescaling("data times", r"$\lambda X$", 3.0, lambda x, w, s, rng: (s * x, w)),
            Rescaling(
                "data plus",
                r"$X + \mathbf{1}u^\top$",
                1.0,
                lambda x, w, s, rng: (x + s * _per_channel(x, rng), w),
            ),
            Rescaling(
                "one sample times", r"$\lambda x_1$", 3.0, lambda x, w, s, rng: (_first(x, s), w)
            ),
        )
    }
)


@dataclass(frozen=True, eq=False, repr=False)
class Rescaled(checks.Brief):
    """A layer before and after one rescaling.

    Attributes
    ----------
    x, w : input and weights before: (N, D) and (K, D), or (N, C, H, W) and (K, C, kh, kw)
    x_after, w_after : the same, rescaled
    output, output_after : what the layer makes of them, without g, b and activation function
    change : largest difference of the outputs, as a share of the largest output
    """

    x: Array
    w: Array
    x_after: Array
    w_after: Array
    output: Array
    output_after: Array
    change: float


@dataclass(frozen=True, eq=False)
class InvarianceMatrix:
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
    scene = _Scene(images, padding, bias, seed)
    return scene.compare(_configured(norm, eps), _row(rescaling), strength)


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
) -> InvarianceMatrix:
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
    InvarianceMatrix

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
    given = [_configured(norm, eps) for norm in _listed(norms, "norms", (None, *NORMS))]
    columns = [_row(r) for r in _listed(rescalings, "rescalings", RESCALINGS)]
    methods = tuple(_called(norm) for norm in given)
    for name, names in (("norms", methods), ("rescalings", tuple(r.name for r in columns))):
        twice = sorted({word for word in names if names.count(word) > 1})
        if twice:
            raise ValueError(f"{name} must differ in name; got {twice[0]!r} twice. Rename one.")
    scene = _Scene(images, padding, bias, seed)
    change = np.full((len(given), len(columns)), np.nan)
    refused: dict[str, str] = {}
    for i, (name, norm) in enumerate(zip(methods, given, strict=True)):
        x, layer, _ = scene.draw(norm)
        try:
            layer.forward(x)
        except ValueError as error:  # such as instance norm, which has no positions on dense data
            refused[name] = str(error)
            continue
        change[i] = [scene.compare(norm, column).change for column in columns]
    names = tuple(column.name for column in columns)
    return InvarianceMatrix(methods, names, change, tolerance, MappingProxyType(refused))


@dataclass(frozen=True)
class _Scene:
    """What a layer is rescaled in; everything random is drawn anew from the seed."""

    images: bool
    padding: int
    bias: bool
    seed: int

    def __post_init__(self) -> None:
        """Refuse what a dense layer has no use for."""
        if self.padding and not self.images:
            raise ValueError(
                f"padding must be 0 for a dense layer; got {self.padding!r}. Pass images=True."
            )

    def draw(self, norm: Norm | None) -> tuple[Array, Dense | Conv2d, np.random.Generator]:
        """Draw an input, of mean other than 0 so that centring matters, and a layer."""
        rng = np.random.default_rng(self.seed)
        x = 0.5 + rng.standard_normal((SAMPLES, INPUTS, *(SIZE if self.images else ())))
        options: dict[str, Any] = {
            "norm": norm,
            "activation": "identity",
            "bias": bool(self.bias),
            "rng": rng,
        }
        layer = (
            Conv2d(INPUTS, CHANNELS, KERNEL, padding=self.padding, **options)
            if self.images
            else Dense(INPUTS, CHANNELS, **options)
        )
        if self.bias:
            layer.params["c"] = rng.standard_normal(CHANNELS)
        return x, layer, rng

    def compare(
        self, norm: Norm | None, rescaling: Rescaling, strength: float | None = None
    ) -> Rescaled:
        """Run the layer before and after."""
        by = checks.number(rescaling.strength if strength is None else strength, "strength")
        x, layer, rng = self.draw(norm)
        w = layer.params["w"].copy()
        output = layer.forward(x).copy()
        x_after, w_after = rescaling.change(x, w, by, rng)
        layer.params["w"] = w_after
        output_after = layer.forward(x_after)
        change = float(np.abs(output_after - output).max() / np.abs(output).max())
        return Rescaled(x, w, x_after, w_after, output, output_after, change)


def _configured(given: str | Norm | None, eps: float) -> Norm | None:
    """Return the Norm with this eps, without g and b, and with groups if it needs some."""
    found = NORMS[given] if isinstance(given, str) and given in NORMS else resolve(given)
    if found is None:
        return None
    return replace(
        found,
        eps=checks.number(eps, "eps", low=0),
        affine=False,
        groups=GROUPS if found.grouped and found.groups is None else found.groups,
        then=_configured(found.then, eps),
    )


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


def _called(norm: Norm | None) -> str:
    """Return a row's name; one method may come with several numbers of groups."""
    if norm is None:
        return "none"
    groups = f", {norm.groups} groups" if norm.groups else ""
    return norm.name + groups + (f", then {_called(norm.then)}" if norm.then else "")
