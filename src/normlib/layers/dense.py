"""A fully connected layer: product, normalization, activation function."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.core import Cache, standardize, standardize_backward
from normlib.layers.activation import ACTIVATIONS, Activation
from normlib.layers.layer import Layer
from normlib.layers.normalize import Affine, Normalize
from normlib.norms import resolve
from normlib.spec import Norm


class Dense(Layer):
    r"""Compute :math:`h = f(z)` with :math:`a = xw^\top + c` and :math:`z = g\,(a-\mu)/\sigma + b`.

    A normalization of activations acts on a. One of weights divides each row of w (and, if it says
    so, each row of x) by its size before the product, which is then x_hat already: such a layer has
    no a of its own.

    Parameters
    ----------
    n_in, n_out : int
        D and K.
    norm : str, Norm or None
        Any of `NORMS` but "instance", which needs positions to average over; "group" as
        ``norm("group", groups=...)``.
    activation : "relu", "tanh", "sigmoid" or "identity"
        The function f.
    bias : bool, optional
        Add the linear bias c. None: only where no normalization follows, since b does its work
        there (batch normalization would subtract c again, and its gradient would be 0).
    rng : numpy.random.Generator
        Draws w from a normal distribution of mean 0.
    std : float, optional
        Its standard deviation; None: sqrt(2/D) before a ReLU and 1/sqrt(D) otherwise.
    dtype : float32 or float64
        Of parameters, input and output.

    Attributes
    ----------
    params : `w` (K, D); `c` (K,) with a bias; `g` and `b` (K,) with an affine normalization.

    Raises
    ------
    ValueError
        Wrong shapes, sizes or options.
    TypeError
        The input is not an array of `dtype`; rng is not a Generator.

    Examples
    --------
    >>> layer = Dense(3, 2, norm="layer", rng=np.random.default_rng(0))
    >>> layer.forward(np.ones((5, 3))).shape
    (5, 2)
    >>> list(layer.params)
    ['w', 'g', 'b']
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        norm: str | Norm | None = None,
        activation: str = "relu",
        bias: bool | None = None,
        rng: np.random.Generator,
        std: float | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        super().__init__()
        n_in = checks.positive_integer(n_in, "n_in")
        n_out = checks.positive_integer(n_out, "n_out")
        checks.generator(rng)
        function = Activation(activation)
        if std is None:
            std = float(np.sqrt(ACTIVATIONS[activation].gain / n_in))
        self.norm = resolve(norm)
        self.dtype = checks.float_dtype(dtype)
        w = checks.number(std, "std", low=0) * rng.standard_normal((n_out, n_in))
        self.add("w", w.astype(self.dtype))
        if bias not in (None, True, False):
            raise ValueError(f"bias must be True, False or None; got {bias!r}. Pass one of these.")
        if self.norm is None if bias is None else bias:
            self.add("c", np.zeros(n_out, self.dtype))
        if self.norm is not None:
            self._add_normalization(self.norm, n_out)
        self.parts["f"] = function
        self._cache: tuple[Array, Array, Cache | None, Cache | None] | None = None

    def _add_normalization(self, norm: Norm, n_out: int) -> None:
        """Put in what turns the product into z, under a name that keeps `g` and `b` short."""
        if not norm.on_weights:
            self.parts[""] = Normalize(norm, n_out, channel_axis=-1, dtype=self.dtype)
        elif norm.affine:
            self.parts[""] = Affine(n_out, channel_axis=-1, dtype=self.dtype)
            if norm.start == "sigma":
                _, rows = standardize(self.values["w"], 1, **norm.measure)
                self.parts[""].params["g"] = np.sqrt(rows.var + norm.eps).ravel()

    def forward(self, x: Array) -> Array:
        """Return h of shape (..., K) from x of shape (..., D)."""
        x = self._checked(x)
        w = self.values["w"]
        rows = inputs = None
        if self.norm is not None and self.norm.on_weights:
            w, rows = standardize(w, 1, **self.norm.measure)
            if self.norm.on_inputs:
                x, inputs = standardize(x, -1, **self.norm.measure)
        a = x @ w.T  # (..., K)
        if "c" in self.values:
            a += self.values["c"]
        if "" in self.parts:
            z = self.parts[""].forward(a)
        else:
            z = a
            self.show("x_hat" if rows else "a", a)
            self.show("z", z)
        self._cache = x, w, rows, inputs
        return self.parts["f"].forward(z)

    def backward(self, dh: Array) -> Array:
        """Return dL/dx, and fill the gradients of all parameters."""
        x, w, rows, inputs = self.cached(self._cache)
        da = self.parts["f"].backward(checks.floating(dh, "dh"))
        if "" in self.parts:
            da = self.parts[""].backward(da)
        if "c" in self.values:
            self.slopes["c"][...] = da.reshape(-1, da.shape[-1]).sum(axis=0)
        dw = da.reshape(-1, da.shape[-1]).T @ x.reshape(-1, x.shape[-1])
        self.slopes["w"][...] = standardize_backward(dw, rows) if rows else dw
        dx = da @ w
        return standardize_backward(dx, inputs) if inputs else dx

    def _checked(self, given: Any) -> Array:
        x = checks.floating(given, "x")
        n_in = self.values["w"].shape[1]
        if x.dtype != self.dtype:
            raise TypeError(
                f"x must have the layer's dtype {self.dtype}; got {x.dtype}. "
                f"Use x.astype(np.{self.dtype})."
            )
        if x.ndim < 2 or x.shape[-1] != n_in:
            raise ValueError(
                f"x must have shape (..., {n_in}) with at least two axes; got {x.shape}. "
                f"Reshape it, or build the layer with n_in={x.shape[-1] if x.ndim else 1}."
            )
        return x

    def __repr__(self) -> str:
        n_out, n_in = self.values["w"].shape
        name = self.norm.name if self.norm else None
        return f"Dense({n_in}, {n_out}, norm={name!r}, {self.parts['f']!r})"
