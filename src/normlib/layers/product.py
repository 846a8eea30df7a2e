"""What dense and convolutional layers share: rows times weights, normalization, f."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.core import Cache, measure, standardize, standardize_backward
from normlib.layers.activation import ACTIVATIONS, Activation
from normlib.layers.layer import Layer, differing
from normlib.layers.normalize import Affine, Normalize
from normlib.norms import resolve, written
from normlib.spec import Norm
from normlib.sums import total


class Product(Layer):
    r"""Base of the layers :math:`h = f(z)` with :math:`a = xw^\top + c`, one row of x at a time.

    A subclass says how its input becomes rows and back, in `_product` and `_product_backward`, and
    leaves what happens to a row to `_times` and `_times_backward`.

    Parameters
    ----------
    shape : tuple of int
        Of w: K, then the channels of the input, then those of the kernel if there is one.
    channel_axis : 1 or -1
        Where the channels stand in the input and the output.
    norm, activation, bias, rng, std, dtype
        As in the subclasses; the default `std` is sqrt(gain of f / values in a row).
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        channel_axis: int,
        norm: str | Norm | None,
        activation: str,
        bias: bool | None,
        rng: np.random.Generator,
        std: float | None,
        dtype: npt.DTypeLike,
    ) -> None:
        super().__init__()
        checks.generator(rng)
        function = Activation(activation)
        if std is None:
            std = float(np.sqrt(ACTIVATIONS[activation].gain / math.prod(shape[1:])))
        self.norm = resolve(norm)
        self.dtype = checks.float_dtype(dtype)
        self.channel_axis = channel_axis
        self._by_row = (0, *range(2, len(shape)), 1)  # a row of w has its channels last
        w = checks.number(std, "std", low=0) * rng.standard_normal(shape)
        self.add("w", w.astype(self.dtype))
        if bias not in (None, True, False):
            raise ValueError(f"bias must be True, False or None; got {bias!r}. Pass one of these.")
        if self.norm is None if bias is None else bias:
            self.add("c", np.zeros(shape[0], self.dtype))
        if self.norm is not None:
            self._add_normalization(self.norm, shape[0])
        self.parts["f"] = function
        self._cache: tuple[Array, Array, Cache | None] | None = None

    def _add_normalization(self, norm: Norm, channels: int) -> None:
        """Put in what turns the product into z, under a name that keeps `g` and `b` short."""
        options: dict[str, Any] = {"channel_axis": self.channel_axis, "dtype": self.dtype}
        if not norm.on_weights:
            self.parts[""] = Normalize(norm, channels, **options)
            return
        if norm.then is not None:
            self.parts[""] = Normalize(replace(norm.then, affine=norm.affine), channels, **options)
        elif norm.affine:
            self.parts[""] = Affine(channels, **options)
        if norm.affine:
            self.parts[""].values["g"][...] = self._start(norm)

    def _start(self, norm: Norm) -> float | Array:
        """Return where g starts: one number, or the sigma of each row of w."""
        if norm.start == "sigma":
            inverse = measure(self._rows_of_w(), (1,), **norm.measure).inv_sigma.ravel()
            return np.divide(1, inverse, out=np.zeros_like(inverse), where=inverse > 0)
        return 1.0 if isinstance(norm.start, str) else norm.start

    def forward(self, x: Array) -> Array:
        """Return h, with K channels, from x."""
        x = self._checked(x)
        w, rows = self._rows_of_w(), None
        if self.norm is not None and self.norm.on_weights:
            w, rows = standardize(w, 1, **self.norm.measure)
        a = self._product(x, w)
        if "" in self.parts:
            z = self.parts[""].forward(a)
        else:
            z = a
            self.show("x_hat" if rows else "a", a)
            self.show("z", z)
        self._cache = x, w, rows
        return self.parts["f"].forward(z)

    def backward(self, dh: Array) -> Array:
        """Return dL/dx, and fill the gradients of all parameters."""
        x, w, rows = self.cached(self._cache)
        da = self.parts["f"].backward(checks.floating(dh, "dh"))
        if "" in self.parts:
            da = self.parts[""].backward(da)
        if "c" in self.values:
            axes = tuple(axis for axis in range(da.ndim) if axis != self.channel_axis % da.ndim)
            self.slopes["c"][...] = total(da, axes).ravel()
        dw, dx = self._product_backward(da, x, w)
        dw = standardize_backward(dw, rows) if rows else dw
        slopes = self.slopes["w"].transpose(self._by_row)
        slopes[...] = dw.reshape(slopes.shape)
        return dx

    def absorb(self) -> None:
        """Give w and c numbers that do what normalization by running statistics does.

        A product whose inputs are normalized too is left alone: no w does that.
        """
        last = self.parts.get("")
        if self.norm is None or self.norm.on_inputs:
            return
        if not isinstance(last, Normalize) or not last.norm.running:
            return
        s, t = last.fixed()
        w = self._rows_of_w()
        if self.norm.on_weights:
            w, _ = standardize(w, 1, **self.norm.measure)
        rows = self.values["w"].transpose(self._by_row)
        rows[...] = (s[:, None] * w).reshape(rows.shape)
        self.add("c", s * self.values.get("c", np.zeros_like(s)) + t)
        self.norm = None
        del self.parts[""]

    def _product(self, x: Array, w: Array) -> Array:
        """Return a, in the output's shape, from x and the (K, D) rows of w."""
        raise NotImplementedError

    def _product_backward(self, da: Array, x: Array, w: Array) -> tuple[Array, Array]:
        """Return dL/dw in the shape of w's rows, and dL/dx."""
        raise NotImplementedError

    def _times(self, rows: Array, w: Array, out: Array | None = None) -> Array:
        """Return a (M, K) from rows of the input (M, D)."""
        if self.norm is not None and self.norm.on_inputs:
            rows, _ = standardize(rows, 1, **self.norm.measure)
        a = np.matmul(rows, w.T, out=out)
        if "c" in self.values:
            a += self.values["c"]
        return a

    def _times_backward(self, da: Array, rows: Array, w: Array) -> tuple[Array, Array]:
        """Return dL/dw (K, D) and dL/drows (M, D)."""
        inputs = None
        if self.norm is not None and self.norm.on_inputs:  # again: cheaper than to keep them
            rows, inputs = standardize(rows, 1, **self.norm.measure)
        drows = da @ w
        return da.T @ rows, standardize_backward(drows, inputs) if inputs else drows

    def _rows_of_w(self) -> Array:
        """Return w as (K, D), a row per output channel."""
        w = self.values["w"]
        return w.transpose(self._by_row).reshape(len(w), -1)

    def _checked(self, given: Any) -> Array:
        """Return x if it is an array of the layer's dtype; subclasses look at its shape."""
        x = checks.floating(given, "x")
        if x.dtype != self.dtype:
            raise TypeError(
                f"x must have the layer's dtype {self.dtype}; got {x.dtype}. "
                f"Use x.astype(np.{self.dtype})."
            )
        return x

    def __repr__(self) -> str:
        options = differing(
            bias=("c" in self.values, self.norm is None),
            dtype=(self.dtype, np.float64),
            frozen=(self.frozen and bool(self.running), False),
        )
        norm, f = written(self.norm), self.parts["f"]
        return f"{type(self).__name__}({self._sizes()}, norm={norm}, {f!r}{options})"

    def _sizes(self) -> str:
        """Return the arguments that say how large the layer is, for its repr."""
        raise NotImplementedError
