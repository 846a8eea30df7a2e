"""Every normalization of the library, in one file each; a new one needs no more than that."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from normlib.spec import Norm

OPTIONS = ("groups", "eps", "momentum", "affine", "then")


def _discover() -> Mapping[str, Norm]:
    """Collect the NORM of every module in this folder, in the order of their publication."""
    modules = [
        importlib.import_module(f"{__name__}.{found.name}")
        for found in pkgutil.iter_modules(__path__)
    ]
    norms = sorted((module.NORM for module in modules), key=lambda norm: (not norm.url, norm.url))
    return MappingProxyType({norm.name: norm for norm in norms})


#: Every normalization by its name, read-only: one for each module of `normlib.norms`.
NORMS: Mapping[str, Norm] = _discover()


def norm(name: str, **options: Any) -> Norm:
    """Return the normalization called `name`, with its options set.

    Parameters
    ----------
    name : str
        A key of `NORMS`: "batch", "layer", "instance", "group", "rms", "weight", "cosine" or
        "mean_only".
    groups : int
        For "group", required: the NUMBER of groups. Refused for all others.
    eps : float
        Added to the variance inside the root; 1e-5, and 0 where sigma is a norm.
    momentum : float in [0, 1], or None
        The weight of the new batch in the running statistics; 0.1. None averages all batches.
    affine : bool
        Learn g and b; True.
    then : Norm, optional
        For "weight" and "cosine": what normalizes the product with those weights.

    Returns
    -------
    Norm
        Immutable and picklable; every argument called `norm` takes it.

    Raises
    ------
    ValueError
        The name is unknown, `groups` is missing or does not belong, a value is out of range.
    TypeError
        The option is unknown.

    Examples
    --------
    >>> norm("group", groups=8).shares
    'cS'

    Weight normalization with mean-only batch normalization behind it (Salimans & Kingma 2016):

    >>> norm("weight", then=norm("mean_only")).then.scale
    'one'
    """
    if not isinstance(name, str) or name not in NORMS:
        known = ", ".join(repr(key) for key in NORMS)
        raise ValueError(
            f"name must be one of {known}; got {name!r}. Pass one of these; where "
            "`norm` is asked for, a Norm of your own or None will do too."
        )
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise TypeError(
            f"norm() takes the options {', '.join(OPTIONS)}; got {unknown[0]!r}. "
            "Build a normlib.Norm to change anything else."
        )
    if NORMS[name].grouped and options.get("groups") is None:
        raise ValueError(
            f"{name} normalization needs the number of groups; got none. "
            f"Use norm({name!r}, groups=...)."
        )
    return replace(NORMS[name], **options)


def written(norm: Norm | None) -> str:
    """Return how to write a normalization: its name, `norm` with options, or all of a Norm."""
    if norm is None or norm.name not in NORMS:
        return repr(norm)
    named = NORMS[norm.name]
    odd = [key for key in OPTIONS if getattr(norm, key) != getattr(named, key)]
    options = {key: getattr(norm, key) for key in odd}
    if replace(named, **options) != norm:
        return repr(norm)
    told = [f"{k}={written(v) if isinstance(v, Norm) else repr(v)}" for k, v in options.items()]
    return f"norm({', '.join([repr(norm.name), *told])})" if told else repr(norm.name)


def resolve(given: str | Norm | None) -> Norm | None:
    """Return the Norm meant by a name, a Norm or None (no normalization)."""
    if given is None or isinstance(given, Norm):
        return given
    if isinstance(given, str):
        return norm(given)
    raise TypeError(
        f"norm must be a name, a Norm or None; got {type(given).__name__}. "
        "Pass one of " + ", ".join(repr(key) for key in NORMS) + "."
    )
