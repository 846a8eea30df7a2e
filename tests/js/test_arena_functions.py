"""The Arena's numbers, places and words in JavaScript."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import run_node

from normlib.plots import DARK, LIGHT
from normlib.widgets import Arena
from normlib.widgets.arena import picture

CALLED = ["blend", "cellAt", "pairWords", "placePanels", "pm", "signed", "strength", "winnerWords"]


def node(folder: Path, script: str, data: object = None) -> Any:
    return run_node.node(folder, Arena, CALLED, script, data)


def test_numbers_and_tones_are_pythons(tmp_path: Path) -> None:
    """Catches a page and a poster that round or colour differently."""
    values = [0.0, 0.1234, 0.45, 0.8999, 0.9, 0.95, 1.0]
    assert node(tmp_path, "return data.map((v) => strength(v, 0.9));", values) == pytest.approx(
        [picture.strength(v, 0.9) for v in values]
    )
    changes = [0.0124, -0.0124, 0.0001, -0.0001, 0.0]
    assert node(tmp_path, "return data.map(signed);", changes) == list(map(picture.signed, changes))
    assert node(tmp_path, "return pm(0.9504, 0.00849);") == picture.pm(0.9504, 0.00849)
    ends = [[t.low, t.high] for t in (LIGHT, DARK)]
    script = "return data.map(([a, b]) => [0, 0.3, 0.7, 1].map((s) => blend(a, b, s)));"
    wanted = [[picture.blend(a, b, s) for s in (0, 0.3, 0.7, 1)] for a, b in ends]
    assert node(tmp_path, script, ends) == wanted


@pytest.mark.parametrize("width", [236, 330, 700, 840])
@pytest.mark.parametrize("count", [3, 6, 12, 15])
def test_panels_fit_and_their_cells_are_found(tmp_path: Path, width: int, count: int) -> None:
    """Catches panels that stick out or overlap, and a touch that chooses a neighbour."""
    script = """const places = placePanels(data.count, [3, 8], data.width);
    const { panels, size, tall } = places;
    const middle = ({ left, top }, i, k) =>
      cellAt(places, left + (k + 0.5) * size, top + (i + 0.5) * tall);
    return { ...places, found: panels.map((p) => [middle(p, 0, 0), middle(p, 2, 7)]),
      between: cellAt(places, panels[0].left - 3, panels[0].top + 1) };"""
    made = node(tmp_path, script, {"count": count, "width": width})
    assert made["found"] == [[[0, 0], [2, 7]]] * count
    assert made["between"] is None
    boxes = [
        (p["left"], p["top"], p["left"] + 8 * made["size"], p["top"] + 3 * made["tall"])
        for p in made["panels"]
    ]
    assert max(right for *_, right, _ in boxes) <= width + 1e-9
    assert max(bottom for *_, bottom in boxes) < made["height"]
    for k, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[k + 1 :]:
            assert other[0] >= right or other[2] <= left or other[1] >= bottom or other[3] <= top
    assert made["size"] > 10
    # Learning rates stand below the lowest panel of every column.
    lowest = {p["left"]: p["top"] for p in made["panels"]}
    assert [p["last"] for p in made["panels"]] == [
        p["top"] == lowest[p["left"]] for p in made["panels"]
    ]


def test_sentences_say_who_wins_and_who_ties(tmp_path: Path) -> None:
    """Catches a leader sold as a winner, and a tie without its names."""
    names = ["A", "B", "C"]
    cells = [
        {"winner": 1, "leader": 1, "tied": [0, 1, 0]},
        {"winner": -1, "leader": 1, "tied": [0, 1, 1]},
        {"winner": -1, "leader": 0, "tied": [1, 1, 1]},
    ]
    script = "return data.cells.map((cell) => winnerWords(cell, data.names));"
    assert node(tmp_path, script, {"cells": cells, "names": names}) == [
        "B wins: it is ahead of every other method beyond noise.",
        "B leads, and ties with C.",
        "A leads, and no method can be told from it.",
    ]
    gap = {"gap": -0.012, "spread": 0.01, "t": -2.68, "asked": 8.38}
    script = """const words = (beats) => pairWords({ ...data, beats }, ["A", "B"]);
    return [words(true), words(false), pairWords({ ...data, beats: false }, ["A", "A"])];"""
    won, tie, same = node(tmp_path, script, gap)
    assert won == "A less B: −0.012 ± 0.010. B beats the other."
    assert tie.startswith("A less B: −0.012 ± 0.010, t = 2.68, which noise can explain: 8.38")
    assert same == ""
