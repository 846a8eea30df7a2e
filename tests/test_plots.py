"""The book's figures: a mistake here would be in every chapter."""

from __future__ import annotations

import base64
import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent / "widgets"))
from fake_traces import make_signal, make_trace, without

from normlib import History, plots
from normlib.norms import NORMS
from normlib.plots import figure as figure_module
from normlib.plots.figure import Picture, paint, settings
from normlib.plots.palette import SPARE, TONES, drawing
from normlib.plots.shapes import window

THEMES = (plots.LIGHT, plots.DARK)
#: What the three kinds of colour blindness make of linear RGB (Machado and others 2009).
BLINDNESS = {
    "none": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(color: str) -> np.ndarray:
    srgb = np.array(matplotlib.colors.to_rgb(color))
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    bright = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) + 0.05 for c in (one, other))
    return bright[1] / bright[0]


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Linear RGB to Oklab, where equal distances look equally different."""
    cones = np.cbrt(
        np.array(
            [
                [0.4122214708, 0.5363325363, 0.0514459929],
                [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005],
            ]
        )
        @ np.clip(rgb, 0, 1)
    )
    return (
        np.array(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ]
        )
        @ cones
    )


def closest(colors: list[str]) -> float:
    """The smallest distance between any two colours, for any kind of sight."""
    distances = []
    for matrix in BLINDNESS.values():
        seen = [oklab(np.asarray(matrix) @ linear(color)) for color in colors]
        distances += [
            float(np.linalg.norm(a - b)) for i, a in enumerate(seen) for b in seen[i + 1 :]
        ]
    return min(distances)


class TestPalette:
    @pytest.mark.parametrize("theme", THEMES, ids=lambda t: t.name)
    def test_every_tone_can_be_read_as_text(self, theme: plots.Theme) -> None:
        # Catches a tone that is pretty as an area and illegible as a label.
        tones = [t.on(theme) for t in (*TONES.values(), *SPARE)]
        assert min(contrast(tone, theme.paper) for tone in tones) >= 4.5
        assert contrast(theme.ink, theme.paper) >= 12
        assert contrast(theme.muted, theme.paper) >= 4.5

    def test_the_contrast_check_can_fail(self) -> None:
        assert contrast("#999999", plots.LIGHT.paper) < 4.5
        assert contrast("#000000", "#ffffff") == pytest.approx(21)

    @pytest.mark.parametrize("theme", THEMES, ids=lambda t: t.name)
    def test_methods_differ_for_every_kind_of_sight(self, theme: plots.Theme) -> None:
        # 0.05 in Oklab is about three just noticeable differences.
        assert closest([t.on(theme) for t in TONES.values()]) > 0.05

    def test_the_blindness_check_can_fail(self) -> None:
        assert closest(["#c00000", "#5f6b00"]) < closest(["#c00000", "#0000ff"])
        assert closest(["#00a0a0", "#a0a0a0"]) < 0.1

    def test_colour_is_never_the_only_sign(self) -> None:
        everyone = [*TONES.values(), *SPARE]
        assert len({t.dash for t in everyone}) == len(everyone)
        assert len({t.marker for t in everyone}) == len(everyone)

    def test_every_normalization_has_tones_and_a_label(self) -> None:
        assert set(NORMS) | {"none"} <= set(TONES)
        assert plots.label("none") == "No normalization"
        assert plots.label("batch") == NORMS["batch"].label

    def test_color_follows_the_theme_that_is_drawn(self) -> None:
        with drawing(plots.DARK):
            dark = plots.color("layer")
        assert (plots.color("layer"), dark) == (TONES["layer"].light, TONES["layer"].dark)

    def test_unknown_names_get_spare_tones_that_differ_and_stay(self) -> None:
        names = ["one", "batch", "two", "three", "four"]
        looks = plots.tones(names)
        assert looks["batch"] is TONES["batch"]
        assert len(set(looks.values())) == len(names)
        assert plots.color("one") == looks["one"].light

    def test_none_is_no_normalization(self) -> None:
        assert plots.label(None) == plots.label("none") == "No normalization"
        assert plots.color(None) == plots.color("none")
        ax = Figure().subplots()
        plots.loss(ax, {None: np.array([2.0, 1.0])})
        assert [t.get_text() for t in ax.texts] == ["No normalization"]

    def test_a_name_must_be_a_word(self) -> None:
        with pytest.raises(TypeError, match="name must be a word"):
            plots.color(3)  # type: ignore[arg-type]

    def test_style_has_dash_and_label(self) -> None:
        style = plots.style("layer", linewidth=3)
        assert style["linestyle"] == (0, TONES["layer"].dash)
        assert (style["label"], style["linewidth"]) == ("Layer norm", 3)
        assert plots.style("batch")["linestyle"] == "solid"


def bell(bins: int, *, std: float = 1.0, size: int = 200_000) -> np.ndarray:
    """The outline of a normal sample, counted in bins over ± 6."""
    values = np.random.default_rng(0).normal(0, std, (1, 1, size, 1))
    edges = np.linspace(-6, 6, bins + 1)
    counts = np.histogram(values, edges)[0].astype(np.uint32)[None, None]
    return plots.shapes(replace(make_signal(values), edges=edges, counts=counts), 49)[0, 0]


class TestShapes:
    GRID = (np.arange(49) + 0.5) / 49 * 7 - 3.5
    NORMAL = np.exp(-(GRID**2) / 2)

    @pytest.mark.parametrize("bins", [16, 64, 512])
    def test_a_bell_stays_a_bell(self, bins: int) -> None:
        # Catches a staircase (bins coarser than the outline) and a shifted grid. What remains is
        # the blur of the coarsest bins: 0.75 std wide.
        assert np.abs(bell(bins) - self.NORMAL).max() < (0.06 if bins == 16 else 0.03)

    def test_a_layer_narrower_than_a_bin_is_drawn_from_its_quantiles(self) -> None:
        assert np.abs(bell(64, std=0.02) - self.NORMAL).max() < 0.03

    def test_two_humps_stay_two_humps(self) -> None:
        values = np.random.default_rng(1).normal(size=(1, 1, 5000, 1))
        values += np.sign(values) * 4
        outline = plots.shapes(make_signal(values), 48)[0, 0]
        assert outline[23] < 0.1 < 0.9 < max(outline[:20].max(), outline[28:].max())

    def test_a_spike_stays_narrow(self) -> None:
        # ReLU: half the values are exactly 0.
        values = np.maximum(np.random.default_rng(2).normal(size=(1, 1, 5000, 1)), 0)
        outline = plots.shapes(make_signal(values), 48)[0, 0]
        assert (outline > 0.5).sum() <= 5

    @pytest.mark.parametrize("bins", [40, 48])
    @pytest.mark.parametrize("f", [lambda a: np.maximum(a, 0), np.tanh, lambda a: np.clip(a, 0, 1)])
    def test_nothing_is_drawn_where_no_value_was(self, f: Any, bins: int) -> None:
        # Catches a histogram that is smoothed past the values of f, and one that loses what it held
        # there: the spike of the values at the bound has to stand beside it.
        values = f(3 * np.random.default_rng(3).normal(size=(1, 1, 5000, 1)))
        signal = make_signal(values)
        outline = plots.shapes(signal, bins)[0, 0]
        middle = (np.arange(bins) + 0.5) / bins * 7 - 3.5
        x = signal.mean[0, 0] + signal.std[0, 0] * middle
        inside = (values.min() <= x) & (x <= values.max())
        assert not outline[~inside].any()
        assert outline[inside][0] == 1 or outline[inside][-1] == 1

    def test_a_layer_without_the_signal_has_no_outline(self) -> None:
        # Catches NaN as an index, and a layer whose outline depends on whether others have one.
        trace = make_trace("batch")
        outlines = plots.shapes(without(trace, "z", 1).signals["z"])
        assert not outlines[:, 1].any()
        whole = plots.shapes(trace.signals["z"])
        assert np.array_equal(outlines[:, [0, 2]], whole[:, [0, 2]])

    def test_a_constant_layer_is_a_needle_and_not_nan(self) -> None:
        signal = make_signal(
            np.stack([np.zeros((1, 5, 2)), np.random.default_rng(0).random((1, 5, 2))])
        )
        outline = plots.shapes(signal, 48)
        assert np.isfinite(outline).all()
        assert outline.max(axis=2) == pytest.approx(1)

    def test_equal_quantiles_do_no_harm(self) -> None:
        signal = make_signal(np.random.default_rng(0).normal(size=(1, 1, 50, 2)) * 1e-6)
        signal = replace(
            signal, edges=np.linspace(-1, 1, 65), quantiles=np.zeros_like(signal.quantiles)
        )
        assert np.isfinite(plots.shapes(signal)).all()

    def test_height_grows_as_a_layer_narrows_but_stays_bounded(self) -> None:
        tall = [plots.height(self.NORMAL, std, 8) for std in (2, 1, 0.1, 1e-9)]
        assert tall == sorted(tall)
        assert tall[0] < tall[2] <= tall[-1] == 1.25

    def test_one_exploding_layer_does_not_set_the_window(self) -> None:
        calm = make_signal(np.random.default_rng(0).normal(size=(20, 4, 50, 3)))
        wild = make_signal(np.random.default_rng(0).normal(size=(1, 4, 50, 3)) * 1e9)
        low, high = window([calm, wild])
        assert 2.5 < high < 6
        assert low == -high

    def test_the_window_of_a_one_sided_signal_holds_zero(self) -> None:
        low, high = window([make_signal(np.random.default_rng(0).random((3, 2, 50, 3)) + 1)])
        assert low < 0 < 2 < high

    def test_the_window_of_nothing_is_not_empty(self) -> None:
        low, high = window([make_signal(np.zeros((1, 1, 4, 2)))])
        assert low < 0 < high


class TestCharts:
    def test_ridge_says_sigma_and_names_the_layers(self) -> None:
        trace = make_trace("batch")
        ax = Figure().subplots()
        plots.ridge(ax, trace, "h", frame=2)
        sigma = trace.signals["h"].std[2]
        assert [t.get_text() for t in ax.texts] == [f"σ {value:.2f}" for value in sigma]
        assert [t.get_text() for t in ax.get_yticklabels()] == list(trace.layers)

    def test_ridge_draws_mean_and_std_of_the_frame(self) -> None:
        trace = make_trace("batch")
        ax = Figure().subplots()
        plots.ridge(ax, trace, "z", frame=-1, reference=False)
        data = trace.signals["z"]
        line = ax.get_lines()[0].get_xdata()
        middle, reach = (max(line) + min(line)) / 2, (max(line) - min(line)) / 2
        assert middle == pytest.approx(data.mean[-1, 0])
        assert reach == pytest.approx(plots.SPAN * data.std[-1, 0] * (1 - 1 / len(line)))

    def test_the_reference_is_the_first_frame(self) -> None:
        trace = make_trace("batch")
        with_it, without = Figure().subplots(), Figure().subplots()
        plots.ridge(with_it, trace)
        plots.ridge(without, trace, reference=False)
        assert len(with_it.get_lines()) - len(without.get_lines()) == len(trace.layers)

    def test_a_layer_without_the_signal_has_an_empty_row_that_says_so(self) -> None:
        trace = without(make_trace("batch"), "x_hat", 0)
        ax = Figure().subplots()
        plots.ridge(ax, trace, "x_hat", reference=False)
        words = [t.get_text() for t in ax.texts]
        assert words[0] == r"no $\hat{x}$"
        assert words[1:] == [f"σ {std:.2f}" for std in trace.signals["x_hat"].std[-1, 1:]]
        assert [t.get_text() for t in ax.get_yticklabels()] == list(trace.layers)
        assert max(max(line.get_ydata()) for line in ax.get_lines()) < 0.5  # the first row is empty

    def test_a_frame_that_is_not_finite_says_so_and_the_others_are_drawn(self) -> None:
        # Catches a diverged run whose sound frames cannot be drawn either.
        trace = make_trace("none", signals=("z",))
        z = trace.signals["z"]
        broken = {name: getattr(z, name).copy() for name in ("mean", "std")}
        broken["std"][-1, 2] = broken["mean"][-1, 1] = np.nan
        trace = replace(trace, signals={"z": replace(z, **broken)})
        last, first = Figure().subplots(), Figure().subplots()
        plots.ridge(last, trace, "z")
        plots.ridge(first, trace, "z", frame=0)
        assert [t.get_text() for t in last.texts][1:] == ["not finite", "not finite"]
        assert all(t.get_text().startswith("σ") for t in first.texts)

    def test_no_ridge_stands_where_no_value_was(self) -> None:
        values = np.maximum(np.random.default_rng(0).normal(size=(1, 2, 300, 4)), 0)
        trace = replace(
            make_trace("batch", steps=(0,), layers=2), signals={"h": make_signal(values)}
        )
        ax = Figure().subplots()
        plots.ridge(ax, trace, "h")
        for line in (line for line in ax.get_lines() if len(line.get_xdata()) > 1):
            x, y = line.get_data()
            above = np.flatnonzero(y > min(y))
            assert min(x[above[0] - 1 : above[-1] + 2]) >= 0

    def test_axes_of_any_style_lose_the_lines_that_words_would_touch(self) -> None:
        # Catches a chart that looks as meant in the style of the book alone.
        ridges, losses = Figure().subplots(), Figure().subplots()
        plots.ridge(ridges, make_trace())
        plots.loss(losses, {"batch": make_trace()})
        visible = [name for name, spine in ridges.spines.items() if spine.get_visible()]
        assert visible == []
        assert {name for name, s in losses.spines.items() if s.get_visible()} == {"left", "bottom"}

    def test_in_a_constrained_layout_nothing_is_cut_off(self) -> None:
        figure = Figure(layout="constrained")
        for ax, draw in zip(figure.subplots(2), (plots.ridge, plots.loss), strict=True):
            draw(ax, make_trace() if draw is plots.ridge else {"batch": make_trace()})
        figure.draw_without_rendering()
        for text in (t for ax in figure.axes for t in ax.texts):
            box = text.get_window_extent()
            assert 0 <= box.x0 < box.x1 <= figure.bbox.width, text.get_text()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"signal": "y"}, "signal must be one of 'a', 'x_hat', 'z', 'h'; got 'y'"),
            ({"frame": 5}, "frame must be one of the 5 recorded ones; got 5"),
        ],
    )
    def test_ridge_refuses_what_is_not_there(self, change: dict, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            plots.ridge(Figure().subplots(), make_trace(), **change)

    def test_ridge_refuses_an_empty_trace(self) -> None:
        empty = replace(make_trace(), steps=np.array([], dtype=int))
        with pytest.raises(ValueError, match="at least one recorded step"):
            plots.ridge(Figure().subplots(), empty)

    def test_loss_takes_arrays_and_traces_and_stops_where_a_run_diverged(self) -> None:
        ax = Figure().subplots()
        plots.loss(ax, {"none": np.array([2.0, 9.0, np.inf]), "batch": make_trace()})
        first, second = ax.get_lines()
        assert list(first.get_ydata()) == [2.0, 9.0]
        assert len(second.get_xdata()) == 10
        assert "No normalization (diverged at step 2)" in [t.get_text() for t in ax.texts]

    def test_names_at_the_end_of_loss_curves_do_not_overlap(self) -> None:
        ax = Figure().subplots()
        plots.loss(ax, {name: np.linspace(2, 0.1, 9) for name in ("none", "layer", "batch")})
        places = sorted(t.xy[1] for t in ax.texts)
        assert np.diff(places).min() > 0.03 * np.ptp(ax.get_ylim())

    @pytest.mark.parametrize("bad", [{}, {"none": np.ones((2, 2))}, {"none": np.array([])}])
    def test_loss_refuses_what_is_no_curve(self, bad: dict) -> None:
        with pytest.raises(ValueError, match=r"at least one run|one number per step"):
            plots.loss(Figure().subplots(), bad)

    def test_a_history_is_not_yet_a_drawing(self) -> None:
        history = History(np.ones(3), 0.5, make_trace())
        message = r"runs must be a Mapping; got History\. Pass {'batch': history}\."
        with pytest.raises(TypeError, match=message):
            plots.loss(Figure().subplots(), history)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"trace must be a Trace; .*Pass history\.trace\."):
            plots.ridge(Figure().subplots(), history)  # type: ignore[arg-type]

    def test_heatmap_writes_every_number_and_frames_ties(self) -> None:
        table = np.array([[0.1, 0.9], [np.nan, 0.9]])
        ax = Figure().subplots()
        plots.heatmap(ax, table, ["none", "batch"], [0.1, 1], ties=table > 0.8)
        assert [t.get_text() for t in ax.texts] == ["0.10", "0.90", "–", "0.90"]
        assert len(ax.patches) == 2

    @pytest.mark.parametrize("theme", THEMES, ids=lambda t: t.name)
    def test_heatmap_numbers_can_be_read_on_every_cell(self, theme: plots.Theme) -> None:
        ax = Figure().subplots()
        with settings(theme):
            image = plots.heatmap(ax, [np.linspace(0, 1, 21)], ["r"], range(21))
        for text, value in zip(ax.texts, np.linspace(0, 1, 21), strict=True):
            cell = matplotlib.colors.to_hex(image.cmap(image.norm(value)))
            assert contrast(text.get_color(), cell) >= 4.5

    @pytest.mark.parametrize(
        "bad", [{"values": np.ones((2, 3))}, {"values": np.ones((2, 2)), "ties": [True]}]
    )
    def test_heatmap_refuses_wrong_shapes(self, bad: dict) -> None:
        with pytest.raises(ValueError, match="shape"):
            plots.heatmap(Figure().subplots(), rows="ab", columns="cd", **bad)


def draw(fig: Figure) -> None:
    fig.subplots().plot([1, 2], **plots.style("batch"))


def picture() -> Picture:
    return Picture(draw, caption="It rises.", alt="A line from 1 to 2.", size=(4, 2), name="rise")


class TestShow:
    def test_one_output_with_both_themes_and_its_words(self) -> None:
        data, metadata = picture()._repr_mimebundle_()
        about = metadata["normlib_figure"]
        assert set(data) == {"image/png", "text/plain"}
        assert data["text/plain"] == "It rises.\n\nAlt: A line from 1 to 2."
        assert about | {"dark": ""} == {
            "dark": "",
            "alt": "A line from 1 to 2.",
            "caption": "It rises.",
            "width": 400,
            "height": 200,
            "name": "rise",
        }
        for image in (data["image/png"], about["dark"]):
            assert struct.unpack(">II", base64.b64decode(image)[16:24]) == (800, 400)

    def test_each_theme_has_its_paper_and_its_tone(self, tmp_path: Path) -> None:
        for theme in THEMES:
            file = tmp_path / f"{theme.name}.png"
            file.write_bytes(paint(draw, (4, 2), theme))
            pixels = np.asarray(Image.open(file).convert("RGB")).reshape(-1, 3)
            for color in (theme.paper, TONES["batch"].on(theme)):
                wanted = np.round(255 * np.array(matplotlib.colors.to_rgb(color)))
                assert (pixels == wanted).all(axis=1).any()

    def test_the_bytes_depend_on_nothing_but_the_drawing(self) -> None:
        # Catches a reader's matplotlibrc leaking into the book, and time stamps.
        before = paint(draw, (4, 2), plots.LIGHT)
        theirs = {"axes.facecolor": "red", "lines.linewidth": 9, "font.size": 30}
        with matplotlib.rc_context(theirs):
            after = paint(draw, (4, 2), plots.LIGHT)
        assert before == after
        assert b"matplotlib" not in before.lower()

    def test_the_readers_settings_survive(self) -> None:
        with matplotlib.rc_context({"axes.facecolor": "red"}):
            picture()
            assert matplotlib.rcParams["axes.facecolor"] == "red"
        assert plots.theme() is plots.LIGHT

    @pytest.mark.parametrize(("caption", "alt"), [("", "a"), ("c", " "), ("c", None)])
    def test_a_picture_without_words_is_refused(self, caption: str, alt: str) -> None:
        with pytest.raises(ValueError, match="must say something"):
            plots.show(draw, caption=caption, alt=alt)

    def test_show_displays_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shown: list[object] = []
        monkeypatch.setattr("IPython.display.display", shown.append)
        plots.show(draw, caption="c", alt="a")
        assert len(shown) == 1
        assert repr(shown[0]) == "Picture(name=None, size=(7, 4))"

    def test_without_matplotlib_the_error_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        with pytest.raises(ImportError, match=r'pip install "normlib\[book\]"'):
            figure_module._matplotlib()
