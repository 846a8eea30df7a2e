"""The Invariance Matrix in a browser without a kernel: what is drawn is what normlib measures."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from site_checks import visiting

from normlib import RESCALINGS, rescaled
from normlib.widgets import InvarianceMatrix
from normlib.widgets.invariance_matrix.grid import LAYERS, TOLERANCE
from normlib.widgets.invariance_matrix.picture import change_words

Open = Callable[..., Page]
CHAPTER = "book/one_formula/invariance.html"


@pytest.fixture(scope="module")
def matrix() -> InvarianceMatrix:
    return InvarianceMatrix(method="batch", rescaling="one sample times")


def shown(page: Page) -> dict[str, Any]:
    return page.evaluate("document.querySelector('.nl-matrix').parentElement.__widget.values()")


def measured(now: dict[str, Any], method: str, rescaling: str) -> Any:
    """Return what normlib measures in the setting shown, or None where it refuses."""
    setting = now["setting"]
    given = None if method == "none" else method.partition(",")[0]
    if given == "instance" and setting["kind"] == "dense":
        return None
    return rescaled(
        given,
        rescaling,
        strength=setting["strength"],
        bias=setting["bias"],
        eps=setting["eps"],
        **LAYERS[setting["kind"]],
    )


def check_numbers(page: Page, now: dict[str, Any]) -> None:
    """Compare every cell, and the outputs drawn beside it, with normlib's own measurement."""
    rows = page.locator(".nl-grid tbody tr")
    assert rows.count() == len(now["methods"])
    for i, method in enumerate(now["methods"]):
        words = rows.nth(i).locator("button").all_text_contents()
        for j, rescaling in enumerate(now["rescalings"]):
            found, verdict = measured(now, method, rescaling), now["verdicts"][i][j]
            if found is None:
                assert (words[j], verdict) == ("–", "refused")
                continue
            # float32; what is left of rounding may differ between processors.
            assert now["changes"][i][j] == pytest.approx(found.change, rel=1e-6, abs=1e-13)
            assert (verdict == "same") == (found.change <= TOLERANCE)
            assert words[j] == change_words(verdict, now["changes"][i][j])
    setting = now["setting"]
    found = measured(now, setting["method"], setting["rescaling"])
    if found is None:
        return
    for name, output in (("before", found.output), ("after", found.output_after)):
        first = output.reshape(16, 12, -1)[:3, :4, 0].ravel()
        np.testing.assert_allclose(now["shown"][name], first, rtol=2.5e-4)  # 12 binary digits


def cell(page: Page, method: str, rescaling: str) -> Any:
    """Return the button of a cell, by what a screen reader says of it."""
    return page.get_by_role("button", name=re.compile(f"^{method}, {rescaling} λ"))


class TestNumbers:
    def test_it_opens_with_the_cell_that_python_chose(self, open_page: Open, matrix: Any) -> None:
        """Catches a first picture of another cell than the poster's."""
        page = open_page(matrix)
        now = shown(page)
        assert now["rescalings"] == list(RESCALINGS)
        assert (now["setting"]["method"], now["setting"]["rescaling"]) == (
            "batch",
            "one sample times",
        )
        check_numbers(page, now)

    @pytest.mark.parametrize("kind", list(LAYERS))
    def test_every_control_moves_every_cell(self, open_page: Open, matrix: Any, kind: str) -> None:
        """Catches numbers of another layer, bias, eps or strength than the controls say."""
        page = open_page(matrix)
        page.get_by_label(kind, exact=True).check(force=True)
        check_numbers(page, shown(page))
        page.get_by_label("linear bias c").check()
        page.get_by_label("λ strength").press("Home")
        page.get_by_label("λ strength").press("ArrowRight")
        page.get_by_label("ε").get_by_label("10⁻⁵").check(force=True)
        now = shown(page)
        assert now["setting"] == {
            "method": "batch",
            "rescaling": "one sample times",
            "strength": 0.001,
            "kind": kind,
            "bias": True,
            "eps": 1e-5,
        }
        check_numbers(page, now)

    def test_the_check_above_notices_a_wrong_number(self, open_page: Open, matrix: Any) -> None:
        """Catches a comparison that compares nothing."""
        page = open_page(matrix)
        for wrong in ("changes", "shown"):
            now = shown(page)
            if wrong == "changes":
                now["changes"][1][5] *= 1.01
            else:
                now["shown"]["after"][7] *= 1.01
            with pytest.raises(AssertionError):
                check_numbers(page, now)

    def test_a_negative_strength_turns_signs(self, open_page: Open, matrix: Any) -> None:
        """Catches an invariance that holds for negative factors."""
        page = open_page(matrix)
        page.get_by_label("λ strength").press("Home")
        cell(page, "Batch norm", "weights times").click()
        expect(cell(page, "Batch norm", "weights times")).to_have_text("flips")
        expect(page.locator(".nl-verdict")).to_contain_text("turns its sign")
        now = shown(page)["shown"]
        assert now["after"] == [-value for value in now["before"]]


class TestCells:
    def test_a_touch_shows_another_cell(self, open_page: Open, matrix: Any) -> None:
        """Catches cells that answer only to a mouse, and a picture that stays behind."""
        page = open_page(matrix, has_touch=True, width=390)
        picture = "place.__widget.canvas.toDataURL()"
        before = page.evaluate(picture)
        cell(page, "Layer norm", "one row times").tap()
        assert page.evaluate(picture) != before
        now = shown(page)
        assert (now["setting"]["method"], now["setting"]["rescaling"]) == (
            "layer",
            "one row times",
        )
        check_numbers(page, now)
        moved = now["shown"]["moved"]
        expect(page.locator(".nl-verdict")).to_contain_text(f"{moved} of 192 outputs change")

    def test_arrows_walk_the_grid(self, open_page: Open, matrix: Any) -> None:
        """Catches a grid of 54 tab stops, and a focus that is lost on the way."""
        page = open_page(matrix)
        assert page.locator(".nl-cell[tabindex='0']").count() == 1
        first = cell(page, "Batch norm", "one sample times")
        first.press("ArrowDown")
        expect(cell(page, "Weight norm", "one sample times")).to_be_focused()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowLeft")
        expect(cell(page, "Weight norm", "weights times")).to_be_focused()
        now = shown(page)["setting"]
        assert (now["method"], now["rescaling"]) == ("weight", "weights times")
        assert page.locator(".nl-grid [aria-selected=true]").count() == 1
        assert page.locator(".nl-cell[tabindex='0']").count() == 1

    def test_a_refused_row_says_why(self, open_page: Open, matrix: Any) -> None:
        """Catches an empty row without a reason, and dots of a layer that does not exist."""
        page = open_page(matrix)
        cell(page, "Instance norm", "data times").click()
        expect(page.locator(".nl-verdict")).to_contain_text("more than one position")
        page.locator("summary").click()
        expect(page.locator(".nl-table td")).to_contain_text("more than one position")
        page.get_by_label("convolution", exact=True).check(force=True)
        expect(cell(page, "Instance norm", "data times")).to_have_text("same")

    def test_the_table_says_what_is_drawn(self, open_page: Open, matrix: Any) -> None:
        """Catches a table that stays behind."""
        page = open_page(matrix)
        page.locator("summary").click()
        cell(page, "RMS norm", "weights plus").click()
        now = shown(page)["shown"]
        cells = page.locator(".nl-table tbody tr").nth(5).locator("td").all_text_contents()
        wanted = [f"{now[name][5]:.2f}".replace("-", "−") for name in ("before", "after")]
        assert cells == wanted

    def test_the_kernel_hears_and_is_heard(self, open_page: Open, matrix: Any) -> None:
        """Catches a matrix that is not tied to its traits, in either direction."""
        page = open_page(matrix)
        cell(page, "Cosine norm", "data plus").click()
        assert page.evaluate("saved.method") == "cosine"
        page.evaluate("model.set('strength', 100); model.set('method', 'rms')")
        now = shown(page)
        assert (now["setting"]["strength"], now["setting"]["method"]) == (100, "rms")
        expect(page.get_by_label("λ strength")).to_have_attribute("aria-valuetext", "100")
        check_numbers(page, now)


def test_on_the_page_of_the_book(browser: Any, address: str) -> None:
    """Catches a widget that works in a harness, and not where readers meet it."""
    with visiting(browser, f"{address}/{CHAPTER}") as visit:
        visit.page.wait_for_selector(".nl-matrix .nl-cell")
        check_numbers(visit.page, shown(visit.page))
        cell(visit.page, "Layer norm", "weights plus").click()
        visit.page.get_by_label("padded convolution").check(force=True)
        now = shown(visit.page)
        assert now["setting"]["kind"] == "padded convolution"
        check_numbers(visit.page, now)
        assert visit.problems == []
