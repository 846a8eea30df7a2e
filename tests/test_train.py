"""The training loop: the same numbers as a plain loop, and the ways a run can end."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import normlib
from normlib import Dense, Momentum, Net, Recorder, accuracy, fit, mlp, softmax_cross_entropy

WIDTHS = [64, 12, 10]


def batches_of(data, count, size=32):
    """Return the first batches in order, so that a plain loop can follow."""
    rows = [np.arange(i * size, (i + 1) * size) % len(data.x_train) for i in range(count)]
    return [(data.x_train[r], data.y_train[r]) for r in rows]


# Textbook updates of one parameter, each with its own memory.
def sgd(w, dw, lr, memory):
    return w - lr * dw


def momentum(w, dw, lr, memory):
    memory["v"] = 0.9 * memory.get("v", 0) + dw
    return w - lr * memory["v"]


def adam(w, dw, lr, memory):
    t = memory["t"] = memory.get("t", 0) + 1
    m = memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * dw
    v = memory["v"] = 0.999 * memory.get("v", 0) + 0.001 * dw**2
    return w - lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


UPDATES = {"sgd": sgd, "momentum": momentum, "adam": adam}
RATES = {
    "number": (lambda net: 0.02, lambda step, name: 0.02),
    "schedule": (lambda net: lambda step: 0.05 / (1 + step), lambda step, name: 0.05 / (1 + step)),
    "per parameter": (
        lambda net: {name: 0.01 * (i + 1) for i, name in enumerate(net.params)},
        lambda step, name: 0.01 * (1 + list(mlp(WIDTHS, norm="batch").params).index(name)),
    ),
}


@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("optimizer", UPDATES)
def test_equals_a_plain_loop(optimizer, rate, weight_decay, digits):
    """Catches a wrong update, a schedule off by one, rates mixed up, decay that grows weights."""
    given, at = RATES[rate]
    net, plain = mlp(WIDTHS, norm="batch"), mlp(WIDTHS, norm="batch")
    batches, losses, memory = batches_of(digits, 6), [], {name: {} for name in plain.params}
    for step, (x, labels) in enumerate(batches):
        loss, dlogits = softmax_cross_entropy(plain.forward(x), labels)
        plain.backward(dlogits)
        losses.append(loss)
        for name, w in plain.params.items():
            dw = plain.grads[name] + weight_decay * w
            plain.params[name] = UPDATES[optimizer](w, dw, at(step, name), memory[name])
    history = fit(
        net,
        digits,
        steps=6,
        lr=given(net),
        optimizer=optimizer,
        weight_decay=weight_decay,
        batches=batches,
    )
    # Six updates that round differently; Adam divides by small numbers.
    np.testing.assert_allclose(history.loss, losses, rtol=1e-10)
    np.testing.assert_allclose(net.flat, plain.flat, atol=1e-9)


def test_deterministic(digits):
    """Catches global randomness: the same seed must give the same bits."""
    runs = [fit(mlp(WIDTHS, norm="batch"), digits, steps=20, seed=3) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].loss, runs[1].loss)
    assert runs[0].accuracy == runs[1].accuracy
    other = fit(mlp(WIDTHS, norm="batch"), digits, steps=20, seed=4)
    assert not np.array_equal(runs[0].loss, other.loss)


def test_batches_are_drawn_without_replacement(digits, monkeypatch):
    """Catches a sample drawn twice in an epoch, an order that repeats, labels of other rows."""
    seen = []
    net = mlp([64, 10])
    forward = net.forward
    monkeypatch.setattr(net, "forward", lambda x: seen.append(x) or forward(x))
    fit(net, digits, steps=10, batch_size=32)
    epochs = [np.concatenate(seen[start : start + 5]) for start in (0, 5)]
    train = np.sort(digits.x_train, axis=0)
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch, axis=0), train)
    assert not np.array_equal(*epochs)


def test_labels_belong_to_their_inputs(digits):
    """Catches inputs and labels shuffled apart: nothing could be learned."""
    history = fit(mlp([64, 32, 10]), digits, steps=150, batch_size=32, lr=0.2)
    assert history.loss[-1] < 0.1
    assert history.accuracy > 0.7


def test_own_batches(digits):
    """Catches own batches that are shuffled, dropped or looked at only once the data is over."""
    sorted_rows = np.argsort(digits.y_train, kind="stable")
    batches = [(digits.x_train[r], digits.y_train[r]) for r in np.split(sorted_rows, 5)]
    seen = []
    history = fit(
        mlp([64, 10]),
        digits,
        steps=100,
        batches=iter(batches),
        on_step=lambda step, loss, record: seen.append(step),
    )
    assert len(history.loss) == 5  # they run out
    assert seen == list(range(5))


def test_on_step_gets_step_loss_and_record_and_stops(digits):
    """Catches a stop that comes a step late, and any answer but True that stops."""
    record, calls = Recorder(), []

    def on_step(step, loss, recorder):
        calls.append((step, loss))
        assert recorder is record
        assert recorder.latest().steps[0] <= step
        return step == 6 or None

    history = fit(mlp(WIDTHS), digits, steps=20, record=record, on_step=on_step)
    assert [step for step, _ in calls] == list(range(7))
    np.testing.assert_array_equal(history.loss, [loss for _, loss in calls])
    np.testing.assert_array_equal(history.trace.loss, history.loss)


def test_on_step_comes_after_the_update(digits):
    """Catches a callback that sees the weights of the step before."""
    net = mlp([64, 10])
    before = net.flat.copy()
    fit(net, digits, steps=5, on_step=lambda *_: True)
    assert not np.array_equal(net.flat, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("norm", [None, "batch", "cosine"])
@pytest.mark.parametrize("optimizer", UPDATES)
def test_divergence_is_a_result(dtype, norm, optimizer, digits):
    """Catches a run that goes on for nothing, raises, or warns, when it diverges."""
    cast = (v.astype(dtype) if v.dtype.kind == "f" else v for v in vars(digits).values())
    net = mlp(WIDTHS, norm=norm, dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = fit(
            net,
            normlib.Data(*cast),
            steps=60,
            lr=float(np.finfo(dtype).max) / 10,
            optimizer=optimizer,
            record=Recorder(),
        )
    assert history.diverged
    assert len(history.loss) < 60
    assert np.isfinite(history.loss[:-1]).all()
    assert not np.isfinite(history.loss[-1])
    assert 0 <= history.accuracy <= 1
    assert not net.training


def test_history(digits):
    """Catches an accuracy of training mode, or of training data, and a trace nobody asked for."""
    net = mlp(WIDTHS, norm="batch")
    history = fit(net, digits, steps=30)
    assert history.loss.shape == (30,)
    assert not history.diverged
    assert history.trace is None
    assert not net.training
    expected = np.mean(net.evaluate(digits.x_test).argmax(axis=1) == digits.y_test)
    assert history.accuracy == accuracy(net, digits) == expected
    assert history.accuracy == round(history.accuracy * 80) / 80


def test_training_mode_is_used_and_left(digits):
    """Catches a net trained with running statistics because it was evaluated before."""
    net = mlp(WIDTHS, norm="batch")
    net.training = False
    fit(net, digits, steps=3)
    assert net.running["layer 1.batches"] == 3
    with pytest.raises(ZeroDivisionError):
        fit(net, digits, steps=3, on_step=lambda *_: 1 / 0)
    assert not net.training


def test_progress_bar_changes_nothing(digits, capsys):
    """Catches a bar that counts other steps than the run makes."""
    quiet, shown = (
        fit(mlp([64, 10]), digits, steps=4, progress=progress) for progress in (False, True)
    )
    np.testing.assert_array_equal(quiet.loss, shown.loss)
    assert "4/4" in capsys.readouterr().err


def lines(rng, size=60):
    """Inputs and numbers that depend on them linearly."""
    x = rng.standard_normal((size, 3))
    y = x @ np.array([[1.0, -2.0], [0.5, 0.0], [0.0, 3.0]]) + 1
    return normlib.Data(x[:40], y[:40], x[40:], y[40:])


def test_numbers_for_targets(rng):
    """Catches a loop that knows labels only, and an accuracy invented for numbers."""
    data = lines(rng)
    net = Net([Dense(3, 2, activation="identity", rng=rng)])
    history = fit(net, data, steps=300, batch_size=20, lr=0.3, loss="mean_squared_error")
    # A line fits exactly: what is left is what 300 steps at this rate leave.
    assert history.loss[-1] < 1e-8 < history.loss[0]
    np.testing.assert_allclose(net.evaluate(data.x_test), data.y_test, atol=1e-3)
    assert np.isnan(history.accuracy)
    with pytest.raises(TypeError, match="integer labels"):
        accuracy(net, data)


def test_one_number_per_input(rng):
    """Catches (N,) against (N, 1), which would broadcast to (N, N) and learn the mean."""
    data = lines(rng)
    first = normlib.Data(data.x_train, data.y_train[:, 0], data.x_test, data.y_test[:, 0])
    net = Net([Dense(3, 1, activation="identity", rng=rng)])
    history = fit(net, first, steps=300, batch_size=20, lr=0.3, loss="mean_squared_error")
    assert history.loss[-1] < 1e-8


def test_a_loss_of_your_own(digits):
    """Catches a loss function that is called with something else, or not used."""
    seen = []

    def half(outputs, targets):
        seen.append((outputs.shape, targets.shape))
        loss, gradient = softmax_cross_entropy(outputs, targets)
        return np.float64(loss / 2), gradient / 2

    mine, theirs = mlp(WIDTHS), mlp(WIDTHS)
    ours = fit(mine, digits, steps=5, lr=0.2, loss=half)
    plain = fit(theirs, digits, steps=5, lr=0.1)
    assert seen == [((64, 10), (64,))] * 5
    np.testing.assert_allclose(2 * ours.loss, plain.loss, rtol=1e-12)
    np.testing.assert_allclose(mine.flat, theirs.flat, rtol=1e-12)
    assert ours.accuracy == plain.accuracy


def test_a_schedule_counts_from_0_in_every_run(digits):
    """Catches steps from 1, a step left out, and a second run that goes on counting."""
    net, seen = mlp(WIDTHS), []
    for steps in (3, 2):
        fit(net, digits, steps=steps, lr=lambda step: seen.append(step) or 0.1)
    assert seen == [0, 1, 2, 0, 1]


def test_decay_per_parameter(digits):
    """Catches numbers given to the wrong parameters: only those named may shrink."""
    net = mlp(WIDTHS, norm="batch")
    net.params["layer 1.b"] = np.full(12, 2.0)
    before = {name: value.copy() for name, value in net.params.items()}
    decay = {name: float(name in ("layer 1.g", "output.w")) for name in net.params}
    zero = lambda outputs, targets: (0.0, np.zeros_like(outputs))  # noqa: E731
    fit(net, digits, steps=1, lr=0.5, weight_decay=decay, loss=zero)
    for name, value in net.params.items():
        np.testing.assert_array_equal(value, before[name] * (0.5 if decay[name] else 1))


def test_an_optimizer_object_goes_on(digits):
    """Catches a memory that is lost between two runs, or carried over to a new object."""
    batches = batches_of(digits, 6)
    nets = [mlp(WIDTHS) for _ in range(3)]
    once, again = Momentum(), Momentum()
    fit(nets[0], digits, steps=6, optimizer=once, batches=batches)
    for part in (batches[:3], batches[3:]):
        fit(nets[1], digits, steps=3, optimizer=again, batches=part)
        fit(nets[2], digits, steps=3, optimizer="momentum", batches=part)
    np.testing.assert_array_equal(nets[0].flat, nets[1].flat)
    assert not np.allclose(nets[0].flat, nets[2].flat)
