r"""Who wins a cell of a sweep, and where the seeds cannot tell.

In each cell two methods are compared seed by seed, so that what a seed makes easy or hard for both
of them cancels: with differences :math:`d_1, \dots, d_n` over the n seeds,

.. math:: t = \frac{\bar d}{s_d / \sqrt n}

is Student's t with n - 1 degrees of freedom if the two are equally good and the differences normal.
Two questions are asked of it, with two thresholds.

*Is the leader the best?* It wins if it exceeds the two-sided threshold of the level against every
other method. Nothing has to be added for their number: a false winner must beat the one that is
truly best, too (an intersection-union test). At worst, with two equals far ahead of all others, a
cell has a false winner with the chance that the level names. The others tie with the leader.

*Which of two methods is better?* There are M(M - 1)/2 pairs to pick from, so the level is divided
by their number (Bonferroni). Where all methods are equal, the chance that any of them beats any
other is at most the level. Over K cells, about K times the level may be wrong in both cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.grids import Sweep
from normlib.spec import Norm

#: The axes of a sweep that an arena needs, in the order of its arrays.
AXES = ("norm", "batch_size", "init_scale", "lr", "seed")

Places = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, repr=False)
class Standings(checks.Brief):
    """What a sweep over methods and seeds decides, cell by cell. Cells have shape (B, I, L).

    Attributes
    ----------
    methods : names of the M methods
    batch_size, init_scale, lr : the values of the B, I and L places
    scores : (M, B, I, L, n), one for each seed
    mean, spread : (M, B, I, L), mean and standard deviation over the seeds (with n - 1)
    gap, gap_spread : (M, M, B, I, L), the same of the differences, first method less second
    beats : (M, M, B, I, L) bool, whether the first beats the second, as one pair of all
    leader : (B, I, L), the place of the method with the largest mean, the first of several
    tied : (M, B, I, L) bool, whether the method is the leader or not below it beyond noise
    winner : (B, I, L), the leader if nothing ties with it, and otherwise -1
    level : how often noise alone may decide
    t_leader, t_pair : the t beyond which the leader is ahead of another, and one of a pair
    """

    methods: tuple[str, ...]
    batch_size: tuple[int, ...]
    init_scale: tuple[float, ...]
    lr: tuple[float, ...]
    scores: Array
    mean: Array
    spread: Array
    gap: Array
    gap_spread: Array
    beats: Bools
    leader: Places
    tied: Bools
    winner: Places
    level: float
    t_leader: float
    t_pair: float


def standings(table: Sweep, *, result: str = "accuracy", level: float = 0.05) -> Standings:
    """Compare the methods of a sweep in every cell, seed by seed.

    Parameters
    ----------
    table : Sweep
        With the axes norm, batch_size, init_scale, lr and seed, in any order.
    result : str
        Which of its results decides; more is better.
    level : float in (0, 1)
        How often noise alone may name a winner in a cell, or a better one in any of its pairs.

    Returns
    -------
    Standings

    Raises
    ------
    TypeError
        table is no Sweep.
    KeyError
        There is no such result.
    ValueError
        An axis is missing or another is there, there are fewer than two methods or seeds, two
        methods share a name, a score is not finite, or the level is out of range.
    ImportError
        SciPy is not installed.

    Source: Student 1908, doi:10.1093/biomet/6.1.1; Dunn 1961, doi:10.1080/01621459.1961.10482090;
    Berger 1982, doi:10.1080/00401706.1982.10487790.

    Examples
    --------
    >>> from normlib import Sweep
    >>> axes = {"norm": ("none", "batch"), "seed": (0, 1, 2), "batch_size": (4,)}
    >>> axes |= {"init_scale": (1.0,), "lr": (0.1, 1.0)}
    >>> scores = [[[[[0.8, 0.1]]], [[[0.7, 0.1]]], [[[0.9, 0.1]]]]]
    >>> scores += [[[[[0.7, 0.8]]], [[[0.9, 0.7]]], [[[0.8, 0.9]]]]]
    >>> found = standings(Sweep(axes, {"accuracy": np.array(scores)}))
    >>> [found.methods[k] if k >= 0 else "a tie" for k in found.winner[0, 0]]
    ['a tie', 'batch']
    """
    scores, methods = _scores(table, result), _names(table)
    level = checks.number(level, "level")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1; got {level}. Pass 0.05.")
    count, seeds = len(methods), scores.shape[-1]
    with checks.installed("standings", "scipy"):
        from scipy.stats import t as student
    pairs = count * (count - 1) / 2
    t_leader, t_pair = (float(student.isf(p / 2, seeds - 1)) for p in (level, level / pairs))
    difference = scores[:, None] - scores[None]
    # Scores are shares of a few hundred: what is left of rounding is no difference.
    difference[np.abs(difference) < 1e-12] = 0
    gap, gap_spread = difference.mean(-1), difference.std(-1, ddof=1)
    t_times_spread = gap * np.sqrt(seeds)  # no division: a spread can be 0
    mean = scores.mean(-1)
    leader = mean.argmax(0).astype(np.int32)
    ahead = np.take_along_axis(t_times_spread > t_leader * gap_spread, leader[None, None], 0)[0]
    return Standings(
        methods=methods,
        **{name: tuple(table.axes[name]) for name in AXES[1:-1]},
        scores=scores,
        mean=mean,
        spread=scores.std(-1, ddof=1),
        gap=gap,
        gap_spread=gap_spread,
        beats=t_times_spread > t_pair * gap_spread,
        leader=leader,
        tied=~ahead,
        winner=np.where(ahead.sum(0) == count - 1, leader, -1).astype(np.int32),
        level=level,
        t_leader=t_leader,
        t_pair=t_pair,
    )


def _scores(table: Sweep, result: str) -> Array:
    """Return the scores in the order of `AXES`, if they can be compared."""
    checks.kind(table, Sweep, "table", "Pass what normlib.sweep returned.")
    if set(table.axes) != set(AXES):
        raise ValueError(
            f"table must have the axes {', '.join(AXES)}; got {', '.join(table.axes)}. "
            "Give what is fixed an axis with one value."
        )
    for name in ("norm", "seed"):
        if len(table.axes[name]) < 2:
            raise ValueError(
                f"table must have at least two values of {name}; got {table.axes[name]!r}. "
                "Without a second there is nothing to compare, and no spread."
            )
    given = np.asarray(table.array(result), np.float64)
    if given.ndim != len(AXES) or not np.isfinite(given).all():
        raise ValueError(
            f"{result} must be one finite number in every cell; got shape {given.shape} with "
            f"{np.count_nonzero(~np.isfinite(given))} that are not finite. Leave out what cannot "
            "run."
        )
    order = list(table.axes)
    return np.ascontiguousarray(given.transpose([order.index(name) for name in AXES]))


def _names(table: Sweep) -> tuple[str, ...]:
    """Return the methods' names, if they can be told apart."""
    names = tuple(
        "none" if given is None else given.name if isinstance(given, Norm) else str(given)
        for given in table.axes["norm"]
    )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"norms must differ in name; got {twice!r} twice. Rename one.")
    return names
