"""Everything that the article behind this book promises or treats has its place in the book."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from structure import BOOK, ROOT, contents, headings, written

Promises = Mapping[str, Mapping[str, list[str]]]
LIST: Promises = yaml.safe_load((BOOK.parent / "tests/book/promises.yaml").read_text("utf-8"))
ERRATA = (BOOK / "back/errata.md").read_text(encoding="utf-8")
VERDICTS = ("Right.", "Right if", "Corrected.", "Contested.")
METHODS = ("batch", "layer", "instance", "group", "weight", "cosine")


def broken(promises: Promises, book: Path, pages: list[str]) -> Iterator[str]:
    """Say which promises have no place, or a place that the book does not have."""
    for part, list_ in promises.items():
        for promise, places in list_.items():
            if not places:
                yield f"{part}, {promise}: nowhere"
            for place in places:
                page, _, anchor = place.partition("#")
                if f"book/{Path(page).with_suffix('')}" not in pages:
                    yield f"{part}, {promise}: {page} is not in the table of contents"
                elif not (book / page).is_file():
                    yield f"{part}, {promise}: {page} is missing"
                elif anchor and anchor not in headings(written(book / page)):
                    yield f"{part}, {promise}: {page} has no heading #{anchor}"


PAGES = contents((ROOT / "_toc.yml").read_text(encoding="utf-8"))


def test_promises_are_kept() -> None:
    """Catches a page or a section that was planned and never written, or taken away."""
    assert list(broken(LIST, BOOK, PAGES)) == []


@pytest.mark.parametrize("place", ["methods/nowhere.ipynb", "back/errata.md#nothing"])
def test_a_broken_promise_is_found(place: str) -> None:
    """Catches a check that looks for nothing: a page that is not there, and a heading."""
    assert len(list(broken({"part": {"promise": [place]}}, BOOK, PAGES))) == 1


def test_a_page_that_was_deleted_is_found(tmp_path: Path) -> None:
    """Catches a list that is read against the table of contents alone."""
    places = [place for list_ in LIST.values() for found in list_.values() for place in found]
    assert len(list(broken(LIST, tmp_path, PAGES))) == len(places) > 30
    assert len(list(broken({"part": {"promise": []}}, BOOK, PAGES))) == 1


def test_every_method_of_the_article_is_a_promise() -> None:
    """Catches a method that the list itself leaves out."""
    for method in METHODS:
        assert any(promise.startswith(f"{method} norm") for promise in LIST["Six methods"]), method


def claims(page: str) -> list[str]:
    """Return the claims of the article that the page judges."""
    judged = page.partition("## The formulas")[0]
    return re.findall(r"^- (.*)$", judged, flags=re.M)


def test_every_claim_has_a_verdict_and_a_page_that_shows_it() -> None:
    """Catches a judgement without a verdict, and one that asks to be believed."""
    found = claims(ERRATA)
    assert len(found) > 25
    for claim in found:
        assert re.match(r"\*.+?[^*]\* \*\*(.+?)\*\*", claim)[1] in VERDICTS, claim
        assert re.search(r"\]\([^)\s]+\.ipynb#", claim), claim
    (intro,) = re.findall(r"^\*\*Right\*\* is.*$", ERRATA, flags=re.M)
    assert all(f"**{verdict.rstrip('.')}**" in intro for verdict in VERDICTS)


def test_every_lost_formula_is_derived_somewhere() -> None:
    """Catches a row of the table of formulas without a place."""
    table = ERRATA.partition("## The formulas")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!formula|:).*$", table, flags=re.M)
    assert len(rows) >= 10
    assert all(re.search(r"\]\([^)\s]+\.ipynb#[^)]+\) \|$", row) for row in rows)
