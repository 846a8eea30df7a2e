"""The Whitening Bench in a browser without a kernel: what is drawn is what normlib computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from site_checks import visiting

from normlib import whiten
from normlib.plots.moves import figure
from normlib.widgets import WhiteningBench
from normlib.widgets.whitening_bench import MOVES, clouds, stage
from normlib.widgets.whitening_bench.bench import number

Open = Callable[..., Page]
CHAPTER = "book/origins/whitening.html"


@pytest.fixture(scope="module")
def bench() -> WhiteningBench:
    return WhiteningBench()


def shown(page: Page) -> dict[str, Any]:
    return page.evaluate("document.querySelector('.nl-whitening').parentElement.__widget.values()")


def choose(page: Page, group: str, name: str) -> None:
    page.get_by_role("radiogroup", name=group).get_by_label(name, exact=True).check(force=True)


def check_numbers(page: Page, now: dict[str, Any]) -> None:
    """Compare what is drawn, and written below it, with normlib.

    The page carries points by the same few operations in float64, so 1e-12 is generous; a descent
    crosses as float32.
    """
    x = clouds()[now["cloud"]]
    done = stage(x, now["move"], now["eps"])
    np.testing.assert_allclose(now["points"], done.carry(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        np.cov(np.transpose(now["points"]), bias=True), done.covariance, atol=1e-12
    )
    ring = whiten(done.carry(x), eps=0).transform(np.array(now["ellipse"]))
    np.testing.assert_allclose(np.linalg.norm(ring, axis=1), 2, rtol=1e-9)
    assert now["steps"] == done.steps
    step = page.evaluate("document.querySelector('.nl-slider input').valueAsNumber")
    np.testing.assert_allclose(
        now["theta"], done.path[min(step, len(done.path) - 1)], rtol=1e-6, atol=1e-6
    )
    (v1, covariance), (_, v2) = done.covariance
    told = page.locator(".nl-facts dd").all_text_contents()
    correlation = covariance / np.sqrt(v1 * v2)
    wanted = [figure(v) for v in (v1, v2, covariance, correlation)]
    assert told[:6] == [*wanted, number(done.condition), str(done.steps)]


class TestNumbers:
    @pytest.mark.parametrize("cloud", list(clouds()))
    def test_every_move_of_every_cloud(self, open_page: Open, bench: Any, cloud: str) -> None:
        """Catches numbers that are right for one cloud, one move or one eps only."""
        page = open_page(bench, reduced_motion="reduce")
        choose(page, "Cloud", cloud)
        for move in MOVES:
            choose(page, "Move", move)
            assert (shown(page)["cloud"], shown(page)["move"]) == (cloud, move)
            check_numbers(page, shown(page))
        for eps in ("0.01", "1"):
            choose(page, "ε", eps)
            check_numbers(page, shown(page))

    def test_the_check_above_notices_a_wrong_number(self, open_page: Open, bench: Any) -> None:
        """Catches a comparison that compares nothing."""
        page = open_page(bench)
        for name in ("points", "ellipse", "theta"):
            now = shown(page)
            now[name] = (np.array(now[name]) * (1 + 1e-5) + 1e-5).tolist()
            with pytest.raises(AssertionError):
                check_numbers(page, now)

    def test_the_slider_walks_down(self, open_page: Open, bench: Any) -> None:
        """Catches a mark that stays where descent began."""
        page = open_page(bench)
        slider = page.get_by_label("step of descent", exact=True)
        slider.press("ArrowRight")
        slider.press("ArrowRight")
        assert page.evaluate("model.get('step')") == 2
        check_numbers(page, shown(page))
        done = bench.stage("centred")
        assert shown(page)["excess"] == pytest.approx(done.excess[2], rel=1e-6)
        expect(page.locator(".nl-facts dd").last).to_have_text(figure(done.excess[2]))

    def test_it_says_what_a_rotation_leaves(self, open_page: Open, bench: Any) -> None:
        """Catches a sentence whose numbers are not those of the cloud."""
        page = open_page(bench)
        choose(page, "Move", "rotated")
        steps = bench.stage("centred").steps
        expect(page.locator(".nl-says")).to_contain_text(f"{steps} steps to a millionth")
        choose(page, "Move", "PCA")
        expect(page.locator(".nl-says")).to_contain_text("one step is enough")
        choose(page, "ε", "0.1")
        expect(page.locator(".nl-says")).to_contain_text("v/(v + ε)")

    def test_the_table_says_what_is_drawn(self, open_page: Open, bench: Any) -> None:
        """Catches a table that stays behind."""
        page = open_page(bench)
        page.locator("summary").click()
        choose(page, "Cloud", "scales 1 : 10")
        rows = page.locator(".nl-table tbody tr")
        for k, move in enumerate(MOVES):
            done = stage(clouds()["scales 1 : 10"], move, 0.0)
            cells = rows.nth(k).locator("td").all_text_contents()
            assert cells[-2:] == [number(done.condition), str(done.steps)]


# How many pixels from a canvas' side lies the first and the last dot of the cloud's colour?
SPAN = """() => {
  const { canvas, boxes, box } = place.__widget, density = canvas.width / box.width;
  const [b] = boxes, at = (v) => Math.round(v * density);
  const part = [b.left, b.top, b.right - b.left, b.bottom - b.top].map(at);
  const { data, width } = canvas.getContext("2d").getImageData(...part);
  const on = [];
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] > 100 && data[i] - data[i + 2] > 60) on.push((i / 4) % width);
  return [Math.min(...on) / width, Math.max(...on) / width];
}"""


class TestPicture:
    def test_the_cloud_is_drawn_where_its_numbers_are(self, open_page: Open, bench: Any) -> None:
        """Catches right numbers beside a wrong picture: the cloud's width is measured in pixels."""
        page = open_page(bench, reduced_motion="reduce")
        for move in ("centred", "Cholesky"):
            choose(page, "Move", move)
            now = shown(page)
            reach = bench.meta["reach"]["tilted"][MOVES[move].unit]
            drawn = np.concatenate([now["points"], now["ellipse"]])[:, 0]
            for found, value in zip(page.evaluate(SPAN), (drawn.min(), drawn.max()), strict=True):
                assert found == pytest.approx((value / reach + 1) / 2, abs=0.012)

    def test_it_travels_and_arrives(self, open_page: Open, bench: Any) -> None:
        """Catches a cloud that never arrives, and one that moves when asked to rest."""
        page, still = open_page(bench), open_page(bench, reduced_motion="reduce", width=999)
        picture = "place.__widget.canvas.toDataURL()"
        for one in (page, still):
            one.evaluate("model.set('move', 'PCA')")
        begun = still.evaluate(picture)
        still.wait_for_timeout(100)
        assert still.evaluate(picture) == begun
        page.wait_for_function("place.__widget.shown.name === 'PCA'")
        arrived = page.evaluate(picture)
        page.wait_for_timeout(100)
        assert page.evaluate(picture) == arrived


class TestState:
    def test_the_kernel_hears_and_is_heard(self, open_page: Open, bench: Any) -> None:
        """Catches a bench that is not tied to its traits, in either direction."""
        page = open_page(bench)
        choose(page, "Move", "ZCA")
        assert page.evaluate("saved.move") == "ZCA"
        page.evaluate("model.set('cloud', 'off centre'); model.set('eps', 0.1)")
        assert shown(page)["cloud"] == "off centre"
        expect(page.get_by_label("off centre", exact=True)).to_be_checked()
        check_numbers(page, shown(page))

    def test_a_cloud_of_ones_own_needs_no_menu(self, open_page: Open) -> None:
        """Catches a menu with one entry."""
        x = np.array([[1.0, 2.0], [2.0, 4.5], [4.0, 5.0], [0.0, 1.0]])
        page = open_page(WhiteningBench(x))
        expect(page.get_by_role("radiogroup", name="Cloud")).to_have_count(0)
        np.testing.assert_allclose(shown(page)["points"], x - x.mean(axis=0), atol=1e-14)


def test_on_the_built_page(browser: Browser, address: str) -> None:
    """Catches a chapter whose bench shows other numbers than normlib, or does not answer."""
    with visiting(browser, f"{address}/{CHAPTER}", width=390) as visit:
        page = visit.page
        page.wait_for_selector(".nl-whitening .nl-facts")
        for move in ("as it is", "rotated", "ZCA"):
            choose(page, "Move", move)
            check_numbers(page, shown(page))
        choose(page, "ε", "0.1")
        check_numbers(page, shown(page))
        assert visit.problems == []
