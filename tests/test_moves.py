"""One sample through the four moves: the numbers and the picture behind the Formula Bench."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import stats

from normlib import Normalize, norm, plots
from normlib.plots.figure import settings
from normlib.plots.moves import (
    TONES,
    WIDTH,
    bell_curve,
    figure,
    histogram,
    limits,
    moments,
    stages,
    traced,
)

SAMPLE = np.random.default_rng(0).gamma(2.0, 1.5, size=200)


class TestNumbers:
    def test_moments_are_scipys(self):
        """Catches the unbiased variance, a wrong power, and kurtosis with its 3 left in."""
        found = moments(SAMPLE)
        wanted = (SAMPLE.mean(), SAMPLE.var(), stats.skew(SAMPLE), stats.kurtosis(SAMPLE))
        assert found == pytest.approx(wanted, rel=1e-12)

    def test_equal_values_have_no_shape(self):
        """Catches a skewness made of rounding: 0.1 ten times has a mean of 0.09999999999999999."""
        found = moments(np.full(10, 0.1))
        assert math.isnan(found.skewness)
        assert math.isnan(found.kurtosis)

    @pytest.mark.parametrize("eps", [1e-5, 0.1, 1.0])
    def test_the_stages_are_those_of_the_layer(self, eps):
        """Catches moves in another order, or an eps elsewhere than inside the root."""
        layer = Normalize(norm("batch", eps=eps), 1)
        done = stages(SAMPLE, g=-1.7, b=0.4, eps=eps)
        layer.params["g"], layer.params["b"] = np.array([-1.7]), np.array([0.4])
        z = layer.forward(SAMPLE[:, None])[:, 0]
        np.testing.assert_allclose(done[4].values, z, rtol=1e-14, atol=1e-14)
        np.testing.assert_array_equal(done[0].values, SAMPLE)

    def test_the_last_two_moves_can_undo_the_first_two(self):
        """Catches a claim of the chapter that does not hold."""
        sigma = math.sqrt(SAMPLE.var() + 0.1)
        done = stages(SAMPLE, g=sigma, b=SAMPLE.mean(), eps=0.1)
        np.testing.assert_allclose(done[4].values, SAMPLE, rtol=1e-14)

    @pytest.mark.parametrize("g", [2.5, -0.3])
    def test_no_move_changes_the_shape(self, g):
        """Catches the belief that mean 0 and variance 1 make a Gaussian."""
        first, *others = (stage.moments for stage in stages(SAMPLE, g=g, b=3.0))
        assert first.skewness > 1
        for k, other in enumerate(others):
            turned = math.copysign(1, g) if k >= 2 else 1
            assert other.skewness == pytest.approx(turned * first.skewness, rel=1e-10)
            assert other.kurtosis == pytest.approx(first.kurtosis, rel=1e-10)
        assert others[1].mean == pytest.approx(0, abs=1e-15)
        assert others[1].variance == pytest.approx(1, abs=1e-4)  # eps=1e-5 is in it

    def test_the_input_stays_as_it_was(self):
        """Catches a sample that is sorted or centred in place."""
        sample = SAMPLE.copy()
        sample.setflags(write=False)
        stages(sample, g=2, b=1)
        histogram(sample)

    @pytest.mark.parametrize(
        ("sample", "error", "message"),
        [
            ([1.0, 2.0], TypeError, "sample must be a NumPy array; got list"),
            (np.arange(3), TypeError, "sample must hold floating-point numbers; got dtype int64"),
            (np.zeros((2, 2)), ValueError, r"sample must have one dimension; got shape \(2, 2\)"),
            (np.array([1.0, np.inf]), ValueError, "sample must be finite; got inf at index 1"),
            (np.ones(4), ValueError, "at least two different values; got 4 times 1"),
            (np.ones(0), ValueError, "sample must hold at least one value"),
        ],
    )
    def test_a_sample_without_shape_is_refused(self, sample, error, message):
        """Catches a histogram of nothing."""
        with pytest.raises(error, match=message):
            stages(sample)

    @pytest.mark.parametrize("option", ["g", "b", "eps"])
    def test_options_must_be_numbers(self, option):
        """Catches NaN that spreads through all stages."""
        with pytest.raises(ValueError, match=f"{option} must be a finite number"):
            stages(SAMPLE, **{option: math.nan})


class TestHistogram:
    @pytest.mark.parametrize("sample", [SAMPLE, np.repeat([1.0, 4.0], 10), -1e6 * SAMPLE])
    def test_it_holds_all_values_in_bars_of_one_width(self, sample):
        """Catches values beyond the last bar, and bars that change with the unit of measurement."""
        edges, heights, peak = histogram(sample)
        assert np.diff(edges) == pytest.approx(WIDTH * sample.std())
        assert edges[0] < sample.min()
        assert edges[-1] > sample.max()
        assert sample.min() - edges[0] == pytest.approx(edges[-1] - sample.max())
        density = heights * (1 / math.sqrt(2 * math.pi)) / peak
        assert density.sum() * WIDTH == pytest.approx(1)  # in standard deviations
        assert max(heights.max(), peak) == 1

    def test_the_bell_is_the_gaussian(self):
        """Catches a bell of another width: its peak is 1 and its area the square root of 2 pi."""
        x, y = bell_curve()
        assert np.trapezoid(y, x) == pytest.approx(math.sqrt(2 * math.pi), rel=1e-3)
        assert y.max() == 1

    def test_traced_values_are_spread_over_the_ranks(self):
        """Catches an extreme that is left out, and ranks beyond the sample."""
        assert traced(3).tolist() == [0, 1, 2]
        many = traced(240)
        assert (many[0], many[-1], len(many)) == (0, 239, 13)

    def test_the_number_line_holds_the_first_stages(self):
        """Catches a sample that starts outside of the picture."""
        low, high = limits([SAMPLE, SAMPLE - 20])
        for values in (SAMPLE, SAMPLE - 20, SAMPLE - SAMPLE.mean()):
            assert low < values.min()
            assert values.max() < high


class TestPicture:
    def test_every_stage_has_its_name_and_its_moments(self):
        """Catches figures beside the wrong line."""
        with settings(plots.DARK):
            ax = Figure().subplots()
            plots.moves(ax, SAMPLE, g=2.0, b=-1.0, follow=5)
        words = [text.get_text() for text in ax.texts]
        wanted = [figure(value) for stage in stages(SAMPLE, g=2, b=-1) for value in stage.moments]
        assert words == [*wanted, "mean", "variance", "skewness", "kurtosis"]
        assert ax.get_yticklabels()[2].get_text().startswith("scale")

    def test_the_outline_moves_with_the_sample(self):
        """Catches a histogram drawn at the same place five times."""
        with settings(plots.LIGHT):
            ax = Figure().subplots()
            plots.moves(ax, SAMPLE, g=-2.0, b=1.0)
        tone = TONES.light
        outlines = [line.get_xdata() for line in ax.lines if line.get_color() == tone]
        for outline, stage in zip(outlines, stages(SAMPLE, g=-2, b=1), strict=True):
            assert outline.min() < stage.values.min()
            assert outline.max() > stage.values.max()
            assert np.ptp(outline) - np.ptp(stage.values) <= 1.01 * WIDTH * stage.values.std()

    def test_a_constant_stage_can_be_drawn(self):
        """Catches a division by the variance of the last stage, which g = 0 makes 0."""
        plots.moves(Figure().subplots(), SAMPLE, g=0.0, b=1.0)
