"""The site's checks find what they look for: each is shown a page with that fault."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser
from site_checks import axe, broken_links, overflow, serving, visiting

PAGE = """<!DOCTYPE html><html lang="en"><head><title>Broken</title></head>
<body><main><h1 id="top">Broken</h1>{}</main></body></html>"""
SOUND = '<p>Nothing is wrong here. <a href="#top">Up</a></p>'


@pytest.fixture
def made(tmp_path: Path):
    def make(body: str) -> Path:
        (tmp_path / "page.html").write_text(PAGE.format(body), encoding="utf-8")
        (tmp_path / "favicon.ico").write_bytes(b"")
        return tmp_path

    return make


def test_a_sound_page_passes(browser: Browser, made) -> None:
    folder = made(SOUND)
    with serving(folder) as url, visiting(browser, f"{url}/page.html", width=320) as visit:
        assert visit.problems == overflow(visit.page) == axe(visit.page) == []
        assert 0 < visit.weight < 1000
    assert broken_links(folder, folder / "page.html") == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("<script>console.error('no')</script>", "console error: no"),
        ("<script>console.warn('no')</script>", "console warning: no"),
        ("<script>missing()</script>", "missing is not defined"),
        ('<img alt="a" src="http://localhost:9/a.png">', "another host"),
        ('<img alt="a" src="a.png">', "404"),
    ],
)
def test_noise_and_foreign_requests_are_found(browser: Browser, made, body, found) -> None:
    with serving(made(body)) as url, visiting(browser, f"{url}/page.html") as visit:
        assert any(found in problem for problem in visit.problems), visit.problems


def test_accessibility_faults_are_found(browser: Browser, made) -> None:
    body = '<img src="favicon.ico"><p style="color:#ccc;background:#fff">pale</p>'
    with serving(made(body)) as url, visiting(browser, f"{url}/page.html") as visit:
        rules = " ".join(axe(visit.page))
    assert "image-alt" in rules
    assert "color-contrast" in rules


def test_sideways_scrolling_is_found(browser: Browser, made) -> None:
    body = '<div style="width:900px">wide</div>'
    with serving(made(body)) as url, visiting(browser, f"{url}/page.html", width=320) as visit:
        assert overflow(visit.page)


def test_weight_counts_what_is_fetched(browser: Browser, made) -> None:
    folder = made('<img alt="noise" src="noise.png">')
    (folder / "noise.png").write_bytes(bytes(range(256)) * 40)
    with serving(folder) as url, visiting(browser, f"{url}/page.html") as visit:
        assert visit.weight > 256 * 40


@pytest.mark.parametrize("link", ["missing.html", "#nowhere", "page.html#nowhere", "../out.html"])
def test_broken_links_are_found(made, link: str) -> None:
    folder = made(f'<a href="{link}">there</a>')
    assert broken_links(folder, folder / "page.html") == [link]
