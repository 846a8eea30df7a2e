"""What cnn builds, and that everything which takes a net takes it."""

from __future__ import annotations

import numpy as np
import pytest

import normlib
import reference
from cases import NAMED, called
from gradients import EXACT, NUMERIC, assert_gradients, central, complex_step
from normlib import Recorder, cnn, fit, load_digits
from normlib.layers import ACTIVATIONS


@pytest.fixture(scope="module")
def images():
    data = load_digits(images=True)
    return normlib.Data(data.x_train[:160], data.y_train[:160], data.x_test[:80], data.y_test[:80])


@pytest.mark.parametrize("norm", [None, *NAMED], ids=called)
@pytest.mark.parametrize("head", ["flatten", "average"])
def test_initial_weights(norm, head):
    """Catches a draw that depends on the normalization: runs would not be comparable."""
    net, plain = (cnn([6, 6], norm=n, head=head, seed=4) for n in (norm, None))
    assert list(net.parts) == ["layer 1", "layer 2", head, "output"]
    for name in ("layer 1", "layer 2", "output"):
        np.testing.assert_array_equal(net.params[f"{name}.w"], plain.params[f"{name}.w"])
    assert net.parts["layer 2"].norm == norm
    assert list(net.parts["output"].params) == ["w", "c"]
    assert not np.array_equal(cnn([6, 6], seed=5).flat, cnn([6, 6], seed=4).flat)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("init_scale", [0.1, 3.0])
def test_initial_std(activation, init_scale):
    """Catches an n without the kernel's cells or the positions, and a scale that skips a layer."""
    net = cnn([30, 60], activation=activation, init_scale=init_scale, image=(7, 6, 6))
    gain = ACTIVATIONS[activation].gain
    for name, n in (("layer 1", 7 * 9), ("layer 2", 30 * 9), ("output", 60 * 4)):
        w = net.params[f"{name}.w"]
        # 1,890 to 16,200 draws: five standard errors of a std.
        ratio = w.std() / (init_scale * np.sqrt(gain / n))
        assert abs(ratio - 1) < 5 / np.sqrt(2 * w.size)


@pytest.mark.parametrize(
    ("options", "last"),
    [
        ({"channels": [8, 8]}, (4, 4)),  # two valid convolutions
        ({"channels": [8, 8, 8, 8], "kernel": [3, 3, 3, 2]}, (1, 1)),
        ({"channels": [8, 8, 8, 8], "stride": 2, "padding": 1}, (1, 1)),
        ({"channels": [4], "kernel": [(1, 3)], "stride": [(2, 1)], "padding": [(0, 1)]}, (4, 8)),
        ({"channels": [4, 4], "padding": 1, "image": (3, 5, 7)}, (5, 7)),
    ],
)
@pytest.mark.parametrize("head", ["flatten", "average"])
def test_geometry(options, last, head, rng):
    """Catches an output layer of another width than what reaches it."""
    net = cnn(**options, head=head, classes=3)
    h = x = rng.standard_normal((2, *options.get("image", (1, 8, 8))))
    for name, layer in net.parts.items():
        if name == head:
            assert h.shape[2:] == last
        h = layer.forward(h)
    assert h.shape == (2, 3)
    np.testing.assert_array_equal(net.forward(x), h)


@pytest.mark.parametrize("head", ["flatten", "average"])
@pytest.mark.parametrize("norm", [None, *NAMED], ids=called)
def test_whole_net(norm, head, rng):
    """Catches gradients that are right in each layer and meet another memory order on the way."""
    net = cnn([6, 6], image=(2, 4, 4), classes=3, kernel=2, norm=norm, activation="tanh", head=head)
    for name, value in net.params.items():
        net.params[name] = value + rng.uniform(0.1, 0.4, value.shape)
    x, labels = rng.standard_normal((3, 2, 4, 4)), np.array([0, 1, 2])
    chosen = {k: v.copy() for k, v in net.params.items() if not k.endswith("w")}
    chosen["layer 1.w"] = net.params["layer 1.w"].copy()  # all other gradients flow through it

    def textbook(arrays):
        everything, h = {**net.params, **arrays}, x
        for name in ("layer 1", "layer 2"):
            own = {key: everything.get(f"{name}.{key}") for key in "cgb"}
            h = reference.conv2d(h, everything[f"{name}.w"], norm, "tanh", **own)
        h = h.reshape(3, -1) if head == "flatten" else h.sum(axis=(2, 3)) / 4
        logits = reference.dense(h, everything["output.w"], c=everything["output.c"])
        return np.asarray(reference.cross_entropy(logits, labels))

    def own(arrays):
        for name, value in arrays.items():
            net.params[name] = value
        return np.asarray(normlib.softmax_cross_entropy(net.forward(x), labels)[0])

    loss, dlogits = normlib.softmax_cross_entropy(net.forward(x), labels)
    net.backward(dlogits)
    found = {name: net.grads[name].copy() for name in chosen}
    one = np.ones(())
    assert abs(loss - textbook(chosen)) <= EXACT
    assert_gradients(found, complex_step(textbook, chosen, one), EXACT, "complex step")
    assert_gradients(found, central(own, chosen, one), NUMERIC, "central differences")


@pytest.mark.parametrize(("norm", "lr"), [(None, 0.1), ("batch", 0.1), ("cosine", 1.0)])
def test_learns_and_is_recorded(norm, lr, images):
    """Catches signals of images that the recorder cannot keep, or a net that does not learn."""
    history = fit(cnn([8, 8], norm=norm), images, steps=60, lr=lr, record=Recorder(5))
    assert history.loss[-10:].mean() < 0.8 * history.loss[0]
    trace = history.trace
    assert trace.layers == ("layer 1", "layer 2")
    assert trace.info["norm"] == (norm or "none")
    z = trace.signals["z"]
    assert z.unit_mean.shape == (5, 2, 8)
    assert np.isfinite(z.std).all()
    if norm == "batch":  # at the start z has mean 0 and standard deviation 1
        np.testing.assert_allclose(z.std[0], 1, atol=0.25)  # 512 of 2304 and 1024 values a unit


def test_the_player_takes_it(images):
    """Catches layer names or shapes that the widget does not expect."""
    from normlib.widgets import ActivationPlayer

    trace = fit(cnn([4, 4], norm="batch"), images, steps=5, record=Recorder()).trace
    ActivationPlayer({"batch": trace})


def test_instance_norm_and_average_say_nothing(rng):
    """Catches a mean that still depends on the image: instance normalization has removed it."""
    norm = normlib.norm("instance", affine=False)
    net = cnn([8, 8], norm=norm, activation="identity", head="average")
    np.testing.assert_allclose(net.forward(rng.standard_normal((5, 1, 8, 8))), 0, atol=1e-14)


def test_float32_throughout(rng):
    """Catches a float64 layer in a float32 net."""
    net = cnn([4, 4], norm="batch", dtype=np.float32)
    x = rng.standard_normal((3, 1, 8, 8)).astype(np.float32)
    assert net.flat.dtype == net.forward(x).dtype == net.backward(net.forward(x)).dtype == x.dtype
