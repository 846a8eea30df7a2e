"""The Formula Bench in a browser without a kernel: what is drawn is what normlib computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from normlib import Normalize, norm
from normlib.plots.moves import FirstFour, figure, stages
from normlib.widgets import FormulaBench
from normlib.widgets.formula_bench import shapes

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def bench() -> FormulaBench:
    return FormulaBench()


def shown(page: Page) -> dict[str, Any]:
    return page.evaluate("place.__widget.values()")


def check_numbers(page: Page, now: dict[str, Any], eps: float) -> None:
    """Compare what is drawn, and written beside it, with a layer of normlib.

    The page and normlib do the same few operations in float64, so 1e-12 is generous.
    """
    values = shapes()[now["sample"]]
    wanted = stages(values, g=now["g"], b=now["b"], eps=eps)
    layer = Normalize(norm("batch", eps=eps), 1)
    layer.params["g"], layer.params["b"] = np.array([now["g"]]), np.array([now["b"]])
    z = layer.forward(values[:, None])[:, 0]
    np.testing.assert_allclose(now["stages"][-1]["values"], z, rtol=1e-12, atol=1e-12)
    assert len(now["stages"]) == len(wanted)
    rows = page.locator(".nl-moves [role=row]:not(.nl-heads)")
    for k, (drawn, stage) in enumerate(zip(now["stages"], wanted, strict=True)):
        assert drawn["name"] == stage.name
        np.testing.assert_allclose(drawn["values"], stage.values, rtol=1e-12, atol=1e-12)
        for name, value in stage.moments._asdict().items():
            if np.isnan(value):
                assert drawn[name] is None
            else:
                assert drawn[name] == pytest.approx(value, rel=1e-9, abs=1e-9), (k, name)
        cells = rows.nth(k).locator("[role=cell]").all_text_contents()
        assert cells == [figure(value) for value in stage.moments]


def press(page: Page, label: str, *keys: str) -> None:
    slider = page.get_by_label(label, exact=True)
    for key in keys:
        slider.press(key)


class TestNumbers:
    def test_it_opens_with_the_numbers_that_python_chose(self, open_page: Open, bench: Any) -> None:
        """Catches a first picture from other numbers than the poster's."""
        page = open_page(bench)
        now = shown(page)
        assert (now["sample"], now["g"], now["b"]) == ("ReLU output", 1.5, -1)
        check_numbers(page, now, 1e-5)

    @pytest.mark.parametrize("sample", list(shapes()))
    def test_keys_move_every_sample(self, open_page: Open, bench: Any, sample: str) -> None:
        """Catches moves that are right for one sample, one g, one b or one eps only."""
        page = open_page(bench)
        page.get_by_label(sample, exact=True).check(force=True)
        press(page, "g re-scale", "PageDown", "ArrowRight")
        press(page, "b re-shift", "Home", "ArrowRight")
        now = shown(page)
        assert now["sample"] == sample
        assert now["g"] == pytest.approx(0.95)
        assert now["b"] == pytest.approx(-3.95)
        check_numbers(page, now, 1e-5)
        for words, eps in (("0", 0.0), ("0.1", 0.1), ("1", 1.0)):
            page.get_by_label("ε").get_by_label(words, exact=True).check(force=True)
            check_numbers(page, shown(page), eps)

    def test_a_g_of_zero_leaves_a_constant(self, open_page: Open) -> None:
        """Catches a division by the variance that g = 0 takes away."""
        page = open_page(FormulaBench(g=0, b=2))
        now = shown(page)
        check_numbers(page, now, 1e-5)
        assert set(now["stages"][4]["values"]) == {2}
        expect(page.locator(".nl-verdict")).to_contain_text("every value becomes b")

    def test_the_check_above_notices_a_wrong_number(self, open_page: Open, bench: Any) -> None:
        """Catches a comparison that compares nothing."""
        page = open_page(bench)
        for change in ("values", "variance"):
            now = shown(page)
            stage = now["stages"][2]
            stage[change] = [v + 1e-9 for v in stage["values"]] if change == "values" else 1.0
            with pytest.raises(AssertionError):
                check_numbers(page, now, 1e-5)

    def test_undo_brings_the_sample_back(self, open_page: Open, bench: Any) -> None:
        """Catches a sigma that a slider's steps have rounded."""
        page = open_page(bench)
        page.get_by_role("button", name="undo").click()
        now = shown(page)
        np.testing.assert_allclose(
            now["stages"][4]["values"], shapes()["ReLU output"], rtol=1e-12, atol=1e-12
        )
        expect(page.locator(".nl-verdict")).to_contain_text("z is a")
        check_numbers(page, now, 1e-5)
        page.get_by_role("button", name="start").click()
        assert (shown(page)["g"], shown(page)["b"]) == (1, 0)
        expect(page.locator(".nl-verdict")).not_to_contain_text("z is a")

    def test_it_says_that_the_shape_stays(self, open_page: Open, bench: Any) -> None:
        """Catches a sentence whose numbers are not those of the sample."""
        page = open_page(bench)
        own = FirstFour(*stages(shapes()["ReLU output"])[0].moments)
        words = f"skewness {figure(own.skewness)} and kurtosis {figure(own.kurtosis)}"
        expect(page.locator(".nl-verdict")).to_contain_text(words)
        press(page, "g re-scale", "Home")
        expect(page.locator(".nl-verdict")).to_contain_text("turned around")
        assert shown(page)["stages"][4]["skewness"] == pytest.approx(-own.skewness)

    def test_an_eps_that_is_not_small_is_told_of(self, open_page: Open) -> None:
        """Catches a variance of 0.47 that goes without a word."""
        page = open_page(FormulaBench(sample="nearly constant"))
        expect(page.locator(".nl-verdict")).to_contain_text("not 1")
        page.get_by_label("ε").get_by_label("0", exact=True).check(force=True)
        expect(page.locator(".nl-verdict")).not_to_contain_text("not 1")


# Where a number line stands in the canvas, and from where to where its bar is drawn.
LINE = "(k) => { const { box } = place.__widget; return box.first + k * box.row + box.base; }"
BAR = """(k) => {
  const { box, canvas } = place.__widget, density = canvas.width / box.width;
  const y = Math.round((box.first + k * box.row + box.base + 4) * density);
  const line = canvas.getContext("2d").getImageData(0, y, canvas.width, 1).data;
  const on = [];
  for (let x = 0; x < canvas.width; x++)
    if (line[4 * x + 3] > 100 && line[4 * x] - line[4 * x + 2] > 40) on.push(x / density);
  return [on[0], on.at(-1), box.width];
}"""


class TestPicture:
    def test_each_bar_spans_mean_and_standard_deviation(self, open_page: Open) -> None:
        """Catches right numbers beside a wrong picture: the bars are measured in its pixels."""
        bench = FormulaBench(sample="two bumps", g=-0.6, b=3.0)
        page = open_page(bench)
        low, high = bench.meta["range"]
        for k, stage in enumerate(bench.stages()):
            left, right, width = page.evaluate(BAR, k)
            unit = width / (high - low)
            std = np.sqrt(stage.moments.variance)
            assert left == pytest.approx((stage.moments.mean - std - low) * unit, abs=2)
            assert right == pytest.approx((stage.moments.mean + std - low) * unit, abs=2)

    def test_the_picture_changes_and_comes_back(self, open_page: Open, bench: Any) -> None:
        """Catches a stale canvas beside fresh numbers."""
        page = open_page(bench)
        picture = "place.__widget.canvas.toDataURL()"
        first = page.evaluate(picture)
        press(page, "b re-shift", "ArrowRight")
        assert page.evaluate(picture) != first
        press(page, "b re-shift", "ArrowLeft")
        assert page.evaluate(picture) == first

    def test_a_pointer_takes_hold_of_a_value_on_any_line(self, open_page: Open, bench: Any) -> None:
        """Catches a pointer whose place is read on another number line."""
        page = open_page(bench)
        box = page.locator(".nl-stage canvas").bounding_box()
        assert box is not None
        low, high = bench.meta["range"]
        for k in (0, 2, 4):
            target = shown(page)["stages"][k]["values"][150]
            x = box["x"] + (target - low) / (high - low) * box["width"]
            y = box["y"] + page.evaluate(LINE, k)
            page.mouse.click(x, y)
            pixel = (high - low) / box["width"]
            assert abs(shown(page)["stages"][k]["one"] - target) < 1.5 * pixel

    def test_touch_takes_hold_too(self, open_page: Open, bench: Any) -> None:
        """Catches a picture that answers only to a mouse."""
        page = open_page(bench, has_touch=True, width=390)
        box = page.locator(".nl-stage canvas").bounding_box()
        assert box is not None
        page.touchscreen.tap(box["x"] + 0.2 * box["width"], box["y"] + 100)
        assert page.evaluate("model.get('follow')") < 20

    def test_one_value_is_followed_by_keyboard(self, open_page: Open, bench: Any) -> None:
        """Catches a value that only a pointer can choose."""
        page = open_page(bench)
        press(page, "one value", "Home")
        now = shown(page)
        assert [stage["one"] for stage in now["stages"]] == [
            min(stage["values"]) for stage in now["stages"]
        ]
        slider = page.get_by_label("one value", exact=True)
        assert slider.get_attribute("aria-valuetext") == "a = 0.00"
        press(page, "one value", "End")
        assert page.evaluate("model.get('follow')") == 239


class TestState:
    def test_the_kernel_hears_and_is_heard(self, open_page: Open, bench: Any) -> None:
        """Catches a bench that is not tied to its traits, in either direction."""
        page = open_page(bench)
        press(page, "g re-scale", "ArrowRight")
        assert page.evaluate("saved.g") == pytest.approx(1.55)
        page.evaluate("model.set('g', -0.7); model.set('sample', 'two values')")
        now = shown(page)
        assert (now["sample"], now["g"]) == ("two values", -0.7)
        assert (
            page.get_by_label("g re-scale", exact=True).get_attribute("aria-valuetext") == "−0.70"
        )
        expect(page.get_by_label("two values", exact=True)).to_be_checked()

    def test_a_sample_of_ones_own_needs_no_menu(self, open_page: Open) -> None:
        """Catches a menu with one entry."""
        page = open_page(FormulaBench(np.array([1.0, 2.0, 4.0])))
        expect(page.get_by_role("radiogroup", name="Sample")).to_have_count(0)
        assert shown(page)["stages"][0]["values"] == [1, 2, 4]

    def test_the_table_says_what_is_drawn(self, open_page: Open, bench: Any) -> None:
        """Catches a table that stays behind."""
        page = open_page(bench)
        page.locator("summary").click()
        press(page, "b re-shift", "End")
        cells = page.locator(".nl-table tbody tr").nth(4).locator("td").all_text_contents()
        last = stages(shapes()["ReLU output"], g=1.5, b=4.0)[4]
        wanted = [*last.moments, last.values.min(), last.values.max(), last.values[216]]
        assert cells == [figure(value) for value in wanted]
