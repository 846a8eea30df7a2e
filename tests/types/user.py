"""What a type checker knows of normlib in a user's program; `make types` reads it, nothing runs it.

A name without a type would be Any: `assert_type` would fail, and the errors marked below, which a
checker has to find, would be gone, which it reports too.
"""

from collections.abc import Mapping
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import normlib
from normlib import History, Norm, Recorder, Sweep, Trace, fit, mlp, norm, standardize, sweep

Floats = npt.NDArray[np.floating[Any]]

rng = np.random.default_rng(0)
x, labels = rng.normal(size=(32, 8)), rng.integers(0, 3, size=32)

group = norm("group", groups=2)
assert_type(group, Norm)
assert_type(normlib.NORMS, Mapping[str, Norm])

x_hat, cache = standardize(x, axes=0)
assert_type(x_hat, Floats)
assert_type(normlib.standardize_backward(x_hat, cache), Floats)

layer = normlib.Dense(8, 4, norm=group, rng=rng)
assert_type(layer.forward(x), Floats)
assert_type(layer.params["w"], Floats)

net = mlp([8, 4, 3], norm=group)
data = normlib.Data(x, labels, x, labels)
history = fit(net, data, steps=5, record=Recorder())
assert_type(history, History)
assert_type(history.loss, Floats)
assert_type(history.accuracy, float)
assert_type(history.trace, Trace | None)


def run(lr: float, seed: int) -> History:
    """Train a small net."""
    return fit(mlp([8, 4, 3], seed=seed), data, steps=5, lr=lr)


table = sweep(run, {"lr": [0.1, 1.0], "seed": [0, 1]})
assert_type(table, Sweep)
assert_type(table.array("accuracy"), npt.NDArray[Any])

mlp("8, 4, 3", norm=3)  # type: ignore[arg-type]
fit(net, data, step=5)  # type: ignore[call-arg]
history.accuracy = 1.0  # type: ignore[misc]
net(x)  # type: ignore[operator]
net.eval()  # type: ignore[attr-defined]
net.training = "no"  # type: ignore[assignment]
