"""The Shift Bench's Python side: its grid against fits made in another way, words, state."""

from __future__ import annotations

import warnings
from itertools import product
from math import comb
from typing import Any

import numpy as np
import pytest
from numpy.polynomial import Polynomial
from traitlets import TraitError
from unpacked import unpack

from normlib.widgets import ShiftBench
from normlib.widgets.shift_bench.draws import (
    DEGREES,
    MEANS,
    POINTS,
    POWERS,
    SOURCE,
    SPREADS,
    draw,
    excess,
    log_ratio,
    study,
)

#: (degree, points, mean, spread): corners of the grid, and its middle.
SETTINGS = [(1, 100, 0.0, 0.3), (3, 20, 0.0, 0.3), (1, 20, -1.0, 0.2), (3, 400, 0.5, 0.6)]

#: Half a unit in the last of 12 bits, and a little more.
KEPT = 2.5e-4


def rule(x: Any) -> Any:
    return x**3 - x


def normal(x: Any, mean: float, std: float) -> Any:
    return np.exp(-(((x - mean) / std) ** 2) / 2) / (std * np.sqrt(2 * np.pi))


def by_hand(seed: int, degree: int, n: int, mean: float, spread: float, power: float) -> Any:
    """Return fit, error and effective size: densities divided, polyfit, and a fine sum."""
    x, y = draw(seed, n)
    w = (normal(x, mean, spread) / normal(x, *SOURCE)) ** power
    with warnings.catch_warnings():  # polyfit warns where hardly a point counts
        warnings.simplefilter("ignore")
        p = np.polyfit(x, y, degree, w=np.sqrt(w))
    u = np.linspace(mean - 9 * spread, mean + 9 * spread, 4001)
    density = normal(u, mean, spread)
    error = (density * (np.polyval(p, u) - rule(u)) ** 2).sum() / density.sum()
    return p[::-1], error, w.sum() ** 2 / (w**2).sum()


class TestStudy:
    @pytest.mark.parametrize(("degree", "n", "mean", "spread"), SETTINGS)
    def test_it_is_what_polyfit_finds(
        self, degree: int, n: int, mean: float, spread: float
    ) -> None:
        """Catches a wrong weight, its root taken twice or never, and a quantile of another axis.

        The study keeps 12 bits; an almost singular fit loses some digits more, far beyond them.
        """
        for power in (0.0, 0.4, 1.0):
            bench = ShiftBench(degree=degree, points=n, mean=mean, spread=spread, power=power)
            rows = [by_hand(seed, degree, n, mean, spread, power) for seed in range(50)]
            plain = np.array([by_hand(seed, degree, n, mean, spread, 0.0)[1] for seed in range(50)])
            errors, sizes = (np.array([row[k] for row in rows]) for k in (1, 2))
            found = bench.outcome()
            shares = (0.1, 0.5, 0.9)
            np.testing.assert_allclose(found.weighted, np.quantile(errors, shares), rtol=KEPT)
            np.testing.assert_allclose(found.plain, np.quantile(plain, shares), rtol=KEPT)
            np.testing.assert_allclose(found.worth, np.quantile(sizes, shares), rtol=KEPT)
            if power:
                assert found.wins == (errors < plain).sum()
            np.testing.assert_allclose(bench.fits()[1], rows[0][0], rtol=KEPT)

    def test_a_shifted_test_sample_agrees_with_the_density(self) -> None:
        """Catches moments of another density; a million target points leave noise of 0.3 %."""
        rng, fit = np.random.default_rng(0), np.array([0.1, 0.4, -0.2, 0.8])
        x = rng.normal(-0.4, 0.6, 1_000_000)
        wanted = ((Polynomial(fit)(x) - rule(x)) ** 2).mean()
        assert excess(fit, -0.4, 0.6) == pytest.approx(wanted, rel=0.02)

    def test_without_a_shift_or_an_exponent_nothing_is_weighted(self) -> None:
        """Catches weights that are nearly 1, and ties that are counted as wins."""
        assert log_ratio(*SOURCE).tolist() == [0, 0, 0]
        found, here = study(), (slice(None), MEANS.index(0.5), SPREADS.index(0.5))
        for d in range(len(DEGREES)):
            assert not found.wins[d][here].any()
            assert not found.wins[d][..., 0].any()
        for i, n in enumerate(POINTS):
            assert (found.worth[i, ..., 0, :] == n).all()
        same = found.errors[(slice(None), *here)]
        assert (same == same[..., :1, :]).all()

    def test_the_effective_size_falls_with_the_exponent(self) -> None:
        """Catches exponents in another order: log of a sum of w^λ is convex, so the size falls."""
        assert (np.diff(study().worth, axis=-2) <= 1e-4).all()
        assert (study().worth >= 1).all()


class TestArguments:
    @pytest.mark.parametrize(
        ("name", "value"),
        [("mean", 0.05), ("spread", 0.0), ("points", 30), ("power", 1.2), ("degree", 2)],
    )
    def test_what_was_not_computed_is_refused(self, name: str, value: Any) -> None:
        """Catches a number between two stored ones; from a kernel too, and nothing changes then."""
        with pytest.raises(ValueError, match=f"{name} must be one of .*; got {value}"):
            ShiftBench(**{name: value})
        bench = ShiftBench()
        before = repr(bench)
        with pytest.raises((ValueError, TraitError), match=f"{name} must be one of"):
            setattr(bench, name, value)
        assert repr(bench) == before

    @pytest.mark.parametrize("value", ["cubic", None])
    def test_words_are_no_settings(self, value: Any) -> None:
        """Catches an error from NumPy's depths."""
        with pytest.raises(ValueError, match="degree must be one of 1, 3"):
            ShiftBench(degree=value)

    def test_a_sliders_rounding_is_forgiven(self) -> None:
        """Catches 0.30000000000000004, which no grid holds."""
        bench = ShiftBench(mean=-0.1 - 0.2)
        assert bench.mean == -0.3
        bench.power = 0.2 + 0.4
        assert bench.power == 0.6


class TestState:
    def test_what_it_sends_is_the_study(self) -> None:
        """Catches arrays under another's name, and axes in another order than the meta's lists."""
        bench, found = ShiftBench(), study()
        got = {name: unpack(bench.data, at) for name, at in bench.meta["arrays"].items()}
        for name in ("errors", "wins", "worth"):
            np.testing.assert_array_equal(got[name], getattr(found, name))
        np.testing.assert_array_equal(got["fit 1"], found.line)
        np.testing.assert_array_equal(got["fit 3"], found.cubic)
        for (j, mean), (k, spread) in product(enumerate(MEANS), enumerate(SPREADS)):
            assert got["log ratio"][j, k].tolist() == log_ratio(mean, spread).tolist()
        for i, n in enumerate(POINTS):
            x, y = draw(0, n)
            assert got[f"x {i}"].tolist() == x.astype(np.float32).tolist()
            assert got[f"y {i}"].tolist() == y.astype(np.float32).tolist()
        assert bench.meta["power"] == list(POWERS)

    def test_every_middle_fits_on_its_axis(self) -> None:
        """Catches an error that is drawn outside of the picture."""
        for d, (low, high) in enumerate(ShiftBench().meta["decades"]):
            middle = np.log10(study().errors[d, ..., 1])
            assert low <= middle.min()
            assert middle.max() <= high

    def test_its_arrays_are_its_own(self) -> None:
        """Catches a reader who changes the sample of every bench to come."""
        bench = ShiftBench()
        x, y, _ = bench.sample()
        x += 1
        y += 1
        for values, drawn in zip(bench.sample(), draw(0, 100), strict=False):
            np.testing.assert_allclose(values, drawn, rtol=1e-6)

    def test_clear_means_what_it_says(self) -> None:
        """Catches a verdict that chance gives: 33 of 50 or more, or as few, comes once in 30."""
        bench = ShiftBench()
        tail = sum(comb(50, k) for k in range(bench.meta["clear"], 51)) / 2**50
        assert 1 / 31 < 2 * tail < 1 / 29


class TestWords:
    def test_the_description_has_the_numbers(self) -> None:
        """Catches words that lag behind the state."""
        bench = ShiftBench()
        bench.degree, bench.points, bench.power = 3, 20, 0.4
        plain, weighted, wins, worth = bench.outcome()
        text = bench.describe()
        for value in (*plain, *weighted, *worth):
            assert f"{value:.3g}" in text
        assert f"in {wins} of 50 draws" in text
        assert "20 points of a cubic" in text
        assert "exponent 0.4" in text

    def test_its_repr_is_its_state(self) -> None:
        """Catches a repr with arrays in it."""
        assert repr(ShiftBench(spread=0.5)) == (
            "ShiftBench(degree=1, mean=0.0, points=100, power=1.0, spread=0.5)"
        )

    def test_another_exponent_can_be_asked_for(self) -> None:
        """Catches an outcome that ignores the question, or changes the bench."""
        bench = ShiftBench()
        assert bench.outcome(power=0.0).weighted == bench.outcome().plain
        assert bench.power == 1
        with pytest.raises(ValueError, match="power must be one of"):
            bench.outcome(power=0.5)
