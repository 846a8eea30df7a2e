"""What every widget of the book shares: its sources, its state, its poster, its words."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import traitlets

from normlib.plots.figure import Picture
from normlib.plots.palette import Tones
from normlib.widgets.pack import pack

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.figure import Figure

KIT = Path(__file__).parent / "kit"
SCRIPTS = (
    "elements.js",
    "theme.js",
    "numbers.js",
    "data.js",
    "canvas.js",
    "controls.js",
    "playhead.js",
    "exhibit.js",
)
STYLES = ("kit.css", "controls.css")


def source(folder: Path, *names: str) -> str:
    """Return files of a folder, one after the other."""
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def look(tones: Tones) -> dict[str, Any]:
    """Return how a method looks, as the page wants it: `toned` and `tone` in the kit read this."""
    return {"light": tones.light, "dark": tones.dark, "dash": list(tones.dash)}


class Widget(anywidget.AnyWidget):
    """An anywidget with a poster and a description, for pages without a kernel or JavaScript.

    A subclass names the files beside its own in `scripts` and `styles`, declares as traits what the
    reader can change, and says what it shows in `describe` and `draw`.

    Parameters
    ----------
    title : str
        The accessible name.
    caption : str, optional
        The sentence under the picture; by default the title.
    meta : mapping
        What the page needs beside arrays; it must be JSON.
    arrays : mapping of str to array, optional
        Sent as typed bytes, and found as ``this.arrays`` in the page.
    **traits
        First values of the subclass's own traits.
    """

    scripts: ClassVar[tuple[str, ...]] = ()
    styles: ClassVar[tuple[str, ...]] = ()
    meta = traitlets.Dict().tag(sync=True)
    data = traitlets.Bytes(b"").tag(sync=True)

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Put the front end together before anywidget looks at it.

        A front-end module is one string, which cannot import its neighbours: what widgets share
        stands in front of what is their own.
        """
        # traitlets subclasses a widget's class again for each instance: leave that one alone.
        if "scripts" in vars(cls):
            folder = Path(str(sys.modules[cls.__module__].__file__)).parent
            cls._esm = source(KIT, *SCRIPTS) + "\n" + source(folder, *cls.scripts)
            cls._css = source(KIT, *STYLES) + "\n" + source(folder, *cls.styles)
        super().__init_subclass__(**keywords)

    def __init__(
        self,
        *,
        title: str,
        caption: str | None = None,
        meta: Mapping[str, Any],
        arrays: Mapping[str, npt.NDArray[Any]] | None = None,
        **traits: Any,
    ) -> None:
        if arrays is not None:
            where, traits["data"] = pack(arrays)
            meta = {**meta, "arrays": where}
        self.title, self.caption = title, caption or title
        super().__init__(meta={**meta, "title": title}, **traits)

    def __repr__(self) -> str:
        own = sorted(set(self.trait_names(sync=True)) - set(Widget.class_trait_names()))
        values = [f"{name}={getattr(self, name)!r}" for name in own if not name.startswith("_")]
        return f"{type(self).__name__}({', '.join(values)})"

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
