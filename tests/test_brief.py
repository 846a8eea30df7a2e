"""What users see first: short reprs, and entry points that say what they take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from normlib import (
    SGD,
    Adam,
    History,
    Momentum,
    Recorder,
    Trace,
    fit,
    load_digits,
    mlp,
    standardize,
)


@pytest.fixture(scope="module")
def history() -> History:
    return fit(mlp([64, 16, 10]), load_digits(), steps=5, record=Recorder())


def test_a_result_prints_shapes_and_no_arrays(history: History) -> None:
    """Catches a notebook cell that prints thousands of numbers."""
    trace = history.trace
    assert trace is not None
    for shown in (history, trace, trace.signals["a"], load_digits(), standardize(np.eye(3), 0)[1]):
        text = repr(shown)
        assert text.startswith(type(shown).__name__ + "(")
        assert len(text) < 500
        assert "array" not in text
    assert "loss: (5,)" in repr(history)
    assert repr(history).endswith(f"last loss: {history.loss[-1]:.4g}, diverged: False)")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (SGD(), "SGD()"),
        (Momentum(), "Momentum(beta: 0.9)"),
        (Adam(beta2=0.99), "Adam(beta1: 0.9, beta2: 0.99, eps: 1e-08)"),
        (
            Recorder(signals="z", probe=np.zeros((16, 64))),
            "Recorder(steps: 70, sample: 512, bins: 64, signals: ('z',), probe: (16, 64), "
            "output: False)",
        ),
        (
            Recorder([5, 0], output=True, signals=["a", "h"]),
            "Recorder(steps: (0, 5), sample: 512, bins: 64, signals: ('a', 'h'), probe: None, "
            "output: True)",
        ),
    ],
)
def test_what_a_run_is_made_of_prints_its_options(value: object, text: str) -> None:
    """Catches an address in memory, and memory printed with the options, after a run too."""
    assert repr(value) == text
    if hasattr(value, "step"):
        value.step(np.zeros(3), np.zeros(3), 0.1)
    elif isinstance(value, Recorder):
        fit(mlp([64, 8, 10]), load_digits(), steps=6, record=value)
    assert repr(value) == text


def test_results_compare_by_identity(history: History) -> None:
    """Catches an == that compares arrays, and raises."""
    assert history == history
    assert isinstance(history.trace, Trace)
    assert history.trace != Trace(np.arange(1), (), np.zeros(1), {})


def test_an_optimizer_may_be_an_object(history: History) -> None:
    """Catches options of an optimizer that fit cannot reach."""
    data = load_digits()
    named = fit(mlp([64, 16, 10]), data, steps=5, lr=0.01, optimizer="adam")
    same = fit(mlp([64, 16, 10]), data, steps=5, lr=0.01, optimizer=Adam())
    other = fit(mlp([64, 16, 10]), data, steps=5, lr=0.01, optimizer=Adam(beta1=0.0))
    assert np.array_equal(named.loss, same.loss)
    assert not np.array_equal(named.loss, other.loss)


@pytest.mark.parametrize(
    ("name", "value", "way_out"),
    [
        ("net", "mlp", "Net"),
        ("data", (1, 2), "Data"),
        ("record", True, "Recorder"),
        ("record", Recorder, "Recorder"),
        ("optimizer", "rmsprop", "one of these"),
        ("optimizer", Adam, r"the class Adam\. Pass normlib\.Adam\(\)"),
    ],
)
def test_fit_says_what_it_takes(name: str, value: Any, way_out: str) -> None:
    given: dict[str, Any] = {"net": mlp([64, 10]), "data": load_digits(), name: value}
    with pytest.raises((TypeError, ValueError), match=f"{name} must be .*; got .*{way_out}"):
        fit(**given)


def test_the_gradient_asks_for_the_cache() -> None:
    from normlib import standardize_backward

    with pytest.raises(TypeError, match="cache must be a Cache; got ndarray"):
        standardize_backward(np.eye(3), np.eye(3))  # type: ignore[arg-type]
