"""Internal covariate shift, against the definition computed another way."""

from __future__ import annotations

import numpy as np
import pytest

import normlib
import reference
from gradients import complex_step
from normlib import Activation, Dense, Net, internal_covariate_shift, mlp, softmax_cross_entropy

X = np.random.default_rng(7).standard_normal((9, 4))
LABELS = np.arange(9) % 3
LAYERS = ("layer 1", "layer 2", "output")


def deep(norm, seed=1):
    return mlp([4, 6, 6, 3], norm=norm, activation="tanh", seed=seed)


def gradients(net, params):
    """Return the gradient by each parameter, from the textbook alone."""

    def loss(arrays):
        h = X
        for name, layer in net.parts.items():
            own = {key: arrays.get(f"{name}.{key}") for key in "cgb"}
            f = layer.parts["f"].name
            h = reference.dense(h, arrays[f"{name}.w"], layer.norm, f, **own)
        return np.asarray(reference.cross_entropy(h, LABELS))

    return complex_step(loss, params, np.ones(()))


def joined(arrays, layer):
    return np.concatenate([a.ravel() for name, a in arrays.items() if name.startswith(layer)])


@pytest.mark.parametrize("norm", [None, "batch", "layer", "weight"])
def test_definition(norm):
    """Catches layers above that move too, layers below that do not, and the wrong step."""
    net, lr = deep(norm), 0.3
    params = {name: value.copy() for name, value in net.params.items()}
    now = gradients(net, params)
    found = internal_covariate_shift(net, (X, LABELS), lr)
    assert found.layers == LAYERS
    for i, layer in enumerate(LAYERS):
        moved = {
            name: value - lr * now[name] if name.startswith(LAYERS[:i]) else value
            for name, value in params.items()
        }
        g, after = joined(now, layer), joined(gradients(net, moved), layer)
        lengths = np.linalg.norm(g), np.linalg.norm(after)
        expected = [lengths[0], np.linalg.norm(g - after), g @ after / np.prod(lengths)]
        measured = [found.before[i], found.difference[i], found.cosine[i]]
        np.testing.assert_allclose(measured, expected, rtol=1e-10, atol=1e-12)  # rounding


def test_nothing_lies_below_the_first_layer():
    """Catches a layer that is compared after its own update."""
    found = internal_covariate_shift(deep("batch"), (X, LABELS), 0.5)
    assert found.difference[0] == 0
    assert found.cosine[0] == pytest.approx(1, abs=1e-15)
    assert (found.difference[1:] > 1e-3).all()


def test_no_step_no_shift():
    """Catches a forward that is not repeatable, such as by moved statistics."""
    found = internal_covariate_shift(deep("batch"), (X, LABELS), 0.0)
    np.testing.assert_array_equal(found.difference, 0)


def test_small_steps_shift_in_proportion():
    """Catches a shift that does not come from the step: it is of first order in lr."""
    small, half = (internal_covariate_shift(deep("layer"), (X, LABELS), lr) for lr in (1e-4, 5e-5))
    np.testing.assert_allclose(small.difference[1:] / half.difference[1:], 2, rtol=1e-3)  # O(lr)


def test_in_training_mode_whatever_the_nets():
    """Catches running statistics taken for the batch's after `fit`, which leaves evaluation."""
    net = deep("batch")
    training = internal_covariate_shift(net, (X, LABELS), 0.3)
    net.training = False
    evaluation = internal_covariate_shift(net, (X, LABELS), 0.3)
    np.testing.assert_array_equal(training.difference, evaluation.difference)
    net.freeze_statistics()
    frozen = internal_covariate_shift(net, (X, LABELS), 0.3)
    assert not np.allclose(frozen.difference[1:], training.difference[1:])


def test_layers_without_parameters_are_left_out(rng):
    """Catches rows of nothing, and gradients cut at the wrong places."""
    net = Net(
        {
            "first": Dense(4, 5, activation="identity", rng=rng),
            "f": Activation("tanh"),
            "inner": Net([Dense(5, 5, rng=rng), Dense(5, 3, activation="identity", rng=rng)]),
        }
    )
    found = internal_covariate_shift(net, (X, LABELS), 0.3)
    assert found.layers == ("first", "inner")
    net.backward(softmax_cross_entropy(net.forward(X), LABELS)[1])
    own = np.concatenate([g.ravel() for name, g in net.grads.items() if name.startswith("inner")])
    assert found.before[1] == pytest.approx(np.linalg.norm(own), rel=1e-12)


def test_a_gradient_of_0_has_no_angle():
    """Catches a division by 0."""
    net = deep(None)
    net.flat[...] = 0
    found = internal_covariate_shift(net, (X, LABELS), 0.1)
    assert found.before[0] == 0
    assert np.isnan(found.cosine[0])


def test_takes_another_loss():
    """Catches cross-entropy where something else was asked for."""

    def half_square(outputs, targets):
        return 0.5 * float(((outputs - targets) ** 2).sum()), outputs - targets

    net, targets = deep(None), np.zeros((9, 3))
    found = internal_covariate_shift(net, (X, targets), 0.01, loss=half_square)
    net.backward(net.forward(X))
    own = np.concatenate([g.ravel() for g in net.parts["layer 1"].grads.values()])
    assert found.before[0] == pytest.approx(np.linalg.norm(own), rel=1e-12)


def test_float32():
    """Catches a net that is asked for float64."""
    net = mlp([4, 6, 3], dtype="float32")
    found = internal_covariate_shift(net, (X.astype(np.float32), LABELS), 0.1)
    double = mlp([4, 6, 3])
    double.flat[...] = net.flat
    exact = internal_covariate_shift(double, (X, LABELS), 0.1)
    np.testing.assert_allclose(found.difference, exact.difference, rtol=1e-3, atol=1e-6)


def test_during_training_changes_nothing(digits):
    """Catches a measurement that the run notices: weights, gradients, statistics or mode."""
    batch, seen = (digits.x_train[:16], digits.y_train[:16]), []

    def run(measures):
        net = mlp([64, 12, 12, 10], norm="batch")

        def on_step(step, loss, record):
            if measures:
                slopes = net.flat_grads.copy()
                seen.append(internal_covariate_shift(net, batch, 0.1).difference)
                normlib.loss_landscape(net, batch, [0.1, 0.2])
                np.testing.assert_array_equal(net.flat_grads, slopes)
                assert net.training

        history = normlib.fit(net, digits, steps=6, batch_size=16, on_step=on_step)
        return history.loss, net.flat, net.running["layer 1.mean"], net.running["layer 1.var"]

    for with_it, without in zip(run(measures=True), run(measures=False), strict=True):
        np.testing.assert_array_equal(with_it, without)
    assert len(np.unique(seen, axis=0)) == 6  # each step's net was measured, not a stale copy
