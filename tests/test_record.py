"""What the Recorder keeps, and that its presence changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

import normlib
from cases import NAMED, called
from normlib import Activation, Dense, Net, Normalize, Recorder, fit, mlp

WIDTHS = [64, 12, 8, 10]
DENSE = [None, *(norm for norm in NAMED if norm.axes != (3,))]  # all but instance normalization


def recorded(net, digits, record, **options):
    return fit(net, digits, **{"steps": 12, "batch_size": 32, **options}, record=record).trace


def steps_of(record, steps):
    """Return the steps a Recorder keeps of a run, without running it."""
    record.start(mlp([4, 3, 2]), steps)
    return record._wanted


@pytest.mark.parametrize("steps", [1, 2, 20, 70, 71, 100, 400, 5000])
def test_default_frames(steps):
    """Catches frames out of order, lost, or spent on the end of a run, where little happens."""
    found = steps_of(Recorder(), steps)
    assert found[0] == 0
    assert found[-1] == steps - 1
    assert len(found) == min(70, steps)
    gaps = np.diff(found)
    assert (gaps >= 1).all()
    if steps > 100:
        assert gaps[:10].mean() < gaps.mean() < gaps[-10:].mean()


@pytest.mark.parametrize(("given", "steps", "expected"), [(5, 100, 5), (200, 30, 30), (1, 50, 1)])
def test_number_of_frames(given, steps, expected):
    """Catches a number of frames that is taken for a step."""
    assert len(steps_of(Recorder(given), steps)) == expected


@pytest.mark.parametrize("given", [[9, 0, 3, 3, 50], range(0, 10, 3), np.array([0, 3, 9]), (0, 3)])
def test_chosen_steps(given):
    """Catches chosen steps that must be sorted, distinct, or within the run."""
    expected = sorted({int(step) for step in given if step < 12})
    assert steps_of(Recorder(given), 12) == expected


def test_a_frame_shows_the_weights_after_that_many_updates(digits):
    """Catches frames taken after the update, one step late."""
    x = digits.x_train[:40]
    net = mlp(WIDTHS, seed=1)
    before = x @ net.params["layer 1.w"].T
    record = Recorder(steps=[0, 2], probe=x, signals=["a"], sample=10**6)
    trace = recorded(net, digits, record, steps=2 + 1)
    np.testing.assert_allclose(trace.signals["a"].mean[0, 0], before.mean(), atol=1e-6)  # float32
    again = mlp(WIDTHS, seed=1)
    fit(again, digits, steps=2, batch_size=32)
    after = x @ again.params["layer 1.w"].T + again.params["layer 1.c"]
    np.testing.assert_allclose(trace.signals["a"].mean[1, 0], after.mean(), atol=1e-6)


@pytest.mark.parametrize("probe", [False, True])
@pytest.mark.parametrize("norm", DENSE, ids=called)
def test_recording_changes_nothing(norm, probe, digits):
    """Catches a probe that moves running statistics, or a recorder that draws random numbers."""
    plain, watched = (mlp([64, 12, 12, 10], norm=norm) for _ in range(2))
    record = Recorder(probe=2 * digits.x_test[:16] if probe else None)
    first = fit(plain, digits, steps=15)
    second = fit(watched, digits, steps=15, record=record)
    np.testing.assert_array_equal(first.loss, second.loss)
    np.testing.assert_array_equal(plain.flat, watched.flat)
    assert first.accuracy == second.accuracy
    for name, value in plain.running.items():
        np.testing.assert_array_equal(value, watched.running[name])
    assert all(part.tap is None for _, part in watched.walk())


def signals_of(layer, x):
    """Compute a dense layer's signals once more, from its parameters."""
    got = {}
    for _, part in layer.walk():
        part.tap = got.__setitem__
    layer.forward(x)
    return got


@pytest.mark.parametrize("norm", DENSE, ids=called)
def test_signals_that_a_method_has(norm, digits):
    """Catches an invented a for normalized weights, and an x_hat where nothing is normalized."""
    trace = recorded(mlp([64, 12, 12, 10], norm=norm), digits, Recorder(3))
    on_weights = norm is not None and norm.on_weights
    expected = {"z", "h"} | ({"x_hat"} if norm else set()) | (set() if on_weights else {"a"})
    assert set(trace.signals) == expected
    assert list(trace.signals) == [s for s in ("a", "x_hat", "z", "h") if s in expected]
    assert trace.layers == ("layer 1", "layer 2")
    if norm is None:
        assert trace.signals["z"] is trace.signals["a"]


@pytest.mark.parametrize("name", ["batch", "cosine"])
def test_z_is_x_hat_without_affine(name, digits):
    """Catches the same numbers stored twice, or shown as an a that does not exist."""
    trace = recorded(mlp(WIDTHS, norm=normlib.norm(name, affine=False)), digits, Recorder(3))
    assert trace.signals["z"] is trace.signals["x_hat"]
    assert ("a" in trace.signals) == (name == "batch")


@pytest.mark.parametrize("norm", DENSE, ids=called)
@pytest.mark.parametrize("sample", [100, 10**6])
def test_samples_are_the_nets_values(norm, sample, digits):
    """Catches values of another layer, another batch, or of single units instead of samples."""
    net, x = mlp([64, 12, 6, 10], norm=norm, activation="tanh"), digits.x_train[:40]
    record = Recorder(steps=[0], probe=x, sample=sample)
    trace = recorded(net, digits, record, lr=0.0)
    h = x
    for index, layer in enumerate(list(net.parts.values())[:-1]):
        layer.training = True
        shown = signals_of(layer, h)
        rows = min(40, max(2, sample // shown["z"].shape[1]))
        kept = np.arange(rows) * 40 // rows
        for name, signal in trace.signals.items():
            values = shown[name][kept].astype(np.float32)
            assert signal.counts[0, index].sum() == values.size
            at = {"rtol": 0, "atol": 1e-6}  # float32 sums of values of size 1
            np.testing.assert_allclose(signal.mean[0, index], values.mean(), **at)
            np.testing.assert_allclose(signal.std[0, index], values.std(), **at)
            quantiles = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))
            np.testing.assert_allclose(signal.quantiles[0, index], quantiles, **at)
            assert tuple(signal.extremes[0, index]) == (values.min(), values.max())
            units = values.shape[1]
            np.testing.assert_allclose(signal.unit_mean[0, index, :units], values.mean(0), **at)
            assert np.isnan(signal.unit_mean[0, index, units:]).all()
            spread = np.sqrt(values.var(axis=0).mean())
            np.testing.assert_allclose(signal.spread[0, index], spread, **at)
            inside = np.histogram(values, signal.edges)[0]
            assert (signal.counts[0, index][1:-1] == inside[1:-1]).all()
        h = layer.forward(h)


@pytest.mark.parametrize(("activation", "flat"), [("relu", 0.0), ("tanh", None), ("sigmoid", None)])
@pytest.mark.parametrize("signals", [("z",), ("h",), ("z", "h")])
def test_saturation(activation, flat, signals, digits):
    """Catches a slope of h taken at z, and a threshold that forgets sigmoid's slope of 1/4."""
    net, x = mlp(WIDTHS, activation=activation, init_scale=3.0), digits.x_train[:40]
    record = Recorder(steps=[0], probe=x, sample=10**6, signals=signals)
    trace = recorded(net, digits, record, lr=0.0)
    z = x @ net.params["layer 1.w"].T + net.params["layer 1.c"]
    slope = {
        "relu": z > 0,
        "tanh": 1 / np.cosh(z) ** 2,
        "sigmoid": 4 / (2 * np.cosh(z / 2)) ** 2,
    }[activation]
    for name in signals:
        # A value within float32's last digit of the threshold may fall on either side of it.
        assert abs(trace.signals[name].saturated[0, 0] - (slope < 0.05).mean()) < 2 / z.size
    assert 0.05 < (slope < 0.05).mean() < 0.95


def test_saturation_is_unknown_without_z_and_h(digits):
    """Catches a 0 where nothing was measured."""
    trace = recorded(mlp(WIDTHS), digits, Recorder(2, signals=["a"]))
    assert trace.signals["a"].saturated.shape == (2, 2)
    trace = recorded(mlp(WIDTHS, norm="batch"), digits, Recorder(2, signals=["a"]))
    assert np.isnan(trace.signals["a"].saturated).all()


def test_only_the_asked_signals(digits):
    """Catches memory spent on what nobody looks at."""
    record = Recorder(3, signals=["h"])
    assert set(recorded(mlp(WIDTHS, norm="batch"), digits, record).signals) == {"h"}
    trace = recorded(mlp(WIDTHS), digits, Recorder(3, signals=["x_hat"]))
    assert not trace.signals
    assert trace.loss.shape == (12,)


def test_one_signal_needs_no_list(digits):
    """Catches a word that is taken for a list of letters, of which "z" alone is a signal."""
    for name in ("z", "x_hat"):
        trace = recorded(mlp(WIDTHS, norm="layer"), digits, Recorder(3, signals=name))
        assert set(trace.signals) == {name}


def test_layers_that_do_not_show_a_signal(digits, rng):
    """Catches layers without x_hat that shift the others, or look like layers that diverged."""
    net = Net(
        {
            "plain": Dense(64, 6, rng=rng),
            "normalized": Dense(6, 8, norm="batch", rng=rng),
            "output": Dense(8, 10, activation="identity", rng=rng),
        }
    )
    trace = recorded(net, digits, Recorder(3, output=True))
    for name, signal in trace.signals.items():
        assert signal.shown.tolist() == [name != "x_hat", True, name != "x_hat"]
        for part in ("mean", "std", "quantiles", "extremes", "unit_mean", "spread"):
            values = getattr(signal, part).reshape(3, 3, -1)
            assert np.isnan(values[:, ~signal.shown]).all()
            assert np.isfinite(values[:, signal.shown, 0]).all()
        assert (signal.counts.sum(axis=2) > 0).all(axis=0).tolist() == signal.shown.tolist()


def test_a_layer_that_diverged_still_shows_its_signal(digits):
    """Catches NaN that is taken for a signal which a layer does not have."""
    net = mlp(WIDTHS, norm="layer")
    net.params["layer 2.w"][:] = np.inf
    with np.errstate(all="ignore"):
        trace = recorded(net, digits, Recorder(1))
    assert np.isnan(trace.signals["x_hat"].mean[:, 1]).all()
    assert all(signal.shown.all() for signal in trace.signals.values())


def test_output_layer(digits):
    """Catches the logits among the hidden layers, unless they were asked for."""
    trace = recorded(mlp(WIDTHS), digits, Recorder(3, output=True))
    assert trace.layers == ("layer 1", "layer 2", "output")


def test_memory_is_bounded(digits):
    """Catches a whole batch kept where a sample was asked for."""
    record = Recorder(5, sample=100)
    assert record.nbytes == 0
    recorded(mlp(WIDTHS, norm="batch"), digits, record, steps=30)
    layers, signals, float32 = 2, 4, 4
    assert record.nbytes <= 5 * layers * signals * 100 * float32
    plain = Recorder(5, sample=100)
    recorded(mlp(WIDTHS), digits, plain, steps=30)
    assert plain.nbytes <= 5 * layers * 2 * 100 * float32  # z is a: kept once
    wide = Recorder(1, sample=1)
    recorded(mlp([64, 12, 10]), digits, wide)
    assert wide.nbytes == 2 * 2 * 12 * float32  # two samples at least, or there is no spread


def images(rng):
    block = Net([Normalize("batch", 1), Activation("tanh")])

    class Flatten(normlib.Layer):
        def forward(self, x):
            self._shape = x.shape
            return x.reshape(len(x), -1)

        def backward(self, dy):
            return dy.reshape(self._shape)

    return Net({"block": block, "flatten": Flatten(), "output": Dense(64, 10, rng=rng)})


def test_images(digits, rng):
    """Catches positions taken for units, and layers without signals that shift the others."""
    data = normlib.Data(
        *(v.reshape(-1, 1, 8, 8) if v.ndim == 2 else v for v in vars(digits).values())
    )
    trace = recorded(images(rng), data, Recorder(3, sample=10**6), lr=0.01)
    assert trace.layers == ("block",)
    assert set(trace.signals) == {"a", "x_hat", "z", "h"}
    for signal in trace.signals.values():
        assert signal.unit_mean.shape == (3, 1, 1)
        assert (signal.counts.sum(axis=2) == 32 * 64).all()
    np.testing.assert_allclose(trace.signals["x_hat"].mean, 0, atol=1e-6)
    np.testing.assert_allclose(trace.signals["x_hat"].std, 1, atol=1e-4)  # eps
    assert trace.info["activation"] == "tanh"


def test_layers_that_differ(digits, rng):
    """Catches the signals of one layer filed under another: what one lacks is NaN there."""
    net = Net(
        {
            "plain": Dense(64, 6, rng=rng),
            "batch": Dense(6, 5, norm="batch", rng=rng),
            "cosine": Dense(5, 4, norm="cosine", rng=rng),
            "output": Dense(4, 10, rng=rng),
        }
    )
    signals = recorded(net, digits, Recorder(3)).signals
    known = {name: ~np.isnan(signals[name].mean[0]) for name in signals}
    np.testing.assert_array_equal(known["a"], [True, True, False])
    np.testing.assert_array_equal(known["x_hat"], [False, True, True])
    np.testing.assert_array_equal(known["z"], [True, True, True])
    assert (signals["a"].counts[:, 2] == 0).all()
    assert abs(signals["x_hat"].mean[0, 1]) < 1e-6
    np.testing.assert_array_equal(signals["a"].mean[:, 0], signals["z"].mean[:, 0])


def test_latest(digits):
    """Catches a stream that shows the first frame for ever, or needs the run to be over."""
    record, seen = Recorder([0, 5, 11]), []
    assert record.latest() is None
    recorded(mlp(WIDTHS), digits, record, on_step=lambda *_: seen.append(record.latest()) or None)
    assert [int(trace.steps[0]) for trace in seen] == [0] * 5 + [5] * 6 + [11]
    whole = record.trace()
    for frame, trace in ((0, seen[0]), (1, seen[5]), (2, seen[11])):
        assert trace.signals["a"].mean.shape == (1, 2)
        np.testing.assert_array_equal(trace.signals["a"].mean[0], whole.signals["a"].mean[frame])


def test_used_again(digits):
    """Catches frames of the last run in the next one's trace."""
    record = Recorder(4)
    recorded(mlp(WIDTHS), digits, record, steps=20)
    trace = recorded(mlp([64, 5, 10], norm="batch"), digits, record, steps=10)
    assert trace.steps[-1] == 9
    assert len(trace.loss) == 10
    assert trace.layers == ("layer 1",)
    assert trace.info["norm"] == "batch"


def test_a_run_that_ends_before_its_first_frame(digits):
    """Catches a finished run thrown away because its Recorder has nothing to show."""
    history = fit(mlp(WIDTHS), digits, steps=20, record=Recorder([15]), on_step=lambda *_: True)
    assert history.trace is None
    assert len(history.loss) == 1


@pytest.mark.parametrize("lr", [1e3, 1e12, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_diverged_run(dtype, lr, digits):
    """Catches bins of infinite width, and NaN counted as a value."""
    cast = (v.astype(dtype) if v.dtype.kind == "f" else v for v in vars(digits).values())
    trace = recorded(mlp(WIDTHS, dtype=dtype), normlib.Data(*cast), Recorder(), lr=lr)
    assert len(trace.steps) == len(trace.loss)
    for signal in trace.signals.values():
        assert np.isfinite(signal.edges).all()
        assert (np.diff(signal.edges) > 0).all()
        assert (signal.counts.sum(axis=2) <= signal.counts[0].sum(axis=1)).all()


def test_a_constant_signal_has_bins(digits):
    """Catches a histogram of width 0: with weights of 0, everything is 0."""
    trace = recorded(mlp(WIDTHS, init_scale=0.0), digits, Recorder(2), lr=0.0)
    signal = trace.signals["a"]
    assert (np.diff(signal.edges) > 0).all()
    assert (signal.counts.max(axis=2) == signal.counts.sum(axis=2)).all()
