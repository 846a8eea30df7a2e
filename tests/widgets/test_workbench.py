"""Training again from controls: nothing may be lost, run twice or left hanging."""

from __future__ import annotations

from threading import Event
from types import SimpleNamespace
from typing import Any

import ipywidgets
import pytest
from fake_traces import make_runs, make_trace

from normlib.record import Trace
from normlib.widgets import ActivationPlayer, Workbench

WAIT = 20  # seconds; far more than any of these threads needs


@pytest.fixture
def player() -> ActivationPlayer:
    return ActivationPlayer(make_runs("none", "batch"))


def train(name: str, *, on_step: Any, lr: float = 0.1) -> Trace:
    on_step(0, 2.0, None)
    return make_trace(name, seed=int(100 * lr))


class TestControls:
    def test_each_kind_of_choice_gets_its_control(self, player: ActivationPlayer) -> None:
        slider = ipywidgets.FloatSlider(value=0.1)

        def many(name: str, *, on_step: Any, depth: int = 4, **rest: Any) -> None: ...

        bench = Workbench(
            player, many, depth=[2, 4, 8], width=range(8, 65, 8), bias=True, init_scale=slider
        )
        kinds = [type(control).__name__ for control in bench.controls.values()]
        assert kinds == ["Dropdown", "IntSlider", "Checkbox", "FloatSlider"]
        assert bench.values == {"depth": 4, "width": 8, "bias": True, "init_scale": 0.1}
        assert bench.controls["width"].max == 64
        assert bench.controls["init_scale"].description == "init scale"

    @pytest.mark.parametrize(
        ("lr", "error", "message"),
        [
            ([], ValueError, "lr must offer at least one value"),
            (range(0), ValueError, "lr must offer at least one value"),
            (0.1, TypeError, "lr must be a list of values"),
        ],
    )
    def test_choices_that_are_none(
        self, player: ActivationPlayer, lr: Any, error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            Workbench(player, train, lr=lr)

    def test_a_function_that_does_not_fit_is_refused_at_once(
        self, player: ActivationPlayer
    ) -> None:
        # Catches an error that would come only after the click.
        with pytest.raises(TypeError, match="got no argument 'depth'"):
            Workbench(player, train, depth=[1])
        with pytest.raises(TypeError, match="got no argument 'on_step'"):
            Workbench(player, lambda name, lr: None, lr=[1])
        with pytest.raises(TypeError, match="train must be callable"):
            Workbench(player, 3)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="player must be an ActivationPlayer"):
            Workbench("player", train)  # type: ignore[arg-type]

    def test_words_are_stable(self, player: ActivationPlayer) -> None:
        bench = Workbench(player, train, lr=[0.1])
        text = bench._repr_mimebundle_()["text/plain"]
        assert repr(bench) == "Workbench(lr)"
        assert text == "Controls for training again, where a kernel runs: lr."


class TestTraining:
    def test_all_runs_are_trained_with_the_values_of_the_controls(
        self, player: ActivationPlayer
    ) -> None:
        seen: list[tuple[str, float]] = []

        def noted(name: str, *, on_step: Any, lr: float) -> Any:
            seen.append((name, lr))
            return SimpleNamespace(trace=make_trace(name, seed=7))  # a History works too

        bench = Workbench(player, noted, lr=[0.1, 0.5])
        bench.controls["lr"].value = 0.5
        before = player.data
        bench.start()
        assert bench.wait(WAIT)
        assert seen == [("none", 0.5), ("batch", 0.5)]
        assert bench.status == "Done."
        assert player.data != before

    def test_the_buttons_follow(self, player: ActivationPlayer) -> None:
        begun, go = Event(), Event()

        def slow(name: str, *, on_step: Any) -> Trace:
            begun.set()
            assert go.wait(WAIT)
            return make_trace(name)

        bench = Workbench(player, slow)
        assert (bench._again.disabled, bench._end.disabled) == (False, True)
        bench._again.click()
        assert begun.wait(WAIT)
        assert (bench._again.disabled, bench._end.disabled) == (True, False)
        assert bench.running
        go.set()
        assert bench.wait(WAIT)
        assert (bench._again.disabled, bench._end.disabled) == (False, True)

    def test_a_second_click_does_not_start_a_second_thread(self, player: ActivationPlayer) -> None:
        begun, go, count = Event(), Event(), []

        def slow(name: str, *, on_step: Any) -> Trace:
            count.append(name)
            begun.set()
            assert go.wait(WAIT)
            return make_trace(name)

        bench = Workbench(player, slow)
        bench.start()
        assert begun.wait(WAIT)
        bench.start()
        bench._again.click()
        go.set()
        assert bench.wait(WAIT)
        assert count == ["none", "batch"]

    def test_stop_ends_the_run_and_the_ones_after_it(self, player: ActivationPlayer) -> None:
        begun, names = Event(), []

        def endless(name: str, *, on_step: Any) -> Trace:
            names.append(name)
            step = 0
            while not on_step(step, 2.0, None):
                step += 1
                begun.set()
            return make_trace(name, steps=(0, 1), length=2)

        bench = Workbench(player, endless)
        bench.start()
        assert begun.wait(WAIT)
        bench._end.click()
        assert bench.wait(WAIT)
        assert names == ["none"]
        assert bench.status == "Stopped while training none."
        assert len(player.traces["none"].steps) == 2  # what it had learned by then is shown
        bench.stop()  # after the end: nothing to stop, nothing to say
        assert bench.status == "Stopped while training none."

    def test_it_can_run_again_after_a_stop(self, player: ActivationPlayer) -> None:
        bench = Workbench(player, train, lr=[0.1])
        bench.stop()
        bench.start()
        assert bench.wait(WAIT)
        assert bench.status == "Done."

    @pytest.mark.parametrize(
        ("result", "words"),
        [
            (ValueError("lr must be positive"), "ValueError: lr must be positive"),
            (None, "TypeError: train must return a Trace or a History with one; got NoneType."),
        ],
    )
    def test_what_goes_wrong_is_said_and_the_old_run_stays(
        self, player: ActivationPlayer, result: Any, words: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[str] = []
        monkeypatch.setattr(
            player, "send", lambda message, buffers=None: sent.append(message["type"])
        )

        def broken(name: str, *, on_step: Any) -> Any:
            on_step(0, 2.0, None)
            if isinstance(result, Exception):
                raise result
            return result

        before = player.data
        bench = Workbench(player, broken)
        bench.start()
        assert bench.wait(WAIT)
        assert bench.status.startswith(words)
        assert player.data == before
        assert sent == ["start", "cancel"]
        assert (bench._again.disabled, bench._end.disabled) == (False, True)
