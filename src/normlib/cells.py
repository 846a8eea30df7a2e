"""The cells of a sweep on disk: by what a result is known again, and how it is kept."""

from __future__ import annotations

import dis
import os
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

Values = Mapping[str, npt.NDArray[Any]]
PLAIN = (type(None), bool, int, float, complex, str, bytes)


def _refuse(value: Any) -> str:
    raise TypeError(
        "grid must hold None, numbers, strings, Norms, and tuples or mappings of these; got "
        f"{type(value).__name__}. Pass a word for it, and look it up in run."
    )


def describe(value: Any, other: Callable[[Any], str] = _refuse) -> str:
    """Write a value as text: equal values alike, in every process; `other` writes unknown kinds.

    Parameters
    ----------
    value : None, number, string, array, dataclass such as a Norm, or a container of these
    other : callable
        Takes a value of another kind; by default it raises TypeError.

    Examples
    --------
    >>> describe({"lr": np.float64(0.1), "widths": [64, 10]})
    "{'lr': 0.1, 'widths': (64, 10)}"
    """
    tell = partial(describe, other=other)
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) in PLAIN:
        return repr(value)
    if isinstance(value, tuple | list):
        return f"({', '.join(map(tell, value))})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{tell(k)}: {tell(v)}' for k, v in value.items())}}}"
    if isinstance(value, Set):  # strings change their order from process to process
        return f"{{{', '.join(sorted(map(tell, value)))}}}"
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufcU":
        return f"array({value.dtype.str}, {value.shape}, {_digest(value.tobytes())})"
    if is_dataclass(value) and not isinstance(value, type):
        parts = [(f.name, getattr(value, f.name)) for f in fields(value) if f.compare]
        return f"{type(value).__qualname__}({', '.join(f'{k}={tell(v)}' for k, v in parts)})"
    return other(value)


def fingerprint(run: Callable[..., Any]) -> str:
    """Return the name of a function with a digest of what it does, as far as that can be seen.

    Seen are its compiled code, its default values, and the constants, arrays, functions and classes
    of the same module (or notebook) that it names or encloses, and so on from these. Comments and
    the layout of the source do not count; what other modules do is not looked into.

    Raises
    ------
    TypeError
        `run` is neither a function nor a functools.partial of one.
    """
    inner = run
    while isinstance(inner, partial):
        inner = inner.func
    if not isinstance(inner, FunctionType):
        raise TypeError(
            "version must be given where run is not a Python function; got "
            f"{type(inner).__name__}. Pass version='1', and another one whenever run changes."
        )
    seen: set[int] = set()

    def other(value: Any) -> str:
        if isinstance(value, CodeType):
            consts = ", ".join(map(tell, value.co_consts))
            return f"{value.co_code.hex()} {value.co_names} ({consts})"
        if isinstance(value, partial):
            return tell((value.func, value.args, value.keywords))
        home = getattr(value, "__module__", None)
        name = f"{home}.{getattr(value, '__qualname__', type(value).__qualname__)}"
        if isinstance(value, ModuleType):
            return value.__name__
        if home != inner.__module__ or id(value) in seen:
            return name
        seen.add(id(value))
        if isinstance(value, type):
            return f"{name} {tell({k: v for k, v in vars(value).items() if _is_code(v)})}"
        if not isinstance(value, FunctionType):
            return name
        known, enclosed = value.__globals__, value.__closure__ or ()
        outside = {word: known[word] for word in _globals(value.__code__) if word in known}
        cells = [cell.cell_contents for cell in enclosed]
        return tell((value.__code__, value.__defaults__, value.__kwdefaults__, outside, cells))

    tell = partial(describe, other=other)
    return f"{inner.__qualname__} {_digest(tell(run).encode())}"


class Store:
    """A folder that keeps one file per finished cell of one `run`.

    Parameters
    ----------
    path : str or Path
        Made if it is not there.
    run : callable
    version : str, optional
        Takes the place of what `fingerprint` sees of `run`.
    """

    def __init__(self, path: str | Path, run: Callable[..., Any], version: str | None) -> None:
        if version is not None and not isinstance(version, str):
            raise TypeError(f"version must be a string; got {version!r}. Write it in quotes.")
        name = getattr(run, "__qualname__", type(run).__qualname__)
        self.run = fingerprint(run) if version is None else f"{name} version {version!r}"
        self.path = Path(path).absolute()  # a worker may stand elsewhere
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise ValueError(
                f"path must be a folder; got {str(path)!r}, where a file stands. Name another."
            ) from error

    def file(self, cell: str) -> Path:
        """Return where the result of a cell, given as text, is kept."""
        return self.path / f"{_digest(f'{self.run}: {cell}'.encode())}.npz"

    def save(self, cell: str, values: Values) -> None:
        """Write a result: the file is there as a whole, or not at all."""
        path = self.file(cell)
        part = path.with_suffix(f".{os.getpid()}.part")
        arrays: dict[str, Any] = {"run": self.run, "cell": cell, "names": list(values)}
        arrays |= {f"result/{name}": value for name, value in values.items()}
        with open(part, "wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)

    def load(self, cell: str) -> Values | None:
        """Read a result; None if there is none, or none that can be read."""
        try:
            with open(self.file(cell), "rb") as stream:
                file = np.load(stream, allow_pickle=False)
                text = {name: str(file[name]) for name in ("run", "cell")}
                values = {name: file[f"result/{name}"] for name in file["names"].tolist()}
        except PermissionError:
            raise
        except Exception:  # no file, or whatever is wrong with its bytes: running mends it
            return None
        return values if text == {"run": self.run, "cell": cell} else None


def _digest(data: bytes) -> str:
    import hashlib  # OpenSSL, which few who import normlib need

    return hashlib.sha256(data).hexdigest()[:32]


def _is_code(value: Any) -> bool:
    return isinstance(value, FunctionType)


def _globals(code: CodeType) -> Iterator[str]:
    """Yield the global names that a function, or one inside it, reads."""
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            yield step.argval
    for inside in code.co_consts:
        if isinstance(inside, CodeType):
            yield from _globals(inside)
