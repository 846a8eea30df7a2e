"""What every widget of the book promises to its readers, in a page without a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from family import FAMILY
from playwright.sync_api import Page

Open = Callable[..., Page]
WIDTHS = (320, 390, 768, 1280)

PICTURE = "[...document.querySelectorAll('.nl-widget canvas')].map((c) => c.toDataURL()).join()"


@pytest.fixture(params=FAMILY)
def widget(request: pytest.FixtureRequest) -> Any:
    return FAMILY[request.param]()


def use_everything(page: Page) -> None:
    """Open what folds, and move every control once, by keyboard alone."""
    page.locator(".nl-widget details:not([open]) > summary").evaluate_all(
        "(all) => all.forEach((one) => one.click())"
    )
    for control in page.locator(".nl-widget input[type=range], .nl-widget [role=slider]").all():
        control.press("ArrowRight")
    for box in page.locator(".nl-widget input[type=checkbox]:visible").all():
        box.press("Space")
    for group in page.locator(".nl-widget [role=radiogroup]").all():
        group.locator("input:checked").press("ArrowRight")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_and_nothing_sticks_out(
    open_page: Open, widget: Any, theme: str, width: int
) -> None:
    """Catches unnamed controls, faint text, and pages that scroll sideways, also after use."""
    page = open_page(widget, theme=theme, width=width)
    for _ in range(2):
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        use_everything(page)
        page.wait_for_timeout(50)


def test_touch_targets_are_large_on_touch_screens(open_page: Open, widget: Any) -> None:
    """Catches a control that a thumb misses: at least 44 pixels each way."""
    page = open_page(widget, width=390, has_touch=True, is_mobile=True)
    targets = page.locator(
        ".nl-widget :is(button, summary, .nl-choice, .nl-check, select, input[type=range], "
        "[role=slider])"
    )
    assert targets.count() > 0
    for target in targets.all():
        box = target.bounding_box()
        if box is not None:  # else hidden at this width
            assert min(box["width"], box["height"]) >= 44, target.evaluate("(e) => e.outerHTML")


def test_it_has_words_a_table_and_a_polite_voice(open_page: Open, widget: Any) -> None:
    """Catches a picture that says nothing to those who do not see it."""
    page = open_page(widget)
    root = page.locator(".nl-widget")
    assert root.get_attribute("aria-label") == widget.title
    voice = page.locator("[aria-live=polite]")
    assert any(letter.isdigit() for letter in voice.text_content() or "")
    root.locator("summary").click()
    table = root.locator(".nl-table table")
    assert table.locator("caption").text_content()
    assert table.locator("tbody td").count() > 3


def test_its_voice_waits_until_the_reader_rests(open_page: Open, widget: Any) -> None:
    """Catches a live region that speaks at every step of a slider."""
    page = open_page(widget, clock=True)
    page.clock.run_for(1_000)  # what the first drawing has to say
    page.evaluate(
        """() => { globalThis.said = 0;
        new MutationObserver((all) => (said += all.length)).observe(
          document.querySelector('[aria-live]'),
          { childList: true, characterData: true, subtree: true }); }"""
    )
    slider = page.locator(".nl-widget input[type=range], .nl-widget [role=slider]").first
    for _ in range(4):
        slider.press("ArrowRight")
        page.clock.run_for(100)
    assert page.evaluate("said") == 0
    slider.evaluate("(e) => e.blur()")
    page.clock.run_for(1_000)
    assert page.evaluate("said") <= 1


def test_it_follows_the_theme_of_the_page(open_page: Open, widget: Any) -> None:
    """Catches a widget that stays light in the dark, in the book, a notebook or elsewhere."""
    page = open_page(widget)
    light = page.evaluate(PICTURE)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_selector("[data-nl-theme=dark]")
    assert page.evaluate(PICTURE) != light
    page.evaluate(
        """delete document.documentElement.dataset.theme;
        document.body.dataset.jpThemeLight = 'true';"""
    )
    page.wait_for_selector("[data-nl-theme=light]")
    assert page.evaluate(PICTURE) == light
    page.evaluate("delete document.body.dataset.jpThemeLight")
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("[data-nl-theme=dark]")


def test_it_follows_a_resize(open_page: Open, widget: Any) -> None:
    """Catches a picture that is drawn once and then only cut off."""
    page = open_page(widget, width=1000)
    page.wait_for_selector("[data-size=roomy]")
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_selector("[data-size=compact]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("density", [1, 1.5, 3])
def test_canvases_are_as_dense_as_the_screen(open_page: Open, widget: Any, density: float) -> None:
    """Catches pictures that are blurred on a phone."""
    page = open_page(widget, device_scale_factor=density)
    sizes = page.evaluate(
        """[...document.querySelectorAll('.nl-widget canvas')].filter((c) => c.width > 1).map(
        (c) => [c.width, c.getBoundingClientRect().width])"""
    )
    assert sizes
    for pixels, width in sizes:
        assert pixels == pytest.approx(width * density, abs=0.6)


def test_nothing_is_left_behind(open_page: Open, widget: Any) -> None:
    """Catches listeners, observers and timers that outlive the widget."""
    page = open_page(widget)
    use_everything(page)
    page.evaluate("globalThis.root = document.querySelector('.nl-widget'); cleanup()")
    assert page.evaluate("model.listeners()") == 0
    assert page.evaluate("place.childElementCount") == 0
    assert page.evaluate("'__widget' in place") is False
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_timeout(100)
    assert page.evaluate("root.dataset.nlTheme") == "light"


def test_it_can_be_drawn_again(open_page: Open, widget: Any) -> None:
    """Catches a second view that differs from the first, or listens twice."""
    page = open_page(widget)
    values = page.evaluate("place.__widget.values()")
    listeners = page.evaluate("model.listeners()")
    for _ in range(2):
        page.evaluate("cleanup()")
        page.evaluate("start()")
    assert page.evaluate("place.__widget.values()") == values
    assert page.evaluate("model.listeners()") == listeners
