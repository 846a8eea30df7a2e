"""The Copy Bench in a browser without a kernel: what is drawn is what scikit-learn computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from sklearn.naive_bayes import GaussianNB

from normlib.widgets import CopyBench
from normlib.widgets.copy_bench.world import COPIES, World

Open = Callable[..., Page]
WORLD = World()


@pytest.fixture(scope="module")
def bench() -> CopyBench:
    return CopyBench()


def shown(page: Page) -> dict[str, Any]:
    return page.evaluate("place.__widget.values()")


def check_numbers(page: Page) -> dict[str, Any]:
    """Compare what is drawn and written with a classifier fitted here.

    Figures cross as float32, 6e-8 of their size; the points as float64.
    """
    now = shown(page)
    x = WORLD.whitened(WORLD.features(now["copies"], now["correlation"]), now["whitening"])
    n, y = WORLD.n_train, WORLD.labels
    model = GaussianNB().fit(x[:n], y[:n])
    p = model.predict_proba(x[n:])
    said = now["said"]
    assert said["accuracy"] == pytest.approx(model.score(x[n:], y[n:]), rel=1e-6)
    assert said["confidence"] == pytest.approx(p.max(axis=1).mean(), rel=1e-6)
    np.testing.assert_allclose(said["points"], p[WORLD.followed], rtol=1e-6)
    counts = [count for count, _, _ in said["bins"]]
    np.testing.assert_array_equal(counts, np.histogram(p[:, 1], np.linspace(0, 1, 11))[0])
    own = -np.log(np.maximum(p[np.arange(len(p)), y[n:]], 1e-300)).mean()
    assert said["loss"] == pytest.approx(own, rel=1e-5)
    best = WORLD.best(now["copies"], now["correlation"])
    np.testing.assert_allclose(now["best"]["points"], best.points, rtol=1e-6)
    k = COPIES.index(now["copies"])
    assert now["losses"][now["whitening"]][k] == said["loss"]
    rows = page.locator(".nl-figures [role=row]:not(.nl-heads)")
    for row, score in ((0, said), (1, best._asdict())):
        cells = rows.nth(row).locator("[role=cell]").all_text_contents()
        wanted = [f"{score[name]:.3f}" for name in ("accuracy", "confidence", "error")]
        assert [cells[0], cells[1], cells[3]] == wanted
    return now


def press(page: Page, label: str, *keys: str) -> None:
    slider = page.get_by_label(label, exact=True)
    for key in keys:
        slider.press(key)


class TestNumbers:
    def test_it_opens_with_what_python_chose(self, open_page: Open) -> None:
        """Catches a first picture from other numbers than the poster's."""
        page = open_page(CopyBench(copies=3, correlation=0.5, whitening="within"))
        now = check_numbers(page)
        assert (now["copies"], now["correlation"], now["whitening"]) == (3, 0.5, "within")
        assert now["worth"] == pytest.approx(1.6)

    @pytest.mark.parametrize("words", ["as they are", "whitened", "whitened within classes"])
    def test_keys_move_every_way(self, open_page: Open, bench: Any, words: str) -> None:
        """Catches a grid read in the wrong order, for one way or for all."""
        page = open_page(bench)
        page.get_by_label(words, exact=True).check(force=True)
        for keys in (["Home"], ["ArrowRight"], ["End"], ["ArrowLeft", "ArrowLeft"]):
            press(page, "k copies", *keys)
            press(page, "ρ correlation", "ArrowLeft")
            check_numbers(page)
        press(page, "ρ correlation", "Home")
        assert check_numbers(page)["correlation"] == 0
        assert shown(page)["copies"] == 50

    def test_the_check_above_notices_a_wrong_number(self, open_page: Open, bench: Any) -> None:
        """Catches a comparison that compares nothing."""
        page = open_page(bench)
        page.evaluate("place.__widget.arrays['figures none'][4 * (10 * 13 + 6)] += 1e-3")
        with pytest.raises(AssertionError):
            check_numbers(page)

    def test_a_hundred_copies_in_words(self, open_page: Open, bench: Any) -> None:
        """Catches a verdict that is not of the state shown."""
        page = open_page(bench)
        press(page, "k copies", "End")
        score = WORLD.bayes(100, 1.0, "none")
        verdict = page.locator(".nl-verdict")
        expect(verdict).to_contain_text("101 measurements with correlation 1, are worth 1.00")
        expect(verdict).to_contain_text("naive Bayes counts 101")
        expect(verdict).to_contain_text(f"right in {100 * score.confidence:.1f}\u00a0% of cases")
        expect(verdict).to_contain_text(f"is right in {100 * score.accuracy:.1f}\u00a0%.")
        press(page, "k copies", "Home")
        expect(verdict).to_contain_text("Nothing is copied")


# The colour of the canvas at a place given in CSS pixels.
PIXEL = """([x, y]) => { const { canvas } = place.__widget, d = canvas.width / place.__widget.width;
  return Array.from(canvas.getContext("2d").getImageData(x * d, y * d, 1, 1).data); }"""


class TestPicture:
    @pytest.mark.parametrize("width", [390, 1000])
    def test_dots_lie_where_the_numbers_say(self, open_page: Open, bench: Any, width: int) -> None:
        """Catches right numbers beside a wrong picture: the dots are looked up in its pixels."""
        page = open_page(bench, width=width)
        boxes = page.evaluate("place.__widget.boxes")
        now = shown(page)
        box, (low, high) = boxes["losses"], np.log10([0.01, 40])
        share = (np.log10(now["said"]["loss"]) - low) / (high - low)
        x = box["left"] + (box["right"] - box["left"]) * COPIES.index(10) / (len(COPIES) - 1)
        y = box["bottom"] + share * (box["top"] - box["bottom"])
        box = boxes["points"]
        fourth = now["said"]["points"][3][1]
        left = box["left"] + 8 + fourth * (box["right"] - box["left"] - 16)
        top = box["top"] + (box["bottom"] - box["top"]) * 3.72 / 5
        for place in ((x, y), (left, top)):
            assert page.evaluate(PIXEL, place) == [0x6B, 0x53, 0x00, 255]

    def test_a_pointer_drags_along_the_loss(self, open_page: Open, bench: Any) -> None:
        """Catches a plot that looks like a track and is none, and one that answers elsewhere."""
        page = open_page(bench)
        canvas = page.locator(".nl-copies canvas").bounding_box()
        assert canvas is not None
        box = page.evaluate("place.__widget.boxes.losses")
        middle = canvas["y"] + (box["top"] + box["bottom"]) / 2
        page.mouse.move(canvas["x"] + box["left"], middle)
        page.mouse.down()
        assert check_numbers(page)["copies"] == 0
        page.mouse.move(canvas["x"] + box["right"] + 9, middle)
        assert check_numbers(page)["copies"] == 100
        page.mouse.up()
        page.mouse.click(canvas["x"] + 30, middle)
        assert shown(page)["copies"] == 100

    def test_touch_moves_it_too(self, open_page: Open, bench: Any) -> None:
        """Catches a picture that answers only to a mouse."""
        page = open_page(bench, has_touch=True, width=390)
        page.evaluate("place.__widget.table.scrollIntoView({ block: 'end' })")
        box = page.evaluate("place.__widget.boxes.losses")
        canvas = page.locator(".nl-copies canvas").bounding_box()
        assert canvas is not None
        page.touchscreen.tap(canvas["x"] + box["left"] + 2, canvas["y"] + box["top"] + 50)
        assert page.evaluate("model.get('copies')") == 0


class TestState:
    def test_the_kernel_hears_and_is_heard(self, open_page: Open, bench: Any) -> None:
        """Catches a bench that is not tied to its traits, in either direction."""
        page = open_page(bench)
        press(page, "k copies", "ArrowRight")
        press(page, "ρ correlation", "ArrowLeft")
        assert page.evaluate("[saved.copies, saved.correlation]") == [14, 0.9]
        page.evaluate("model.set('copies', 2); model.set('whitening', 'all')")
        assert check_numbers(page)["copies"] == 2
        slider = page.get_by_label("k copies", exact=True)
        assert slider.get_attribute("aria-valuetext") == "2"
        expect(page.get_by_label("whitened", exact=True)).to_be_checked()

    def test_the_table_has_every_number_of_copies(self, open_page: Open, bench: Any) -> None:
        """Catches a table that stays behind."""
        page = open_page(bench)
        page.locator("summary").click()
        press(page, "ρ correlation", "Home")
        rows = page.locator(".nl-table tbody tr")
        assert rows.locator("th").all_text_contents() == [str(k) for k in COPIES]
        score, best = WORLD.bayes(1, 0.0, "none"), WORLD.best(1, 0.0)
        cells = rows.nth(1).locator("td").all_text_contents()
        assert cells == [
            "2.00",
            f"{score.accuracy:.3f}",
            f"{score.confidence:.3f}",
            f"{score.loss:.2f}",
            f"{score.error:.3f}",
            f"{best.loss:.2f}",
        ]
