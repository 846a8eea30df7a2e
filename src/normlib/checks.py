"""Bad input gets one kind of answer: the rule, what came, and the way out."""

from __future__ import annotations

import inspect
import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any, cast

import numpy as np
import numpy.typing as npt

type_names = (np.float32, np.float64)

Array = npt.NDArray[np.floating[Any]]


class Brief:
    """Prints its public fields, with the shapes of arrays and not their thousands of numbers."""

    def __repr__(self) -> str:
        fields = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        parts = ", ".join(f"{name}: {_brief(value)}" for name, value in fields.items())
        return f"{type(self).__name__}({parts})"


def _brief(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        return str(value.shape)
    if isinstance(value, Mapping):
        return f"{{{', '.join(map(str, value))}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_brief, value))}{',' * (len(value) == 1)})"
    return repr(value) if isinstance(value, Brief | str | int | None) else f"{value:.4g}"


@contextmanager
def installed(what: str, package: str) -> Iterator[None]:
    """Say how to install a package where the imports inside this context fail."""
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f'{what} needs {package}. Install it with: pip install "normlib[book]"'
        ) from error


class NoSuchKeyError(KeyError):
    """A KeyError whose text is its message, and not the message in quotes, as a key would be."""

    def __str__(self) -> str:
        return str(self.args[0])


def kind(value: Any, wanted: type, name: str, way_out: str) -> None:
    """Raise unless `value` is an instance of `wanted`."""
    if not isinstance(value, wanted):
        got = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
        raise TypeError(f"{name} must be a {wanted.__name__}; got {got}. {way_out}")


def floating(value: Any, name: str) -> Array:
    """Return `value` if it is a float array; integers would be truncated silently."""
    if not isinstance(value, np.ndarray):
        raise TypeError(
            f"{name} must be a NumPy array; got {type(value).__name__}. "
            f"Use np.asarray({name}, dtype=float)."
        )
    if value.dtype.kind != "f":
        raise TypeError(
            f"{name} must hold floating-point numbers; got dtype {value.dtype}. "
            f"Use {name}.astype(float)."
        )
    if value.size == 0:
        raise ValueError(
            f"{name} must hold at least one value; got shape {value.shape}. Pass a non-empty array."
        )
    return value


def finite(
    value: Array,
    name: str,
    way_out: str = "Mend the input, or pass check_finite=False to let it through.",
) -> None:
    """Raise if `value` holds NaN or infinity, and say where the first one stands."""
    good = np.isfinite(value)
    if good.all():
        return
    first = tuple(int(i) for i in np.argwhere(~good)[0])
    raise ValueError(f"{name} must be finite; got {value[first]} at index {first}. {way_out}")


def shape(value: Array, expected: tuple[int, ...], name: str, way_out: str) -> None:
    """Raise unless `value` has exactly the expected shape."""
    if value.shape != expected:
        raise ValueError(f"{name} must have shape {expected}; got {value.shape}. {way_out}")


def flag(value: Any, name: str) -> bool:
    """Return `value` if it is True or False; any word would be true, "no" included."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False; got {value!r}. Pass one of these.")
    return bool(value)


def positive_integer(value: Any, name: str) -> int:
    """Return `value` as an int if it is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(
            f"{name} must be a positive integer; got {value!r}. Pass a whole number of at least 1."
        )
    return int(value)


def number(
    value: Any,
    name: str,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    open_high: bool = False,
    way_out: str = "Pass a value in that range.",
) -> float:
    """Return `value` as a float if it is a finite number between `low` and `high`."""
    fits = (
        isinstance(value, Real)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and float(value) >= low
        and (float(value) < high if open_high else float(value) <= high)
    )
    if not fits:
        if high < np.inf:
            ends = f" in [{low:g}, {high:g}{')' if open_high else ']'}"
        else:
            ends = f" of at least {low:g}" if low > -np.inf else ""
        raise ValueError(f"{name} must be a finite number{ends}; got {value!r}. {way_out}")
    return float(value)


def generator(value: Any, name: str = "rng") -> np.random.Generator:
    """Return `value` if random numbers can be drawn from it."""
    if not isinstance(value, np.random.Generator):
        raise TypeError(
            f"{name} must be a numpy.random.Generator; got {type(value).__name__}. "
            "Pass np.random.default_rng(0)."
        )
    return value


def seeded(seed: Any, name: str = "seed") -> np.random.Generator:
    """Return a generator of random numbers that starts at `seed`."""
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"{name} must be a whole number of at least 0; got {seed!r}. Pass {name}=0."
        ) from error


def takes(value: Any, name: str, arguments: str) -> None:
    """Raise unless `value` can be called with these arguments, ``"step, loss"`` for two."""
    try:
        inspect.signature(value).bind(*arguments.split(", "))
    except ValueError:
        return  # some functions in C tell nothing about themselves
    except TypeError as error:
        what = f"{value.__name__}{inspect.signature(value)}" if callable(value) else repr(value)
        raise TypeError(
            f"{name} must be callable as {name}({arguments}); got {what}. "
            f"Write def {name}({arguments}): ..."
        ) from error


def choice(
    value: Any, name: str, allowed: Collection[str], way_out: str = "Pass one of these."
) -> str:
    """Return `value` if it is one of the allowed words."""
    if not isinstance(value, str) or value not in allowed:
        words = ", ".join(repr(word) for word in sorted(allowed))
        raise ValueError(f"{name} must be one of {words}; got {value!r}. {way_out}")
    return value


def channel_axis(value: Any) -> int:
    """Return the channel axis if the library knows it."""
    if value not in (1, -1):
        raise ValueError(f"channel_axis must be 1 or -1; got {value!r}. Pass one of them.")
    return int(value)


def float_dtype(value: Any, name: str = "dtype") -> np.dtype[Any]:
    """Return the dtype if the library computes in it."""
    try:
        dtype = np.dtype(value)
    except TypeError:
        dtype = np.dtype(object)
    if value is None or dtype not in type_names:  # to NumPy None means float64
        raise TypeError(f"{name} must be float32 or float64; got {value!r}. Pass np.float64.")
    return cast("np.dtype[Any]", dtype)
