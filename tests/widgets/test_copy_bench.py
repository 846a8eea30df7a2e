"""The Copy Bench's Python side: its world, what it accepts, sends and says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB
from traitlets import TraitError
from unpacked import unpack

from normlib.widgets import CopyBench
from normlib.widgets.copy_bench.bench import probability
from normlib.widgets.copy_bench.world import COPIES, CORRELATIONS, WAYS, World, stacked

WORLD = World(seed=1, n_train=20_000, n_test=20_000)


class TestWorld:
    @pytest.mark.parametrize("correlation", [0.0, 0.3, 1.0])
    def test_features_have_the_means_and_correlations_promised(self, correlation: float) -> None:
        """Catches copies that are more alike than each is to the first, and features 2 and 3 mixed.

        40 000 points know a correlation to 0.005: 0.03 is six times that.
        """
        x = WORLD.features(3, correlation)
        y = WORLD.labels
        for k, centre in ((0, -0.6), (1, 0.6)):
            np.testing.assert_allclose(x[y == k].mean(axis=0), centre, atol=0.04)
            wanted = np.eye(6)
            wanted[:4, :4] += correlation * (1 - np.eye(4))
            np.testing.assert_allclose(np.cov(x[y == k].T), wanted, atol=0.05)

    def test_a_correlation_of_one_copies_and_none_changes_the_first(self) -> None:
        """Catches noise in a copy, and sliders that move what they should not."""
        x = WORLD.features(2, 1.0)
        np.testing.assert_allclose(x[:, 1], x[:, 0], rtol=1e-12)
        np.testing.assert_allclose(x[:, 2], x[:, 0], rtol=1e-12)
        for correlation in (0.0, 0.5):
            other = WORLD.features(7, correlation)
            np.testing.assert_array_equal(other[:, [0, -2, -1]], x[:, [0, -2, -1]])

    @pytest.mark.parametrize(("copies", "correlation"), [(0, 0.4), (5, 0.3), (100, 0.9)])
    def test_the_true_odds_are_those_of_the_densities(
        self, copies: int, correlation: float
    ) -> None:
        """Catches a wrong worth: the densities are the definition, (k + 1)/(1 + k rho) derived.

        The condition of the covariance is below 1000: 1e-9 leaves room for more than its digits.
        """
        small = World(seed=2, n_train=4, n_test=50)
        x = small.features(copies, correlation)[small.n_train :]
        within = np.eye(copies + 3)
        within[: copies + 1, : copies + 1] += correlation * (1 - np.eye(copies + 1))
        inverse = np.linalg.inv(within)
        far = [np.einsum("ni,ij,nj->n", x - m, inverse, x - m) for m in (-0.6, 0.6)]
        odds = (far[0] - far[1]) / 2
        wanted, got = small.score(odds), small.best(copies, correlation)
        assert got.loss == pytest.approx(wanted.loss, rel=1e-9)
        np.testing.assert_allclose(got.points, wanted.points, rtol=1e-9)

    def test_nobody_is_better_than_the_best(self) -> None:
        """Catches true probabilities that are not: with so many points chance gains no 0.01."""
        for copies, correlation in ((0, 0.0), (5, 0.0), (20, 0.5), (100, 1.0)):
            best = WORLD.best(copies, correlation)
            assert best.error < 0.02
            for way in WAYS:
                assert WORLD.bayes(copies, correlation, way).loss > best.loss - 0.01


class TestScore:
    @pytest.mark.parametrize(("copies", "correlation"), [(0, 0.0), (10, 1.0), (50, 0.2)])
    def test_figures_are_scikit_learns(self, copies: int, correlation: float) -> None:
        """Catches a loss of the wrong class, and a confidence that is the share of class 1."""
        world = World()
        x, y = world.features(copies, correlation), world.labels
        model = GaussianNB().fit(x[:1000], y[:1000])
        p = model.predict_proba(x[1000:])
        score = world.bayes(copies, correlation, "none")
        assert score.accuracy == model.score(x[1000:], y[1000:])
        assert score.confidence == pytest.approx(p.max(axis=1).mean(), rel=1e-12)
        np.testing.assert_allclose(score.points, p[world.followed], rtol=1e-6)
        if copies == 0:  # scikit-learn's loss cuts probabilities off at 1e-16
            assert score.loss == pytest.approx(log_loss(y[1000:], p[:, 1]), rel=1e-12)

    def test_bins_add_up(self) -> None:
        """Catches a probability of exactly 1 that falls out of the last bin."""
        score = World().score(np.linspace(-800, 800, 1000))
        count, said, found = score.bins.T
        y = World().labels[1000:]
        assert count.sum() == 1000
        assert count[-1] == 500 - (np.abs(np.linspace(-800, 800, 1000)) < np.log(9)).sum() / 2
        assert count @ found / 1000 == pytest.approx(y.mean())
        assert count @ said / 1000 == pytest.approx(0.5)
        assert score.error == pytest.approx(count @ np.abs(said - found) / 1000)

    def test_perfect_and_hopeless_probabilities(self) -> None:
        """Catches an error that is 0 whatever happens, and one that is never 0."""
        world = World()
        sign = 2 * world.labels[1000:] - 1
        sure, wrong = world.score(40.0 * sign), world.score(-40.0 * sign)
        assert (sure.accuracy, wrong.accuracy) == (1, 0)
        assert sure.error < 1e-12 < 0.999 < wrong.error
        assert wrong.loss == pytest.approx(40)

    def test_points_followed_are_those_described(self) -> None:
        """Catches points whose first feature lies on the other side."""
        world = World()
        first = world.features(0, 0.0)[1000:][world.followed, 0]
        assert np.sign(first).tolist() == [-1, 1, 1, -1, 1]
        bench = CopyBench(copies=0)
        np.testing.assert_allclose(bench.best.points[:, 1], (0.1, 0.3, 0.5, 0.7, 0.9), atol=0.01)


class TestWhitening:
    @pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
    def test_it_whitens_what_it_measures(self, correlation: float) -> None:
        """Catches statistics of the test points, and directions of rounding that were kept."""
        world = World(n_train=500, n_test=500)
        y = world.labels[:500]
        for way in ("all", "within"):
            x = world.whitened(world.features(4, correlation), way)
            assert x.shape == (1000, 3 if correlation == 1 else 7)
            train = x[:500]
            if way == "within":
                train = train - np.array([train[y == k].mean(axis=0) for k in (0, 1)])[y]
            np.testing.assert_allclose(np.cov(train.T, bias=True), np.eye(x.shape[1]), atol=1e-6)

    def test_copies_are_undone(self) -> None:
        """Catches whitening that blows rounding up: the widget's main claim."""
        world = World()
        for way in ("all", "within"):
            few, many = (world.bayes(k, 1.0, way) for k in (0, 100))
            assert abs(many.loss - few.loss) < 0.05
        assert world.bayes(100, 1.0, "none").loss > 10


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"copies": 4}, "copies must be one of 0, 1, 2, 3, 5, .*; got 4"),
            ({"copies": True}, "copies must be one of .*; got True"),
            ({"correlation": 0.55}, "correlation must be one of 0.0, 0.1, .*; got 0.55"),
            ({"whitening": "zca"}, "whitening must be one of 'all', 'none', 'within'; got 'zca'"),
            ({"seed": -1}, "seed must be an integer of 0 or more; got -1"),
        ],
    )
    def test_bad_ones_are_refused(self, arguments: dict[str, Any], message: str) -> None:
        """Catches a bench that fails in the page, where nobody reads the error."""
        with pytest.raises(ValueError, match=message):
            CopyBench(**arguments)

    @pytest.mark.parametrize(
        ("name", "value"), [("copies", 4), ("correlation", 0.05), ("whitening", "zca")]
    )
    def test_a_kernel_cannot_choose_what_is_not_there(self, name: str, value: Any) -> None:
        """Catches a state that the page cannot draw; the bench stays as it was."""
        bench = CopyBench()
        before = getattr(bench, name)
        with pytest.raises((ValueError, TraitError), match=f"{name} must be one of"):
            setattr(bench, name, value)
        assert getattr(bench, name) == before

    def test_a_whole_number_is_a_correlation_too(self) -> None:
        """Catches 1 refused where 1.0 is meant."""
        assert repr(CopyBench(correlation=1)) == (
            "CopyBench(copies=10, correlation=1.0, whitening='none')"
        )

    def test_another_seed_is_another_world(self) -> None:
        """Catches a cache that knows one world only."""
        worlds = [World(seed, 100, 100).bayes(10, 1.0, "none") for seed in (0, 1)]
        assert worlds[0].loss != worlds[1].loss


def test_what_it_sends_is_its_grid() -> None:
    """Catches axes in another order, and points without their digits."""
    bench = CopyBench(copies=20, correlation=0.3, whitening="within")
    where = bench.meta["arrays"]
    i, j = CORRELATIONS.index(0.3), COPIES.index(20)
    for way, score in (("within", bench.score), ("best", bench.best)):
        got = {
            name: unpack(bench.data, where[f"{name} {way}"])[i, j]
            for name in ("figures", "points", "bins")
        }
        np.testing.assert_allclose(got["figures"], score[:4], rtol=1e-6)
        np.testing.assert_array_equal(got["points"], score.points)
        np.testing.assert_allclose(got["bins"], score.bins, rtol=1e-6)


def test_a_grid_is_stacked_correlations_first() -> None:
    """Catches a transposed grid, which would have the same numbers elsewhere."""
    world = World(n_train=50, n_test=50)
    grid = [[world.best(k, rho) for k in (0, 1, 2)] for rho in (0.0, 1.0)]
    arrays = stacked(grid)
    assert arrays["figures"].shape == (2, 3, 4)
    assert arrays["points"].shape == (2, 3, 5, 2)
    assert arrays["bins"].shape == (2, 3, 10, 3)


def test_the_description_has_the_figures() -> None:
    """Catches words that lag behind the state."""
    bench = CopyBench(copies=3, correlation=0.5)
    bench.copies, bench.correlation = 100, 0.1
    text = bench.describe()
    assert "feature 1 and 100 copies, correlation 0.1, features as they are" in text
    assert "101 measurements, worth 9.18 independent ones" in text
    for score in (bench.score, bench.best):
        assert f"probability {score.confidence:.3f} and is right in {score.accuracy:.3f}" in text
        assert f"log-likelihood {score.loss:.2f}, calibration error {score.error:.3f}" in text
    assert probability(*bench.score.points[4]) in text
