"""The Whitening Bench's Python side: its moves, its descents, what it accepts and says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from traitlets import TraitError
from unpacked import unpack

from normlib import standardize, whiten
from normlib.widgets import WhiteningBench
from normlib.widgets.whitening_bench import MOVES, clouds, stage
from normlib.widgets.whitening_bench.bench import EPS, height
from normlib.widgets.whitening_bench.moves import KEPT, TOLERANCE, target

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 2)) @ np.array([[2.0, 0.5], [0.0, 1.0]]) + 1


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"data": {}}, ValueError, "data must hold at least one cloud; got none"),
            ({"data": [[1.0, 2.0]]}, TypeError, "data must be a NumPy array; got list"),
            ({"data": np.ones((9, 3))}, ValueError, r"data must have shape \(n, 2\).*\(9, 3\)"),
            ({"data": np.ones((2, 2))}, ValueError, "n from 3 to 1000; got"),
            ({"data": {"a": np.ones((9, 2))}}, ValueError, r"data\['a'\] must not be flat"),
            ({"data": X * np.nan}, ValueError, "data must be finite"),
            ({"data": X + 1e3}, ValueError, "data must not be flat"),
            ({"cloud": "round"}, ValueError, "cloud must be one of .*; got 'round'"),
            ({"move": "LDA"}, ValueError, "move must be one of .*; got 'LDA'"),
            ({"eps": 0.5}, ValueError, "eps must be one of 0, 0.01, 0.1, 1; got 0.5"),
        ],
    )
    def test_bad_ones_are_refused(
        self, arguments: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        """Catches a bench that fails in the page, where nobody reads the error."""
        with pytest.raises(error, match=message):
            WhiteningBench(**arguments)

    @pytest.mark.parametrize("name", ["cloud", "move", "eps"])
    def test_a_kernel_cannot_choose_what_is_not_there(self, name: str) -> None:
        """Catches a state that the page cannot draw; the bench stays as it was."""
        bench = WhiteningBench()
        before = getattr(bench, name)
        with pytest.raises((ValueError, TraitError), match=f"{name} must be one of"):
            setattr(bench, name, 0.123 if name == "eps" else "none")
        assert getattr(bench, name) == before

    def test_the_step_is_one_of_those_kept(self) -> None:
        """Catches a step beyond the stored path."""
        bench = WhiteningBench(X)
        bench.step = 999
        assert bench.step == KEPT - 1
        assert len(bench.poster().light) > 0


class TestMoves:
    @pytest.mark.parametrize("eps", EPS)
    @pytest.mark.parametrize("name", list(clouds()))
    def test_they_are_normlibs(self, name: str, eps: float) -> None:
        """Catches a move that is another one than its name says."""
        x = clouds()[name]
        found = {move: stage(x, move, eps).carry(x) for move in MOVES}
        assert (found["as it is"] == x).all()
        np.testing.assert_allclose(found["centred"], x - x.mean(axis=0), atol=1e-14)
        # atol for what is 0; a few products of numbers around 10 round to about 1e-15.
        close = {"rtol": 1e-12, "atol": 1e-13}
        np.testing.assert_allclose(found["standardized"], standardize(x, 0, eps=eps)[0], **close)
        for move, method in (("PCA", "pca"), ("ZCA", "zca"), ("Cholesky", "cholesky")):
            wanted = whiten(x, method, eps=eps).transform(x)
            np.testing.assert_allclose(found[move], wanted, **close)

    def test_a_rotation_keeps_distances_and_uncorrelates(self) -> None:
        """Catches a rotation that scales, and one by the wrong angle."""
        done = stage(X, "rotated", 0.1)
        np.testing.assert_allclose(done.matrix @ done.matrix.T, np.eye(2), atol=1e-14)
        assert abs(done.covariance[0, 1]) < 1e-13

    def test_a_cloud_has_the_covariance_that_it_is_named_for(self) -> None:
        """Catches a cloud whose numbers come from luck."""
        found = {name: np.corrcoef(x.T)[0, 1] for name, x in clouds().items()}
        wanted = {"tilted": 0.9, "correlated .98": 0.98, "scales 1 : 10": 0.0, "off centre": 0.0}
        assert found == pytest.approx(wanted, abs=1e-12)
        stretched = clouds()["scales 1 : 10"].std(axis=0)
        assert stretched[0] / stretched[1] == pytest.approx(10)


class TestDescent:
    @pytest.mark.parametrize("move", list(MOVES))
    @pytest.mark.parametrize("name", list(clouds()))
    def test_its_length_is_that_of_theory(self, name: str, move: str) -> None:
        """Catches another rate, another bowl, or a count that is one off.

        At the best rate both axes of a bowl of two shrink by rho = (k - 1) / (k + 1) a step, so the
        loss above the least falls by exactly rho² whatever the start.
        """
        done = stage(clouds()[name], move, 0.0)
        rho = (done.condition - 1) / (done.condition + 1)
        wanted = 1 if rho < 1e-6 else math.ceil(math.log(TOLERANCE) / (2 * math.log(rho)))
        assert done.steps == wanted
        if rho > 1e-6:
            np.testing.assert_allclose(done.excess[1] / done.excess[0], rho**2, rtol=1e-9)

    def test_the_bowl_is_that_of_the_loss(self) -> None:
        """Catches rings drawn for another loss: on each the loss above the least is equal."""
        done = stage(X, "standardized", 0.0)
        y, t = done.carry(X), target(X)

        def loss(theta: Any) -> Any:
            return ((y @ np.atleast_2d(theta).T - t[:, None]) ** 2).mean(axis=0) / 2

        turn = np.linspace(0, 6, 9)
        ring = done.best + 0.7 * np.column_stack([np.cos(turn), np.sin(turn)]) @ done.bowl
        least = loss(done.best)
        np.testing.assert_allclose(loss(ring) - least, 0.7**2 / 2, rtol=1e-10)
        np.testing.assert_allclose(loss(np.zeros(2)) - least, height(done) / 2, rtol=1e-10)
        np.testing.assert_allclose(
            (loss(done.path) - least) / (loss(np.zeros(2)) - least), done.excess, atol=1e-12
        )

    def test_rotating_changes_no_step_and_whitening_needs_one(self) -> None:
        """Catches the claim that keeping all principal components is whitening."""
        for name, x in clouds().items():
            steps = {move: stage(x, move, 0.0).steps for move in MOVES}
            assert steps["rotated"] == steps["centred"], name
            assert {steps[move] for move in ("PCA", "ZCA", "Cholesky")} == {1}, name


class TestState:
    def test_what_it_sends_is_what_normlib_computes(self) -> None:
        """Catches arrays of another cloud, eps or move."""
        bench = WhiteningBench()
        where = bench.meta["arrays"]
        sent = {name: unpack(bench.data, place) for name, place in where.items()}
        for i, x in enumerate(bench.clouds.values()):
            assert (sent[f"points {i}"] == x).all()
            for e, eps in enumerate(EPS):
                for m, move in enumerate(MOVES):
                    done = stage(x, move, eps)
                    for name in ("shift", "matrix", "covariance", "bowl", "best", "condition"):
                        assert (sent[name][i, e, m] == getattr(done, name)).all()
                    assert sent["steps"][i, e, m] == done.steps
                    np.testing.assert_allclose(  # float32 has 7 digits
                        sent["path"][i, e, m, : len(done.path)], done.path, rtol=1e-6, atol=1e-6
                    )
                    assert (
                        sent["path"][i, e, m, len(done.path) :] == sent["path"][i, e, m, -1]
                    ).all()

    def test_the_ellipse_is_two_standard_deviations(self) -> None:
        """Catches an ellipse of another size or tilt: whitened, it has radius 2."""
        bench = WhiteningBench(X)
        ring = unpack(bench.data, bench.meta["arrays"]["ellipse 0"])
        radius = np.linalg.norm(whiten(X, eps=0).transform(ring), axis=1)
        np.testing.assert_allclose(radius, 2, rtol=1e-10)

    def test_every_cloud_fits_its_picture(self) -> None:
        """Catches points outside of the axes, for any eps: a larger one only draws them in."""
        bench = WhiteningBench()
        for name, x in bench.clouds.items():
            for move, (_, _, unit, _) in MOVES.items():
                for eps in EPS:
                    assert (
                        np.abs(stage(x, move, eps).carry(x)).max() < bench.meta["reach"][name][unit]
                    )


class TestWords:
    def test_the_description_has_every_move(self) -> None:
        """Catches words that lag behind the state."""
        bench = WhiteningBench(move="ZCA", eps=0.1)
        bench.cloud = "correlated .98"
        text = bench.describe()
        assert "correlated .98, 160 points; shown is ZCA, ε = 0.1." in text
        for name in MOVES:
            assert f"to a millionth {stage(bench.clouds[bench.cloud], name, 0.1).steps}." in text

    def test_its_repr_is_its_state(self) -> None:
        """Catches a repr with arrays in it."""
        assert repr(WhiteningBench(X)) == (
            "WhiteningBench(cloud='cloud', eps=0.0, move='centred', step=0)"
        )
