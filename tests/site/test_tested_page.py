"""The site tells how it was tested: not before it was tested so."""

import sys

from site_checks import ROOT

sys.path.insert(0, str(ROOT / "tests/tested"))

from tested_page import PAGE, stale


def test_the_page_is_fresh() -> None:
    """Catches a page of older tests: a notebook that is missing or gone; run `make tested`."""
    assert list(stale(PAGE.read_text(encoding="utf-8"))) == []
