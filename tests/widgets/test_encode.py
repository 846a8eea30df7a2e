"""What the page draws must be what the Trace says, to the stated precision."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fake_traces import make_runs, make_signal, make_trace, without
from unpacked import unpack

from normlib import Recorder, fit, load_digits, mlp
from normlib.plots import shapes
from normlib.widgets.activation_player.encode import (
    LEVELS,
    PLACES,
    POINTS,
    UNITS,
    diverged,
    encode,
    frames_of,
    sound,
)

NAMES = ["a", "x_hat", "z", "h"]


class TestEncode:
    def test_numbers_are_those_of_the_trace(self) -> None:
        runs = make_runs()
        meta, data = encode(runs, NAMES, frames=70, bins=40)
        for key, trace in runs.items():
            run = meta["runs"][key]
            assert run["steps"] == list(trace.steps)
            assert np.array_equal(
                unpack(data, run["loss"])[:, 0], trace.loss[trace.steps].astype(np.float32)
            )
            for name, parts in run["blocks"].items():
                signal = trace.signals[name]
                for part in ("mean", "std", "spread"):
                    assert np.array_equal(
                        unpack(data, parts[part]), getattr(signal, part).astype(np.float32)
                    )
                outlines = unpack(data, parts["shape"]) / LEVELS
                assert np.abs(outlines - shapes(signal, 40)).max() <= 0.5 / LEVELS + 1e-12
                shares = unpack(data, parts["saturated"])[:, 0] / 200
                assert np.abs(shares - signal.saturated).max() <= 0.0025 + 1e-12

    def test_unit_means_lie_where_they_are_drawn(self) -> None:
        runs = make_runs("batch")
        meta, data = encode(runs, ["z"], frames=70, bins=40)
        low, high = meta["ranges"]["z"]
        stored = unpack(data, meta["runs"]["batch"]["blocks"]["z"]["units"]).astype(float)
        values = low + stored / (PLACES - 1) * (high - low)
        wanted = runs["batch"].signals["z"].unit_mean
        assert wanted.shape[2] < UNITS  # all of a narrow layer's units are kept
        assert np.abs(values - wanted).max() <= 0.5 * (high - low) / (PLACES - 1) + 1e-9

    def test_unknown_numbers_are_marked(self) -> None:
        trace = make_trace("batch", signals=("z",))
        z = trace.signals["z"]
        means = z.unit_mean.copy()
        means[:, 0, 3:] = np.nan  # a layer of 3 units beside layers of 6
        hidden = replace(z, unit_mean=means, saturated=np.full_like(z.saturated, np.nan))
        meta, data = encode(
            {"batch": replace(trace, signals={"z": hidden})}, ["z"], frames=9, bins=9
        )
        block = meta["runs"]["batch"]["blocks"]["z"]
        units = unpack(data, block["units"])
        assert (units[:, 0, 3:] == 255).all()
        assert (units[:, 0, :3] < PLACES).all()
        assert (unpack(data, block["saturated"]) == 255).all()

    def test_a_layer_without_the_signal_is_nan_and_the_others_are_exact(self) -> None:
        # Catches a layer that takes its whole run with it, and one that is drawn from nothing.
        trace = make_trace("batch")
        expected, found = (
            {
                name: np.moveaxis(unpack(data, where).reshape(5, 3, -1), 1, 0)
                for name, where in meta["runs"]["batch"]["blocks"]["x_hat"].items()
            }
            for meta, data in (
                encode({"batch": one}, NAMES, frames=70, bins=40, limits={"x_hat": (-4, 4)})
                for one in (trace, without(trace, "x_hat", 1))
            )
        )
        for name, layers in found.items():
            assert np.array_equal(layers[[0, 2]], expected[name][[0, 2]]), name
        assert all(np.isnan(found[name][1]).all() for name in ("mean", "std", "spread"))
        assert not found["shape"][1].any()
        assert (found["units"][1] == 255).all()

    def test_a_signal_with_two_names_is_sent_once(self) -> None:
        # Without normalization z is a.
        meta, data = encode(make_runs("none"), NAMES, frames=70, bins=40)
        blocks = meta["runs"]["none"]["blocks"]
        assert blocks["a"] == blocks["z"] != blocks["h"]
        _, smaller = encode(make_runs("none"), ["a", "h"], frames=70, bins=40)
        assert len(data) == len(smaller)

    def test_runs_keep_their_own_steps(self) -> None:
        runs = {
            "none": make_trace("none", steps=(0, 3, 6)),
            "batch": make_trace("batch", steps=(0, 2, 6)),
        }
        meta, _ = encode(runs, ["z"], frames=70, bins=20)
        assert meta["frames"] == [0, 2, 3, 6]
        assert [run["steps"] for run in meta["runs"].values()] == [[0, 3, 6], [0, 2, 6]]

    def test_too_many_frames_are_thinned_with_both_ends_kept(self) -> None:
        trace = make_trace("batch", steps=tuple(range(30)), length=30)
        shown = frames_of([trace], 7)
        assert len(shown) == 7
        assert (shown[0], shown[-1]) == (0, 29)
        meta, _ = encode({"batch": trace}, ["z"], frames=7, bins=20)
        assert meta["runs"]["batch"]["steps"] == shown

    def test_a_long_loss_curve_is_averaged_and_keeps_its_mean(self) -> None:
        loss = np.random.default_rng(0).random(3001)
        trace = make_trace("batch", loss=loss, length=3001)
        meta, data = encode({"batch": trace}, ["z"], frames=70, bins=20)
        curve = unpack(data, meta["runs"]["batch"]["curve"])
        assert len(curve) <= POINTS
        counts = np.full(len(curve), 8)
        counts[-1] = 3001 - 8 * (len(curve) - 1)
        assert (counts * curve[:, 1]).sum() / 3001 == pytest.approx(loss.mean(), rel=1e-6)
        assert meta["runs"]["batch"]["length"] == 3001


class TestDivergence:
    @staticmethod
    def broken() -> Any:
        trace = make_trace("none", loss=np.array([2.3, 9.0, 1e200, np.nan]), steps=(0, 1, 2, 3))
        values = np.random.default_rng(0).normal(size=(4, 3, 40, 6))
        values[2] *= 1e9
        values[3] *= np.inf
        signal = make_signal(values)
        return replace(trace, signals={"a": signal, "z": signal})

    def test_frames_end_before_the_first_that_cannot_be_drawn(self) -> None:
        trace = self.broken()
        assert (sound(trace), diverged(trace)) == (3, 3)
        meta, data = encode({"none": trace}, ["z"], frames=70, bins=20)
        run = meta["runs"]["none"]
        assert run["steps"] == meta["frames"] == [0, 1, 2]
        assert np.isfinite(unpack(data, run["curve"])).all()
        assert all(np.isfinite(limit) for limit in meta["ranges"]["z"])

    def test_a_layer_without_the_signal_is_no_divergence(self) -> None:
        assert sound(without(make_trace(), "x_hat", 1)) == 5
        assert sound(without(self.broken(), "z", 1)) == 3

    def test_a_healthy_run_has_not_diverged(self) -> None:
        assert diverged(make_trace()) is None
        assert sound(make_trace()) == 5

    def test_the_meta_data_are_json(self) -> None:
        json.dumps(encode({"none": self.broken()}, ["z"], frames=70, bins=20)[0], allow_nan=False)


def test_three_runs_of_eight_layers_stay_below_150_kb_in_a_page() -> None:
    """The first screen's own runs: 70 frames, 64 units, samples of 4096 values."""
    data = load_digits()
    runs = {}
    for norm in (None, "layer", "batch"):
        net = mlp([64] + [64] * 8 + [10], norm=norm, activation="tanh", init_scale=0.7)
        record = Recorder(sample=4096)
        runs[norm or "none"] = fit(net, data, lr=0.1, record=record).trace
    meta, packed = encode(runs, NAMES, frames=70, bins=40)
    page = json.dumps({"meta": meta, "data": base64.b64encode(packed).decode()})
    assert len(gzip.compress(page.encode(), 9)) < 150_000
