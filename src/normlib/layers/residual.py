"""A residual block: what a body computes is added to what came in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.layers.layer import Layer
from normlib.layers.normalize import Normalize
from normlib.spec import Norm

PLACEMENTS = ("post", "pre")


class Residual(Layer):
    r"""Add a body's output to its input, with a normalization before the body or after the sum.

    .. math:: \text{pre:}\quad y = x + F(\mathrm{Norm}(x)), \qquad
        \text{post:}\quad y = \mathrm{Norm}(x + F(x))

    With "pre" the sum runs through all blocks untouched, and so does its gradient; with "post"
    every block scales both anew.

    Parameters
    ----------
    body : Layer
        F; its output has its input's shape. It belongs to this block alone.
    norm : str, Norm or None
        Any that acts on activations; None leaves the normalization out.
    channels : int, optional
        C, which g, b and running statistics need; required with a norm.
    placement : "pre" or "post"
    channel_axis : 1 or -1
        Where the channels stand: 1 for dense data and images, -1 for tokens.
    dtype : float32 or float64
        Of the normalization.

    Attributes
    ----------
    params : those of the parts, as `norm.g` and `norm.b`, and `body.` before the body's names

    Raises
    ------
    TypeError
        The body is not a Layer, or the norm acts on weights.
    ValueError
        The body stands elsewhere already or changes the shape, channels are missing, or an option
        is out of range.

    Notes
    -----
    A Recorder sees the block and not what happens inside its body: a is what the normalization
    takes in, x_hat and z what it gives, and h is y.

    Source: He et al. 2016, arXiv:1512.03385; placements: Xiong et al. 2020, arXiv:2002.04745.

    Examples
    --------
    >>> from normlib import Dense
    >>> body = Dense(4, 4, activation="tanh", rng=np.random.default_rng(0))
    >>> block = Residual(body, norm="layer", channels=4)
    >>> block.forward(np.ones((5, 4))).shape
    (5, 4)
    >>> list(block.params)
    ['norm.g', 'norm.b', 'body.w', 'body.c']
    """

    def __init__(
        self,
        body: Layer,
        *,
        norm: str | Norm | None = None,
        channels: int | None = None,
        placement: str = "pre",
        channel_axis: int = 1,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        super().__init__()
        checks.kind(body, Layer, "body", "Wrap it in a subclass of normlib.Layer.")
        self.placement = checks.choice(placement, "placement", PLACEMENTS)
        if norm is not None:
            if channels is None:
                raise ValueError(
                    "channels must be given where there is a norm; got None. "
                    "Pass the number of channels of the block's input."
                )
            self.parts["norm"] = Normalize(norm, channels, channel_axis=channel_axis, dtype=dtype)
        if body.owned:
            raise ValueError(
                f"body must have one place in one net; got {body!r}, which has one already. "
                "Use copy.deepcopy(body)."
            )
        self.parts["body"] = body
        for part in self.parts.values():
            part.owned = True
        self._shape: tuple[int, ...] | None = None

    def forward(self, x: Array) -> Array:
        """Return y, in x's shape."""
        x = checks.floating(x, "x")
        if self.placement == "pre":
            y = self._plus(x, self.parts["body"].forward(self._normalized(x)))
        else:
            y = self._normalized(self._plus(x, self.parts["body"].forward(x)))
        self._shape = x.shape
        self.show("h", y)
        return y

    def backward(self, dy: Array) -> Array:
        """Return dL/dx, the sum over both ways, and fill the gradients of both parts."""
        shape = self.cached(self._shape)
        dy = checks.floating(dy, "dy")
        checks.shape(dy, shape, "dy", "Pass the gradient with respect to the output.")
        if self.placement == "pre":
            return dy + self._normalized_backward(self.parts["body"].backward(dy))
        dsum = self._normalized_backward(dy)
        return dsum + self.parts["body"].backward(dsum)

    def _normalized(self, a: Array) -> Array:
        if "norm" in self.parts:
            return self.parts["norm"].forward(a)
        self.show("a", a)
        self.show("z", a)
        return a

    def _normalized_backward(self, dz: Array) -> Array:
        return self.parts["norm"].backward(dz) if "norm" in self.parts else dz

    def _plus(self, x: Array, fx: Array) -> Array:
        """Return x + F(x), and refuse shapes that would only broadcast."""
        checks.shape(fx, x.shape, "the body's output", "Build a body that keeps the shape.")
        return x + fx

    def shown(self) -> Iterator[Layer]:
        """Yield the block and its normalization: the body's signals are not those of the sum."""
        yield self
        if "norm" in self.parts:
            yield from self.parts["norm"].shown()

    def __repr__(self) -> str:
        norm = self.parts.get("norm")
        return f"Residual({self.parts['body']!r}, {norm!r}, placement={self.placement!r})"
