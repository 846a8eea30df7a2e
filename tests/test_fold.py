"""Running statistics folded into weights: the same outputs, without the normalization."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import normlib
from cases import NAMED, called
from normlib import Conv2d, Dense, Flatten, Net, Norm, Normalize, cnn, fold, mlp

MEAN_ONLY = Norm(name="mean only", shares="NS", scale="one")
FOLDED = {
    "batch": normlib.norm("batch"),
    "without g and b": normlib.norm("batch", affine=False),
    "no eps": normlib.norm("batch", eps=0),
    "not centred": Norm(name="mine", shares="NS", center=False, scale="rms"),
    "mean only": MEAN_ONLY,
    "all share": Norm(name="mine", shares="NGcS"),
    "weight, mean only": replace(normlib.norm("weight"), then=MEAN_ONLY),
    "standardized, batch": Norm(name="mine", acts_on="weight", then=normlib.norm("batch")),
}


def trained(net, x, rng):
    """Give every parameter and running statistic a value that would show."""
    for arrays in (net.params, net.running):
        for name, value in arrays.items():
            arrays[name] = value + rng.uniform(0.1, 0.5, value.shape)
    net.forward(x)
    return net


def everything(net):
    arrays = {**net.params, **{f"{k} running": v for k, v in net.running.items()}}
    return {name: value.copy() for name, value in arrays.items()}


@pytest.mark.parametrize("norm", FOLDED.values(), ids=FOLDED)
@pytest.mark.parametrize("bias", [True, False])
def test_same_outputs(norm, bias, rng):
    """Catches sigma without eps, a bias that is not scaled, and a padding that is shifted."""
    net = Net(
        [
            Conv2d(2, 4, 3, padding=1, norm=norm, bias=bias, activation="tanh", rng=rng),
            Net([Conv2d(4, 4, (2, 3), stride=2, padding=(1, 2), norm=norm, rng=rng)]),
            Flatten(),
            Dense(64, 5, norm=norm, bias=bias, activation="sigmoid", rng=rng),
        ]
    )
    x = rng.standard_normal((6, 2, 6, 6)) + 1
    trained(net, x, rng)
    before = everything(net)
    folded = fold(net)
    # Each layer rounds its products once more, to 1e-16 of values of about 10.
    np.testing.assert_allclose(folded.forward(x), net.evaluate(x), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(folded.evaluate(x), folded.forward(x))
    assert list(folded.params) == ["0.w", "0.c", "1.0.w", "1.0.c", "3.w", "3.c"]
    assert len(folded.running) == 0
    assert not folded.training
    assert net.training
    for name, value in everything(net).items():
        np.testing.assert_array_equal(value, before[name])
    folded.flat[...] = 0  # it shares nothing with the net
    np.testing.assert_array_equal(net.params["0.w"], before["0.w"])
    assert not any(folded.params[name].any() for name in folded.params)


@pytest.mark.parametrize("norm", [n for n in NAMED if not n.running], ids=called)
def test_other_normalizations_stay(norm, rng):
    """Catches statistics of a sample taken for fixed ones."""
    net, x = cnn([6, 6], norm=norm), rng.standard_normal((3, 1, 8, 8))
    trained(net, x, rng)
    folded = fold(net)
    assert list(folded.params) == list(net.params)
    np.testing.assert_array_equal(folded.forward(x), net.evaluate(x))


def test_what_cannot_be_folded_stays(rng):
    """Catches inputs that are no longer normalized, and a Normalize that is lost."""
    norm = replace(normlib.norm("cosine"), then=normlib.norm("batch"))
    net = Net([Dense(4, 3, norm=norm, rng=rng), Normalize("batch", 3), Dense(3, 2, rng=rng)])
    x = rng.standard_normal((6, 4))
    trained(net, x, rng)
    folded = fold(net)
    assert list(folded.running) == list(net.running)
    np.testing.assert_array_equal(folded.forward(x), net.evaluate(x))


def test_again(rng):
    """Catches a second folding that changes something."""
    net = trained(mlp([4, 3, 2], norm="batch"), rng.standard_normal((6, 4)), rng)
    once = fold(net)
    twice = fold(once)
    np.testing.assert_array_equal(twice.flat, once.flat)


def test_float32(rng):
    """Catches a float64 weight in a float32 net."""
    x = rng.standard_normal((6, 1, 8, 8)).astype(np.float32)
    net = trained(cnn([4, 4], norm="batch", dtype=np.float32), x, rng)
    folded = fold(net)
    assert folded.flat.dtype == folded.forward(x).dtype == np.float32
    expected = net.evaluate(x)
    np.testing.assert_allclose(folded.forward(x), expected, atol=1e-5 * np.abs(expected).max())


def test_zero_variance(rng):
    """Catches 0/0: without eps a channel that never varied gives b, as in the net itself."""
    net = mlp([4, 3, 2], norm=normlib.norm("batch", eps=0))
    x = rng.standard_normal((6, 4))
    trained(net, x, rng)
    net.running["layer 1.var"][1] = 0
    np.testing.assert_allclose(fold(net).forward(x), net.evaluate(x), atol=1e-13)
