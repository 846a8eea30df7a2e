"""The Arena's Python side: who wins a cell, what is sent to the page, and what is said."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from made_sweeps import METHODS, RATES, SCALES, SHARED, SIZES, WON, made_sweep
from scipy import stats
from traitlets import TraitError
from unpacked import unpack

from normlib import NORMS, Sweep, norm
from normlib.plots import tones
from normlib.widgets import Arena
from normlib.widgets.arena import Standings, standings
from normlib.widgets.arena.picture import blend, pm, signed, strength


@pytest.fixture(scope="module")
def table() -> Sweep:
    return made_sweep()


@pytest.fixture(scope="module")
def found(table: Sweep) -> Standings:
    return standings(table)


@pytest.fixture
def arena(table: Sweep) -> Arena:
    return Arena(table)


def score(table: Sweep, name: str, size: float, scale: float, rate: float) -> np.ndarray:
    return table.array("accuracy", norm=name, batch_size=size, init_scale=scale, lr=rate)


def changed(table: Sweep, **axes: Any) -> Sweep:
    """Return the sweep with other axes, cut to their lengths; None drops one."""
    kept, array = dict(table.axes), table.array("accuracy")
    for name, values in axes.items():
        place = list(kept).index(name)
        array = array.take(0 if values is None else range(len(values)), axis=place)
        kept = {k: v for k, v in {**kept, name: values}.items() if v is not None}
    return Sweep(kept, {"accuracy": array})


class TestStandings:
    def test_a_verdict_is_scipys_paired_test(self, table: Sweep, found: Standings) -> None:
        """Catches an unpaired test, a one-sided level, and a correction for the wrong number."""
        pairs = len(METHODS) * (len(METHODS) - 1) // 2
        verdicts = set()
        for (m, one), (n, other) in product(enumerate(METHODS), repeat=2):
            if m == n:
                assert not found.beats[m, n].any()
                continue
            for place in np.ndindex(found.winner.shape):
                cell = tuple(v[k] for v, k in zip((SIZES, SCALES, RATES), place, strict=True))
                pair = score(table, one, *cell), score(table, other, *cell)
                t, p = stats.ttest_rel(*pair)
                beats = t > 0 and p < 0.05 / pairs
                assert found.beats[(m, n, *place)] == beats
                assert found.gap[(m, n, *place)] == pytest.approx(np.mean(pair[0] - pair[1]))
                assert found.gap_spread[(m, n, *place)] == pytest.approx(
                    np.std(pair[0] - pair[1], ddof=1)
                )
                verdicts.add(bool(beats))
                if m == found.leader[place]:
                    assert found.tied[(n, *place)] == (not (t > 0 and p < 0.05))
        assert verdicts == {True, False}

    def test_the_cells_made_to_be_won_are_won_and_the_others_tie(self, found: Standings) -> None:
        """Catches axes in another order, and a leader who is named for leading."""
        for place in np.ndindex(found.winner.shape):
            cell = tuple(v[k] for v, k in zip((SIZES, SCALES, RATES), place, strict=True))
            winner = found.winner[place]
            assert (METHODS[winner] if winner >= 0 else None) == WON.get(cell)
            leader = found.leader[place]
            assert found.mean[(leader, *place)] == found.mean[(slice(None), *place)].max()
            assert found.tied[(leader, *place)]
            if cell == SHARED[0]:
                tied = [name for m, name in enumerate(METHODS) if found.tied[(m, *place)]]
                assert tuple(tied) == SHARED[1]

    @pytest.mark.parametrize(("equals", "pairs"), [(8, 0.005), (2, None)])
    def test_noise_names_few_winners(self, equals: int, pairs: float | None) -> None:
        """Catches a level that noise exceeds: all methods equal, and two of them far ahead."""
        shape = (8, 20, 10, 10, 5)
        noise = 0.5 + 0.05 * np.random.default_rng(1).normal(size=shape)
        noise[:equals] += 0.3
        names = ("norm", "lr", "init_scale", "batch_size", "seed")
        axes = {name: tuple(range(size)) for name, size in zip(names, shape, strict=True)}
        made = Sweep({**axes, "norm": tuple("abcdefgh")}, {"accuracy": np.clip(noise, 0, 1)})
        found = standings(made)
        # 2000 cells: a share of 0.05 has a standard error of 0.005.
        assert (found.winner >= 0).mean() < 0.065
        assert (standings(made, level=0.5).winner >= 0).mean() > 0.065  # the check can fail
        if pairs is not None:
            assert pairs < found.beats.any((0, 1)).mean() < 0.05
        else:
            assert (found.winner >= 0).mean() > 0.035  # as often as the level says

    def test_the_order_of_axes_and_the_kind_of_name_do_not_count(self, table: Sweep) -> None:
        """Catches arrays read by position, and Norms on the axis that have no name."""
        names = list(table.axes)[::-1]
        turned = Sweep(
            {name: table.axes[name] for name in names},
            {"accuracy": table.array("accuracy").transpose()},
        )
        np.testing.assert_array_equal(standings(turned).mean, standings(table).mean)
        rows = (None, "batch", NORMS["layer"], norm("group", groups=2))
        assert standings(changed(table, norm=rows)).methods == ("none", "batch", "layer", "group")

    def test_equal_scores_are_a_tie(self) -> None:
        """Catches 0/0 where all seeds agree, and rounding that decides."""
        axes = {"norm": ("a", "b", "c"), "seed": (0, 1, 2)}
        axes |= {"lr": (1,), "init_scale": (1,), "batch_size": (1,)}
        scores = np.array([[0.1 + 0.2] * 3, [0.3] * 3, [0.4] * 3])[:, :, None, None, None]
        found = standings(Sweep(axes, {"accuracy": scores}))
        assert not found.beats[0, 1].any()
        assert not found.beats[1, 0].any()
        assert found.methods[found.winner[0, 0, 0]] == "c"  # by the same amount, three times

    @pytest.mark.parametrize(
        ("axes", "message"),
        [
            ({"seed": (0,)}, r"table must have at least two values of seed; got \(0,\). Without"),
            ({"norm": ("a",)}, "table must have at least two values of norm"),
            ({"norm": ("a", "a")}, "norms must differ in name; got 'a' twice. Rename one"),
            ({"lr": None}, "table must have the axes norm, .*; got norm, init_scale.* Give what"),
        ],
    )
    def test_bad_tables_are_refused(self, table: Sweep, axes: Any, message: str) -> None:
        """Catches a comparison of one, and an axis that is averaged away."""
        with pytest.raises(ValueError, match=message):
            standings(changed(table, **axes))

    def test_bad_options_are_refused(self, table: Sweep) -> None:
        """Catches a level in percent, and a cell that did not run."""
        for level in (0, 1, 5, float("nan")):
            with pytest.raises(ValueError, match="level must"):
                standings(table, level=level)
        with pytest.raises(KeyError, match="name must be a result; got 'loss'"):
            standings(table, result="loss")
        with pytest.raises(TypeError, match=r"table must be a Sweep; got list\. Pass what"):
            standings([])  # type: ignore[arg-type]
        holes = table.array("accuracy").copy()
        holes[0, 0, 0, 0, 0] = np.nan
        with pytest.raises(ValueError, match=r"accuracy must be one finite .* 1 that are not"):
            standings(Sweep(table.axes, {"accuracy": holes}))


class TestArguments:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"lr": 2}, "lr must be one of 0.01, 0.1, 1.0, 10.0; got 2. Pass one"),
            ({"init_scale": 3}, "init_scale must be one of 0.5, .*; got 3"),
            ({"batch_size": "4"}, "batch_size must be one of 4, 64; got '4'"),
            ({"first": "bn"}, "first must be one of 'none', .*; got 'bn'"),
            ({"second": None, "first": 1}, "first must be one of .*; got 1"),
            ({"good": 1}, r"good must be a finite number in \[0, 1\); got 1"),
        ],
    )
    def test_bad_ones_are_refused(self, table: Sweep, options: Any, message: str) -> None:
        """Catches an arena that fails in the page, where nobody reads the error."""
        with pytest.raises(ValueError, match=message):
            Arena(table, **options)

    def test_scores_must_be_shares(self, table: Sweep) -> None:
        """Catches percent, and losses, which have no tone on the ramp."""
        percent = Sweep(table.axes, {"accuracy": 100 * table.array("accuracy")})
        with pytest.raises(ValueError, match=r"accuracy must be shares .* Divide what"):
            Arena(percent)

    def test_a_kernel_cannot_choose_what_is_not_there(self, arena: Arena) -> None:
        """Catches a state that the page has no numbers for; the arena stays as it was."""
        for name, value in (("lr", 2.0), ("first", "bn"), ("batch_size", 5.0)):
            before = getattr(arena, name)
            with pytest.raises((ValueError, TraitError), match=f"{name} must be one of"):
                setattr(arena, name, value)
            assert getattr(arena, name) == before

    def test_it_opens_at_the_best_mean(self, table: Sweep, arena: Arena) -> None:
        """Catches a first cell where nothing can be seen."""
        assert arena.batch_size == 64  # the second of two
        assert arena.cell().mean.max() == arena.standings.mean[:, 1].max()
        assert Arena(table, batch_size=4).cell().winner in ("layer", "none")


class TestCells:
    def test_a_cell_is_what_was_measured(self, table: Sweep) -> None:
        """Catches numbers of another cell."""
        for (size, scale, rate), winner in WON.items():
            arena = Arena(table, batch_size=size, init_scale=scale, lr=rate)
            now = arena.cell()
            for m, name in enumerate(METHODS):
                scores = score(table, name, size, scale, rate)
                np.testing.assert_array_equal(now.scores[m], scores)
                assert now.mean[m] == pytest.approx(scores.mean())
                assert now.spread[m] == pytest.approx(scores.std(ddof=1))
            assert (now.leader, now.winner, now.tied) == (winner, winner, ())
        cell, pair = SHARED
        arena = Arena(table, batch_size=cell[0], init_scale=cell[1], lr=cell[2])
        now = arena.cell()
        assert now.winner is None
        assert {now.leader, *now.tied} == set(pair)

    def test_counts(self, arena: Arena, table: Sweep) -> None:
        """Catches counts over another batch size, or of single seeds."""
        means = table.array("accuracy").mean(-1)
        for b, size in enumerate(SIZES):
            wins = [name for (s, _, _), name in WON.items() if s == size]
            assert arena.won[:, b].tolist() == [wins.count(name) for name in METHODS]
            wanted = (means[:, :, :, b] >= 0.9).sum((1, 2))
            np.testing.assert_array_equal(arena.above[:, b], wanted)
        assert arena.above.sum() >= 4


class TestState:
    def test_what_it_sends_is_what_it_measured(self, arena: Arena) -> None:
        """Catches arrays in another order than the page reads them."""
        got = {n: unpack(arena.data, place) for n, place in arena.meta["arrays"].items()}
        for name, array in got.items():
            own = getattr(arena if name in ("above", "won") else arena.standings, name)
            np.testing.assert_allclose(array, own, rtol=1e-6, atol=1e-9)  # float32
        assert arena.meta["lr"] == list(RATES)
        assert arena.meta["t_pair"] == arena.standings.t_pair

    def test_looks_are_the_palettes(self, arena: Arena) -> None:
        """Catches a method in another's colour."""
        for row, (name, tone) in zip(arena.meta["methods"], tones(METHODS).items(), strict=True):
            assert (row["name"], row["look"]["light"]) == (name, tone.light)


class TestWords:
    def test_the_description_has_every_method_and_the_cell(self, table: Sweep) -> None:
        """Catches words that lag behind the state."""
        arena = Arena(table, first="batch", second="layer")
        arena.batch_size, arena.init_scale, arena.lr = 4, 0.5, 0.1
        text, now = arena.describe(), arena.cell()
        for m, name in enumerate(METHODS):
            assert f"{name} {pm(now.mean[m], now.spread[m])}" in text
        assert "12 cells of learning rate by initialization, 5 seeds. 10 cells are ties." in text
        assert "Layer norm wins." in text
        assert "Layer norm beats the other." in text
        gap = score(table, "batch", 4, 0.5, 0.1) - score(table, "layer", 4, 0.5, 0.1)
        assert f"less Layer norm: {signed(gap.mean())} ± {gap.std(ddof=1):.3f}" in text
        arena.second = "none"
        assert "Noise can explain it." in arena.describe()

    def test_numbers_are_written_as_in_the_book(self) -> None:
        """Catches a minus that is a hyphen, and a difference of minus nothing."""
        assert pm(0.9504, 0.00849) == "0.950 ± 0.008"
        assert [signed(v) for v in (0.01, -0.01, -0.0001)] == ["+0.010", "−0.010", "0.000"]

    def test_the_ramp_steps_where_scores_are_good(self) -> None:
        """Catches a step at another place, and tones out of order."""
        values = [strength(v, 0.9) for v in (0, 0.5, 0.9 - 1e-9, 0.9, 0.95, 1)]
        assert values == sorted(values)
        assert (values[0], values[-1]) == (0, 1)
        assert values[3] - values[2] > 0.25
        assert [blend("#000000", "#ff8040", s) for s in (0, 0.5, 1)] == [
            "#000000",
            "#804020",
            "#ff8040",
        ]

    def test_its_repr_is_its_state(self, arena: Arena) -> None:
        """Catches a repr with arrays in it."""
        assert repr(arena) == (
            f"Arena(batch_size=64.0, first='none', init_scale={arena.init_scale}, "
            f"lr={arena.lr}, second='batch')"
        )
