"""Blocks of activations, cell by cell: which of them share one mu and one sigma.

One (N, C, H, W) block can be seen as images, as sequences, as tokens or as the input of a dense
layer. The numbers stay; which of them are one sample, one channel, one position does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.core import standardize
from normlib.layers import Normalize
from normlib.plots.palette import Theme, theme
from normlib.spec import Norm, in_view

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

#: Between maps, and between samples, in cells.
GAP = 0.4


class Form(NamedTuple):
    """One letter per axis; which run down and which across, outer ones first.

    Where samples are narrow, two stand side by side.
    """

    axes: str
    down: str
    across: str
    narrow: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Block(checks.Brief):
    """Activations of one kind of layer, and where each lies on paper.

    Attributes
    ----------
    name : what kind of layer has such activations
    values : the activations
    cells : which number of the (N, C, H, W) block each of them is
    x, y : where each lies, in cells from the top left, in the order of ``values.ravel()``
    channel_axis : where the channels stand
    """

    name: str
    values: Array
    cells: Ints
    x: Floats
    y: Floats
    channel_axis: int

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in cells."""
        return float(self.x.max()) + 1, float(self.y.max()) + 1

    @property
    def reading(self) -> str:
        """Say what runs down and what runs across."""
        return f"Down: {_words(self.form.down)}. Across: {_words(self.form.across)}."

    @property
    def form(self) -> Form:
        """How its axes run on paper."""
        return FORMS[self.name]


FORMS = {
    "image": Form(axes="NCHW", down="NH", across="CW"),
    "sequence": Form(axes="NCT", down="NC", across="T", narrow=True),
    "tokens": Form(axes="NTC", down="NT", across="C", narrow=True),
    "dense": Form(axes="NC", down="N", across="C"),
}
WORDS = {"N": "sample n", "C": "channel c", "H": "row h", "W": "column w", "T": "position t"}


def _words(axes: str) -> str:
    return ", in it ".join(WORDS[axis] for axis in axes)


def blocks(a: Array) -> dict[str, Block]:
    """Return one (N, C, H, W) array as the activations of four kinds of layers.

    "image" is the array itself; "sequence" has its H·W positions in one row, (N, C, T); "tokens"
    has the same with the channels last, (N, T, C), so that every position is a sample of its own;
    "dense" has the first position alone, (N, C).

    Examples
    --------
    >>> {name: b.values.shape for name, b in blocks(np.zeros((4, 6, 3, 2))).items()}
    {'image': (4, 6, 3, 2), 'sequence': (4, 6, 6), 'tokens': (4, 6, 6), 'dense': (4, 6)}
    """
    n, c = a.shape[:2]
    numbers = np.arange(a.size, dtype=np.int32).reshape(a.shape)
    seen: dict[str, Any] = {
        "image": lambda b: b,
        "sequence": lambda b: b.reshape(n, c, -1),
        "tokens": lambda b: b.reshape(n, c, -1).swapaxes(1, 2),
        "dense": lambda b: b[:, :, 0, 0],
    }
    return {
        name: Block(
            name,
            see(a),
            see(numbers).ravel(),
            *_places(see(a).shape, FORMS[name]),
            1 if FORMS[name].axes[1] == "C" else -1,
        )
        for name, see in seen.items()
    }


def _places(shape: tuple[int, ...], form: Form) -> tuple[Floats, Floats]:
    """Return x and y of each cell."""
    index = dict(zip(form.axes, np.indices(shape).reshape(len(shape), -1), strict=True))
    length = dict(zip(form.axes, shape, strict=True))
    # Samples side by side: the sample is an outer axis in both directions.
    beside = 2 if form.narrow and length["N"] > 1 else 1
    index["M"], length["M"] = index["N"] % beside, beside
    index["N"], length["N"] = index["N"] // beside, -(-length["N"] // beside)

    def along(letters: str) -> Floats:
        place = np.zeros(index["N"].size)
        step, gap = 1.0, 0.0
        for letter in reversed(letters):
            place += index[letter] * (step + gap)
            step = length[letter] * (step + gap) - gap
            gap = GAP
        return place

    return along("M" + form.across if beside > 1 else form.across), along(form.down)


@dataclass(frozen=True, eq=False, repr=False)
class Sharing(checks.Brief):
    """How one normalization divides a block into sets, and what it makes of each value.

    Attributes
    ----------
    count : m, the number of values that share one mu and one sigma
    sets : which set each value is in, in the order of ``values.ravel()``
    mu, sigma : of each set
    x_hat : of each value
    slices : each set as NumPy writes it
    refused : why a layer of normlib would not do it; empty where it does
    """

    count: int
    sets: Ints
    mu: Array
    sigma: Array
    x_hat: Array
    slices: tuple[str, ...]
    refused: str


def sharing(norm: Norm, block: Block) -> Sharing:
    """Let normlib normalize a block, and return its sets and their statistics."""
    channels = block.values.shape[block.channel_axis]
    view = in_view(block.values, norm.groups_of(channels), block.channel_axis)
    x_hat, cache = standardize(view, norm.axes, **norm.measure)
    each = cache.inv_sigma.shape
    numbers = np.arange(cache.inv_sigma.size, dtype=np.int32).reshape(each)
    sets = np.broadcast_to(numbers, view.shape).ravel()
    try:
        Normalize(norm, channels, channel_axis=block.channel_axis).forward(block.values)
        refused = ""
    except ValueError as error:
        refused = str(error)
    return Sharing(
        count=cache.count,
        sets=sets,
        mu=np.broadcast_to(cache.mu, each).ravel(),
        sigma=1 / cache.inv_sigma.ravel(),
        x_hat=x_hat.ravel(),
        slices=tuple(_slice(sets == k, block.values.shape) for k in range(numbers.size)),
        refused=refused,
    )


def _slice(chosen: npt.NDArray[np.bool_], shape: tuple[int, ...]) -> str:
    """Write a box of cells as an index expression."""
    words = []
    for axis, found in enumerate(np.nonzero(chosen.reshape(shape))):
        low, high = int(found.min()), int(found.max()) + 1
        if high - low == 1:
            words.append(f"{low}")
        else:
            words.append(":" if high - low == shape[axis] else f"{low}:{high}")
    return f"a[{', '.join(words)}]"


def sheet(
    ax: Axes,
    block: Block,
    shared: npt.NDArray[np.bool_],
    *,
    tone: str,
    chosen: int | None = None,
    numbers: Array | None = None,
) -> None:
    """Draw a block's cells: those that share in the tone, one of them chosen, the rest pale.

    Parameters
    ----------
    ax : matplotlib Axes
    block : Block
    shared : bool per cell, in the order of ``block.values.ravel()``
    tone : str
        The method's colour.
    chosen : int, optional
        The cell whose set it is.
    numbers : array, optional
        One number per cell, written into it.
    """
    from matplotlib.patches import Rectangle

    now: Theme = theme()
    for k, (x, y) in enumerate(zip(block.x, block.y, strict=True)):
        strong = k == chosen
        face, alpha = (
            (tone, 1.0 if strong or numbers is None else 0.22) if shared[k] else (now.grid, 0.5)
        )
        ax.add_patch(Rectangle((x, y), 0.92, 0.92, facecolor=face, alpha=alpha, linewidth=0))
        if strong:
            edge = Rectangle((x, y), 0.92, 0.92, fill=False, edgecolor=now.ink, linewidth=1.6)
            edge.set_zorder(3)
            ax.add_patch(edge)
        if numbers is not None:
            ink = now.paper if strong else now.ink if shared[k] else now.muted
            weight = "bold" if shared[k] else "normal"
            words = f"{numbers.flat[k]:.1f}".replace("-", "−").replace("−0.0", "0.0")
            ax.text(
                x + 0.46,
                y + 0.49,
                words,
                ha="center",
                va="center",
                color=ink,
                fontsize=7.5,
                weight=weight,
            )
    width, height = block.size
    ax.set(xlim=(-0.1, width), ylim=(height, -0.1), aspect="equal", xticks=[], yticks=[])
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)
