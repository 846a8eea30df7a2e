"""The Arena in a browser without a kernel: what is drawn is what the sweep holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from made_sweeps import METHODS, RATES, SCALES, SIZES, WON, made_sweep
from playwright.sync_api import Page, expect
from site_checks import visiting

from normlib.widgets import Arena
from normlib.widgets.arena import Standings, standings
from normlib.widgets.arena.picture import duel, pm

Open = Callable[..., Page]
CHAPTER = "book/practice/arena.html"
VALUES = "document.querySelector('.nl-arena').parentElement.__widget.values()"


@pytest.fixture(scope="module")
def found() -> Standings:
    return standings(made_sweep())


@pytest.fixture
def arena() -> Arena:
    return Arena(made_sweep(), batch_size=64, init_scale=1.0, lr=1.0)


def shown(page: Page) -> dict[str, Any]:
    return page.evaluate(VALUES)


def check_numbers(now: dict[str, Any], found: Standings) -> None:
    """Compare every cell of the batch size shown, and the cell chosen, with the sweep's."""
    setting = now["setting"]
    place = tuple(
        getattr(found, name).index(setting[name]) for name in ("batch_size", "init_scale", "lr")
    )
    b, pair = place[0], tuple(found.methods.index(setting[name]) for name in ("first", "second"))
    assert tuple(now["methods"]) == found.methods
    means = np.moveaxis(np.array(now["means"]), -1, 0)
    np.testing.assert_allclose(means, found.mean[:, b], atol=1e-6)  # float32
    np.testing.assert_array_equal(now["winners"], found.winner[b])
    np.testing.assert_array_equal(now["duels"], duel(found, pair)[b])
    here = (slice(None), *place)
    cell = now["shown"]
    for name in ("mean", "spread", "scores"):
        np.testing.assert_allclose(cell[name], getattr(found, name)[here], atol=1e-6)
    assert [bool(tie) for tie in cell["tied"]] == found.tied[here].tolist()
    assert (cell["leader"], cell["winner"]) == (found.leader[place], found.winner[place])
    gap = now["gap"]
    np.testing.assert_allclose(gap["gap"], found.gap[(*pair, *place)], atol=1e-6)
    np.testing.assert_allclose(gap["spread"], found.gap_spread[(*pair, *place)], atol=1e-6)
    assert gap["beats"] == (duel(found, pair)[place] >= 0)


class TestNumbers:
    def test_it_opens_with_the_cell_that_python_chose(
        self, open_page: Open, arena: Arena, found: Standings
    ) -> None:
        """Catches a first picture of another cell than the poster's."""
        now = shown(open_page(arena))
        assert now["setting"] == {
            "batch_size": 64,
            "init_scale": 1,
            "lr": 1,
            "first": "none",
            "second": "batch",
        }
        check_numbers(now, found)

    def test_every_control_moves_what_it_says(
        self, open_page: Open, arena: Arena, found: Standings
    ) -> None:
        """Catches numbers of another batch size, cell or pair than the controls say."""
        page = open_page(arena)
        page.get_by_label("Batch size").get_by_label("4", exact=True).check(force=True)
        page.get_by_label("compare").select_option("mine")
        page.locator(".nl-menu select").last.select_option("layer")
        page.get_by_label("η learning rate").press("ArrowLeft")
        page.get_by_label("× initialization").press("Home")
        now = shown(page)
        assert now["setting"] == {
            "batch_size": 4,
            "init_scale": 0.5,
            "lr": 0.1,
            "first": "mine",
            "second": "layer",
        }
        check_numbers(now, found)
        expect(page.locator(".nl-verdict")).to_contain_text("Layer norm wins")
        expect(page.locator(".nl-verdict")).to_contain_text("Layer norm beats the other")
        expect(page.get_by_label("η learning rate")).to_have_attribute("aria-valuetext", "0.1")

    @pytest.mark.parametrize("wrong", ["means", "winners", "duels", "shown", "gap"])
    def test_the_check_above_notices_a_wrong_number(
        self, open_page: Open, arena: Arena, found: Standings, wrong: str
    ) -> None:
        """Catches a comparison that compares nothing."""
        now = shown(open_page(arena))
        if wrong == "means":
            now["means"][2][3][1] += 0.001
        elif wrong == "shown":
            now["shown"]["scores"][0][4] += 0.001
        elif wrong == "gap":
            now["gap"]["spread"] *= 1.01
        else:
            now[wrong][0][0] = 2
        with pytest.raises(AssertionError):
            check_numbers(now, found)


class TestMaps:
    def touch(self, page: Page, panel: int, row: int, column: int) -> None:
        """Touch the middle of a cell of one of the maps."""
        places = shown(page)["places"]
        left, top = (places["panels"][panel][name] for name in ("left", "top"))
        x, y = left + (column + 0.5) * places["size"], top + (row + 0.5) * places["tall"]
        page.locator(".nl-arena canvas").first.tap(position={"x": x, "y": y})

    @pytest.mark.parametrize("width", [320, 390, 1000])
    def test_a_touch_chooses_the_cell_below_it(
        self, open_page: Open, arena: Arena, found: Standings, width: int
    ) -> None:
        """Catches a map that answers for a neighbour, and a picture that stays behind."""
        page = open_page(arena, has_touch=True, width=width)
        picture = "[...document.querySelectorAll('canvas')].map((c) => c.toDataURL())"
        before = page.evaluate(picture)
        self.touch(page, len(METHODS) + 1, 2, 3)  # the last panel's corner
        now = shown(page)
        assert (now["setting"]["init_scale"], now["setting"]["lr"]) == (SCALES[2], RATES[3])
        check_numbers(now, found)
        assert all(one != other for one, other in zip(before, page.evaluate(picture), strict=True))
        self.touch(page, 0, 0, 0)
        now = shown(page)["setting"]
        assert (now["init_scale"], now["lr"]) == (SCALES[0], RATES[0])

    def test_a_won_cell_is_in_its_winners_colour_and_a_tie_is_not(
        self, open_page: Open, arena: Arena
    ) -> None:
        """Catches a tie that is drawn as a victory."""
        page = open_page(arena)
        script = """([panel, i, k]) => {
          const view = place.__widget, { panels, size, tall } = view.places;
          const density = devicePixelRatio, { left, top } = panels[panel];
          const at = [left + (k + 0.2) * size, top + (i + 0.25) * tall].map((v) => v * density);
          return [...view.map.getContext("2d").getImageData(...at, 1, 1).data];
        }"""
        looks = {row["name"]: row["look"]["light"] for row in arena.meta["methods"]}
        for i, scale in enumerate(SCALES):
            for k, rate in enumerate(RATES):
                winner = WON.get((SIZES[1], scale, rate))
                *pixel, alpha = page.evaluate(script, [0, i, k])
                if winner is None:
                    assert alpha == 0
                else:
                    tone = looks[winner]
                    assert pixel == [int(tone[c : c + 2], 16) for c in (1, 3, 5)]


class TestWords:
    def test_the_table_says_what_is_drawn(
        self, open_page: Open, arena: Arena, found: Standings
    ) -> None:
        """Catches a table that stays behind."""
        page = open_page(arena)
        page.locator("summary").click()
        page.get_by_label("Batch size").get_by_label("4", exact=True).check(force=True)
        now = shown(page)["shown"]
        rows = page.locator(".nl-table tbody tr")
        assert rows.count() == len(METHODS)
        verdicts = []
        for m in range(len(METHODS)):
            cells = rows.nth(m).locator("td").all_text_contents()
            assert cells[0] == pm(now["mean"][m], now["spread"][m])
            above = int((found.mean[m, 0] >= 0.9).sum())
            assert cells[2:] == [f"{above}", f"{int((found.winner[0] == m).sum())}"]
            verdicts.append(cells[1])
        assert verdicts.count("leads") + verdicts.count("wins") == 1

    def test_the_kernel_hears_and_is_heard(
        self, open_page: Open, arena: Arena, found: Standings
    ) -> None:
        """Catches an arena that is not tied to its traits, in either direction."""
        page = open_page(arena)
        page.locator(".nl-menu select").last.select_option("mine")
        assert page.evaluate("saved.second") == "mine"
        page.evaluate("model.set('lr', 10); model.set('first', 'layer')")
        now = shown(page)
        assert (now["setting"]["lr"], now["setting"]["first"]) == (10, "layer")
        check_numbers(now, found)
        expect(page.get_by_label("compare")).to_have_value("layer")


def test_on_the_page_of_the_book(browser: Any, address: str) -> None:
    """Catches a widget that works in a harness, and not where readers meet it."""
    import arena_runs

    stored = standings(arena_runs.load())
    with visiting(browser, f"{address}/{CHAPTER}") as visit:
        visit.page.wait_for_selector(".nl-arena canvas")
        check_numbers(shown(visit.page), stored)
        visit.page.locator(".nl-arena").locator(".nl-menu select").last.select_option("layer")
        visit.page.locator(".nl-arena").get_by_label("η learning rate").press("End")
        now = shown(visit.page)
        assert (now["setting"]["second"], now["setting"]["lr"]) == ("layer", 10)
        check_numbers(now, stored)
        assert visit.problems == []
