"""Self-attention: every token is a mean of all, weighted by how well queries and keys agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.layers.dense import Dense
from normlib.layers.layer import Layer
from normlib.layers.normalize import Normalize
from normlib.layers.shape import sequences
from normlib.norms import resolve, written
from normlib.spec import Norm


def softmax(s: Array) -> Array:
    r"""Return :math:`p_j = e^{s_j} / \sum_k e^{s_k}` along the last axis."""
    p: Array = np.exp(s - s.max(axis=-1, keepdims=True))  # exp of large scores would overflow
    p /= p.sum(axis=-1, keepdims=True)
    return p


def softmax_backward(dp: Array, p: Array) -> Array:
    r"""Return :math:`\partial L / \partial s_j = p_j (dp_j - \sum_k p_k\,dp_k)`."""
    ds: Array = dp - np.vecdot(dp, p)[..., None]
    ds *= p
    return ds


class Attention(Layer):
    r"""Single-head self-attention over tokens.

    .. math:: y = (P\,v)\,w_o^\top, \quad P = \mathrm{softmax}(s\,q\,k^\top), \quad
        q = x w_q^\top, \; k = x w_k^\top, \; v = x w_v^\top

    with s = 1/sqrt(D), or, with a query-key normalization, with standardized rows of q and k and a
    learned scale s = g. One g is all that a softmax can use: adding b to every score changes
    nothing.

    Parameters
    ----------
    width : int
        D, of the tokens and of everything inside.
    qk_norm : str, Norm or None
        What standardizes each token's q and each token's k. "cosine" divides them by their lengths,
        so that scores are g times a cosine: the query-key normalization of Henry et al. "layer" and
        "rms" are what large Transformers use (Dehghani et al.). Where the Norm is not affine, the
        scale is not learned. "weight" is refused, since it would leave the queries as they are. A
        norm that shares over samples, as "batch" does, shares over later tokens too.
    causal : bool
        Let a token see itself and those before it, and none after it.
    rng : numpy.random.Generator
        Draws the four weights from a normal distribution of mean 0.
    std : float, optional
        Its standard deviation; None: 1/sqrt(D).
    dtype : float32 or float64
        Of everything.

    Attributes
    ----------
    params : `q.w`, `k.w`, `v.w`, `output.w`, each (D, D), without biases; `g` (1,) with a `qk_norm`
        g starts where scores have the size that 1/sqrt(D) would give them at lengths of sqrt(D): at
        sqrt(D) where sigma is a norm, else at 1/sqrt(D). Henry et al. start at log2(T^2 - T), from
        a number T of tokens that this layer does not know.
    attention : array (N, T, T), or None
        P of the last forward, read-only; row t says where token t looked, and sums to 1.

    Raises
    ------
    ValueError
        The input is not (N, T, D), or an option is out of range.
    TypeError
        The input is not an array of `dtype`, rng is not a Generator, or the norm acts on w alone.

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2; Henry et al. 2020,
    arXiv:2010.04245; Dehghani et al. 2023, arXiv:2302.05442, section 2.

    Examples
    --------
    >>> layer = Attention(8, qk_norm="cosine", causal=True, rng=np.random.default_rng(0))
    >>> layer.forward(np.random.default_rng(1).normal(size=(2, 5, 8))).shape
    (2, 5, 8)
    >>> layer.attention[0, 0]
    array([1., 0., 0., 0., 0.])
    """

    def __init__(
        self,
        width: int,
        *,
        qk_norm: str | Norm | None = None,
        causal: bool = False,
        rng: np.random.Generator,
        std: float | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        super().__init__()
        width = checks.positive_integer(width, "width")
        self.norm = resolve(qk_norm)
        self.dtype = checks.float_dtype(dtype)
        self.causal = checks.flag(causal, "causal")
        plain: dict[str, Any] = {"activation": "identity", "bias": False, "dtype": self.dtype}
        for name in ("q", "k", "v", "output"):
            self.parts[name] = Dense(width, width, rng=rng, std=std, **plain)
        self._scale = np.full(1, 1 / np.sqrt(width), self.dtype)
        if self.norm is not None:
            rows = _of_rows(self.norm)
            for name in ("q norm", "k norm"):
                self.parts[name] = Normalize(rows, width, channel_axis=-1, dtype=self.dtype)
            if rows.scale == "norm":
                self._scale = 1 / self._scale
            if self.norm.affine:
                self.add("g", self._scale.copy())
        self._cache: tuple[Array, Array, Array, Array] | None = None

    @property
    def attention(self) -> Array | None:
        """The weights P of the last forward, (N, T, T), which `backward` needs as they are."""
        if self._cache is None:
            return None
        p = self._cache[3].view()
        p.flags.writeable = False
        return p

    def forward(self, x: Array) -> Array:
        """Return y of shape (N, T, D) from x of shape (N, T, D)."""
        x = sequences(checks.floating(x, "x"), len(self.parts["q"].values["w"]), "tokens")
        q, k, v = (self.parts[name].forward(x) for name in "qkv")
        if self.norm is not None:
            q, k = self.parts["q norm"].forward(q), self.parts["k norm"].forward(k)
        s = q @ k.swapaxes(1, 2)  # (N, T, T): queries in rows, keys in columns
        s *= self.values.get("g", self._scale)
        if self.causal:
            s[:, ~np.tri(x.shape[1], dtype=bool)] = -np.inf
        p = softmax(s)
        self._cache = q, k, v, p
        return self.parts["output"].forward(p @ v)

    def backward(self, dy: Array) -> Array:
        """Return dL/dx, the sum over q, k and v, and fill the gradients of all parameters."""
        q, k, v, p = self.cached(self._cache)
        do = self.parts["output"].backward(dy)
        dv = p.swapaxes(1, 2) @ do
        ds = softmax_backward(do @ v.swapaxes(1, 2), p)  # 0 where p is: what is masked stays so
        dq, dk = ds @ k, ds.swapaxes(1, 2) @ q
        if "g" in self.values:
            self.slopes["g"][...] = np.vdot(q, dq)
        dq *= self.values.get("g", self._scale)
        dk *= self.values.get("g", self._scale)
        if self.norm is not None:
            dq, dk = self.parts["q norm"].backward(dq), self.parts["k norm"].backward(dk)
        dx = self.parts["q"].backward(dq)
        dx += self.parts["k"].backward(dk)
        dx += self.parts["v"].backward(dv)
        return dx

    def shown(self) -> Iterator[Layer]:
        """Yield the output projection, whose signals are those of the tokens that leave."""
        yield from self.parts["output"].shown()

    def __repr__(self) -> str:
        width, norm = len(self.parts["q"].values["w"]), written(self.norm)
        return f"Attention({width}, qk_norm={norm}, causal={self.causal})"


def _of_rows(norm: Norm) -> Norm:
    """Return the Norm that does to q and k, as activations, what it is meant to do to rows."""
    if norm.on_weights and not norm.on_inputs:
        raise TypeError(
            f"qk_norm must act on both queries and keys; got {norm.name!r}, which normalizes "
            "weights alone. Use 'cosine', 'layer' or 'rms'."
        )
    if norm.on_inputs:
        norm = replace(norm, acts_on="pre-activation", shares="GcS")
    return replace(norm, affine=False)
