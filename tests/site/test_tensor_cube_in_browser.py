"""The Tensor Cube in a browser without a kernel: the cells drawn are the sets of normlib."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from site_checks import visiting

from normlib import Conv2d, Normalize, load_digits
from normlib.plots.blocks import blocks
from normlib.plots.moves import figure
from normlib.widgets import TensorCube
from normlib.widgets.tensor_cube.prepare import configured, example, key_of, label_of, methods

Open = Callable[..., Page]

X = example()
DIVISORS = [1, 2, 3, 6]


@pytest.fixture(scope="module")
def cube() -> TensorCube:
    return TensorCube()


def shown(page: Page) -> dict[str, Any]:
    return page.evaluate("place.__widget.values()")


def check_numbers(page: Page, now: dict[str, Any]) -> None:
    """Compare what is drawn, and written beside it, with a layer of normlib.

    The set is compared by moving one of its values: all that share its mu and sigma answer.
    """
    block = blocks(X)[now["kind"]]
    chosen = configured(DIVISORS)[key_of(now["method"], now["groups"])]
    layer = Normalize(chosen, 6, channel_axis=block.channel_axis)
    index = tuple(now["index"])
    assert now["value"] == block.values[index]
    if now["refused"]:
        with pytest.raises(ValueError, match="needs more than one"):
            layer.forward(block.values)
        assert now["count"] == len(now["shared"]) == 1
    else:
        before = layer.forward(block.values)
        moved = block.values.copy()
        moved[index] += 1
        answers = np.flatnonzero(layer.forward(moved) != before)
        assert now["shared"] == answers.tolist()
        assert now["count"] == len(answers)
        # Both numbers are normlib's own, sent as float64.
        assert now["x_hat"] == before[index]
        assert now["mu"] + now["sigma"] * now["x_hat"] == pytest.approx(now["value"], abs=1e-12)
    told = page.locator(".nl-panel dd").all_text_contents()
    numbers = [figure(now[name]) for name in ("mu", "sigma", "value", "x_hat")]
    assert told == [f"{now['count']} of {block.values.size}", *numbers]
    expect(page.locator(".nl-slice")).to_have_text(now["slice"])


def choose(page: Page, *, method: str | None = None, kind: str | None = None) -> None:
    for value in filter(None, (method, kind)):
        page.locator(f"input[value={value}]").check(force=True)


class TestNumbers:
    def test_it_opens_with_what_python_chose(self, open_page: Open) -> None:
        """Catches a first picture of another value than the poster's."""
        page = open_page(TensorCube(method="group", groups=3, kind="tokens", cell=(2, 3, 1, 1)))
        now = shown(page)
        assert (now["method"], now["groups"], now["kind"]) == ("group", 3, "tokens")
        assert now["index"] == [2, 3, 3]
        check_numbers(page, now)

    @pytest.mark.parametrize("kind", list(blocks(X)))
    def test_every_method_shows_its_own_set(self, open_page: Open, cube: Any, kind: str) -> None:
        """Catches a set, or a number, that belongs to another method or kind of layer."""
        page = open_page(cube)
        choose(page, kind=kind)
        for name, row in methods().items():
            choose(page, method=name)
            for groups in DIVISORS if row.grouped else DIVISORS[:1]:
                if row.grouped:
                    page.evaluate(f"model.set('groups', {groups})")
                now = shown(page)
                assert (now["kind"], now["method"]) == (kind, name)
                check_numbers(page, now)

    def test_the_check_above_notices_a_wrong_number(self, open_page: Open, cube: Any) -> None:
        """Catches a comparison that compares nothing."""
        page = open_page(cube)
        for change in ({"mu": 0.1}, {"x_hat": 0.1}, {"count": 23}, {"shared": [6, 7]}):
            with pytest.raises(AssertionError):
                check_numbers(page, shown(page) | change)

    def test_groups_slide_from_layer_norm_to_instance_norm(
        self, open_page: Open, cube: Any
    ) -> None:
        """Catches a slider that runs through channels per group, or skips a divisor."""
        page = open_page(cube)
        slider = page.get_by_label("G groups")
        expect(slider).to_be_disabled()
        choose(page, method="group")
        slider.press("Home")
        for count, words in zip((36, 18, 12, 6), ("1 × 6", "2 × 3", "3 × 2", "6 × 1"), strict=True):
            now = shown(page)
            assert now["count"] == count
            assert words in (slider.get_attribute("aria-valuetext") or "")
            verdict = page.locator(".nl-verdict").text_content() or ""
            assert ("Layer norm would give exactly" in verdict) == (count == 36)
            assert ("Instance norm would give exactly" in verdict) == (count == 6)
            check_numbers(page, now)
            slider.press("ArrowRight")

    def test_what_normlib_refuses_it_says(self, open_page: Open, cube: Any) -> None:
        """Catches a zero that looks like a result."""
        page = open_page(cube)
        choose(page, method="instance", kind="dense")
        expect(page.locator(".nl-verdict")).to_contain_text("normlib refuses this: instance")


# The middle of each cell, in the page.
MIDDLES = """() => { const { box, canvas } = place.__widget, { xs, ys } = place.__widget.now();
  const at = canvas.getBoundingClientRect();
  return [...xs.keys()].map((k) => [at.left + box.label + (xs[k] + 0.46) * box.side,
                                    at.top + box.label + (ys[k] + 0.46) * box.side]); }"""
# The colour near a corner of each cell, where no number stands.
FACES = """() => { const { box, canvas } = place.__widget, { xs, ys } = place.__widget.now();
  const density = canvas.width / box.width, context = canvas.getContext("2d");
  return [...xs.keys()].map((k) => context.getImageData(
    Math.round((box.label + (xs[k] + 0.1) * box.side) * density),
    Math.round((box.label + (ys[k] + 0.1) * box.side) * density), 1, 1).data.join()); }"""


class TestPicture:
    @pytest.mark.parametrize("method", ["batch", "layer", "group"])
    def test_the_cells_coloured_are_the_set(self, open_page: Open, cube: Any, method: str) -> None:
        """Catches right numbers beside a wrong picture: its pixels are read."""
        page = open_page(cube)
        for kind in blocks(X):
            choose(page, method=method, kind=kind)
            now, faces = shown(page), page.evaluate(FACES)
            (own,) = {faces[k] for k in now["shared"]} - {
                faces[np.ravel_multi_index(now["index"], blocks(X)[kind].values.shape)]
            }
            assert [k for k, face in enumerate(faces) if face == own] == [
                k
                for k in now["shared"]
                if k != np.ravel_multi_index(now["index"], blocks(X)[kind].values.shape)
            ]

    @pytest.mark.parametrize("kind", list(blocks(X)))
    def test_a_pointer_takes_hold_of_every_cell(self, open_page: Open, kind: str) -> None:
        """Catches a pointer whose place is read in another kind's picture."""
        page = open_page(TensorCube(kind=kind))
        middles = page.evaluate(MIDDLES)
        shape = blocks(X)[kind].values.shape
        for k in range(0, len(middles), 7):
            page.mouse.click(*middles[k])
            assert shown(page)["index"] == [int(i) for i in np.unravel_index(k, shape)]

    def test_touch_takes_hold_too(self, open_page: Open, cube: Any) -> None:
        """Catches a picture that answers only to a mouse."""
        page = open_page(cube, has_touch=True, width=320)
        page.touchscreen.tap(*page.evaluate(MIDDLES)[100])
        assert shown(page)["index"] == [int(i) for i in np.unravel_index(100, X.shape)]

    def test_arrow_keys_walk_through_the_picture(self, open_page: Open, cube: Any) -> None:
        """Catches a value that only a pointer can choose."""
        page = open_page(cube)
        stage = page.get_by_role("application")
        walk = [
            ("ArrowRight", [1, 1, 1, 1]),
            ("ArrowRight", [1, 2, 1, 0]),
            ("ArrowDown", [1, 2, 2, 0]),
            ("ArrowDown", [2, 2, 0, 0]),
            ("ArrowUp", [1, 2, 2, 0]),
            ("PageDown", [2, 2, 2, 0]),
            ("PageUp", [1, 2, 2, 0]),
            ("ArrowLeft", [1, 1, 2, 1]),
        ]
        for key, index in walk:
            stage.press(key)
            assert shown(page)["index"] == index
        for _ in range(4):
            stage.press("PageUp")
        assert shown(page)["index"] == [0, 1, 2, 1]

    def test_the_cells_can_show_the_normalized_values(self, open_page: Open, cube: Any) -> None:
        """Catches a control without an effect, and a picture that does not come back."""
        page = open_page(cube)
        picture = "place.__widget.canvas.toDataURL()"
        first = page.evaluate(picture)
        choose(page, method=None, kind="x_hat")
        assert page.evaluate(picture) != first
        page.locator("input[value=a]").check(force=True)
        assert page.evaluate(picture) == first

    def test_a_redraw_is_faster_than_a_frame_on_a_slow_machine(
        self, open_page: Open, cube: Any
    ) -> None:
        """Catches a picture that lags behind a finger."""
        page = open_page(cube, width=1280)
        client = page.context.new_cdp_session(page)
        client.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        times = page.evaluate(
            """() => { const times = [];
            for (let i = 0; i < 60; i++) { const start = performance.now();
              place.__widget.choose((7 * i) % 144); times.push(performance.now() - start); }
            return times; }"""
        )
        # Other work on the machine may slow some of them; the code is as fast as its fastest half.
        assert sorted(times)[len(times) // 4] < 16


class TestState:
    def test_the_same_value_is_followed_from_kind_to_kind(self, open_page: Open) -> None:
        """Catches an index that means another value once the block is read differently."""
        page = open_page(TensorCube(cell=(3, 4, 0, 0)))
        values = []
        for kind in blocks(X):
            choose(page, kind=kind)
            values.append(shown(page)["value"])
        assert values == [X[3, 4, 0, 0]] * 4

    def test_the_kernel_hears_and_is_heard(self, open_page: Open, cube: Any) -> None:
        """Catches a cube that is not tied to its traits, in either direction."""
        page = open_page(cube)
        choose(page, method="layer")
        page.get_by_role("application").press("ArrowRight")
        assert page.evaluate("[saved.method, saved.cell]") == ["layer", 45]
        page.evaluate("model.set('kind', 'tokens'); model.set('method', 'rms')")
        assert (shown(page)["kind"], shown(page)["method"]) == ("tokens", "rms")
        expect(page.locator("input[value=tokens]")).to_be_checked()

    def test_the_table_has_every_method(self, open_page: Open, cube: Any) -> None:
        """Catches a table that stays behind, or leaves a method out."""
        page = open_page(cube)
        page.locator("summary").click()
        choose(page, kind="sequence")
        heads = page.locator(".nl-table tbody th").all_text_contents()
        assert heads == [label_of(key_of(name, 2)) for name in methods()]
        for row, name in enumerate(methods()):
            cells = page.locator(".nl-table tbody tr").nth(row).locator("td").all_text_contents()
            choose(page, method=name)
            now = shown(page)
            numbers = [figure(now[part]) for part in ("mu", "sigma", "x_hat")]
            assert cells == [now["slice"], f"{now['count']}", *numbers]


class TestChapter:
    """The cube in its chapter, in the book's own host: its numbers are those of the page."""

    def test_what_it_draws_is_what_the_page_says_and_normlib_computes(
        self, browser: Browser, address: str
    ) -> None:
        """Catches a page whose widget, poster words and library disagree."""
        convolve = Conv2d(
            1, 6, (4, 5), stride=2, activation="identity", rng=np.random.default_rng(0)
        )
        a = convolve.forward(load_digits(images=True).x_train[:4])
        with visiting(browser, f"{address}/book/one_formula/tensor.html") as visit:
            cube = visit.page.locator(".nl-cube")
            expect(cube).to_be_visible()
            now = cube.evaluate("(e) => e.parentElement.__widget.values()")
            text = visit.page.locator("figure", has=cube).locator(".in-words").text_content() or ""
            assert f"= {figure(now['value'])} is in the set {now['slice']}" in text
            for method in methods():
                cube.locator(f"input[value={method}]").check(force=True)
                now = cube.evaluate("(e) => e.parentElement.__widget.values()")
                chosen = configured(DIVISORS)[key_of(method, now["groups"])]
                z = Normalize(chosen, 6).forward(a)
                index = tuple(now["index"])
                # Built by this library, on this machine or the one that built the site.
                assert now["value"] == pytest.approx(a[index], rel=1e-9)
                assert now["x_hat"] == pytest.approx(z[index], rel=1e-9)
            assert visit.problems == []
