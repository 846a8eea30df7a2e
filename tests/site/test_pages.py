"""Every page of the built site, as its readers meet it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from site_checks import ROOT, Anchors, axe, broken_links, overflow, visiting

KB = 1000
TEXT_PAGE, WIDGET_PAGE = 250 * KB, 400 * KB  # what a page may transfer, compressed


def test_the_address_alone_leads_to_the_book(browser: Browser, address: str) -> None:
    """Catches a site whose front door is missing."""
    with visiting(browser, f"{address}/", settle=False) as visit:
        visit.page.wait_for_url("**/book/index.html")
        expect(visit.page.locator("h1")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 768, 1280])
def test_page_is_clean(
    browser: Browser, address: str, any_page: str, width: int, theme: str
) -> None:
    """Catches console noise, requests elsewhere, sideways scrolling, accessibility faults."""
    with visiting(browser, f"{address}/{any_page}", width=width, theme=theme) as visit:
        assert visit.page.evaluate("document.documentElement.dataset.theme") == theme
        # Folded as readers find it, on the narrowest page; unfolded everywhere.
        for unfold in [False, True] if width == 320 else [True]:
            visit.page.evaluate(
                "(open) => document.querySelectorAll('details').forEach((d) => (d.open = open))",
                unfold,
            )
            assert overflow(visit.page) == []
            assert axe(visit.page) == []
        assert visit.problems == []


def test_page_weight(browser: Browser, address: str, chapter: str) -> None:
    """Catches a font, script or widget state that makes pages slow to arrive."""
    with visiting(browser, f"{address}/{chapter}", settle=False) as visit:
        has_widget = visit.page.locator(".widget-stage").count() > 0
        heaviest = sorted(visit.transfers.items(), key=lambda item: -item[1])[:5]
        assert visit.weight <= (WIDGET_PAGE if has_widget else TEXT_PAGE), heaviest


def test_page_says_what_it_is(browser: Browser, address: str, chapter: str) -> None:
    """Catches missing titles, descriptions and text alternatives."""
    with visiting(browser, f"{address}/{chapter}") as visit:
        heading = visit.page.locator("h1")
        expect(heading).to_have_count(1)
        title = visit.page.title()
        assert "Inside Normalization" in title
        about = visit.page.locator('meta[name="description"]').get_attribute("content")
        assert about
        assert len(about) > 30
        expect(visit.page.locator("article img:not([alt]), article img[alt='']")).to_have_count(0)


def test_page_is_readable_without_javascript(browser: Browser, address: str, chapter: str) -> None:
    """Catches raw LaTeX, invisible posters, and text that only a script shows."""
    url = f"{address}/{chapter}"
    with visiting(browser, url, javascript=False) as visit:
        text = visit.page.locator("article").inner_text()
        assert not re.search(r"\$\$|\\\(|\\begin\{|\\frac", text)
        (source,) = ROOT.glob(f"{chapter.removesuffix('.html')}.*")
        if "$$" in source.read_text(encoding="utf-8"):
            expect(visit.page.locator("math").first).to_be_visible()
        for stage in visit.page.locator(".widget-stage").all():
            poster = stage.locator(".poster img.only-light")
            poster.scroll_into_view_if_needed()
            expect(poster).to_be_visible()
            assert poster.bounding_box()["width"] > 100
        expect(visit.page.locator("img.only-dark:visible")).to_have_count(0)
        assert visit.problems == []


def test_links_lead_somewhere(site: Path, any_page: str) -> None:
    """Catches links to pages, files and anchors of the book that are not there."""
    assert broken_links(site, site / any_page) == []


def test_chapters_are_linked_in_order(site: Path, chapter: str) -> None:
    """Catches a page that cannot be reached from its neighbours."""
    assert any("/" in link or ".html" in link for link in Anchors(site / chapter).links)
    assert 'class="turn"' in (site / chapter).read_text(encoding="utf-8")


def test_theme_button_switches_and_is_remembered(
    browser: Browser, address: str, chapter: str
) -> None:
    """Catches a dark mode that is lost on the next page, or never follows the system again."""
    with visiting(browser, f"{address}/{chapter}", theme="light") as visit:
        page = visit.page
        root, button = page.locator("html"), page.get_by_role("button", name="Dark theme")
        button.click()
        expect(root).to_have_attribute("data-theme", "dark")
        expect(button).to_have_attribute("aria-pressed", "true")
        page.reload()
        expect(root).to_have_attribute("data-theme", "dark")
        button.click()
        expect(root).to_have_attribute("data-mode", "auto")
        page.emulate_media(color_scheme="dark")
        expect(root).to_have_attribute("data-theme", "dark")


def test_contents_open_on_a_phone(browser: Browser, address: str, chapter: str) -> None:
    """Catches a menu that a keyboard cannot open or leave."""
    with visiting(browser, f"{address}/{chapter}", width=320) as visit:
        contents = visit.page.get_by_role("navigation", name="Contents", exact=True)
        button = visit.page.get_by_role("button", name="Contents")
        expect(contents).to_be_hidden()
        button.focus()
        visit.page.keyboard.press("Enter")
        expect(contents).to_be_visible()
        assert axe(visit.page) == []
        visit.page.keyboard.press("Escape")
        expect(contents).to_be_hidden()
        expect(button).to_be_focused()


def test_what_goes_on_past_the_edge_fades_there(browser: Browser, address: str) -> None:
    """Catches a formula that looks finished where a phone cuts it, and whole ones that fade."""
    url = f"{address}/book/one_formula/formula.html"
    with visiting(browser, url, width=390) as visit:
        boxes = visit.page.evaluate(
            """() => [...document.querySelectorAll('article :is(.scrolls, pre)')]
              .filter((box) => box.checkVisibility())  // not folded
              .map((box) => [
                box.scrollWidth > box.clientWidth + 1,
                getComputedStyle(box).getPropertyValue('--fade-right') !== '0px',
              ])"""
        )
        assert {True, False} == {longer for longer, _ in boxes}
        assert [box for box in boxes if box[0] != box[1]] == []


def test_search_finds_the_book(browser: Browser, address: str) -> None:
    """Catches a search page whose scripts or index are missing."""
    with visiting(browser, f"{address}/search.html?q=normalization") as visit:
        results = visit.page.locator("#search-results li a")
        expect(results.first).to_be_visible()
        assert visit.problems == []
        assert axe(visit.page) == []


def test_print_shows_the_text_and_no_navigation(
    browser: Browser, address: str, chapter: str
) -> None:
    """Catches menus and dark pictures on paper."""
    with visiting(browser, f"{address}/{chapter}", theme="dark") as visit:
        visit.page.emulate_media(media="print", color_scheme="dark")
        expect(visit.page.locator("h1")).to_be_visible()
        expect(visit.page.locator("nav:visible, .bar:visible")).to_have_count(0)
        expect(visit.page.locator("article img.only-dark:visible")).to_have_count(0)
        paper = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == "rgb(255, 255, 255)"
