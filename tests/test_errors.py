"""Bad input gets one kind of answer: the rule, what came, the way out; and nothing has changed."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

from errors import convs, diagnosis, formula, layers, moments, runs, sequences, whitening
from errors.convs import IMAGES
from errors.kinds import LABELS, X
from normlib import (
    Activation,
    AvgPool2d,
    Conv2d,
    Data,
    Dense,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool2d,
    Normalize,
    Whiten,
    mlp,
)

CASES = [
    *formula.CORE,
    *formula.SPEC,
    *layers.CASES,
    *moments.CASES,
    *convs.CONV,
    *convs.POOL,
    *convs.CNN,
    *convs.FROM_DATA,
    *runs.NETS,
    *runs.TRAIN,
    *runs.RECORD,
    *sequences.CASES,
    *whitening.CASES,
    *runs.SWEEP,
    *diagnosis.CASES,
]


@pytest.fixture
def e(rng):
    """Layers in use: forward has run, running statistics have moved."""
    found = SimpleNamespace(
        rng=rng,
        batch=Normalize("batch", 3),
        checked=Normalize("batch", 3, check_finite=True),
        dense=Dense(3, 4, norm="batch", rng=rng),
        tanh=Activation("tanh"),
        whiten=Whiten(3),
        exact=Whiten(3, eps=0),
        net=mlp([3, 4, 2], norm="batch"),
        weights=mlp([3, 4, 2], norm="weight"),
        data=Data(X, LABELS, X, LABELS),
    )
    for layer in vars(found).values():
        if isinstance(layer, Layer):
            layer.forward(X + rng.standard_normal(X.shape))  # X alone has rank 2
    found.conv, found.flatten = Conv2d(3, 4, 3, norm="batch", rng=rng), Flatten()
    found.pools = {type(p): p for p in (AvgPool2d(2), MaxPool2d(2), GlobalAvgPool())}
    for layer in (found.conv, found.flatten, *found.pools.values()):
        layer.forward(IMAGES)
    return found


def state(e):
    """Copy every parameter, gradient, running statistic and mode."""
    arrays, modes = {}, []
    for key, layer in vars(e).items():
        if isinstance(layer, Layer):
            for kind in ("params", "grads", "running"):
                for name, array in getattr(layer, kind).items():
                    arrays[key, kind, name] = array.copy()
            modes.append([(part.frozen, part.owned, part.tap) for _, part in layer.walk()])
    return arrays, modes


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_bad_input(case, e):
    """Catches input that passes, an error that does not help, and a failed call with effects."""
    before, modes = state(e)
    with pytest.raises(case.error) as caught:
        case.call(e)
    message = str(caught.value)
    assert re.fullmatch(r"(?s).+; got .+[.] .+[.]", message)
    rule, rest = message.split("; got ", 1)
    assert re.search(case.argument, rule)
    assert re.search(f"(?s){case.value}.*({case.way_out})", rest)
    after, modes_after = state(e)
    assert modes_after == modes
    assert after.keys() == before.keys()
    for key, array in before.items():
        np.testing.assert_array_equal(after[key], array, err_msg=str(key))


def test_no_case_is_there_twice():
    """Catches a table that repeats itself."""
    names = [case.what for case in CASES]
    assert sorted(names) == sorted(set(names))
