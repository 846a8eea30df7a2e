"""The built reference: a place for every name, equations, and sources that work offline."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from site_checks import Anchors, broken_links, visiting

import normlib

API = "book/back/api.html"


def test_every_public_name_has_a_place(site: Path) -> None:
    """Catches a name that the build passes over."""
    ids = Anchors(site / API).ids
    assert [name for name in normlib.__all__ if f"normlib.{name}" not in ids] == []


def test_every_normalization_is_in_the_table(browser: Browser, address: str) -> None:
    """Catches a table that was built from another library than the one that is tested."""
    with visiting(browser, f"{address}/{API}") as visit:
        names = visit.page.locator("table").first.locator("tbody td:first-child code")
        assert names.all_inner_texts() == list(normlib.NORMS)


def test_sources_come_with_the_site(site: Path) -> None:
    """Catches links to a source that is somewhere else, or that lead nowhere."""
    pages = sorted(site.glob("_modules/**/*.html"))
    assert len(pages) > 5
    links = [link for link in Anchors(site / API).links if "_modules/" in link]
    assert len(links) > len(normlib.__all__)
    assert all(broken_links(site, page) == [] for page in pages)


@pytest.mark.parametrize("name", ["standardize_backward", "Dense"])
def test_equations_and_signatures_fit_a_phone(browser: Browser, address: str, name: str) -> None:
    """Catches raw LaTeX, and arguments that run out of the page."""
    with visiting(browser, f"{address}/{API}", width=390) as visit:
        entry = visit.page.locator(f"dl.py:has(> dt[id='normlib.{name}'])")
        expect(entry.locator("math").first).to_be_visible()
        for argument in entry.locator("dt.sig .sig-param").all():
            box = argument.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
