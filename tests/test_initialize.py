"""g and b from data: every unit's z has mean 0 and variance 1 on the batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import normlib
from cases import ON_WEIGHTS, called
from normlib import Dense, Net, Norm, cnn, initialize_by_data, mlp
from normlib.layers.product import Product

MEAN_ONLY = Norm(name="mean only", shares="NS", scale="one")
NORMS = [*ON_WEIGHTS, replace(normlib.norm("weight"), then=MEAN_ONLY)]
NETS = {
    "mlp": (lambda norm: mlp([6, 5, 4, 3], norm=norm, activation="tanh"), (40, 6)),
    "cnn": (lambda norm: cnn([4, 3], norm=norm, image=(2, 6, 6)), (8, 2, 6, 6)),
    "nested": (
        lambda norm: Net({"in": mlp([6, 5, 4], norm=norm), "out": mlp([4, 4, 2], norm=norm)}),
        (40, 6),
    ),
}


def seen(net, x):
    """Return z of every layer that normalizes its weights, in a forward pass."""
    found = {}
    products = {k: p for k, p in net.walk() if isinstance(p, Product) and p.norm is not None}
    for name, layer in products.items():
        for _, part in layer.walk():
            part.tap = lambda signal, values, name=name: found.__setitem__((name, signal), values)
    net.forward(x)
    for layer in products.values():
        for _, part in layer.walk():
            part.tap = None
    return {name: values for (name, signal), values in found.items() if signal == "z"}


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("norm", NORMS, ids=lambda n: called(n) + ("+" if n.then else ""))
def test_mean_0_and_variance_1(norm, kind, rng):
    """Catches layers set all at once, which see inputs that the first ones then change."""
    make, shape = NETS[kind]
    net, x = make(norm), 3 * rng.standard_normal(shape) + 1
    before = {name: value.copy() for name, value in net.params.items()}
    running = {name: value.copy() for name, value in net.running.items()}
    initialize_by_data(net, x)
    for name, value in net.running.items():
        np.testing.assert_array_equal(value, running[name])
    z = seen(net, x)
    assert len(z) == 2
    for name, values in z.items():
        others = tuple(axis for axis in range(values.ndim) if axis != 1)
        np.testing.assert_allclose(values.mean(axis=others), 0, atol=1e-13, err_msg=name)
        np.testing.assert_allclose(values.var(axis=others), 1, atol=1e-12, err_msg=name)
    for name, value in net.params.items():
        moved = name.rpartition(".")[2] in "gb"
        assert np.array_equal(value, before[name]) != moved, name


def test_other_layers_stay(rng):
    """Catches g and b of a batch or layer normalization, or of weights without g and b."""
    plain = replace(normlib.norm("weight"), affine=False)
    norms = ["batch", plain, "weight", "layer"]
    net = Net([Dense(4, 4, norm=norm, activation="tanh", rng=rng) for norm in norms])
    before = {name: value.copy() for name, value in net.params.items()}
    initialize_by_data(net, rng.standard_normal((20, 4)))
    changed = {k for k, v in net.params.items() if not np.array_equal(v, before[k])}
    assert changed == {"2.g", "2.b"}
    assert net.running["0.batches"] == 0


def test_modes_stay(rng):
    """Catches a net that is left in training, and statistics of evaluation used meanwhile."""
    norm = normlib.norm("weight")
    net = Net([Dense(4, 4, norm="batch", rng=rng), Dense(4, 3, norm=norm, rng=rng)])
    x = rng.standard_normal((20, 4))
    initialize_by_data(net, x)
    g = net.params["1.g"].copy()
    net.parts["1"].training = False
    modes = [part.training for _, part in net.walk()]
    initialize_by_data(net, x)
    np.testing.assert_array_equal(net.params["1.g"], g)
    assert [part.training for _, part in net.walk()] == modes


def test_a_single_layer(rng):
    """Catches a function that only knows nets."""
    layer, x = (
        Dense(4, 3, norm="cosine", activation="identity", rng=rng),
        rng.standard_normal((9, 4)),
    )
    initialize_by_data(layer, x)
    np.testing.assert_allclose(layer.forward(x).std(axis=0), 1, atol=1e-14)


def test_float32(rng):
    """Catches moments taken in float32, or g in float64."""
    net = mlp([6, 5, 3], norm="weight", dtype=np.float32)
    x = (rng.standard_normal((100, 6)) + 100).astype(np.float32)
    initialize_by_data(net, x)
    z = seen(net, x)["layer 1"]
    assert z.dtype == np.float32
    # b is about 100 times as large as z, so z keeps five of its seven digits.
    np.testing.assert_allclose(z.mean(axis=0, dtype=float), 0, atol=1e-4)
    np.testing.assert_allclose(z.std(axis=0, dtype=float), 1, atol=1e-4)


@pytest.mark.parametrize("what", ["a dead unit", "nan", "a wrong shape", "interrupted"])
def test_failure_changes_nothing(what, rng, monkeypatch):
    """Catches a first layer that is set although the second one cannot be."""
    net, x = mlp([4, 3, 3, 2], norm="weight"), rng.standard_normal((10, 4))
    if what == "a dead unit":
        net.params["layer 2.w"][1] = 0
    elif what == "nan":
        net.params["layer 2.w"][1, 0] = np.nan
    elif what == "a wrong shape":
        x = x[:, :2]
    else:
        passes = iter(range(9))

        def interrupted(x):
            if next(passes):
                raise KeyboardInterrupt
            return Product.forward(net.parts["layer 2"], x)

        monkeypatch.setattr(net.parts["layer 2"], "forward", interrupted)
    before = net.flat.copy()
    with pytest.raises((ValueError, KeyboardInterrupt)):
        initialize_by_data(net, x)
    np.testing.assert_array_equal(net.flat, before)
    assert all(part.tap is None and part.training for _, part in net.walk())
