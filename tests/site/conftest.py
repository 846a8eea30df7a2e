"""A browser and the built site, for tests that read pages as readers do."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, Page, sync_playwright
from site_checks import ROOT, serving
from widget_harness import page as harness

SITE = ROOT / "_build/html"
sys.path.insert(0, str(ROOT / "book/_ext"))  # the extension is no installed package
sys.path.insert(0, str(ROOT / "tests/widgets"))  # made traces, and one of each widget
sys.path.insert(0, str(ROOT / "book/practice"))  # the arena's stored runs

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def toc_pages() -> list[str]:
    """Every page of _toc.yml, as the file that it becomes."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [f"{name}.html" for name in (toc["root"], *chapters)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "chapter" in metafunc.fixturenames:
        metafunc.parametrize("chapter", toc_pages())
    if "any_page" in metafunc.fixturenames:
        others = ["search.html", "_modules/index.html", "_modules/normlib/core.html"]
        metafunc.parametrize("any_page", [*toc_pages(), *others])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        how = "no Chromium here; on Debian: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(how)
        pytest.skip(how)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site() -> Path:
    if not (SITE / "index.html").is_file():
        pytest.fail("the site is not built: run 'make book' first")
    return SITE


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    with serving(site) as url:
        yield url


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open a page with one widget and no kernel; at the end no page may have complained."""
    problems: list[str] = []
    contexts = []

    def open_it(
        widget: Any, *, theme: str = "light", width: int = 1000, clock: bool = False, **options: Any
    ) -> Page:
        file = tmp_path / f"{theme}-{width}.html"
        file.write_text(harness(widget, theme=theme), "utf-8")
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        if clock:
            page.clock.install(time=0)
        page.goto(file.as_uri())
        page.wait_for_selector("body[data-ready]", timeout=15_000)
        if clock:  # an installed clock still runs, on a slow machine past what a test counts
            page.clock.pause_at(3_600)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert problems == []
