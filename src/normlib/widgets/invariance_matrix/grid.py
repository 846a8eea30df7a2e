"""Every cell of the matrix, at every strength and in every setting, as `rescaled` measures it.

A page has no Python, and between two stored strengths a guess would be wrong: so the strengths are
a grid, and what the page shows has been measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.diagnose.invariance import with_eps
from normlib.diagnose.rescalings import RESCALINGS, Rescaled, Scene
from normlib.spec import Norm

#: What the layer is, and how large its padding.
LAYERS = {
    "dense": {"images": False, "padding": 0},
    "convolution": {"images": True, "padding": 0},
    "padded convolution": {"images": True, "padding": 1},
}
BIAS = (False, True)
EPS = (0.0, 1e-5)
#: Factors, or sizes of a shift.
STRENGTHS = (-1.0, 0.001, 0.01, 0.1, 0.3, 3.0, 10.0, 100.0)
#: A change up to this is rounding: as in `invariance_matrix`.
TOLERANCE = 1e-9
#: What a cell can turn out to be; its place here is what is stored.
VERDICTS = ("refused", "same", "flips", "changes")
#: The outputs shown: those of the first samples and units, in an image at its first position.
SHOWN = (3, 4)
#: Binary digits of the outputs shown: more than are written, and fewer bytes.
DIGITS = 12

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False, repr=False)
class Grid(checks.Brief):
    """What was measured, in the order layer, bias, eps, method, rescaling, strength.

    Attributes
    ----------
    change : (3, 2, 2, M, 6, 8) float32, largest change as a share of the largest output
    moved : the same shape, int32, how many outputs changed
    verdict : the same shape, uint8, a place in `VERDICTS`
    before : (3, 2, 2, M, 12) float32, the outputs shown, to 12 binary digits; sample by sample
    after : (3, 2, 2, M, 6, 8, 12) float32, the same after the rescaling
    outputs : (3,) int32, how many outputs a layer has
    refused : why a method cannot be used, by its place, as pairs (layer, method)
    """

    change: Array
    moved: npt.NDArray[np.int32]
    verdict: Bytes
    before: Array
    after: Array
    outputs: npt.NDArray[np.int32]
    refused: dict[tuple[int, int], str]


@lru_cache(maxsize=8)
def measure(norms: tuple[Norm | None, ...], seed: int) -> Grid:
    """Measure every cell; `norms` are as `configured` returns them."""
    settings = (len(LAYERS), len(BIAS), len(EPS), len(norms))
    cells = (*settings, len(RESCALINGS), len(STRENGTHS))
    count = SHOWN[0] * SHOWN[1]
    grid = Grid(
        change=np.zeros(cells, np.float32),
        moved=np.zeros(cells, np.int32),
        verdict=np.zeros(cells, np.uint8),
        before=np.zeros((*settings, count), np.float32),
        after=np.zeros((*cells, count), np.float32),
        outputs=np.zeros(len(LAYERS), np.int32),
        refused={},
    )
    changes = list(product(RESCALINGS.values(), STRENGTHS))
    for place in np.ndindex(*settings):
        layer, bias, eps, method = place
        scene = Scene(**_options(layer), bias=BIAS[bias], seed=seed)
        try:
            found = list(scene.compare(with_eps(norms[method], EPS[eps]), changes))
        except ValueError as error:
            grid.refused[layer, method] = str(error)
            continue
        grid.outputs[layer] = found[0].output.size
        grid.before[place] = shown(found[0].output)
        for cell, one in zip(np.ndindex(*cells[-2:]), found, strict=True):
            grid.change[place + cell] = one.change
            grid.moved[place + cell] = moved(one)
            grid.verdict[place + cell] = VERDICTS.index(verdict(one))
            grid.after[place + cell] = shown(one.output_after)
    return grid


def _options(layer: int) -> dict[str, Any]:
    return list(LAYERS.values())[layer]


def verdict(found: Rescaled) -> str:
    """Say in a word what a rescaling did to the outputs."""
    if found.change <= TOLERANCE:
        return "same"
    turned = np.abs(found.output_after + found.output).max() / np.abs(found.output).max()
    return "flips" if turned <= TOLERANCE else "changes"


def moved(found: Rescaled) -> int:
    """Count the outputs that a rescaling changed."""
    difference = np.abs(found.output_after - found.output)
    return int((difference > TOLERANCE * np.abs(found.output).max()).sum())


def shown(output: Array) -> Array:
    """Return the outputs that a page shows, sample by sample, with few digits."""
    samples, units = SHOWN
    first = output.reshape(*output.shape[:2], -1)[:samples, :units, 0]
    part, power = np.frexp(first.ravel())
    rounded: Array = np.ldexp(np.round(np.ldexp(part, DIGITS)), power - DIGITS).astype(np.float32)
    return rounded
