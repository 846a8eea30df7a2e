"""What every widget of the book shares: its sources, its poster, its words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from normlib.plots.figure import Picture

try:
    import anywidget
except ImportError as error:
    raise ImportError(
        'widgets need anywidget, which is not installed. Run: pip install "normlib[book]"'
    ) from error

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).parent


def source(*names: str) -> str:
    """Return files of this folder, one after the other.

    A front-end module is one string, which cannot import its neighbours: what widgets share stands
    in front of what is their own.
    """
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


class Widget(anywidget.AnyWidget):
    """An anywidget with a poster and a description, for pages without a kernel or JavaScript.

    A subclass names its files in `scripts` and `styles` and says what it shows in `describe` and
    `draw`.
    """

    scripts: ClassVar[tuple[str, ...]] = ()
    styles: ClassVar[tuple[str, ...]] = ()

    caption: str = ""

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Put the front end together before anywidget looks at it."""
        # traitlets subclasses a widget's class again for each instance: leave that one alone.
        if "scripts" in vars(cls):
            cls._esm = source("kit.js", *cls.scripts)
            cls._css = source("kit.css", *cls.styles)
        super().__init_subclass__(**keywords)

    @property
    def size(self) -> tuple[float, float]:
        """The poster's size in inches of 100 CSS pixels: about the widget's own."""
        return 8.8, 5.0

    def describe(self) -> str:
        """Return what the widget shows, in words and numbers, the same for the same data."""
        raise NotImplementedError(f"{type(self).__name__} must describe itself in words.")

    def draw(self, figure: Figure) -> None:
        """Draw the poster in the theme of `normlib.plots.theme()`."""
        raise NotImplementedError(f"{type(self).__name__} must draw a poster.")

    def poster(self) -> Picture:
        """Return the picture that stands for the widget where it cannot run."""
        return Picture(self.draw, caption=self.caption, alt=self.describe(), size=self.size)

    def _repr_mimebundle_(self, **keywords: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the live view, the poster and the words, for whoever can show which."""
        shown = super()._repr_mimebundle_(**keywords)
        data, metadata = shown if isinstance(shown, tuple) else (shown or {}, {})
        poster, words = self.poster()._repr_mimebundle_()
        return {**data, **poster, "text/plain": self.describe()}, {**metadata, **words}
