"""`show`: one picture, drawn twice, once on paper and once in the dark, with its words."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from normlib import checks
from normlib.plots.palette import DARK, LIGHT, Theme, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: CSS pixels per inch of `size`; stored pixels are twice as dense, for sharp screens and print.
CSS_DPI = 100


def _matplotlib() -> Any:
    """Import matplotlib, or say how to install it."""
    with checks.installed("a figure", "matplotlib"):
        import matplotlib
    return matplotlib


def _style(theme: Theme) -> dict[str, Any]:
    """Return the book's matplotlib settings for one theme."""
    return {
        "figure.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "axes.facecolor": "none",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 9,
        "mathtext.fontset": "dejavusans",
        "text.color": theme.ink,
        "axes.edgecolor": theme.muted,
        "axes.labelcolor": theme.ink,
        "axes.labelsize": 9,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.titlecolor": theme.ink,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.prop_cycle": _cycle(theme),
        "grid.color": theme.grid,
        "grid.linewidth": 0.8,
        "xtick.color": theme.muted,
        "ytick.color": theme.muted,
        "xtick.labelcolor": theme.muted,
        "ytick.labelcolor": theme.muted,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "xtick.minor.size": 0,
        "ytick.minor.size": 0,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "lines.linewidth": 1.6,
        "lines.markersize": 4.5,
        "image.cmap": "Greys",
    }


def _cycle(theme: Theme) -> Any:
    """Return the colours of curves that no method names: ink first, then the spare tones."""
    from cycler import cycler

    from normlib.plots.palette import SPARE

    return cycler(color=[theme.ink, theme.muted, *(spare.on(theme) for spare in SPARE)])


@contextmanager
def settings(theme: Theme) -> Iterator[None]:
    """Draw with the book's settings whatever the reader's own are, and leave theirs untouched."""
    matplotlib = _matplotlib()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_style(theme))
        with drawing(theme):
            yield


def paint(draw: Callable[[Figure], object], size: tuple[float, float], theme: Theme) -> bytes:
    """Return `draw`'s picture in `theme` as the bytes of a PNG, the same bytes every time."""
    with settings(theme):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, dpi=2 * CSS_DPI, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        stream = BytesIO()
        # The default metadata would name the version of matplotlib.
        figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


class Picture:
    """A figure in both themes with its caption and alternative text, as one notebook output."""

    def __init__(
        self,
        draw: Callable[[Figure], object],
        *,
        caption: str,
        alt: str,
        size: tuple[float, float] = (7, 4),
        name: str | None = None,
    ) -> None:
        for word, text in (("caption", caption), ("alt", alt)):
            if not isinstance(text, str) or not text.strip():
                raise ValueError(
                    f"{word} must say something; got {text!r}. Give the conclusion in the caption "
                    "and the numbers in alt, for readers who do not see the picture."
                )
        self.caption, self.alt, self.size, self.name = caption, alt, size, name
        self.light = paint(draw, size, LIGHT)
        self.dark = paint(draw, size, DARK)

    def __repr__(self) -> str:
        return f"Picture(name={self.name!r}, size={self.size!r})"

    @property
    def metadata(self) -> dict[str, Any]:
        """What a page needs beside the light picture."""
        return {
            "dark": base64.b64encode(self.dark).decode("ascii"),
            "alt": self.alt,
            "caption": self.caption,
            "width": round(self.size[0] * CSS_DPI),
            "height": round(self.size[1] * CSS_DPI),
            "name": self.name,
        }

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the picture and its words. Only the words are kept in a stored notebook."""
        data = {
            "image/png": base64.b64encode(self.light).decode("ascii"),
            "text/plain": f"{self.caption}\n\nAlt: {self.alt}",
        }
        return data, {"normlib_figure": self.metadata}


def show(
    draw: Callable[[Figure], object],
    *,
    caption: str,
    alt: str,
    size: tuple[float, float] = (7, 4),
    name: str | None = None,
) -> None:
    """Draw a figure for both themes and display it as one output.

    Parameters
    ----------
    draw : callable
        Takes an empty matplotlib Figure and draws on it; called once per theme. Colours inside it
        come from `color`, `style` and `theme`.
    caption : str
        The conclusion, in a sentence.
    alt : str
        What the picture shows, in numbers, for those who do not see it.
    size : (float, float)
        Inches; 7 is the width of the text.
    name : str, optional
        The figure's target in the book.

    Raises
    ------
    ValueError
        An empty caption or alt.
    ImportError
        matplotlib is not installed.
    """
    picture = Picture(draw, caption=caption, alt=alt, size=size, name=name)
    with checks.installed("a figure", "IPython"):
        from IPython.display import display

    display(picture)  # type: ignore[no-untyped-call]
