"""Nets: one flat vector of parameters, copies, modes, and what mlp builds."""

from __future__ import annotations

import contextlib
import copy
import pickle

import numpy as np
import pytest

import normlib
from cases import CHANNELS, NAMED, called
from normlib import Activation, Dense, Layer, Net, Norm, Normalize, fit, mlp
from normlib.layers import ACTIVATIONS

DENSE = [norm for norm in NAMED if norm.axes != (3,)]  # all but instance normalization
AGAIN = {"deepcopy": copy.deepcopy, "pickle": lambda net: pickle.loads(pickle.dumps(net))}


def assert_joined(net):
    """Every parameter and gradient must be a view of the net's vectors, without gaps."""
    for arrays, flat in ((net.params, net.flat), (net.grads, net.flat_grads)):
        flat[:] = np.arange(flat.size)
        np.testing.assert_array_equal(np.concatenate([a.ravel() for a in arrays.values()]), flat)
        assert all(np.shares_memory(array, flat) for array in arrays.values())


def nested(rng):
    inner = Net({"a": Dense(4, 3, norm="batch", rng=rng), "b": Dense(3, 3, rng=rng)})
    return Net({"inner": inner, "last": Dense(3, 2, rng=rng)})


def test_params_are_views_of_one_vector():
    """Catches an optimizer that moves a vector which no layer computes with."""
    assert_joined(mlp([4, 3, 2], norm="batch"))


def test_joining_keeps_the_numbers(rng):
    """Catches parameters lost, or moved to a neighbour, on the way into the vector."""
    layers = [Dense(4, 3, norm="weight", rng=rng), Dense(3, 2, rng=rng)]
    before = [value.copy() for layer in layers for value in layer.params.values()]
    net = Net(layers)
    for old, new in zip(before, net.params.values(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_net_in_a_net_follows_it(rng):
    """Catches an inner net whose own vector no longer belongs to it."""
    net = nested(rng)
    assert list(net.params)[:3] == ["inner.a.w", "inner.a.g", "inner.a.b"]
    assert_joined(net)
    inner = net.parts["inner"]
    assert np.shares_memory(inner.flat, net.flat)
    assert_joined(inner)


@pytest.mark.parametrize("again", AGAIN)
@pytest.mark.parametrize("make", [lambda rng: mlp([64, 8, 10], norm="batch"), nested])
def test_copies_train_and_leave_the_original_alone(make, again, digits, rng):
    """Catches a copy whose vector is separated from its layers, or shared with the original."""
    net = make(rng)
    other = AGAIN[again](net)
    assert_joined(AGAIN[again](net))
    assert list(other.params) == list(net.params)
    before = net.flat.copy()
    if net.flat.size > 500:
        fit(other, digits, steps=3)
        expected = copy.deepcopy(net)
        fit(expected, digits, steps=3)
        np.testing.assert_array_equal(other.flat, expected.flat)
        assert not np.array_equal(other.flat, before)
        assert net.running["layer 1.batches"] == 0
    np.testing.assert_array_equal(net.flat, before)


def test_a_layer_has_one_place(rng):
    """Catches one layer in two places, whose parameters would be in two vectors."""
    layer = Dense(3, 3, rng=rng)
    with pytest.raises(ValueError, match=r"got '1', which has one already\. Use copy\.deep"):
        Net([Dense(3, 3, rng=rng), layer, layer])
    net = Net([layer])
    with pytest.raises(ValueError, match="one place in one net"):
        Net([layer])
    assert_joined(Net([copy.deepcopy(layer), copy.deepcopy(net)]))  # the way out works
    with pytest.raises(ValueError, match="one place in one net"):
        Net([copy.deepcopy(net).parts["0"]])


def test_a_refused_net_leaves_its_layers_free(rng):
    """Catches layers that are claimed by a net that never came to be."""
    layer = Dense(3, 3, rng=rng)
    with pytest.raises(TypeError):
        Net([layer, "relu"])
    Net([layer])


@pytest.mark.parametrize("method", ["evaluate", "predict"])
def test_evaluation_keeps_every_mode(method, rng):
    """Catches a net that is left in evaluation, or an inner layer that forgets its own mode."""
    net = mlp([4, 3, 3, 2], norm="batch")
    net.parts["layer 2"].training = False
    modes = [(part, part.training) for _, part in net.walk()]
    x = rng.standard_normal((5, 4))
    getattr(net, method)(x)
    assert [(part, part.training) for _, part in net.walk()] == modes
    with pytest.raises(ValueError, match="x must have shape"):
        getattr(net, method)(x[:, :2])
    assert [(part, part.training) for _, part in net.walk()] == modes
    assert net.running["layer 1.batches"] == 0


def test_evaluate_uses_running_statistics(rng):
    """Catches predictions that depend on who else is in the batch."""
    net, x = mlp([4, 3, 2], norm="batch"), rng.standard_normal((5, 4))
    net.forward(x)
    np.testing.assert_allclose(net.evaluate(x[:1]), net.evaluate(x)[:1], atol=1e-14)
    np.testing.assert_array_equal(net.predict(x), net.evaluate(x).argmax(axis=1))


@pytest.mark.parametrize("norm", [None, *DENSE], ids=called)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_initial_weights(norm, activation):
    """Catches a draw that depends on the normalization: runs would not be comparable."""
    net = mlp([64, CHANNELS, CHANNELS, 10], norm=norm, activation=activation, seed=4)
    plain = mlp([64, CHANNELS, CHANNELS, 10], activation=activation, seed=4)
    assert list(net.parts) == ["layer 1", "layer 2", "output"]
    for name, layer in net.parts.items():
        np.testing.assert_array_equal(layer.params["w"], plain.parts[name].params["w"])
    assert net.parts["output"].norm is None
    assert list(net.parts["output"].params) == ["w", "c"]


@pytest.mark.parametrize(("activation", "gain"), [("relu", 2), ("tanh", 1), ("identity", 1)])
@pytest.mark.parametrize("init_scale", [0.1, 1.0, 3.0])
def test_initial_std(activation, gain, init_scale):
    """Catches a scale that skips a layer, or is squared."""
    net = mlp([100, 200, 300], activation=activation, init_scale=init_scale)
    for layer, n_in in zip(net.parts.values(), (100, 200), strict=True):
        # 20,000 draws or more: the relative standard error of a std is 0.005; five of them.
        ratio = layer.params["w"].std() / (init_scale * np.sqrt(gain / n_in))
        assert abs(ratio - 1) < 0.025


def test_init_scale_only_scales():
    """Catches other draws for another scale."""
    one, three = mlp([8, 6, 3]), mlp([8, 6, 3], init_scale=3.0)
    np.testing.assert_allclose(three.flat, 3 * one.flat, rtol=1e-15)


@pytest.mark.parametrize("norm", [n for n in DENSE if n.start == "sigma"], ids=called)
def test_weight_norm_starts_as_the_plain_net(norm, rng):
    """Catches a start that differs from the net it is compared with."""
    x = rng.standard_normal((5, 8))
    plain, ours = mlp([8, 6, 6, 3], init_scale=2.0), mlp([8, 6, 6, 3], norm=norm, init_scale=2.0)
    np.testing.assert_allclose(ours.forward(x), plain.forward(x), atol=1e-13)  # a division a layer


def test_seeds_and_dtypes():
    """Catches weights that change from call to call, or a float64 layer in a float32 net."""
    np.testing.assert_array_equal(mlp([4, 3, 2], seed=1).flat, mlp([4, 3, 2], seed=1).flat)
    assert not np.array_equal(mlp([4, 3, 2], seed=1).flat, mlp([4, 3, 2], seed=2).flat)
    net = mlp([4, 3, 2], norm="batch", dtype=np.float32)
    assert net.flat.dtype == net.forward(np.ones((2, 4), np.float32)).dtype == np.float32


def test_a_norm_of_your_own(digits):
    """Catches a place that takes the library's names only."""
    mine = Norm(name="mine", shares="c", eps=1e-3)
    net = mlp([64, 16, 10], norm=mine)
    assert net.parts["layer 1"].norm is mine
    history = fit(net, digits, steps=60, record=normlib.Recorder(3))
    assert history.loss[-10:].mean() < 0.6 * history.loss[0]
    assert history.trace.info["norm"] == "mine"


def test_backward_goes_through_every_layer(rng):
    """Catches layers applied in another order backward than forward."""
    net = Net([Normalize("layer", 4), Activation("tanh"), Dense(4, 2, rng=rng)])
    x, dy = rng.standard_normal((5, 4)), rng.standard_normal((5, 2))
    y = net.forward(x)
    for layer in net.parts.values():
        x = layer.forward(x)
    np.testing.assert_array_equal(y, x)
    dx = net.backward(dy)
    for layer in reversed(net.parts.values()):
        dy = layer.backward(dy)
    np.testing.assert_array_equal(dx, dy)


class Scale(Layer):
    """y = s x, with the word for its parameter taken from the class."""

    def __init__(self):
        super().__init__()
        self.inner = self.parts["inner"] = Activation("tanh")
        self.add("s", np.ones(4))

    @property
    def broken(self):
        return self.inner.nothing_of_the_kind

    def forward(self, x):
        return self.params["s"] * self.inner.forward(x)


def test_a_layer_of_your_own(rng):
    """Catches a part refused for having a short name too, and errors that hide the real one."""
    layer = Scale()
    assert repr(layer) == "Scale(s: (4,))"
    assert copy.deepcopy(layer).inner is not layer.inner
    net = Net([layer])
    net.flat[:] = 3
    x = rng.standard_normal((5, 4))
    np.testing.assert_array_equal(net.forward(x), 3 * np.tanh(x))
    assert not hasattr(layer, "t")
    with pytest.raises(AttributeError, match=r"'Activation' object has no .*nothing_of_the_kind"):
        layer.broken  # noqa: B018


EVALUATIONS = {
    "evaluate": lambda net, x: net.evaluate(x),
    "predict": lambda net, x: net.predict(x),
    "a forward that fails": lambda net, x: net.forward(x[:1]),  # batch norm of one sample
    "an evaluation that fails": lambda net, x: net.evaluate(x[:, :2]),
}


@pytest.mark.parametrize("how", EVALUATIONS)
def test_no_gradients_of_an_evaluation(how, rng):
    """Catches backward with what an evaluation left: wrong gradients, without a word."""
    net = Net([Dense(4, 4, rng=rng), Normalize("batch", 4), Dense(4, 2, rng=rng)])
    x, dy = rng.standard_normal((5, 4)), rng.standard_normal((5, 2))
    net.forward(x)
    expected = net.backward(dy)
    with contextlib.suppress(ValueError):
        EVALUATIONS[how](net, rng.standard_normal((5, 4)))
    grads = net.flat_grads.copy()
    with pytest.raises(RuntimeError, match=r"forward pass; got none\. .* again after evaluate"):
        net.backward(dy)
    np.testing.assert_array_equal(net.flat_grads, grads)
    net.forward(x)
    np.testing.assert_array_equal(net.backward(dy), expected)


def test_an_inner_evaluation_is_told_too(rng):
    """Catches a net in a net whose own evaluation nobody knows of."""
    net, x = nested(rng), rng.standard_normal((5, 4))
    net.forward(x)
    net.parts["inner"].evaluate(x)
    with pytest.raises(RuntimeError, match="Call forward first"):
        net.backward(np.ones((5, 2)))


def test_gradients_in_evaluation_mode(rng):
    """Catches an evaluation mode without gradients: the way out that evaluate's docstring names."""
    net, x = mlp([4, 3, 2], norm="batch"), rng.standard_normal((5, 4))
    expected = net.evaluate(x)
    net.training = False
    np.testing.assert_array_equal(net.forward(x), expected)
    assert net.backward(np.ones((5, 2))).shape == x.shape


def test_evaluations_between_steps(digits):
    """Catches a run that is disturbed by looking at it: by on_step, or by a Recorder's probe."""
    runs = []
    for look in (False, True):
        net = mlp([64, 8, 10], norm="batch")
        record = normlib.Recorder(3, probe=digits.x_test[:20]) if look else None
        on_step = (lambda *_, net=net: net.predict(digits.x_test) is None) if look else None
        runs.append(fit(net, digits, steps=5, record=record, on_step=on_step).loss)
    np.testing.assert_array_equal(*runs)


def test_a_loss_that_evaluates_in_between(digits):
    """Catches the gradients of another batch, taken for those of the training batch."""
    net = mlp([64, 8, 10])

    def loss(outputs, labels):
        net.evaluate(digits.x_test[:64])
        return normlib.softmax_cross_entropy(outputs, labels)

    with pytest.raises(RuntimeError, match="again after evaluate"):
        fit(net, digits, steps=1, loss=loss)


class Broadcasting(Layer):
    """Returns what does not fit in front of it."""

    def forward(self, x):
        return x

    def backward(self, dy):
        return dy[:1]


def notes(call, error):
    with pytest.raises(error) as caught:
        call()
    return type(caught.value), str(caught.value), caught.value.__notes__


def test_an_error_says_where_it_comes_from(rng):
    """Catches `x must have shape (..., 6)` from one of many layers."""
    x = rng.standard_normal((5, 4))
    wrong = Dense(6, 2, rng=rng)
    with pytest.raises(ValueError, match="x must") as alone:
        wrong.forward(x)
    net = Net([Normalize("layer", 4), wrong])
    told = ["in '1' (Dense), which follows '0' (Normalize)"]
    for call in (net.forward, net.evaluate, net.predict):
        found = notes(lambda call=call: call(x), ValueError)
        assert found == (ValueError, str(alone.value), told)
    assert notes(lambda: net.forward(x[:, :3]), ValueError)[2] == ["in '0' (Normalize)"]
    assert notes(lambda: net.forward([1.0]), TypeError)[2] == ["in '0' (Normalize)"]


def test_an_error_in_a_net_in_a_net(rng):
    """Catches a place that cannot be found from outside."""
    net = Net({"first": Activation("tanh"), "rest": nested(rng)})
    found = notes(lambda: net.forward(rng.standard_normal((5, 3))), ValueError)[2]
    inner, middle, outer = found
    assert inner == "in 'a' (Dense)"
    assert middle == "in 'inner' (Net)"
    assert outer == "in 'rest' (Net), which follows 'first' (Activation)"


def test_an_error_in_backward(rng):
    """Catches a layer of one's own blamed on the layer before it."""
    net = Net({"dense": Dense(4, 4, rng=rng), "mine": Broadcasting()})
    y = net.forward(rng.standard_normal((5, 4)))
    found = notes(lambda: net.backward(y), ValueError)[2]
    assert found == ["in the backward of 'dense' (Dense), after that of 'mine' (Broadcasting)"]
    net = mlp([4, 3, 2])
    net.forward(rng.standard_normal((5, 4)))
    found = notes(lambda: net.backward(y), ValueError)[2]
    assert found == ["in the backward of 'output' (Dense)"]
