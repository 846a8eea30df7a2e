"""The Activation Player on the book's first page, in the book's own host."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from site_checks import visiting

SIGNALS = ("a", "x_hat", "z", "h")


@pytest.fixture
def front_page(browser: Browser, address: str) -> Iterator[Page]:
    with visiting(browser, f"{address}/book/index.html") as visit:
        expect(visit.page.locator(".nl-player")).to_be_visible()
        yield visit.page
        assert visit.problems == []


def values(page: Page) -> dict:
    return page.evaluate("document.querySelector('.nl-player').parentElement.__widget.values()")


def significant(value: float) -> str:
    return f"{value:#.3g}"


def test_it_shows_the_numbers_that_the_page_has_in_words(front_page: Page) -> None:
    """Catches a picture and a description that come from different data."""
    words = front_page.locator("figure", has=front_page.locator(".nl-player")).locator(".in-words")
    text = words.text_content() or ""
    now = values(front_page)
    assert f"at step {now['step']} of" in text
    for run in now["runs"].values():
        sigma = " ".join(significant(value) for value in run["std"])
        assert f"{run['label']}: loss {significant(run['loss'])}; sigma by layer {sigma}" in text


def test_the_first_frame_tells_of_the_difference(front_page: Page) -> None:
    """Catches a first screen on which nothing has happened yet."""
    now = values(front_page)
    losses = sorted(run["loss"] for run in now["runs"].values())
    assert now["step"] > 0
    assert losses[-1] > 2 * losses[0]


def test_it_plays_and_every_signal_has_its_picture(front_page: Page) -> None:
    player = front_page.locator(".nl-player")
    pictures = set()
    for signal in SIGNALS:
        player.locator(f"input[value={signal}]").check(force=True)
        expect(player).to_have_attribute("data-signal", signal)
        pictures.add(front_page.evaluate("document.querySelectorAll('[role=img]')[1].toDataURL()"))
    assert len(pictures) == len(SIGNALS)
    slider = player.get_by_role("slider")
    slider.press("Home")
    expect(player).to_have_attribute("data-step", "0")
    player.get_by_role("button", name="Play").click()
    front_page.wait_for_function("Number(document.querySelector('.nl-player').dataset.step) > 3")
    player.get_by_role("button", name="Pause").click()
    slider.press("End")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^step \d+ of \d+; loss "))
    expect(player.get_by_role("button", name="Play")).to_be_visible()


def test_training_again_is_not_offered_where_nothing_can_train(front_page: Page) -> None:
    expect(front_page.get_by_role("button", name="Train again")).to_have_count(0)
    expect(front_page.locator(".widget-subarea, .jupyter-widgets")).to_have_count(0)
