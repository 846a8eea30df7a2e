"""What the widgets share in JavaScript: numbers, scales, data, and the end of everything."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import run_node

from normlib.widgets import ActivationPlayer
from normlib.widgets.pack import pack

CALLED = ["Scope", "asBytes", "figure", "pick", "readArrays", "scale", "tickText", "ticks"]


def node(folder: Path, script: str, data: object = None) -> Any:
    return run_node.node(folder, ActivationPlayer, CALLED, script, data)


ARRAYS = {
    "x": np.random.default_rng(0).normal(size=(2, 3, 5)),
    "single": np.arange(3, dtype=np.float32),
    "bytes": np.arange(7, dtype=np.uint8).reshape(7, 1),
    "whole": np.array([[-(2**31), 2**31 - 1]], dtype=np.int32),
}


class TestArrays:
    def state(self) -> dict[str, Any]:
        where, data = pack(ARRAYS)
        return {"where": where, "data": base64.b64encode(data).decode()}

    def test_arrays_arrive_as_they_were(self, tmp_path: Path) -> None:
        """Catches a wrong type, order, offset or shape: float64 comes back to the last bit."""
        script = """const found = await readArrays(data.where, bytes(data.data));
        return Object.fromEntries(Object.entries(found).map(
          ([name, array]) => [name, [array.constructor.name, array.shape, [...array]]]));"""
        found = node(tmp_path, script, self.state())
        kinds = {"x": "Float64Array", "single": "Float32Array", "bytes": "Uint8Array"}
        for name, array in ARRAYS.items():
            kind, shape, values = found[name]
            assert kind == kinds.get(name, "Int32Array")
            assert shape == list(array.shape)
            assert values == array.ravel().tolist()

    def test_a_part_is_picked_by_its_first_indices(self, tmp_path: Path) -> None:
        """Catches rows and columns mixed up."""
        script = """const { x } = await readArrays(data.where, bytes(data.data));
        return [pick(x, 1, 2, 3), [...pick(x, 1, 2)], [...pick(x, 1)], pick(x, 1).shape,
                pick(pick(x, 1), 2, 3)];"""
        x = ARRAYS["x"]
        assert node(tmp_path, script, self.state()) == [
            x[1, 2, 3],
            x[1, 2].tolist(),
            x[1].ravel().tolist(),
            [3, 5],
            x[1, 2, 3],
        ]

    def test_bytes_are_read_from_any_kind_of_buffer(self, tmp_path: Path) -> None:
        script = """const all = new Uint8Array([9, 1, 2, 3, 9]).buffer;
        const kinds = [new DataView(all, 1, 3), new Uint8Array(all, 1, 3), all.slice(1, 4)];
        return kinds.map((kind) => [...asBytes(kind)]);"""
        assert node(tmp_path, script) == [[1, 2, 3]] * 3


class TestWords:
    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (1.0, "1.00"),
            (0.994, "0.99"),
            (-2.5, "−2.50"),
            (0.0381, "0.038"),
            (0.00123, "0.0012"),
            (0.0008, "0.0008"),
            (0.00003, "3e−5"),
            (12.34, "12.3"),
            (331.2, "331"),
            (2.3e9, "2e9"),
            (0, "0.00"),
        ],
    )
    def test_figures_have_the_digits_that_matter(
        self, tmp_path: Path, value: float, words: str
    ) -> None:
        assert node(tmp_path, "return figure(data);", value) == words

    def test_what_is_no_number_is_said_so(self, tmp_path: Path) -> None:
        script = "return [NaN, null, Infinity, -Infinity].map(figure);"
        assert node(tmp_path, script) == ["–", "–", "∞", "−∞"]


class TestScales:
    @pytest.mark.parametrize(
        ("low", "high", "count", "wanted"),
        [
            (-3.3, 3.3, 4, [-2, 0, 2]),
            (0, 2.6, 3, [0, 1, 2]),
            (-0.9, 0.9, 4, [-0.5, 0, 0.5]),
            (0, 0, 3, [0]),
        ],
    )
    def test_ticks_are_round_and_inside(
        self, tmp_path: Path, low: float, high: float, count: int, wanted: list[float]
    ) -> None:
        found = node(tmp_path, "return ticks(...data);", [low, high, count])
        assert found == pytest.approx(wanted)

    def test_a_scale_of_no_width_does_not_divide_by_zero(self, tmp_path: Path) -> None:
        assert node(tmp_path, "return [scale([1, 1], [0, 9])(1), scale([0, 2], [10, 0])(1)];") == [
            0,
            5,
        ]


def test_a_scope_undoes_everything_once_in_reverse(tmp_path: Path) -> None:
    script = """const target = new EventTarget();
    let heard = 0;
    const undone = [];
    const scope = new Scope();
    scope.listen(target, "x", () => heard++);
    scope.add(() => undone.push("first"));
    scope.add(() => undone.push("second"));
    target.dispatchEvent(new Event("x"));
    scope.close();
    scope.close();
    target.dispatchEvent(new Event("x"));
    return [heard, undone];"""
    assert node(tmp_path, script) == [1, ["second", "first"]]
