"""The palette: what each normalization looks like, in every figure and widget of the book.

Every tone keeps a contrast of at least 4.5 to 1 with the paper of its theme, so that it can be text
as well as line, and any two methods stay apart for the three kinds of colour blindness. Since
colour alone must never carry the meaning, each method has a dash and a marker of its own too.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from normlib.norms import NORMS


@dataclass(frozen=True)
class Theme:
    """The colours that do not depend on a method: paper, ink, and what lies between."""

    name: str
    paper: str
    ink: str
    muted: str
    grid: str
    #: Where a heatmap starts and ends.
    low: str
    high: str


#: The colours of a light page.
LIGHT = Theme("light", "#fbfaf7", "#1d1b18", "#625d55", "#e2ded5", "#f3f0e8", "#124a7d")
#: And of a dark one.
DARK = Theme("dark", "#141416", "#e8e5de", "#a6a19a", "#303033", "#212226", "#8ec7fb")

_THEME: ContextVar[Theme] = ContextVar("theme", default=LIGHT)


@dataclass(frozen=True)
class Tones:
    """How one method looks: a colour per theme, a dash in line widths (none: solid), a marker."""

    light: str
    dark: str
    dash: tuple[float, ...]
    marker: str

    def on(self, theme: Theme) -> str:
        """Return the colour for `theme`."""
        return self.dark if theme.name == DARK.name else self.light


TONES = {
    "none": Tones("#4d5461", "#aab2bd", (1, 1.4), "x"),
    "layer": Tones("#b05a00", "#f59a4a", (5, 1.8), "s"),
    "batch": Tones("#1f6fb5", "#5fb0f5", (), "o"),
    "instance": Tones("#0a5c2e", "#8fdc9f", (7, 1.6, 1.4, 1.6), "^"),
    "group": Tones("#a8207c", "#cf86c2", (3, 1.4), "D"),
    "weight": Tones("#a80f1f", "#ec6a63", (9, 2), "v"),
    "cosine": Tones("#46309b", "#9585ff", (5, 1.4, 1.2, 1.4, 1.2, 1.4), "P"),
    "rms": Tones("#00424d", "#8cf0f2", (2, 1), "X"),
    "mean_only": Tones("#856b50", "#f7e3a1", (6, 1.2, 2, 1.2, 2, 1.2), "d"),
}

#: For names that are not in the book's palette, such as a normalization written in a notebook.
SPARE = (
    Tones("#6b5300", "#e0c95a", (4, 1.2, 1.2, 1.2), "<"),
    Tones("#7d3f6b", "#f0a8d8", (6, 1.2, 2.5, 1.2), ">"),
    Tones("#4b6a1f", "#bfd96a", (2.5, 2.5), "*"),
    Tones("#8a3b12", "#ffb59a", (8, 1.5, 3, 1.5), "h"),
)


def tones(names: Iterable[str]) -> dict[str, Tones]:
    """Return how each of `names` looks; names that the palette does not know look all different."""
    found: dict[str, Tones] = {}
    for name in names:
        found[name] = _tones(name)
        unused = [spare for spare in SPARE if spare not in found.values()]
        if name not in TONES and list(found.values()).count(found[name]) > 1 and unused:
            found[name] = unused[0]
    return found


def _tones(name: str | None) -> Tones:
    """Return the tones of one name; an unknown one always gets the same spare."""
    name = "none" if name is None else name
    if not isinstance(name, str):
        raise TypeError(
            f"name must be a word such as 'batch'; got {type(name).__name__}. "
            "Pass the key of a run, or a Norm's name."
        )
    return TONES.get(name) or SPARE[zlib.crc32(name.encode()) % len(SPARE)]


def theme() -> Theme:
    """Return the theme that is being drawn: LIGHT, unless `show` is drawing the dark picture."""
    return _THEME.get()


@contextmanager
def drawing(chosen: Theme) -> Iterator[Theme]:
    """Make `chosen` the theme inside the block."""
    token = _THEME.set(chosen)
    try:
        yield chosen
    finally:
        _THEME.reset(token)


def color(name: str | None) -> str:
    """Return the colour of a method (None: without one) in the theme that is being drawn.

    Examples
    --------
    >>> color("batch")
    '#1f6fb5'
    """
    return _tones(name).on(theme())


def style(name: str | None, **changes: Any) -> dict[str, Any]:
    """Return the keywords of `ax.plot` for a method: colour, dash, label.

    Examples
    --------
    >>> style("batch", linewidth=2)
    {'color': '#1f6fb5', 'linestyle': 'solid', 'label': 'Batch norm', 'linewidth': 2}
    """
    dash = _tones(name).dash
    return {
        "color": color(name),
        "linestyle": (0, dash) if dash else "solid",
        "label": label(name),
        **changes,
    }


def label(name: str | None) -> str:
    """Return the words for a method: those of its Norm, or the name itself with a capital.

    None is "none", no normalization.

    Examples
    --------
    >>> label("layer"), label("none"), label("my_norm")
    ('Layer norm', 'No normalization', 'My norm')
    """
    if name is None or name == "none":
        return "No normalization"
    if name in NORMS:
        return NORMS[name].label
    words = str(name).replace("_", " ")
    return words[:1].upper() + words[1:]
