"""The Formula Bench on its page, in the book's own host, beside the page's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from site_checks import visiting

from normlib import Normalize, norm
from normlib.plots.moves import figure, stages
from normlib.widgets.formula_bench import shapes


@pytest.fixture
def formula_page(browser: Browser, address: str) -> Iterator[Page]:
    with visiting(browser, f"{address}/book/one_formula/formula.html") as visit:
        expect(visit.page.locator(".nl-bench")).to_be_visible()
        yield visit.page
        assert visit.problems == []


def shown(page: Page) -> dict[str, Any]:
    return page.evaluate("document.querySelector('.nl-bench').parentElement.__widget.values()")


def check_numbers(now: dict[str, Any], eps: float) -> None:
    """Compare z as the page has it with a layer of normlib, and each stage with its moments.

    Both do the same few operations in float64, so 1e-12 is generous.
    """
    values = shapes()[now["sample"]]
    layer = Normalize(norm("batch", eps=eps), 1)
    layer.params["g"], layer.params["b"] = np.array([now["g"]]), np.array([now["b"]])
    z = layer.forward(values[:, None])[:, 0]
    np.testing.assert_allclose(now["stages"][-1]["values"], z, rtol=1e-12, atol=1e-12)
    wanted = stages(values, g=now["g"], b=now["b"], eps=eps)
    for drawn, stage in zip(now["stages"], wanted, strict=True):
        moments = [drawn[name] for name in stage.moments._fields]
        np.testing.assert_allclose(moments, stage.moments, rtol=1e-9, atol=1e-9)


def test_it_shows_the_numbers_that_the_page_has_in_words(formula_page: Page) -> None:
    """Catches a picture and a description that come from different data."""
    place = formula_page.locator("figure", has=formula_page.locator(".nl-bench"))
    words = place.locator(".in-words").text_content() or ""
    now = shown(formula_page)
    check_numbers(now, 1e-5)
    assert f"g = {figure(now['g'])}, b = {figure(now['b'])}" in words
    for stage in now["stages"]:
        assert f"mean {figure(stage['mean'])}, variance {figure(stage['variance'])}" in words


def test_the_keyboard_moves_it_and_the_shape_stays(formula_page: Page) -> None:
    """Catches a bench that is deaf on the page, and moves that bend the sample."""
    bench = formula_page.locator(".nl-bench")
    before = shown(formula_page)
    for label, name in (("g re-scale", "g"), ("b re-shift", "b")):
        slider = bench.get_by_label(label, exact=True)
        slider.press("End")
        slider.press("ArrowLeft")
        assert shown(formula_page)[name] > before[name]
    now = shown(formula_page)
    check_numbers(now, 1e-5)
    for name in ("skewness", "kurtosis"):
        assert now["stages"][-1][name] == pytest.approx(before["stages"][0][name], rel=1e-12)
    assert now["stages"][-1]["mean"] == pytest.approx(now["b"])


def test_what_the_prose_asks_for_can_be_done(formula_page: Page) -> None:
    """Catches a text that sends readers to a control that is not there."""
    bench = formula_page.locator(".nl-bench")
    bench.get_by_label("nearly constant", exact=True).check(force=True)
    check_numbers(shown(formula_page), 1e-5)
    expect(bench.locator(".nl-verdict")).to_contain_text("not 1")
    bench.get_by_label("ε").get_by_label("0", exact=True).check(force=True)
    check_numbers(shown(formula_page), 0.0)
    bench.get_by_role("button", name=re.compile("undo")).click()
    now = shown(formula_page)
    check_numbers(now, 0.0)
    np.testing.assert_allclose(now["stages"][-1]["values"], now["stages"][0]["values"], rtol=1e-12)
