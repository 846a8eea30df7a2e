"""The training loop: the same numbers as a plain loop, and the ways a run can end."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import normlib
import reference
from normlib import Adam, Momentum, Recorder, accuracy, fit, mlp, softmax_cross_entropy

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


@pytest.mark.parametrize("optimizer", [Momentum(), Adam()])
def test_optimizers_write_in_place(optimizer, rng):
    """Catches an update of a copy: the layers would never learn of it."""
    w, dw = rng.standard_normal((2, 5))
    before, same = w.copy(), w
    optimizer.step(w, dw, 0.1)
    assert same is w
    assert not np.array_equal(w, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy(dtype, rng):
    """Catches a sum for a mean, the gradient of another label, and a float64 gradient."""
    logits = rng.standard_normal((6, 4)).astype(dtype)
    labels = rng.integers(0, 4, 6)
    before = logits.copy()
    loss, dlogits = softmax_cross_entropy(logits, labels)
    tolerance = 1e-14 if dtype == np.float64 else 1e-6  # a few roundings
    assert abs(loss - reference.cross_entropy(logits.astype(float), labels)) < tolerance
    p = np.exp(before) / np.exp(before).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(dlogits, (p - np.eye(4)[labels]) / 6, atol=tolerance)
    assert dlogits.dtype == dtype
    np.testing.assert_array_equal(logits, before)


def test_cross_entropy_of_huge_logits():
    """Catches overflow in exp, and log(0)."""
    logits = np.array([[1e4, 0.0, -1e4], [-1e4, 1e4, 0.0]])
    loss, dlogits = softmax_cross_entropy(logits, np.array([0, 0]))
    assert loss == 1e4
    np.testing.assert_array_equal(dlogits, [[0, 0, 0], [-0.5, 0.5, 0]])


def test_cross_entropy_of_equal_logits():
    """Catches another base of the logarithm: equal logits cost log K nats."""
    loss, dlogits = softmax_cross_entropy(np.full((2, 10), 3.0), np.array([0, 9]))
    assert abs(loss - np.log(10)) < 1e-15
    assert abs(dlogits.sum()) < 1e-16
