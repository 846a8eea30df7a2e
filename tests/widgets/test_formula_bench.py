"""The Formula Bench's Python side: what it accepts, sends and says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from traitlets import TraitError
from unpacked import unpack

from normlib.core import standardize
from normlib.plots.moves import figure, moments, stages
from normlib.widgets import FormulaBench
from normlib.widgets.formula_bench import shapes

X = np.array([3.0, 1.0, 2.0, 10.0])


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"samples": {}}, ValueError, "samples must hold at least one sample; got none"),
            ({"samples": [1.0]}, TypeError, "samples must be a NumPy array; got list"),
            ({"samples": {"a": np.ones(3)}}, ValueError, r"samples\['a'\] must hold at least two"),
            ({"samples": np.arange(2001.0)}, ValueError, "at most 2000 values; got 2001"),
            ({"sample": "Cauchy"}, ValueError, "sample must be one of .*; got 'Cauchy'"),
            ({"g": np.nan}, ValueError, "g must be a finite number in .*; got nan"),
            ({"b": 11}, ValueError, r"b must be a finite number in \[-10, 10\]; got 11"),
            ({"eps": -1}, ValueError, "eps must be a finite number of at least 0; got -1"),
        ],
    )
    def test_bad_ones_are_refused(
        self, arguments: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        """Catches a bench that fails in the page, where nobody reads the error."""
        with pytest.raises(error, match=message):
            FormulaBench(**arguments)

    def test_one_sample_or_several_by_name(self) -> None:
        """Catches an array taken for a mapping, and values that keep their first order."""
        assert list(FormulaBench(X).samples) == ["sample"]
        bench = FormulaBench({"mine": X, "yours": -X}, sample="yours")
        assert bench.samples["mine"].tolist() == [1, 2, 3, 10]
        assert bench.sample == "yours"
        assert X.tolist() == [3, 1, 2, 10]  # not sorted in place

    def test_an_eps_of_ones_own_is_offered_too(self) -> None:
        """Catches an eps that no button shows."""
        assert FormulaBench(X, eps=0.5).meta["eps"] == [0, 1e-5, 0.1, 0.5, 1]

    @pytest.mark.parametrize(("name", "value"), [("sample", "none"), ("eps", 0.123)])
    def test_a_kernel_cannot_choose_what_is_not_there(self, name: str, value: Any) -> None:
        """Catches a state that the page cannot draw; the bench stays as it was."""
        bench = FormulaBench()
        before = getattr(bench, name)
        with pytest.raises((ValueError, TraitError), match=f"{name} must be one of"):
            setattr(bench, name, value)
        assert getattr(bench, name) == before

    def test_the_value_followed_is_one_of_the_sample(self) -> None:
        """Catches a rank beyond a smaller sample, in the page and in the poster."""
        bench = FormulaBench({"large": np.arange(50.0), "small": X})
        assert bench.follow == 45
        bench.follow = 99
        assert bench.follow == 49
        bench.sample = "small"
        assert len(bench.poster().light) > 0


class TestState:
    def test_what_it_sends_is_what_normlib_computes(self) -> None:
        """Catches arrays of another sample, another eps, or less than their digits."""
        bench = FormulaBench(eps=0.5)
        where = bench.meta["arrays"]
        for i, values in enumerate(bench.samples.values()):
            got = {
                name: unpack(bench.data, where[f"{name} {i}"])
                for name in ("values", "moments", "mu", "inv_sigma")
            }
            assert got["values"].tolist() == values.tolist()
            assert got["moments"].tolist() == list(moments(values))
            for k, eps in enumerate(bench.meta["eps"]):
                x_hat, _ = standardize(values, 0, eps=eps)
                np.testing.assert_allclose(
                    (got["values"] - got["mu"]) * got["inv_sigma"][k], x_hat, rtol=1e-14, atol=1e-14
                )

    def test_the_number_line_holds_every_sample(self) -> None:
        """Catches a menu entry whose sample lies outside of the picture."""
        bench = FormulaBench()
        low, high = bench.meta["range"]
        for values in bench.samples.values():
            assert low < values.min()
            assert values.max() < high


class TestWords:
    def test_the_description_has_every_moment(self) -> None:
        """Catches words that lag behind the state."""
        bench = FormulaBench(sample="heavy tails", g=2)
        bench.b = 0.5
        text = bench.describe()
        assert "heavy tails, 240 values; g = 2.00, b = 0.50, ε = 1e-05." in text
        for stage in stages(bench.samples["heavy tails"], g=2, b=0.5):
            for name, value in stage.moments._asdict().items():
                assert f"{name} {figure(value)}" in text

    def test_its_repr_is_its_state(self) -> None:
        """Catches a repr with arrays in it."""
        assert repr(FormulaBench(X, g=2)) == (
            "FormulaBench(b=-1.0, eps=1e-05, follow=3, g=2.0, sample='sample')"
        )


class TestShapes:
    def test_they_differ_in_what_standardizing_leaves(self) -> None:
        """Catches two samples that teach the same, and a Gaussian that is none."""
        found = {name: moments(values) for name, values in shapes().items()}
        assert found["ReLU output"].skewness > 0.9
        assert found["heavy tails"].kurtosis > 2
        assert found["two bumps"].kurtosis < -1
        assert found["two values"].kurtosis == pytest.approx(-2)
        assert found["nearly constant"].variance < 1e-5  # less than the usual eps
        for name in ("Gaussian", "heavy tails", "two bumps", "two values", "nearly constant"):
            assert abs(found[name].skewness) < 1e-9, name  # symmetric, but for rounding
        for name in ("Gaussian", "nearly constant"):
            assert abs(found[name].kurtosis) < 0.1  # the outermost quantiles are missing

    def test_two_values_become_plus_and_minus_one(self) -> None:
        """Catches the claim about batches of two."""
        values = stages(shapes()["two values"], eps=0.0)[2].values
        assert set(np.round(values, 12)) == {-1.0, 1.0}

    def test_every_sample_is_sorted(self) -> None:
        """Catches ranks that are none."""
        for values in shapes().values():
            assert (np.diff(values) >= 0).all()
