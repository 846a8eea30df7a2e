"""The Player's Python side: what it accepts, says, shows first and streams."""

from __future__ import annotations

import re
from dataclasses import replace
from threading import Event
from typing import Any

import numpy as np
import pytest
from fake_traces import make_runs, make_trace, without
from matplotlib.figure import Figure

from normlib.record import Trace
from normlib.widgets import ActivationPlayer
from normlib.widgets.activation_player import live
from normlib.widgets.activation_player.live import Follower
from normlib.widgets.activation_player.signals import meaning
from normlib.widgets.activation_player.telling import telling_frame


class FakeRecord:
    """What a Recorder offers while a run is under way."""

    def __init__(self, trace: Trace | None) -> None:
        self.trace = trace

    def latest(self) -> Trace | None:
        return self.trace


def one_frame(step: int) -> Trace:
    return make_trace("batch", steps=(step,), length=step + 1)


@pytest.fixture
def player() -> ActivationPlayer:
    return ActivationPlayer(make_runs())


@pytest.fixture
def sent(player: ActivationPlayer, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(player, "send", lambda message, buffers=None: messages.append(message))
    return messages


class TestArguments:
    @pytest.mark.parametrize(
        ("traces", "error", "message"),
        [
            ({}, ValueError, "at least one run"),
            ([make_trace()], ValueError, "at least one run"),
            ({"batch": 3}, TypeError, r"traces\['batch'\] must be a Trace; got int"),
            (
                {"batch": replace(make_trace(), steps=np.array([], int))},
                ValueError,
                "must hold a frame of a signal; got 0 frames",
            ),
            (
                {
                    "none": make_trace("none", signals=("a",)),
                    "batch": make_trace("batch", signals=("h",)),
                },
                ValueError,
                "must share a signal",
            ),
        ],
    )
    def test_runs_that_cannot_stand_side_by_side(
        self, traces: Any, error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            ActivationPlayer(traces)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"signal": "y"}, "signal must be one of 'a', 'x_hat', 'z', 'h'; got 'y'"),
            ({"frame": 5}, "frame must be one of the 5 shown ones; got 5"),
            ({"frame": -6}, "Pass -5 to 4"),
            ({"frame": True}, "frame must be one of"),
            ({"frames": 0}, "frames must be a positive integer; got 0"),
            ({"bins": 2.5}, "bins must be a positive integer; got 2.5"),
        ],
    )
    def test_options_out_of_range(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=re.escape(message)):
            ActivationPlayer(make_runs(), **options)

    def test_a_run_without_a_finite_frame_is_refused_alone(self) -> None:
        trace = make_trace("none", signals=("z",))
        z = trace.signals["z"]
        broken = replace(trace, signals={"z": replace(z, std=np.full_like(z.std, np.nan))})
        with pytest.raises(ValueError, match="a frame of finite numbers"):
            ActivationPlayer({"none": broken})
        both = ActivationPlayer({"none": broken, "batch": make_trace()})
        assert both.meta["runs"]["none"]["steps"] == []

    @pytest.mark.parametrize("signal", ["x_hat", "z"])
    def test_a_layer_without_the_signal_is_no_divergence(self, signal: str) -> None:
        # Catches advice about the learning rate for a net whose first layer is not normalized.
        trace = without(make_trace("layer"), "x_hat", 0)
        player = ActivationPlayer({"layer": trace}, signal=signal)
        assert player.meta["frames"] == list(trace.steps)
        figures = [f"{std:#.3g}" for std in trace.signals[signal].std[player.frame]]
        words = " ".join("–" if text == "nan" else text for text in figures)
        assert f"sigma by layer {words}" in player.describe()
        fig = Figure()
        player.draw(fig)
        missing = [t.get_text() for t in fig.get_axes()[0].texts].count(r"no $\hat{x}$")
        assert missing == (signal == "x_hat")

    def test_frames_count_from_the_end_too(self) -> None:
        assert ActivationPlayer(make_runs(), frame=-1).step == 9

    def test_runs_of_different_depth_stand_side_by_side(self) -> None:
        # As happens while a Workbench trains one run after the other with another depth.
        runs = {"none": make_trace("none", layers=2), "batch": make_trace("batch", layers=4)}
        player = ActivationPlayer(runs)
        assert player.layers == ("layer 1", "layer 2", "layer 3", "layer 4")
        assert player.meta["runs"]["none"]["blocks"]["z"]["shape"]["shape"][1] == 2
        assert "4 layers" in player.describe()
        fig = Figure()
        player.draw(fig)
        first, second, _ = fig.get_axes()
        assert [t.get_text() for t in first.get_yticklabels()] == list(player.layers)
        assert (len(first.texts), len(second.texts)) == (2, 4)

    def test_a_signal_that_some_runs_lack_is_offered(self) -> None:
        player = ActivationPlayer(make_runs("none", "weight"), signal="x_hat")
        assert [name for name, *_ in player.meta["signals"]] == ["a", "x_hat", "z", "h"]
        assert "x_hat" not in player.meta["runs"]["none"]["blocks"]
        assert "nothing is normalized" in player.meta["runs"]["none"]["meaning"]["x_hat"]


class TestFirstFrame:
    STEPS = tuple(range(12))

    def runs(self) -> dict[str, Trace]:
        """Both runs move until frame 4; their losses part at frames 3 to 6, with a spike at 9."""
        early = np.minimum(np.arange(12), 4)[:, None] / 2
        slow, fast = np.full(12, 2.0), np.full(12, 2.0)
        fast[3:7] = 0.3
        slow[7:], fast[7:] = 0.2, 0.2
        fast[9] = 40.0
        runs = {}
        for key, loss in (("none", slow), ("batch", fast)):
            trace = make_trace(key, steps=self.STEPS, loss=loss, signals=("z",))
            z = trace.signals["z"]
            z = replace(z, mean=np.broadcast_to(early, z.mean.shape), std=np.ones_like(z.std))
            runs[key] = replace(trace, signals={"z": z})
        return runs

    def test_it_is_where_layers_have_moved_and_losses_differ(self) -> None:
        assert telling_frame(self.runs(), "z", list(self.STEPS)) in (4, 5)

    def test_layers_without_the_signal_do_not_count(self) -> None:
        runs = {key: without(run, "z", 0) for key, run in self.runs().items()}
        assert telling_frame(runs, "z", list(self.STEPS)) in (4, 5)

    def test_one_run_alone_shows_its_largest_motion(self) -> None:
        assert telling_frame({"none": self.runs()["none"]}, "z", list(self.STEPS)) >= 4

    def test_a_diverged_run_does_not_decide(self) -> None:
        runs = self.runs()
        runs["none"] = replace(runs["none"], loss=np.where(np.arange(12) > 9, np.nan, 2.0))
        assert 0 <= telling_frame(runs, "z", list(self.STEPS)) < 12

    def test_nothing_moves_nothing_fails(self) -> None:
        trace = make_trace("none", steps=(0,), length=1)
        assert ActivationPlayer({"none": trace}).frame == 0


class TestWords:
    def test_the_description_has_every_number_of_the_frame(self) -> None:
        runs = make_runs()
        player = ActivationPlayer(runs, frame=2)
        text = player.describe()
        assert "3 layers; signal z (what f receives) at step 2 of 10." in text
        for trace in runs.values():
            assert f"loss {trace.loss[2]:#.3g}" in text
            assert " ".join(f"{s:#.3g}" for s in trace.signals["z"].std[2]) in text

    def test_it_is_the_same_every_time(self) -> None:
        # nbval compares it: an id or an address would fail every stored notebook.
        first, second = (ActivationPlayer(make_runs()) for _ in range(2))
        assert first.describe() == second.describe()
        assert repr(first) == repr(second)
        assert repr(first) == "ActivationPlayer(none, layer, batch; 3 layers, 5 frames, signal z)"
        assert not re.search(r"\d{5,}|0x", first.describe())

    def test_a_layer_without_signal_is_told(self) -> None:
        trace = make_trace("layer", signals=("z",))
        z = trace.signals["z"]
        silent = replace(trace, signals={"z": replace(z, spread=z.spread / 1000)})
        assert "between samples 0.00" in ActivationPlayer({"layer": silent}).describe()
        assert "between samples" not in ActivationPlayer({"layer": trace}).describe()

    def test_a_diverged_run_is_told(self) -> None:
        trace = make_trace("none", loss=np.array([2.3, 9.0, np.nan]), steps=(0, 1, 2))
        assert "It diverged at step 2." in ActivationPlayer({"none": trace}, frame=-1).describe()
        assert "diverged" not in ActivationPlayer({"none": trace}, frame=0).describe()

    def test_a_missing_signal_is_told(self) -> None:
        text = ActivationPlayer(make_runs("none", "batch"), signal="x_hat").describe()
        assert "No normalization: There is no x̂: nothing is normalized." in text

    @pytest.mark.parametrize(
        ("kind", "signal", "words"),
        [
            ("none", "z", "z = a"),
            ("layer", "x_hat", "for each sample, over its units"),
            ("batch", "x_hat", "for each unit, over the samples"),
            ("weight", "x_hat", "each row of w divided by its norm"),
            ("weight", "a", "There is no a"),
            ("batch", "h", "f = tanh"),
        ],
    )
    def test_what_a_signal_means_for_a_run(self, kind: str, signal: str, words: str) -> None:
        assert words in meaning(make_trace(kind), signal)

    def test_meanings_follow_the_data_and_not_the_name(self) -> None:
        trace = make_trace("batch")
        info = {"norm": "mine", "acts_on": "pre-activation", "shares": "cS"}
        assert "for each group of a sample" in meaning(replace(trace, info=info), "x_hat")
        info["shares"] = "S"
        assert "for each unit of a sample, over its positions" in meaning(
            replace(trace, info=info), "x_hat"
        )
        assert "root mean square" in meaning(replace(trace, info=info | {"norm": "rms"}), "x_hat")


class TestOutput:
    def test_a_view_a_poster_and_words(self, player: ActivationPlayer) -> None:
        data, metadata = player._repr_mimebundle_()
        assert set(data) == {
            "application/vnd.jupyter.widget-view+json",
            "image/png",
            "text/plain",
        }
        assert data["text/plain"] == player.describe()
        about = metadata["normlib_figure"]
        assert about["alt"] == player.describe()
        assert about["caption"] == player.title
        assert (about["width"], about["height"]) == (880, 270 + 85 + 3 * 60)
        assert about["dark"]


class TestFollow:
    def test_it_sends_new_frames_and_none_twice(
        self, player: ActivationPlayer, sent: list, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live, "PAUSE", 0.0)
        follower = player.follow("batch", steps=50)
        for step in (0, 0, 1):
            assert not follower(step, 2.0, FakeRecord(one_frame(step)))
        assert [m["type"] for m in sent] == ["start", "frame", "frame"]
        assert sent[0] == {"type": "start", "run": "batch", "total": 50}
        assert [m["meta"]["frames"] for m in sent[1:]] == [[0], [1]]
        assert sent[1]["meta"]["ranges"] == player.meta["ranges"]

    def test_it_sends_no_more_than_a_page_can_draw(
        self, player: ActivationPlayer, sent: list, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = iter(np.arange(200) * 0.01)
        monkeypatch.setattr(
            "normlib.widgets.activation_player.live.time.monotonic", lambda: next(clock)
        )
        follower = player.follow("batch")
        for step in range(200):
            follower(step, 2.0, FakeRecord(one_frame(step)))
        assert len(sent) - 1 == pytest.approx(200 * 0.01 / 0.05, abs=1)

    def test_it_waits_for_the_first_frame_and_needs_no_recorder(
        self, player: ActivationPlayer, sent: list
    ) -> None:
        follower = player.follow("batch")
        follower(0, 2.0, FakeRecord(None))
        follower(1, 2.0, None)
        assert [m["type"] for m in sent] == ["start"]

    def test_a_frame_that_diverged_is_sent_as_none(
        self, player: ActivationPlayer, sent: list
    ) -> None:
        trace = one_frame(0)
        bad = {k: replace(s, std=np.full_like(s.std, np.inf)) for k, s in trace.signals.items()}
        player.follow("batch")(0, np.nan, FakeRecord(replace(trace, signals=bad)))
        assert sent[-1]["meta"]["runs"]["batch"]["steps"] == []

    def test_stop_ends_the_run(self, player: ActivationPlayer, sent: list) -> None:
        stop = Event()
        follower = player.follow("batch", stop=stop)
        assert follower(0, 2.0, None) is False
        stop.set()
        assert follower(1, 2.0, None) is True
        other = player.follow("layer")
        other.stop()
        assert other.stopped
        assert other(0, 2.0, None) is True

    def test_repr_is_stable(self, player: ActivationPlayer) -> None:
        assert repr(player.follow("none")) == "Follower(none)"
        assert isinstance(player.follow("none"), Follower)

    def test_an_unknown_run_is_refused(self, player: ActivationPlayer) -> None:
        for method in (player.follow, player.cancel):
            with pytest.raises(ValueError, match="name must be one of 'none', 'layer', 'batch'"):
                method("rms")
        with pytest.raises(ValueError, match="name must be one of"):
            player.finish("rms", make_trace())

    def test_finish_replaces_the_run_and_keeps_the_frame_in_range(
        self, player: ActivationPlayer, sent: list
    ) -> None:
        player.frame = 4
        before = player.data
        for key in ("none", "layer", "batch"):
            player.finish(key, make_trace(key, steps=(0, 1), length=2, seed=9))
        assert player.data != before
        assert player.meta["frames"] == [0, 1]
        assert player.frame == 1
        assert sent[-1] == {"type": "finish", "run": "batch"}

    def test_finish_with_a_run_that_does_not_fit_changes_nothing(
        self, player: ActivationPlayer, sent: list
    ) -> None:
        before = player.data
        with pytest.raises(TypeError, match="must be a Trace"):
            player.finish("batch", None)  # type: ignore[arg-type]
        assert player.data == before
        assert len(player.traces["batch"].layers) == 3

    def test_the_kernel_answers_a_ping(self, player: ActivationPlayer, sent: list) -> None:
        player._answer(None, {"type": "ping"}, None)
        player._answer(None, {"type": "other"}, None)
        player._answer(None, "noise", None)
        assert sent == [{"type": "pong"}]
