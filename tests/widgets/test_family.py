"""What every widget promises on Python's side."""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import traitlets
from family import FAMILY

from normlib import widgets
from normlib.plots import tones
from normlib.widgets import Widget
from normlib.widgets.base import look


@pytest.fixture(params=FAMILY)
def make(request: pytest.FixtureRequest) -> Any:
    return FAMILY[request.param]


class TestEveryWidget:
    def test_it_shows_a_view_a_poster_and_words(self, make: Any) -> None:
        """Catches a page without a kernel that shows nothing, or says something else."""
        widget = make()
        data, metadata = widget._repr_mimebundle_()
        assert set(data) == {
            "application/vnd.jupyter.widget-view+json",
            "image/png",
            "text/plain",
        }
        about = metadata["normlib_figure"]
        assert data["text/plain"] == about["alt"] == widget.describe()
        assert about["caption"] == widget.caption
        assert about["dark"] != data["image/png"]
        assert (about["width"], about["height"]) == tuple(round(100 * n) for n in widget.size)

    def test_its_words_are_the_same_every_time_and_have_numbers(self, make: Any) -> None:
        """Catches an id or an address, with which no stored notebook would ever pass again."""
        first, second = make(), make()
        assert first.describe() == second.describe()
        assert repr(first) == repr(second)
        assert (first.meta, first.data) == (second.meta, second.data)
        for words in (first.describe(), repr(first)):
            assert re.search(r"\d", words)
            assert not re.search(r"\d{7,}|0x|object at", words)

    def test_its_state_is_json_and_bytes(self, make: Any) -> None:
        """Catches NaN in the state, which is no JSON, and NumPy scalars, which no page can read."""
        widget = make()
        json.dumps(widget.meta, allow_nan=False)
        assert isinstance(widget.data, bytes)

    def test_its_front_end_is_one_small_module_without_addresses(self, make: Any) -> None:
        """Catches a library pulled in by accident, and requests to other hosts."""
        widget = make()
        assert re.findall(r"^export .*", widget._esm, flags=re.M) == [
            re.search(r"^export default .*", widget._esm, flags=re.M)[0]
        ]
        assert not re.search(r"^\s*import ", widget._esm, flags=re.M)
        assert "http" not in widget._esm.replace("http://www.w3.org/2000/svg", "")
        assert "url(" not in widget._css
        packed = gzip.compress((widget._esm + widget._css).encode(), 9)
        assert len(packed) < 25_000

    def test_its_data_fit_into_a_page(self, make: Any) -> None:
        """Catches arrays that would make a page twice as heavy as it may be."""
        assert len(make().data) < 150_000


class TestWidget:
    class Bare(Widget):
        """The least that a widget can be."""

        scripts = ()
        level = traitlets.Float(0.5).tag(sync=True)
        hidden = traitlets.Float(0.0)

    def bare(self) -> Widget:
        return self.Bare(title="Bare", meta={"a": 1}, level=2.0)

    def test_it_must_describe_and_draw_itself(self) -> None:
        """Catches a widget that nobody can read."""
        with pytest.raises(NotImplementedError, match="Bare must describe itself"):
            self.bare().describe()
        with pytest.raises(NotImplementedError, match="Bare must draw a poster"):
            self.bare().draw(None)  # type: ignore[arg-type]

    def test_its_repr_has_what_the_reader_can_change(self) -> None:
        """Catches a repr with arrays, private state or an address in it."""
        assert repr(self.bare()) == "Bare(level=2.0)"

    def test_the_title_is_the_caption_unless_there_is_one(self) -> None:
        """Catches a figure without a caption."""
        bare = self.bare()
        assert (bare.title, bare.caption, bare.meta) == ("Bare", "Bare", {"a": 1, "title": "Bare"})
        assert self.Bare(title="Bare", caption="So", meta={}).caption == "So"

    def test_a_look_has_both_themes_and_the_dash(self) -> None:
        """Catches a colour that is right in one theme only."""
        (batch,) = tones(["batch"]).values()
        assert look(batch) == {"light": batch.light, "dark": batch.dark, "dash": []}

    def test_without_anywidget_the_error_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Catches a bare ModuleNotFoundError."""
        monkeypatch.setitem(sys.modules, "anywidget", None)
        monkeypatch.delitem(sys.modules, "normlib.widgets")
        with pytest.raises(ImportError, match=r'pip install "normlib\[book\]"'):
            __import__("normlib.widgets")


def test_no_widget_styles_another() -> None:
    """Catches a class that two widgets use and one styles everywhere: pages have several."""
    folder = Path(widgets.__file__).parent
    leads: dict[str, dict[str, set[str]]] = {}
    for sheet in folder.glob("*/*.css"):
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.S)
        for selector in re.findall(r"([^{},]+)[,{]", text):
            first, *names = re.findall(r"\.(nl-[\w-]+)", selector) or [""]
            for name in {first, *names}:
                leads.setdefault(name, {}).setdefault(sheet.parent.name, set()).add(first)
    for name, by in leads.items():
        if len(by) > 1 and "kit" not in by:
            firsts = [first for widget in by.values() for first in widget]
            assert not {name, "nl-widget"} & set(firsts), (name, sorted(by))
            assert len(firsts) == len(set(firsts)), (name, sorted(by))


def test_every_public_widget_is_in_the_family() -> None:
    """Catches a widget that is held to none of this."""
    public = {name for name in widgets.__all__ if issubclass(getattr(widgets, name), Widget)}
    assert public - {"Widget"} == set(FAMILY)
