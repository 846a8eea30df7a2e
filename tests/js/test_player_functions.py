"""The pure parts of the Player's JavaScript, against Python."""

from __future__ import annotations

import base64
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import run_node

sys.path.insert(0, str(Path(__file__).parents[1] / "widgets"))
from fake_traces import make_runs, make_signal, make_trace

from normlib.plots import SPAN, height, shapes
from normlib.widgets import ActivationPlayer
from normlib.widgets.activation_player.encode import LEVELS, PLACES, TALLEST, encode

NAMES = ["a", "x_hat", "z", "h"]
CALLED = [
    "append",
    "between",
    "highest",
    "latest",
    "lossWords",
    "moments",
    "outline",
    "readFilm",
    "ridgeBox",
    "unitMeans",
]


def node(folder: Path, script: str, data: object = None) -> Any:
    return run_node.node(folder, ActivationPlayer, CALLED, script, data)


def packed(runs: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The state of a player, as JSON can carry it."""
    meta, data = encode(runs, NAMES, frames=70, bins=40, **options)
    labels = {key: {"label": key, "dash": []} for key in runs}
    meta["runs"] = {key: run | labels[key] for key, run in meta["runs"].items()}
    meta |= {"total": 10, "layers": ["layer 1", "layer 2", "layer 3"], "title": "t"}
    return {"meta": meta, "data": base64.b64encode(data).decode()}


READ = "const film = await readFilm(data.meta, bytes(data.data));"


class TestData:
    def test_the_film_holds_the_traces_numbers(self, tmp_path: Path) -> None:
        runs = make_runs("none", "layer", "weight")
        script = f"""{READ}
        return film.runs.map((run) => [run.key, run.steps, [...run.loss], [...run.curve],
          Object.entries(run.signals).map(([name, s]) =>
            [name, [...s.mean], [...s.std], [...s.spread], [...s.shape], [...s.saturated]])]);"""
        for key, steps, loss, curve, signals in node(tmp_path, script, packed(runs)):
            trace = runs[key]
            assert steps == list(trace.steps)
            assert loss == list(trace.loss[trace.steps].astype(np.float32))
            assert curve[1::2] == list(trace.loss.astype(np.float32))
            assert [entry[0] for entry in signals] == [n for n in NAMES if n in trace.signals]
            for name, mean, std, spread, shape, saturated in signals:
                wanted = trace.signals[name]
                for values, part in ((mean, "mean"), (std, "std"), (spread, "spread")):
                    assert values == list(getattr(wanted, part).astype(np.float32).ravel())
                assert shape == list(np.round(shapes(wanted, 40) * LEVELS).ravel())
                assert saturated == list(np.round(200 * wanted.saturated).ravel())

    def test_runs_keep_their_order_when_a_notebook_sorts_their_names(self, tmp_path: Path) -> None:
        state = packed(make_runs("none", "layer", "batch"))
        state["meta"]["runs"] = dict(sorted(state["meta"]["runs"].items()))
        script = f"{READ} return film.runs.map((run) => run.key);"
        assert node(tmp_path, script, state) == ["none", "layer", "batch"]

    def test_one_wrong_byte_is_noticed(self, tmp_path: Path) -> None:
        # The comparison above must be able to fail.
        runs = make_runs("batch")
        state = packed(runs)
        script = (
            f"{READ} const {{ shape }} = film.runs[0].signals.z; shape[7] += 1; return [...shape];"
        )
        assert node(tmp_path, script, state) != list(
            np.round(shapes(runs["batch"].signals["z"], 40) * LEVELS).ravel()
        )

    def test_z_and_a_are_one_array_without_normalization(self, tmp_path: Path) -> None:
        script = f"{READ} return film.runs[0].signals.z === film.runs[0].signals.a;"
        assert node(tmp_path, script, packed(make_runs("none")))


class TestMotion:
    def test_between_two_frames_the_numbers_move_evenly(self, tmp_path: Path) -> None:
        runs = make_runs("batch")
        script = f"""{READ}
        const at = between(film.runs[0], film.frames, 2.25);
        return [at, moments(film.runs[0].signals.z, 1, at)];"""
        at, now = node(tmp_path, script, packed(runs))
        assert at == {"i": 2, "j": 3, "share": 0.25, "step": 2 + 0.25 * 3}
        for name, value in now.items():
            row = getattr(runs["batch"].signals["z"], name)[:, 1]
            assert value == pytest.approx(0.75 * row[2] + 0.25 * row[3], rel=1e-6)

    def test_a_run_that_has_no_such_step_stays_where_it_was(self, tmp_path: Path) -> None:
        runs = {
            "none": make_trace("none", steps=(0, 4)),
            "batch": make_trace("batch", steps=(0, 2, 4)),
        }
        script = f"""{READ}
        return [0, 0.5, 1, 1.5, 2].map((place) => between(film.runs[0], film.frames, place));"""
        ways = node(tmp_path, script, packed(runs))
        assert [(way["i"], way["j"], way["share"]) for way in ways] == [
            (0, 0, 0),
            (0, 0, 0),
            (0, 1, 0),
            (0, 1, 0.5),
            (1, 1, 0),
        ]

    def test_the_outline_is_the_recorded_one_at_a_frame(self, tmp_path: Path) -> None:
        trace = make_trace("batch")
        state = packed({"batch": trace})
        script = f"""{READ}
        const at = between(film.runs[0], film.frames, 3);
        return outline(film.runs[0].signals.h, 2, at, film.coding, 0);"""
        x, y = np.array(node(tmp_path, script, state)).T
        signal = trace.signals["h"]
        shape, std = shapes(signal, 40)[3, 2], float(signal.std[3, 2])
        low, high = state["meta"]["ranges"]["h"]
        places = signal.mean[3, 2] + SPAN * std * ((2 * np.arange(40) + 1) / 40 - 1)
        inside = np.flatnonzero(np.round(shape * LEVELS))
        assert x[inside] == pytest.approx(places[inside], rel=1e-5, abs=1e-5)
        wanted = shape * height(shape, std, high - low)
        assert np.abs(y - wanted).max() < 1.25 / LEVELS  # one level of the outline or its height

    def test_no_outline_stands_where_no_value_was(self, tmp_path: Path) -> None:
        # Catches a slope that leads to the spike of a ReLU's zeros from below 0.
        values = np.maximum(np.random.default_rng(0).normal(size=(1, 1, 300, 4)), 0)
        trace = make_trace("batch", steps=(0,), length=1, layers=1)
        trace = replace(trace, signals={"h": make_signal(values)})
        script = f"""{READ}
        const at = {{ i: 0, j: 0, share: 0 }};
        return outline(film.runs[0].signals.h, 0, at, film.coding, 0);"""
        x, y = np.array(node(tmp_path, script, packed({"batch": trace}))).T
        first, last = np.flatnonzero(y)[[0, -1]]
        assert y[first] == max(y)
        assert 0 <= x[0] == x[first] < x[last] == x[-1] <= values.max()
        assert first > 0  # the outline's window reaches further

    def test_a_constant_layer_keeps_a_hairs_width(self, tmp_path: Path) -> None:
        script = """const signal = { layers: 1, points: 4, mean: [2], std: [0], spread: [0],
          shape: [0, 47, 47, 0], tall: [255] };
        const at = { i: 0, j: 0, share: 0 };
        return outline(signal, 0, at, { span: 3.5, levels: 47, tallest: 1.25 }, 0.01);"""
        points = node(tmp_path, script)
        assert points[0][0] < 2 < points[-1][0]
        assert points[1][1] == pytest.approx(TALLEST)

    def test_unit_means_are_drawn_where_they_lie(self, tmp_path: Path) -> None:
        trace = make_trace("batch")
        state = packed({"batch": trace})
        script = f"""{READ}
        const at = between(film.runs[0], film.frames, 1);
        return unitMeans(film.runs[0].signals.z, 0, at, film.coding, film.ranges.z);"""
        low, high = state["meta"]["ranges"]["z"]
        assert node(tmp_path, script, state) == pytest.approx(
            list(trace.signals["z"].unit_mean[1, 0]), abs=(high - low) / PLACES
        )

    def test_frames_that_stream_in_join_the_run(self, tmp_path: Path) -> None:
        whole = make_trace("batch", steps=(0, 1))
        first = make_trace("batch", steps=(0,), length=1)
        second = make_trace("batch", steps=(1,), length=2, seed=3)
        data = [packed({"batch": trace}) for trace in (whole, first, second)]
        script = """const films = [];
        for (const one of data) films.push((await readFilm(one.meta, bytes(one.data))).runs[0]);
        const [, run, fresh] = films;
        append(run, fresh);
        append(run, fresh); // a frame that comes twice changes nothing
        return [run.steps, run.signals.z.mean.length, [...run.signals.z.mean], run.length];"""
        steps, size, mean, length = node(tmp_path, script, data)
        wanted = np.concatenate([t.signals["z"].mean for t in (first, second)])
        assert (steps, size, length) == ([0, 1], 6, 2)
        assert mean == list(wanted.astype(np.float32).ravel())


class TestLoss:
    def test_the_loss_says_when_a_run_has_diverged_or_not_begun(self, tmp_path: Path) -> None:
        script = """const run = { steps: [1, 5], loss: [2, 9], diverged: 7 };
        return [0, 1, 6, 7, 9].map((step) => lossWords(run, step));"""
        assert node(tmp_path, script) == [
            "no frame yet",
            "loss 2.00",
            "loss 9.00",
            "diverged at step 7",
            "diverged at step 7",
        ]

    def test_latest_finds_the_last_step_not_after(self, tmp_path: Path) -> None:
        script = "return [-1, 0, 1, 3, 9].map((step) => latest([0, 1, 4], step));"
        assert node(tmp_path, script) == [-1, 0, 1, 1, 2]

    @pytest.mark.parametrize("runs", [1, 3, 7])
    @pytest.mark.parametrize("width", [262, 332, 690, 838, 1200])
    def test_the_columns_fit_every_width(self, tmp_path: Path, width: int, runs: int) -> None:
        # Catches a page that scrolls sideways, and columns that overlap.
        script = """const layers = Array(8).fill("l");
        return ridgeBox(data[0], { runs: Array(data[1]).fill(0), layers });"""
        box = node(tmp_path, script, [width, runs])
        columns, gap = box["columns"], box["gap"]
        assert box["gutter"] + columns * box["cell"] + (columns - 1) * gap <= width
        assert columns * box["lines"] >= runs
        assert box["cell"] - box["side"] >= 60

    def test_in_narrow_columns_the_gutter_holds_the_layers_names(self, tmp_path: Path) -> None:
        # Catches "embed" cut down to its last letter. A letter of 11 pixels is 6 wide, on average.
        script = """const runs = [0, 0];
        return data.map((layers) => ridgeBox(332, { runs, layers }).gutter);"""
        short, long = node(tmp_path, script, [["layer 1", "layer 2"], ["embed", "block 1"]])
        assert short == 18
        assert long - 10 >= 6 * len("block 1")

    def test_the_loss_axis_ignores_a_run_that_explodes(self, tmp_path: Path) -> None:
        script = (
            "return highest([{ curve: [0, 2.3, 1, 1e9] }, { curve: [0, 1e30] }, { curve: [] }]);"
        )
        assert node(tmp_path, script) == pytest.approx(1.15 * 6)
