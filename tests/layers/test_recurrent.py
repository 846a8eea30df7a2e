"""Recurrent layers: gradients through time, the unrolled net, statistics, and what is recorded."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from test_gradients import MODES, put_in_mode

import normlib
import reference_sequences as textbooks
from cases import CHANNELS, NAMED, called, tells
from gradients import check_layer
from normlib import Dense, Net, Recorder, Recurrent, fit, recalibrate
from normlib.layers import ACTIVATIONS
from strategies import LAYOUTS, laid_out

SHAPE = (5, 3, 2)  # N, T, D
NORMS = [None, *(n for n in NAMED if n.on_weights or tells(n, (5, CHANNELS), -1))]
RUNNING = [norm for norm in NORMS if norm and norm.running]


def textbook(layer, norm, statistics):
    """Return the plain loop with the layer's options."""

    def outputs(arrays):
        rest = {name: arrays.get(name) for name in "cgb"}
        f = layer.parts[""].parts["f"].name
        h = textbooks.recurrent(arrays["x"], arrays["w"], norm, f, **rest, **statistics)
        return h if layer.output == "sequence" else h[:, -1]

    return outputs


@pytest.mark.parametrize("output", ["sequence", "last"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("norm", NORMS, ids=called)
def test_gradients(norm, mode, output, rng):
    """Catches a step left out of the sums, and dL/dh_t from the output or the next step alone."""
    layer = Recurrent(2, CHANNELS, norm=norm, output=output, rng=rng)
    statistics = put_in_mode(layer, mode, rng)
    check_layer(layer, rng.standard_normal(SHAPE), textbook(layer, norm, statistics), rng)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", [None, "layer", "weight"])
def test_gradients_of_other_activations(norm, activation, rng):
    """Catches a slope taken at another step, with a bias and without g and b."""
    norm = norm and normlib.norm(norm, affine=False)
    layer = Recurrent(2, CHANNELS, norm=norm, activation=activation, bias=True, rng=rng)
    check_layer(layer, rng.standard_normal(SHAPE), textbook(layer, norm, {}), rng)


@pytest.mark.parametrize("norm", NORMS, ids=called)
def test_equals_an_unrolled_net(norm, rng):
    """Catches a cell that differs from Dense: the same weights, step by step by hand."""
    layer = Recurrent(2, CHANNELS, norm=norm, rng=rng)
    cell = Dense(2 + CHANNELS, CHANNELS, norm=norm, activation="tanh", rng=rng)
    for name, value in layer.params.items():
        cell.params[name] = value
    x, h = rng.standard_normal(SHAPE), np.zeros((5, CHANNELS))
    y = layer.forward(x)
    for t in range(3):
        h = cell.forward(np.concatenate([x[:, t], h], axis=1))
        np.testing.assert_array_equal(y[:, t], h)
    last = Recurrent(2, CHANNELS, norm=norm, output="last", rng=rng)
    for name, value in layer.params.items():
        last.params[name] = value
    np.testing.assert_array_equal(last.forward(x), h)


def test_the_past_only(rng):
    """Catches a step that sees the next one, or forgets the one before."""
    layer, x = Recurrent(2, CHANNELS, norm="layer", rng=rng), rng.standard_normal(SHAPE)
    before = layer.forward(x)
    changed = x.copy()
    changed[:, 1] += 5
    after = layer.forward(changed)
    np.testing.assert_array_equal(after[:, 0], before[:, 0])
    assert (np.abs(after[:, 1:] - before[:, 1:]).max(axis=2) > 1e-3).all()


def test_default_std_keeps_length(rng):
    """Catches sqrt(2 / (D + H)): a linear state must neither grow nor fade over many steps."""
    layer = Recurrent(1, 400, activation="identity", bias=False, rng=rng)
    x = np.zeros((50, 30, 1))
    x[:, 0] = 1
    length = np.linalg.norm(layer.forward(x), axis=2)[0]
    # One matrix of 160,000 entries, applied 29 times: each time off by about 1/sqrt(2 * 400).
    assert 0.5 < length[-1] / length[0] < 2


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("norm", RUNNING, ids=called)
def test_running_statistics_are_the_average_over_steps(norm, momentum, rng):
    """Catches statistics of the last step, a count of T batches, and a batch taken in twice."""
    norm = replace(norm, momentum=momentum)
    layer, alone = (Recurrent(2, CHANNELS, norm=norm, rng=np.random.default_rng(3)) for _ in "ab")
    for round_ in range(1, 3):
        x, h, means = rng.standard_normal(SHAPE), np.zeros((5, CHANNELS)), []
        start = {name: value.copy() for name, value in alone.running.items()}
        for t in range(3):
            for name, value in start.items():
                alone.running[name] = value
            cell = alone.parts[""]
            h = cell.forward(np.concatenate([x[:, t], h], axis=1))
            means.append({name: value.copy() for name, value in alone.running.items()})
        layer.forward(x)
        assert layer.running["batches"] == round_
        for name in start:
            expected = np.mean([each[name] for each in means], axis=0)
            alone.running[name] = expected
            np.testing.assert_allclose(layer.running[name], expected, rtol=1e-13)


@pytest.mark.parametrize("norm", RUNNING, ids=called)
def test_statistics_stay_in_evaluation_and_recalibrate(norm, rng):
    """Catches running statistics that move when nothing is to be tracked, or cannot be renewed."""
    layer, x = Recurrent(2, CHANNELS, norm=norm, rng=rng), rng.standard_normal(SHAPE)
    layer.forward(x)
    before = {name: value.copy() for name, value in layer.running.items()}
    layer.freeze_statistics()
    layer.forward(x)
    layer.freeze_statistics(False)
    layer.training = False
    layer.forward(x)
    for name, value in before.items():
        np.testing.assert_array_equal(layer.running[name], value)
    recalibrate(layer, [x, x])
    assert layer.running["batches"] == 2
    assert any(not np.array_equal(layer.running[name], before[name]) for name in ("mean", "var"))


@pytest.mark.parametrize("norm", NORMS, ids=called)
def test_signals_have_all_steps(norm, rng):
    """Catches the last step shown for all, and one array kept twice."""
    layer, got = Recurrent(2, CHANNELS, norm=norm, rng=rng), {}
    layer.tap = got.__setitem__
    y = layer.forward(rng.standard_normal(SHAPE))
    on_weights = norm is not None and norm.on_weights
    expected = {"z", "h"} | ({"x_hat"} if norm else set()) | (set() if on_weights else {"a"})
    assert set(got) >= expected
    assert {values.shape for values in got.values()} == {(5, 3, CHANNELS)}
    np.testing.assert_array_equal(got["h"], y)
    np.testing.assert_array_equal(got["h"], np.tanh(got["z"]))
    if norm is None:
        assert got["z"] is got["a"]
    assert all(part.tap is None for _, part in layer.walk() if part is not layer)


def rows(digits):
    return normlib.Data(*(v.reshape(-1, 8, 8) if v.ndim == 2 else v for v in vars(digits).values()))


@pytest.mark.parametrize("norm", [None, "layer", "batch"])
def test_learns_within_a_net_and_is_recorded(norm, digits, rng):
    """Catches a cell that is not part of the net's vector, and a recorder that changes the run."""
    make = lambda: Net(  # noqa: E731
        {
            "rows": Recurrent(8, 24, norm=norm, output="last", rng=np.random.default_rng(1)),
            "output": Dense(24, 10, activation="identity", rng=np.random.default_rng(2)),
        }
    )
    options = {"steps": 60, "batch_size": 32, "optimizer": "adam", "lr": 0.02}
    watched, plain = make(), make()
    history = fit(watched, rows(digits), record=Recorder(3, sample=10**6), **options)
    np.testing.assert_array_equal(fit(plain, rows(digits), **options).loss, history.loss)
    np.testing.assert_array_equal(plain.flat, watched.flat)
    assert history.loss[-10:].mean() < 0.6 * history.loss[0]
    assert history.trace.signals["h"].counts.sum(axis=2)[0, 0] == 32 * 8 * 24
    assert history.trace.signals["h"].unit_mean.shape == (3, 1, 24)
    assert history.trace.info["activation"] == "tanh"


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_are_independent(again, rng):
    """Catches a copy whose remembered steps write into the original's gradients."""
    layer, x = Recurrent(2, CHANNELS, norm="batch", rng=rng), rng.standard_normal(SHAPE)
    dy = rng.standard_normal(layer.forward(x).shape)
    other = again(layer)
    dx = other.backward(dy)
    assert not layer.grads["w"].any()
    np.testing.assert_array_equal(layer.backward(dy), dx)
    np.testing.assert_array_equal(layer.grads["w"], other.grads["w"])
    net = again(Net([layer]))
    net.forward(x)
    np.testing.assert_array_equal(net.backward(dy), dx)
    np.testing.assert_array_equal(net.grads["0.w"], layer.grads["w"])


@pytest.mark.parametrize("shape", [(1, 1, 2), (1, 4, 2), (3, 1, 2)])
def test_axes_of_size_one(shape, rng):
    """Catches an axis lost where there is one sample or one step."""
    layer = Recurrent(2, CHANNELS, norm="rms", rng=rng)
    y = layer.forward(rng.standard_normal(shape))
    assert y.shape == (*shape[:2], CHANNELS)
    assert layer.backward(y).shape == shape


@pytest.mark.parametrize("output", ["sequence", "last"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layout(layout, output, rng):
    """Catches inputs changed in place, and steps mixed up with samples in a view."""
    layer = Recurrent(2, CHANNELS, norm="batch", output=output, rng=rng)
    x = laid_out(rng.standard_normal(SHAPE), layout)
    dy = laid_out(rng.standard_normal(layer.forward(x).shape), layout)
    x_before, dy_before = x.copy(order="C"), dy.copy(order="C")
    y, dx = layer.forward(x), layer.backward(dy)
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(dy, dy_before)
    # BLAS in another order; a batch made constant by "broadcast" has 1/sigma = 300, three times.
    np.testing.assert_allclose(y, layer.forward(x_before), atol=1e-9)
    np.testing.assert_allclose(dx, layer.backward(dy_before), atol=1e-9)


@pytest.mark.parametrize("norm", NORMS, ids=called)
def test_float32_stays_float32(norm, rng):
    """Catches a state or a sum that starts in float64."""
    layer = Recurrent(2, CHANNELS, norm=norm, rng=rng, dtype=np.float32)
    y = layer.forward(rng.standard_normal(SHAPE).astype(np.float32))
    everything = [y, layer.backward(y)]
    everything += [*layer.params.values(), *layer.grads.values(), *layer.running.values()]
    assert all(array.dtype == np.float32 for array in everything)


@pytest.mark.parametrize("norm", [n for n in NORMS if n and n.on_weights], ids=called)
def test_length_of_a_whole_row_does_not_matter(norm, rng):
    """Catches the parts for x and for h normalized each on its own: the row is one."""
    if norm.scale == "one":
        return  # it does not measure a length
    layer, x = Recurrent(2, CHANNELS, norm=norm, rng=rng), rng.standard_normal(SHAPE)
    before = layer.forward(x)
    layer.params["w"][...] *= 3
    np.testing.assert_allclose(layer.forward(x), before, atol=1e-13)
    layer.params["w"][:, :2] *= 3
    assert not np.allclose(layer.forward(x), before)


class Truncated(Recurrent):
    """Forgets what a step owes to the steps behind it."""

    def backward(self, dh):
        cells, grads = self._cells, self.parts[""].grads
        dx = [cell.backward(dh[:, t])[:, :2] for t, cell in enumerate(cells)]
        sums = {name: np.zeros_like(gradient) for name, gradient in grads.items()}
        for t, cell in enumerate(cells):
            cell.backward(dh[:, t])
            for name, gradient in grads.items():
                sums[name] += gradient
        for name, gradient in sums.items():
            grads[name] = gradient
        return np.stack(dx, axis=1)


def test_rejects_a_gradient_that_does_not_go_through_time(rng):
    """Catches a check that a truncated backward would pass: it trains, and is wrong."""
    layer = Truncated(2, CHANNELS, rng=rng)
    with pytest.raises(AssertionError, match="gradient of x by complex step"):
        check_layer(layer, rng.standard_normal(SHAPE), textbook(layer, None, {}), rng)


def test_how_large_new_weights_are(rng):
    """Catches a default taken from another layer, and a std that is not used."""
    n = 300
    for std, expected in ((None, 1 / np.sqrt(n)), (0.5, 0.5)):
        layer = Recurrent(n, n, std=std, rng=rng)
        for name, w in layer.params.items():
            if name.endswith("w"):
                assert abs(w.std() / expected - 1) < 0.02  # 90,000 draws: 0.2 % is one sigma
