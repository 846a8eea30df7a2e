"""What the signals of a layer are called and what each one means for a given normalization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from normlib.norms import NORMS

if TYPE_CHECKING:
    from normlib.record import Trace

#: Symbol and short name, in the order in which a layer computes them.
SIGNALS: Mapping[str, tuple[str, str]] = {
    "a": ("a", "before"),
    "x_hat": ("x̂", "normalized"),
    "z": ("z", "what f receives"),
    "h": ("h", "output"),
}

#: The axes of the (N, G, c, S) view, as readers know them.
_AXES = {"N": "sample", "G": "group", "c": "unit", "S": "position"}


def meaning(trace: Trace, signal: str) -> str:
    """Return one line on what `signal` is in this run, or why the run has none."""
    info = trace.info
    has = signal in trace.signals
    on_weights = info.get("acts_on", "").startswith("weight")
    plain = "x_hat" not in trace.signals and not on_weights and info.get("norm", "none") == "none"
    if signal == "a":
        if not has and on_weights:
            return "There is no a: the rows of w are normalized, not what they give."
        return "a = w·x + c" if plain else "a = w·x, before it is normalized"
    if signal == "x_hat":
        return "There is no x̂: nothing is normalized." if plain else _normalized(info)
    if not has:
        return f"This run has no {SIGNALS[signal][0]}: it was not recorded."
    if signal == "z":
        return "z = a: f receives a itself." if plain else "z = g·x̂ + b, which f receives"
    return f"h = f(z), f = {info.get('activation', 'the activation function')}"


def _normalized(info: Mapping[str, str]) -> str:
    """Say what shares one mu and sigma."""
    acts_on = info.get("acts_on", "")
    if acts_on == "weight":
        return "x̂ = w·x, each row of w divided by its norm"
    if acts_on == "weight and input":
        return "x̂ = the cosine of the angle between w and x"
    norm = NORMS.get(info.get("norm", ""))
    what = "one μ and σ" if norm is None or norm.center else "one root mean square, no μ,"
    shares = info.get("shares", "")
    if not shares:
        return "x̂: a less its μ, divided by its σ"
    over, each = _sets(shares)
    return f"x̂: {what} for each {each}, over {over}"


def _sets(shares: str) -> tuple[str, str]:
    """Return (what shares, for each what), for the letters of `Norm.shares`.

    Positions go unsaid where others share with them: most networks of the book have only one.
    """
    if shares == "S":
        return "its positions", "unit of a sample"
    if "N" in shares:
        rest = [word for letter, word in _AXES.items() if letter not in shares + "GS"]
        return "the samples", " and ".join(rest) or "layer"
    if "G" in shares:
        return "its units", "sample"
    return "its units", "group of a sample"
