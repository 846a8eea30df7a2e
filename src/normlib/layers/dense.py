"""A fully connected layer: product, normalization, activation function."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.layers.product import Product
from normlib.spec import Norm


class Dense(Product):
    r"""Compute :math:`h = f(z)` with :math:`a = xw^\top + c` and :math:`z = g\,(a-\mu)/\sigma + b`.

    A normalization of activations acts on a. One of weights divides each row of w (and, if it says
    so, each row of x) by its size before the product, which is then x_hat already: such a layer has
    no a of its own, unless a second normalization (``norm.then``) takes that product for its a.

    Parameters
    ----------
    n_in, n_out : int
        D and K.
    norm : str, Norm or None
        Any of `NORMS` but "instance", which needs positions to average over; "group" as
        ``norm("group", groups=...)``, and other options likewise: ``norm("batch", eps=1e-3)``.
    activation : "relu", "tanh", "sigmoid" or "identity"
        The function f; "identity" for an output layer.
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
    parts : `""`, what is done to the product, where a normalization is: a `Normalize`, or behind
        normalized weights an `Affine`; and `f`, the `Activation`.

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
        n_in = checks.positive_integer(n_in, "n_in")
        n_out = checks.positive_integer(n_out, "n_out")
        super().__init__(
            (n_out, n_in),
            channel_axis=-1,
            norm=norm,
            activation=activation,
            bias=bias,
            rng=rng,
            std=std,
            dtype=dtype,
        )

    def _product(self, x: Array, w: Array) -> Array:
        """Return a (..., K) from x (..., D): the last axis is a row."""
        a = self._times(x.reshape(-1, x.shape[-1]), w)
        return a.reshape(*x.shape[:-1], len(w))

    def _product_backward(self, da: Array, x: Array, w: Array) -> tuple[Array, Array]:
        """Return dL/dw (K, D) and dL/dx (..., D)."""
        dw, dx = self._times_backward(da.reshape(-1, da.shape[-1]), x.reshape(-1, x.shape[-1]), w)
        return dw, dx.reshape(x.shape)

    def _checked(self, given: Any) -> Array:
        x = super()._checked(given)
        n_in = self.values["w"].shape[1]
        if x.ndim < 2 or x.shape[-1] != n_in:
            raise ValueError(
                f"x must have shape (..., {n_in}) with at least two axes; got {x.shape}. "
                f"Reshape it, or build the layer with n_in={x.shape[-1] if x.ndim else 1}."
            )
        return x

    def _sizes(self) -> str:
        n_out, n_in = self.values["w"].shape
        return f"{n_in}, {n_out}"
