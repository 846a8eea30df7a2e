"""The kit itself: controls that no widget of the book has yet, and where a plot puts its points."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import traitlets
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from normlib.widgets import Widget

Open = Callable[..., Page]


class Sampler(Widget):
    scripts = ("kit_sampler.js",)
    word = traitlets.Unicode("two").tag(sync=True)
    flag = traitlets.Bool(False).tag(sync=True)


@pytest.fixture
def sampler() -> Sampler:
    return Sampler(title="Sampler", meta={}, arrays={})


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing(open_page: Open, sampler: Sampler, theme: str, width: int) -> None:
    """Catches a menu or a checkbox without a name, or too faint to read."""
    page = open_page(sampler, theme=theme, width=width)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_menu_and_a_box_are_tied_both_ways(open_page: Open, sampler: Sampler) -> None:
    """Catches a control that shows another value than the state has."""
    page = open_page(sampler)
    word, flag = page.get_by_label("Word"), page.get_by_label("Yes or no")
    expect(word).to_have_value("two")
    word.select_option("one")
    flag.press("Space")
    assert page.evaluate("saved") == {"word": "one", "flag": True}
    page.evaluate("model.set('word', 'two'); model.set('flag', false)")
    expect(word).to_have_value("two")
    expect(flag).not_to_be_checked()


def test_targets_are_large_on_touch_screens(open_page: Open, sampler: Sampler) -> None:
    """Catches a menu that a thumb misses."""
    page = open_page(sampler, width=390, has_touch=True, is_mobile=True)
    for target in page.locator(".nl-sampler :is(select, .nl-check)").all():
        box = target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44


BOUNDS = """([channel]) => {
  const { canvas, box } = place.__widget, density = canvas.width / box.width;
  const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const xs = [], ys = [];
  for (let i = 0; i < data.length / 4; i++) {
    const pixel = [0, 1, 2].map((c) => data[4 * i + c]);
    if (data[4 * i + 3] < 200 || pixel[channel] < 200) continue;
    if (pixel.some((value, c) => c !== channel && value > 60)) continue;
    xs.push((i % width) / density);
    ys.push(Math.floor(i / width) / density);
  }
  const ends = (all) => [Math.min(...all), Math.max(...all) + 1 / density];
  return [...ends(xs), ...ends(ys)];
}"""


@pytest.mark.parametrize("density", [1, 2])
def test_a_plot_puts_points_where_their_values_are(
    open_page: Open, sampler: Sampler, density: float
) -> None:
    """Catches axes turned around, a scale that forgets its box, and lines that leave it."""
    page = open_page(sampler, device_scale_factor=density)
    box = page.evaluate("place.__widget.box")
    unit = (box["right"] - box["left"]) / 4

    def x(value: float) -> float:
        return box["left"] + (value + 1) * unit

    # dot, line and area by their colours; a pixel's edge is blended
    wanted = [
        (0, [x(2) - 4, x(2) + 4, 60 - 4, 60 + 4]),
        (1, [x(1) - 1, x(1) + 1, box["top"], box["bottom"]]),
        (2, [x(-1), x(0), 110 - 20, 110]),
    ]
    for channel, bounds in wanted:
        assert page.evaluate(BOUNDS, [channel]) == pytest.approx(bounds, abs=1.01)
