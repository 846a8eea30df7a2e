"""The Activation Player in a browser: what is drawn is what the Trace says, by every means."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

sys.path.insert(0, str(Path(__file__).parents[1] / "widgets"))
from fake_traces import make_runs, make_trace, without

from normlib.plots import shapes
from normlib.widgets import ActivationPlayer
from normlib.widgets.activation_player.encode import LEVELS

SIGNALS = ("a", "x_hat", "z", "h")
STEPS = tuple(range(0, 70))
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def runs() -> dict[str, Any]:
    """As many frames and layers as a chapter has."""
    return make_runs(steps=STEPS, length=70, layers=8)


@pytest.fixture(scope="module")
def player(runs: dict[str, Any]) -> ActivationPlayer:
    return ActivationPlayer(runs, frame=20, title="Three runs")


def shown(page: Page) -> dict[str, Any]:
    return page.evaluate("place.__widget.values()")


def check_numbers(now: dict[str, Any], runs: dict[str, Any], bins: int = 40) -> None:
    """Compare what is drawn with the traces, for the step and signal that the page shows."""
    for key, trace in runs.items():
        drawn = now["runs"][key]
        if now["signal"] not in trace.signals:
            assert "mean" not in drawn
            continue
        row = int(np.flatnonzero(trace.steps == now["step"])[0])
        signal = trace.signals[now["signal"]]
        for part in ("mean", "std", "spread"):
            assert drawn[part] == list(getattr(signal, part)[row].astype(np.float32)), (key, part)
        outlines = np.array(drawn["outlines"])
        assert np.abs(outlines - shapes(signal, bins)[row]).max() <= 0.5 / LEVELS + 1e-6
        assert np.abs(np.array(drawn["saturated"]) - signal.saturated[row]).max() <= 0.003
        assert drawn["loss"] == np.float32(trace.loss[now["step"]])


class TestNumbers:
    def test_it_opens_on_the_frame_that_python_chose(self, open_page: Open, player: Any) -> None:
        page = open_page(player)
        root = page.locator(".nl-player")
        assert root.get_attribute("data-step") == "20"
        assert root.get_attribute("data-signal") == "z"
        assert root.get_attribute("aria-label") == "Three runs"

    @pytest.mark.parametrize("signal", SIGNALS)
    def test_keys_reach_any_frame_and_draw_its_numbers(
        self, open_page: Open, player: Any, runs: dict[str, Any], signal: str
    ) -> None:
        page = open_page(player)
        page.locator(f"input[value={signal}]").check(force=True)
        slider = page.get_by_role("slider")
        slider.press("Home")
        slider.press("PageDown")
        for key in ("PageUp", "ArrowRight", "ArrowUp", "Shift+ArrowRight", "ArrowLeft"):
            slider.press(key)
        now = shown(page)
        assert (now["step"], now["signal"]) == (21, signal)
        check_numbers(now, runs)
        slider.press("End")
        now = shown(page)
        assert now["step"] == 69
        check_numbers(now, runs)

    def test_the_check_above_notices_a_wrong_number(
        self, open_page: Open, player: Any, runs: dict[str, Any]
    ) -> None:
        now = shown(open_page(player))
        now["runs"]["batch"]["std"][3] *= 1.001
        with pytest.raises(AssertionError):
            check_numbers(now, runs)

    def test_dragging_the_loss_curve_moves_the_playhead(
        self, open_page: Open, player: Any, runs: dict[str, Any]
    ) -> None:
        page = open_page(player)
        box = page.get_by_role("slider").bounding_box()
        assert box is not None
        y = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + 0.3 * box["width"], y)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.6 * box["width"], y, steps=4)
        middle = shown(page)
        page.mouse.move(box["x"] + box["width"] + 50, y)
        page.mouse.up()
        assert 35 < middle["step"] < 50
        check_numbers(middle, runs)
        assert shown(page)["step"] == 69
        page.mouse.move(box["x"] + 0.2 * box["width"], y)
        assert shown(page)["step"] == 69  # released: moving on does nothing

    def test_touch_moves_the_playhead(self, open_page: Open, player: Any) -> None:
        page = open_page(player, has_touch=True, width=390)
        box = page.get_by_role("slider").bounding_box()
        assert box is not None
        page.touchscreen.tap(box["x"] + 0.8 * box["width"], box["y"] + 50)
        assert shown(page)["step"] > 50

    def test_the_canvas_really_changes_with_the_frame(self, open_page: Open, player: Any) -> None:
        # Numbers could be right and the picture stale.
        page = open_page(player)
        picture = "document.querySelectorAll('.nl-run [role=img]')[1].toDataURL()"
        first = page.evaluate(picture)
        page.get_by_role("slider").press("ArrowRight")
        second = page.evaluate(picture)
        page.get_by_role("slider").press("ArrowLeft")
        assert first != second
        assert page.evaluate(picture) == first

    def test_the_ridge_stands_where_mean_and_std_say(self, open_page: Open) -> None:
        """Find the coloured bar of mean ± std in the pixels and measure it."""
        trace = make_trace("batch", layers=1)
        page = open_page(ActivationPlayer({"batch": trace}, frame=4))
        left, right, box, width = page.evaluate(
            """() => {
              const canvas = document.querySelector('.nl-run [role=img]');
              const gl = canvas.getContext('2d');
              const k = canvas.width / parseFloat(canvas.style.width);
              const row = Math.ceil(0.75 * (60 - 14)) + 60 - 14 + 4;
              const side = 96, end = parseFloat(canvas.style.width) - side - 10;
              const line = gl.getImageData(0, Math.round(row * k), Math.round(end * k), 1).data;
              const on = [];
              const blue = (x) => line[4 * x + 2] > line[4 * x] + 40;
              for (let x = 0; x < line.length / 4; x++) if (blue(x)) on.push(x / k);
              return [on[0], on.at(-1), [54, end], canvas.width];
            }"""
        )
        low, high = ActivationPlayer({"batch": trace}).meta["ranges"]["z"]
        unit = (box[1] - box[0]) / (high - low)
        z = trace.signals["z"]
        assert width > 0
        assert left == pytest.approx(box[0] + (z.mean[4, 0] - z.std[4, 0] - low) * unit, abs=2)
        assert right == pytest.approx(box[0] + (z.mean[4, 0] + z.std[4, 0] - low) * unit, abs=2)


class TestWords:
    def test_the_slider_speaks_of_step_and_losses(
        self, open_page: Open, player: Any, runs: dict[str, Any]
    ) -> None:
        page = open_page(player)
        slider = page.get_by_role("slider")
        slider.press("ArrowRight")
        losses = [f"{runs[key].loss[21]:.2f}" for key in runs]
        assert slider.get_attribute("aria-valuenow") == "21"
        assert slider.get_attribute("aria-valuemax") == "69"
        assert slider.get_attribute("aria-valuetext") == (
            f"step 21 of 70; loss No normalization {losses[0]}, Layer norm {losses[1]}, "
            f"Batch norm {losses[2]}"
        )

    def test_the_table_follows_the_playhead(
        self, open_page: Open, player: Any, runs: dict[str, Any]
    ) -> None:
        page = open_page(player)
        page.locator("summary").click()
        page.get_by_role("slider").press("End")
        table = page.locator(".nl-table table")
        assert table.locator("caption").text_content() == "Signal z at step 69"
        cells = table.locator("tbody").nth(2).locator("tr").nth(8).locator("td").all_text_contents()
        z = runs["batch"].signals["z"]
        assert cells[1] == f"{z.std[69, 7]:.2f}"
        assert cells[3] == f"{100 * round(200 * z.saturated[69, 7]) / 200:.0f} %"

    def test_each_run_says_what_the_signal_is(self, open_page: Open, player: Any) -> None:
        page = open_page(player)
        assert "z = a" in page.locator(".nl-run").nth(0).text_content()
        page.locator("input[value=x_hat]").check(force=True)
        first, second, third = page.locator(".nl-run").all()
        assert first.locator(".nl-absent").text_content() == "There is no x̂: nothing is normalized."
        assert first.locator(".nl-absent").is_visible()
        assert "for each sample" in second.text_content()
        assert "for each unit" in third.text_content()

    def test_a_layer_without_the_signal_has_an_empty_row_that_says_so(
        self, open_page: Open
    ) -> None:
        # Catches NaN that spreads from one layer into axes, strips and numbers of the others.
        whole = make_trace("layer")
        part = without(whole, "x_hat", 1)
        player = ActivationPlayer({"batch": whole, "layer": part}, signal="x_hat", frame=3)
        page = open_page(player)
        page.get_by_label("means of single units").check()
        now = shown(page)
        check_numbers({**now, "runs": {"batch": now["runs"]["batch"]}}, {"batch": whole})
        drawn = now["runs"]["layer"]
        assert np.isnan(drawn["std"]).tolist() == [False, True, False]
        # The two runs differ in nothing but this row: coloured pixels of each ridge, of what stays
        # behind it (in the first run from the gutter on), and of the strip beside it.
        ink = page.evaluate(
            """() => {
              const { box } = place.__widget;
              const count = (run, canvas, layer, [from, to]) => {
                const k = canvas.width / parseFloat(canvas.style.width);
                const left = (run ? 0 : box.gutter) + from;
                const bar = box.top + (layer + 1) * box.row - box.foot;
                const { data } = canvas.getContext('2d').getImageData(
                  left * k, (bar - 8) * k, (to - from) * k, 16 * k);
                return data.filter((value, i) => i % 4 === 3 && value).length;
              };
              const ridge = [0, box.cell - box.side - 10], strip = [box.cell - box.side, box.cell];
              return Array.from(document.querySelectorAll('.nl-run'), (root, run) => {
                const [still, moving] = root.querySelectorAll('canvas');
                return [0, 1, 2].map((layer) =>
                  [[moving, ridge], [still, ridge], [still, strip]].map(([canvas, part]) =>
                    count(run, canvas, layer, part)));
              });
            }"""
        )
        for layer in (0, 2):
            assert ink[0][layer][::2] == ink[1][layer][::2]
            assert min(ink[1][layer]) > 100
        moving, behind, strip = ink[1][1]
        assert (moving, strip) == (0, 0)
        assert 0 < behind < 0.2 * ink[0][1][1]  # the axis' lines, and no baseline
        page.locator("summary").click()
        row = page.locator(".nl-table table tbody").nth(1).locator("tr").nth(2)
        cells = row.locator("th, td")
        expect(cells).to_have_text(["layer 2", "no x̂", "–", "–", "–"])  # it fills when it opens

    def test_a_diverged_run_keeps_its_last_frame_and_says_so(self, open_page: Open) -> None:
        bad = make_trace("none", loss=np.array([2.0, 8.0, np.nan]), steps=(0, 1), length=3)
        page = open_page(ActivationPlayer({"none": bad, "batch": make_trace()}, frame=-1))
        now = shown(page)
        assert now["step"] == 9
        assert now["runs"]["none"]["step"] == 1
        assert "diverged at step 2" in page.locator(".nl-run").nth(0).text_content()

    def test_playing_does_not_flood_the_live_region(self, open_page: Open, player: Any) -> None:
        page = open_page(player)
        page.evaluate(
            """() => { globalThis.said = 0;
            const watched = { childList: true, characterData: true, subtree: true };
            new MutationObserver((all) => (said += all.length)).observe(
              document.querySelector('[aria-live]'), watched); }"""
        )
        page.get_by_role("button", name="Play").click()
        page.wait_for_function("Number(document.querySelector('.nl-player').dataset.step) > 40")
        assert page.evaluate("said") == 0
        page.get_by_role("button", name="Pause").click()
        page.wait_for_function("said > 0")


class TestPlaying:
    def test_nothing_moves_before_the_reader_presses_play(
        self, open_page: Open, player: Any
    ) -> None:
        page = open_page(player)
        page.wait_for_timeout(300)
        assert shown(page)["step"] == 20
        assert page.locator(".nl-player[data-playing]").count() == 0

    def test_play_runs_to_the_end_and_stops(self, open_page: Open, player: Any) -> None:
        page = open_page(player)
        page.get_by_role("slider").press("End")
        page.get_by_role("button", name="Play").click()  # at the end it begins anew
        page.wait_for_function("Number(document.querySelector('.nl-player').dataset.step) < 30")
        page.evaluate("place.__widget.goTo(66)")
        page.get_by_role("slider").press(" ")
        page.wait_for_selector(".nl-player[data-step='69']:not([data-playing])", timeout=8000)

    def test_between_frames_the_picture_moves_but_numbers_are_recorded_ones(
        self, open_page: Open, player: Any, runs: dict[str, Any]
    ) -> None:
        page = open_page(player)
        page.get_by_role("button", name="Play").click()
        page.wait_for_function("Number(document.querySelector('.nl-player').dataset.step) > 23")
        check_numbers(shown(page), runs)

    def test_with_reduced_motion_frames_are_not_blended(self, open_page: Open, player: Any) -> None:
        page = open_page(player, reduced_motion="reduce")
        page.evaluate(
            """() => { globalThis.pictures = new Set();
            const canvas = document.querySelectorAll('.nl-run [role=img]')[2];
            const look = () => { pictures.add(canvas.toDataURL()); requestAnimationFrame(look); };
            look(); }"""
        )
        page.get_by_role("button", name="Play").click()
        page.wait_for_function("Number(document.querySelector('.nl-player').dataset.step) > 26")
        count = page.evaluate("pictures.size")
        assert count <= 1 + int(page.locator(".nl-player").get_attribute("data-step") or 0) - 20 + 1

    def test_the_kernel_hears_where_the_playhead_rests(self, open_page: Open, player: Any) -> None:
        page = open_page(player)
        page.get_by_role("slider").press("ArrowRight")
        page.locator("input[value=h]").check(force=True)
        assert page.evaluate("saved") == {"frame": 21, "signal": "h"}

    def test_the_kernel_can_move_it(self, open_page: Open, player: Any) -> None:
        page = open_page(player)
        page.evaluate("model.set('frame', 33); model.set('signal', 'a')")
        now = shown(page)
        assert (now["step"], now["signal"]) == (33, "a")


class TestLooks:
    def test_in_narrow_columns_the_strips_come_on_request(
        self, open_page: Open, player: Any
    ) -> None:
        page = open_page(player, width=320)
        label = page.get_by_label("over all steps")
        root = page.locator(".nl-player")
        assert root.get_attribute("data-strips") == "no"
        label.check()
        assert root.get_attribute("data-strips") == "yes"
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.set_viewport_size({"width": 900, "height": 800})
        page.wait_for_selector("[data-tight=no]")
        assert not label.is_visible()

    def test_single_units_are_drawn_on_request(self, open_page: Open, player: Any) -> None:
        page = open_page(player)
        picture = "document.querySelector('.nl-run [role=img]').toDataURL()"
        without = page.evaluate(picture)
        page.get_by_label("means of single units").check()
        assert page.evaluate(picture) != without

    def test_a_redraw_is_faster_than_a_frame_on_a_slow_machine(
        self, open_page: Open, player: Any
    ) -> None:
        page = open_page(player, width=1280)
        client = page.context.new_cdp_session(page)
        client.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        times = page.evaluate(
            """() => { const times = [];
            for (let i = 0; i < 60; i++) { const start = performance.now();
              place.__widget.goTo(i); times.push(performance.now() - start); }
            return times; }"""
        )
        # Other work on the machine may slow some of them; the code is as fast as its fastest half.
        assert sorted(times)[len(times) // 4] < 16


class TestStreaming:
    """The kernel's messages, without a kernel."""

    @staticmethod
    def send(
        page: Page, widget: ActivationPlayer, message: dict[str, Any], data: bytes = b""
    ) -> None:
        page.evaluate(
            """([message, data]) => model.fire('msg:custom', message,
                 [new DataView(Uint8Array.from(data).buffer)])""",
            [message, list(data)],
        )

    def stream(self, page: Page, widget: ActivationPlayer, trace: Any) -> None:
        sent: list[tuple[dict[str, Any], list[bytes]]] = []
        widget.send = lambda message, buffers=(): sent.append((message, list(buffers)))
        widget.stream("batch", trace, 30)
        (message, buffers), *_ = sent
        self.send(page, widget, message, buffers[0])

    def test_frames_arrive_and_the_end_replaces_them(self, open_page: Open) -> None:
        widget = ActivationPlayer(make_runs())
        page = open_page(widget)
        self.send(page, widget, {"type": "start", "run": "batch", "total": 30})
        page.wait_for_function("!place.__widget.values().runs.batch.mean")
        assert "waiting for the first frame" in page.locator(".nl-run").nth(2).text_content()
        for step in (0, 3, 17):
            self.stream(
                page, widget, make_trace("batch", steps=(step,), length=step + 1, seed=step)
            )
            page.wait_for_selector(f"[data-step='{step}']")
        assert "17" not in page.locator("[aria-live]").text_content()  # not every frame aloud
        now = shown(page)
        wanted = make_trace("batch", steps=(17,), length=18, seed=17).signals["z"]
        assert now["runs"]["batch"]["std"] == list(wanted.std[0].astype(np.float32))
        assert now["runs"]["none"]["step"] == 9  # the other runs stay
        assert "of 30" in page.get_by_role("slider").get_attribute("aria-valuetext")

        final = {"batch": make_trace("batch", steps=(0, 3, 17), length=18, seed=5)}
        whole = ActivationPlayer(make_runs("none", "layer") | final)
        page.evaluate(
            """([meta, data]) => { model.set('meta', meta);
                 model.set('data', new DataView(Uint8Array.from(data).buffer)); }""",
            [whole.meta, list(whole.data)],
        )
        page.wait_for_selector("[data-step='17']")
        page.wait_for_function("place.__widget.values().runs.batch.step === 17")
        check_numbers({**shown(page), "runs": {"batch": shown(page)["runs"]["batch"]}}, final)

    def test_a_deeper_network_may_stream_in(self, open_page: Open) -> None:
        widget = ActivationPlayer(make_runs())
        page = open_page(widget)
        before = page.locator(".nl-layers").nth(1).bounding_box()
        self.send(page, widget, {"type": "start", "run": "batch", "total": 30})
        self.stream(page, widget, make_trace("batch", steps=(0,), length=1, layers=9))
        page.wait_for_function("place.__widget.values().runs.batch.mean?.length === 9")
        after = page.locator(".nl-layers").nth(1).bounding_box()
        assert before is not None
        assert after is not None
        assert after["height"] > before["height"]
        page.locator("summary").click()
        rows = page.locator(".nl-table tbody").nth(2).locator("tr")
        expect(rows).to_have_count(10)  # the table fills when it opens

    def test_a_cancelled_run_comes_back_as_it_was(self, open_page: Open) -> None:
        runs = make_runs()
        widget = ActivationPlayer(runs, frame=2)
        page = open_page(widget)
        self.send(page, widget, {"type": "start", "run": "batch", "total": 30})
        self.send(page, widget, {"type": "cancel", "run": "batch"})
        page.wait_for_function("place.__widget.values().runs.batch.mean")
        page.get_by_role("slider").press("Home")
        check_numbers(shown(page), runs)

    def test_a_silent_kernel_is_asked_and_then_told_of(self, open_page: Open) -> None:
        widget = ActivationPlayer(make_runs())
        page = open_page(widget, clock=True)
        self.send(page, widget, {"type": "start", "run": "batch", "total": 30})
        self.stream(page, widget, make_trace("batch", steps=(4,), length=5))
        page.wait_for_selector("[data-step='4']")
        page.clock.run_for(6_000)
        assert page.evaluate("sent") == [{"type": "ping"}]
        assert not page.locator(".nl-status").is_visible()
        page.clock.run_for(6_000)
        assert "No answer from the kernel" in page.locator(".nl-status").text_content()
        assert page.locator(".nl-player").get_attribute("data-step") == "4"
        self.send(page, widget, {"type": "pong"})
        self.stream(page, widget, make_trace("batch", steps=(6,), length=7))
        page.wait_for_selector("[data-step='6']")
        assert not page.locator(".nl-status").is_visible()

    def test_a_kernel_that_answers_is_alive(self, open_page: Open) -> None:
        widget = ActivationPlayer(make_runs())
        page = open_page(widget, clock=True)
        self.send(page, widget, {"type": "start", "run": "batch", "total": 30})
        for _ in range(4):
            page.clock.run_for(6_000)
            self.send(page, widget, {"type": "pong"})
        assert not page.locator(".nl-status").is_visible()

    def test_a_closed_comm_is_told_at_once(self, open_page: Open) -> None:
        page = open_page(ActivationPlayer(make_runs()))
        page.evaluate("model.comm_live = false; model.fire('comm_live_update')")
        assert page.locator(".nl-status").is_visible()
