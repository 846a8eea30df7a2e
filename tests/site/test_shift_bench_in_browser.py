"""The Shift Bench in a browser without a kernel: what is drawn is what NumPy computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from normlib.widgets import ShiftBench

Open = Callable[..., Page]

FIGURES = ".nl-told dd b"


@pytest.fixture(scope="module")
def bench() -> ShiftBench:
    return ShiftBench()


def shown(page: Page) -> dict[str, Any]:
    return page.evaluate("place.__widget.values()")


def press(page: Page, label: str, *keys: str) -> None:
    slider = page.get_by_label(label, exact=True)
    for key in keys:
        slider.press(key)


def check_numbers(now: dict[str, Any]) -> None:
    """Compare what is drawn with polynomials, weights and outcomes from Python."""
    mean, spread = now["target"]
    setting = {"degree": now["degree"], "points": now["points"], "power": now["power"]}
    twin = ShiftBench(mean=mean, spread=spread, **setting)
    x, y, shares = twin.sample()
    assert (now["x"], now["y"]) == (x.tolist(), y.tolist())
    np.testing.assert_allclose(now["shares"], shares, rtol=1e-10)
    for name, fit in zip(("plainCurve", "weightedCurve"), twin.fits(), strict=True):
        u, drawn = np.transpose(now[name])
        np.testing.assert_allclose(drawn, np.polyval(fit[::-1], u), rtol=1e-10, atol=1e-12)
    found = twin.outcome()
    assert now["plain"] == list(found.plain)
    assert now["weighted"] == list(found.weighted)
    assert now["worth"] == list(found.worth)
    assert now["wins"] == found.wins
    powers = twin.meta["power"]
    assert now["errors"] == [list(twin.outcome(power=power).weighted) for power in powers]


class TestNumbers:
    def test_it_opens_with_what_python_chose(self, open_page: Open) -> None:
        """Catches a first picture of another setting than the poster's."""
        page = open_page(ShiftBench(mean=-0.4, spread=0.5, points=400, power=0.6, degree=3))
        now = shown(page)
        assert now["target"] == [-0.4, 0.5]
        assert (now["points"], now["power"], now["degree"]) == (400, 0.6, 3)
        check_numbers(now)

    def test_every_control_leads_to_its_own_numbers(self, open_page: Open, bench: Any) -> None:
        """Catches a slider that moves another axis of the grid, at its ends and between."""
        page = open_page(bench)
        check_numbers(shown(page))
        for label, words in (("Model", "cubic"), ("Points", "20"), ("Points", "400")):
            page.get_by_label(label).get_by_label(words, exact=True).check(force=True)
            check_numbers(shown(page))
        for label, name, index in (
            ("target's mean", "target", 0),
            ("target's spread", "target", 1),
            ("λ weights' exponent", "power", None),
        ):
            seen = []
            for key in ("Home", "ArrowRight", "End", "ArrowLeft"):
                press(page, label, key)
                now = shown(page)
                check_numbers(now)
                seen.append(now[name] if index is None else now[name][index])
            assert len(set(seen)) == 4, label

    def test_the_check_above_notices_a_wrong_number(self, open_page: Open, bench: Any) -> None:
        """Catches a comparison that compares nothing."""
        page = open_page(bench)
        for name in ("shares", "plain", "weighted", "worth", "errors", "weightedCurve"):
            now = shown(page)
            values = np.array(now[name])
            now[name] = (values * (1 + 1e-6)).tolist()
            with pytest.raises(AssertionError):
                check_numbers(now)

    def test_the_figures_are_written_out(self, open_page: Open, bench: Any) -> None:
        """Catches words beside the picture that belong to another setting."""
        page = open_page(bench)
        found = bench.outcome()
        told = page.locator(FIGURES).all_text_contents()
        wanted = [found.plain.middle, found.weighted.middle, found.wins, found.worth.middle]
        np.testing.assert_allclose([float(words) for words in told], wanted, rtol=0.03)
        press(page, "target's mean", "Home")
        moved = ShiftBench(mean=-1.0).outcome()
        told = page.locator(FIGURES).all_text_contents()
        wanted = [moved.plain.middle, moved.weighted.middle, moved.wins, moved.worth.middle]
        np.testing.assert_allclose([float(words) for words in told], wanted, rtol=0.03)


class TestVerdict:
    @pytest.mark.parametrize(
        ("setting", "words"),
        [
            ({}, "better in 50 of 50 draws: here the weights help"),
            ({"degree": 3, "points": 20}, "better in 7 of 50 draws: here the weights do harm"),
            ({"degree": 3, "points": 20, "power": 0.4}, "a coin could have done that"),
            ({"power": 0.0}, "every weight is 1"),
            ({"mean": 0.5, "spread": 0.5}, "nothing to correct"),
        ],
    )
    def test_it_says_what_the_draws_say(
        self, open_page: Open, setting: dict[str, Any], words: str
    ) -> None:
        """Catches a harm that is called a help, and a tie that is called either."""
        page = open_page(ShiftBench(**setting))
        expect(page.locator(".nl-verdict")).to_contain_text(words)
        tie = "nothing" in words or "every" in words
        assert (page.locator(FIGURES).nth(2).text_content() == "–") == tie


# The pixels where the unweighted and the weighted dot should have their middles.
DOTS = """() => {
  const { box, canvas, meta } = place.__widget, density = canvas.width / box.width;
  const now = place.__widget.values(), context = canvas.getContext("2d");
  const [low, high] = meta.decades[meta.degree.indexOf(now.degree)];
  const { left, right, top, bottom } = box.errors;
  const at = (power, error) => {
    const x = left + power * (right - left);
    const y = bottom - (Math.log10(error) - low) / (high - low) * (bottom - top);
    return [...context.getImageData(Math.round(x * density), Math.round(y * density), 1, 1).data];
  };
  return [at(0, now.plain[1]), at(now.power, now.weighted[1])];
}"""


class TestPicture:
    def test_each_dot_stands_at_its_error(self, open_page: Open, bench: Any) -> None:
        """Catches right numbers beside a wrong picture: the dots' own pixels are read."""
        page = open_page(bench)
        press(page, "λ weights' exponent", "ArrowLeft")
        plain, weighted = page.evaluate(DOTS)
        assert plain[:3] == pytest.approx([0x62, 0x5D, 0x55], abs=3)
        assert weighted[:3] == pytest.approx([0x4B, 0x6A, 0x1F], abs=3)
        assert plain[3] == weighted[3] == 255

    def test_the_picture_changes_and_comes_back(self, open_page: Open, bench: Any) -> None:
        """Catches a stale canvas beside fresh numbers."""
        page = open_page(bench)
        picture = "place.__widget.canvas.toDataURL()"
        first = page.evaluate(picture)
        for label in ("target's mean", "target's spread", "λ weights' exponent"):
            press(page, label, "ArrowLeft")
            assert page.evaluate(picture) != first
            press(page, label, "ArrowRight")
            assert page.evaluate(picture) == first


class TestState:
    def test_the_kernel_hears_and_is_heard(self, open_page: Open, bench: Any) -> None:
        """Catches a bench that is not tied to its traits, in either direction."""
        page = open_page(bench)
        press(page, "target's mean", "ArrowLeft")
        assert page.evaluate("saved.mean") == pytest.approx(-0.1)
        page.evaluate("model.set('degree', 3); model.set('points', 400)")
        now = shown(page)
        assert (now["degree"], now["points"]) == (3, 400)
        check_numbers(now)
        expect(page.get_by_label("cubic", exact=True)).to_be_checked()

    def test_the_table_has_every_exponent(self, open_page: Open, bench: Any) -> None:
        """Catches a table that stays behind, or has less than the picture."""
        page = open_page(bench)
        page.locator("summary").click()
        press(page, "target's mean", "ArrowLeft")
        rows = page.locator(".nl-table tbody tr")
        assert rows.count() == 6
        twin = ShiftBench(mean=-0.1)
        for k, power in enumerate(twin.meta["power"]):
            size, *errors, wins = rows.nth(k).locator("td").all_text_contents()
            found = twin.outcome(power=power)
            assert float(size) == pytest.approx(found.worth.middle, rel=0.02)
            np.testing.assert_allclose([float(e) for e in errors], found.weighted, rtol=0.03)
            assert wins == ("–" if power == 0 else f"{found.wins}")
