"""The gradient check that every layer goes through, and that test_gradient_checker.py tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import normlib
from measured import note

Values = np.ndarray[Any, Any]
Function = Callable[[Mapping[str, Values]], Values]

#: A complex step has no cancellation, so what is left is the rounding of a few dozen operations.
EXACT = 1e-12
#: Central differences at STEP lose STEP**2 to curvature and 1e-16 / STEP to rounding.
STEP, NUMERIC = 1e-5, 1e-6
#: A gradient below this is no gradient: agreeing with it proves nothing.
NOTHING = 1e-3


def complex_step(f: Function, arrays: Mapping[str, Values], dy: Values) -> dict[str, Values]:
    """Return d sum(dy * f) / d each array, from f at x + ih: the imaginary part is h f'(x)."""
    h = 1e-30
    return _differences(arrays, lambda plus, minus: (dy * f(plus)).sum().imag / h, 1j * h)


def central(f: Function, arrays: Mapping[str, Values], dy: Values) -> dict[str, Values]:
    """Return the same from central differences."""

    def slope(plus: Mapping[str, Values], minus: Mapping[str, Values]) -> float:
        return float((dy * (f(plus) - f(minus))).sum() / (2 * STEP))

    return _differences(arrays, slope, STEP)


def _differences(
    arrays: Mapping[str, Values], slope: Callable[..., float], step: complex
) -> dict[str, Values]:
    found = {}
    for name, array in arrays.items():
        gradient = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            bump = np.zeros(array.shape, type(step))
            bump[index] = step
            gradient[index] = slope({**arrays, name: array + bump}, {**arrays, name: array - bump})
        found[name] = gradient
    return found


def assert_same(found: Values, expected: Values, tolerance: float, what: str) -> None:
    """Compare relative to the largest number: small entries are differences of large ones."""
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, not {expected.shape}"
    error = np.abs(found - expected).max() / max(np.abs(expected).max(), NOTHING)
    assert error <= tolerance, f"{what}: relative error {error:.1e} > {tolerance:.0e}"
    note(what, error)


def assert_gradients(
    found: Mapping[str, Values], expected: Mapping[str, Values], tolerance: float, how: str
) -> None:
    """Compare every gradient, and refuse a comparison that could not have failed."""
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert np.abs(gradient).max() > NOTHING, f"{name}: its gradient is 0 anyway"
        assert_same(found[name], gradient, tolerance, f"gradient of {name} by {how}")


def check_layer(
    layer: normlib.Layer, x: Values, reference: Function | None, rng: np.random.Generator
) -> None:
    """Compare a layer's output and all its gradients with the textbook and with itself.

    `reference` computes the output from {"x": x, **params}, complex or not; None where there is
    no analytic one, and then only differences of the layer's own forward are compared.
    """
    for name, value in layer.params.items():  # g = 1 and b = 0 would hide where they are missing
        layer.params[name] = value + rng.uniform(0.2, 0.6, value.shape)
    arrays = {"x": x, **{name: value.copy() for name, value in layer.params.items()}}

    def own(changed: Mapping[str, Values]) -> Values:
        for name in layer.params:
            layer.params[name] = changed[name]
        return layer.forward(changed["x"])

    y = layer.forward(x)
    dy = rng.standard_normal(y.shape)  # not ones: those cancel in a normalization
    found = {"x": layer.backward(dy)} | {name: g.copy() for name, g in layer.grads.items()}
    if reference is not None:
        assert_same(y, reference(arrays), EXACT, "output")
        assert_gradients(found, complex_step(reference, arrays, dy), EXACT, "complex step")
    assert_gradients(found, central(own, arrays, dy), NUMERIC, "central differences")
