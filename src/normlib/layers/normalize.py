"""Normalization of activations: the statistics of `core`, then g and b, then the bookkeeping."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.core import Cache, measure, move, move_back
from normlib.layers.layer import Layer, differing
from normlib.moments import Moments
from normlib.norms import resolve, written
from normlib.spec import Norm, in_view
from normlib.sums import total


class Affine(Layer):
    """The second pair of moves, z = g * x_hat + b, with one g and b per channel.

    Parameters
    ----------
    channels : int
        C; `g` starts at 1 and `b` at 0, both of shape (C,).
    channel_axis : 1 or -1
        Where the channels stand in the input.

    Raises
    ------
    ValueError
        The input has another number of channels, or an option is out of range.
    TypeError
        The input is not a float array.
    """

    def __init__(
        self, channels: int, *, channel_axis: int = 1, dtype: npt.DTypeLike = np.float64
    ) -> None:
        super().__init__()
        channels = checks.positive_integer(channels, "channels")
        self.channel_axis = checks.channel_axis(channel_axis)
        dtype = checks.float_dtype(dtype)
        self.add("g", np.ones(channels, dtype))
        self.add("b", np.zeros(channels, dtype))
        self._x_hat: Array | None = None

    def forward(self, x_hat: Array) -> Array:
        """Return z, in x_hat's shape."""
        x_hat = checks.floating(x_hat, "x_hat")
        channels = self.values["g"].size
        if x_hat.ndim < 2 or x_hat.shape[self.channel_axis] != channels:
            raise ValueError(
                f"x_hat must have {channels} channels on axis {self.channel_axis}; "
                f"got shape {x_hat.shape}. Check channels and channel_axis."
            )
        self._x_hat = x_hat
        z = x_hat * self._spread("g", x_hat)
        z += self._spread("b", x_hat)
        self.show("x_hat", x_hat)
        self.show("z", z)
        return z

    def backward(self, dz: Array) -> Array:
        """Return dL/dx_hat = g dL/dz, and fill the gradients of g and b."""
        x_hat = self.cached(self._x_hat)
        dz = checks.floating(dz, "dz")
        checks.shape(dz, x_hat.shape, "dz", "Pass the gradient with respect to the output.")
        axes = tuple(axis for axis in range(dz.ndim) if axis != self.channel_axis % dz.ndim)
        self.slopes["g"][...] = total(dz * x_hat, axes).ravel()
        self.slopes["b"][...] = total(dz, axes).ravel()
        return dz * self._spread("g", dz)

    def _spread(self, name: str, like: Array) -> Array:
        """Return a parameter in a shape that broadcasts along the channel axis of `like`."""
        shape = [1] * like.ndim
        shape[self.channel_axis] = -1
        return self.values[name].reshape(shape)


class Normalize(Layer):
    r"""Normalize activations: :math:`z = g\,(a - \mu)/\sigma + b`.

    Parameters
    ----------
    norm : str or Norm
        One that acts on pre-activations: "batch", "layer", "instance", "rms", "mean_only", or
        ``norm("group", groups=...)``. What a name leaves open goes into `norm` and not into this
        layer: ``Normalize(norm("batch", eps=1e-3, momentum=0.01), 8)``.
    channels : int
        C. The parameters `g` and `b` have shape (C,), for every method (PyTorch's
        ``LayerNorm((C, H, W))`` has one of each per element).
    channel_axis : 1 or -1
        1: input (N, C, ...), the axes after the channel are positions. -1: input (..., C), and
        every position is a sample of its own, as in Transformers.
    dtype : float32 or float64
        Of the parameters, and so of the input.
    check_finite : bool
        Raise on NaN or infinity in the input; otherwise they propagate.

    Attributes
    ----------
    running : mapping
        `mean` and `var` of shape (C,) and the number of `batches` seen, where samples share
        statistics; else empty. The variance is stored unbiased (divided by m - 1), although
        normalization itself uses the biased one, as in PyTorch.
    frozen : bool
        Set by `freeze_statistics`: use the running statistics and leave them alone, even in
        training; gradients flow, with the statistics as constants.

    Raises
    ------
    ValueError
        Wrong number of axes or channels, groups that do not divide the channels, statistics over
        one value, or (with check_finite) a value that is not finite. Running statistics stay as
        they were.
    TypeError
        The input is not an array of `dtype`, or the normalization acts on weights.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, generalized.

    Examples
    --------
    >>> layer = Normalize("batch", channels=2)
    >>> layer.forward(np.array([[0.0, 1.0], [2.0, 1.0]])).round(3)
    array([[-1.,  0.],
           [ 1.,  0.]])

    Another eps, and no g and b:

    >>> from normlib import norm
    >>> Normalize(norm("batch", eps=1e-3, affine=False), channels=2)
    Normalize(norm('batch', eps=0.001, affine=False), 2)
    """

    def __init__(
        self,
        norm: str | Norm,
        channels: int,
        *,
        channel_axis: int = 1,
        dtype: npt.DTypeLike = np.float64,
        check_finite: bool = False,
    ) -> None:
        super().__init__()
        found = resolve(norm)
        if found is None:
            raise ValueError(
                "Normalize needs a normalization; got None. Leave the layer out instead."
            )
        if found.on_weights:
            raise TypeError(
                f"Normalize works on activations; got {found.name!r}, which normalizes weights. "
                f"Use Dense(..., norm={found.name!r}), or Conv2d."
            )
        self.norm = found
        self.momentum = found.momentum
        self.channels = checks.positive_integer(channels, "channels")
        self.groups = found.groups_of(self.channels)
        self.channel_axis = checks.channel_axis(channel_axis)
        self.dtype = checks.float_dtype(dtype)
        self.check_finite = check_finite
        if found.affine:
            start = 1.0 if isinstance(found.start, str) else found.start  # sigma is not known yet
            self.add("g", np.full(self.channels, start, self.dtype))
            self.add("b", np.zeros(self.channels, self.dtype))
        self._statistics: dict[str, Array] = {}
        if found.running:
            self._statistics = {
                "mean": np.zeros(self.channels, self.dtype),
                "var": np.ones(self.channels, self.dtype),
                "batches": np.zeros((), self.dtype),
            }
        self._channels_in_view = (1, self.groups, self.channels // self.groups, 1)
        self._cache: Cache | None = None
        self._shape: tuple[int, ...] = ()

    @property
    def statistics(self) -> dict[str, Array]:
        """The running mean, variance and number of batches, where there are any."""
        return self._statistics

    def forward(self, a: Array) -> Array:
        """Return z, in a's shape; in training, take the batch into the running statistics."""
        view = self._view(a)
        measured = not self.norm.running or (self.training and not self.frozen)
        if measured:
            self._check_count(view.shape, a.shape)
        cache = measure(
            view,
            self.norm.axes,
            **self.norm.measure,
            statistics=None if measured else self._running_in_view(),
        )
        z = move(cache, self._in_view("g"), self._in_view("b")).reshape(a.shape)
        if measured and self.norm.running:
            self._track(cache)
        self._cache, self._shape = cache, a.shape
        if self.tap is not None:
            self.show("a", a)
            self.show("x_hat", cache.x_hat.reshape(a.shape) if self.norm.affine else z)
            self.show("z", z)
        return z

    def backward(self, dz: Array) -> Array:
        """Return dL/da, and fill the gradients of g and b."""
        cache: Cache = self.cached(self._cache)
        dz = checks.floating(dz, "dz")
        checks.shape(dz, self._shape, "dz", "Pass the gradient with respect to the output.")
        da, dg, db = move_back(dz.reshape(cache.rest.shape), cache, self._in_view("g"))
        if dg is not None and db is not None:
            self.slopes["g"][...], self.slopes["b"][...] = dg.ravel(), db.ravel()
        return da.reshape(dz.shape)

    def fixed(self) -> tuple[Array, Array]:
        """Return s and t, each (C,), of z = s * a + t: all that running statistics leave to do."""
        self._need_variances("fixed", "Use it on batch normalization.")
        mean, var = self._running_in_view()
        cache = measure(mean, self.norm.axes, **self.norm.measure, statistics=(mean, var))
        s, t = np.broadcast_to(cache.inv_sigma, mean.shape).ravel(), np.zeros_like(mean).ravel()
        if self.norm.affine:
            s, t = s * self.values["g"], self.values["b"]
        return s, t - s * mean.ravel()

    def load_statistics(self, moments: Moments) -> None:
        """Replace the running statistics by measured ones, merged from wherever they come.

        The running mean becomes their mean, the running variance their unbiased variance, as if all
        of their values had been one batch with momentum 1.
        """
        checks.kind(moments, Moments, "moments", "Pass what normlib.Moments.of returns.")
        norm = self.norm
        if not norm.running or not norm.center or norm.scale == "norm":
            raise ValueError(
                "load_statistics needs a layer with running means and variances; got "
                f"{norm.name!r}. Use it on batch normalization."
            )
        self._need_variances("load_statistics", "Use recalibrate(layer, batches).")
        checks.shape(moments.mean, (self.channels,), "moments", "Measure them on this layer's a.")
        least = 1 if norm.scale == "one" else 2
        if moments.count < least:
            raise ValueError(
                f"moments must be of at least {least} values per channel; got {moments.count}. "
                "Measure more of them."
            )
        self._statistics["mean"][...] = moments.mean
        if norm.scale != "one":
            self._statistics["var"][...] = moments.unbiased_var
        self._statistics["batches"][...] = 1

    def _need_variances(self, what: str, way_out: str) -> None:
        """Refuse a layer that keeps no variance of each channel: a covariance, say, or nothing."""
        if "var" not in self._statistics:
            kept = f", which keeps {', '.join(self._statistics) or 'none'}"
            raise ValueError(f"{what} needs running variances; got {self!r}{kept}. {way_out}")

    def _view(self, a: Any) -> Array:
        """Return `a` as (N, G, c, S), or say what is wrong with it."""
        a = checks.floating(a, "x")
        if a.dtype != self.dtype:
            raise TypeError(
                f"x must have the layer's dtype {self.dtype}; got {a.dtype}. "
                f"Use x.astype(np.{self.dtype}), or build the layer with dtype=np.{a.dtype}."
            )
        if a.ndim < 2:
            raise ValueError(
                f"x must have a sample and a channel axis; got shape {a.shape}. "
                "Reshape it to (samples, channels)."
            )
        if a.shape[self.channel_axis] != self.channels:
            raise ValueError(
                f"x must have {self.channels} channels on axis {self.channel_axis}; "
                f"got shape {a.shape}. Check channels and channel_axis."
            )
        if self.check_finite:
            checks.finite(a, "x")
        return in_view(a, self.groups, self.channel_axis)

    def _check_count(self, view: tuple[int, ...], shape: tuple[int, ...]) -> None:
        """One value minus its own mean is 0: refuse to output that constant."""
        count = math.prod([view[axis] for axis in self.norm.axes])
        if count > 1 or not self.norm.center:
            return
        what = {"N": "sample", "G": "group", "c": "channel", "S": "position"}
        words = " or ".join(what[letter] for letter in self.norm.shares)
        raise ValueError(
            f"{self.norm.name} normalization needs more than one {words} to share a mean; got "
            f"shape {shape}, so that every mean is of one value and every output 0. "
            + (
                "Use a larger batch, or training = False."
                if self.norm.running
                else "Use another normalization, such as 'layer' or 'rms'."
            )
        )

    def _in_view(self, name: str) -> Array | None:
        """Return a parameter, where there is one, as it broadcasts to (N, G, c, S)."""
        value = self.values.get(name)
        return None if value is None else value.reshape(self._channels_in_view)

    def _running_in_view(self) -> tuple[Array, Array]:
        mean, var = self._statistics["mean"], self._statistics["var"]
        return mean.reshape(self._channels_in_view), var.reshape(self._channels_in_view)

    def _track(self, cache: Cache) -> None:
        """Move the running statistics towards the batch's, by `momentum` or as a plain average."""
        mean, var = self._running_in_view()
        batches = self._statistics["batches"]
        batches += 1
        weight = 1 / batches if self.momentum is None else self.momentum
        # Measured about its own mean, a variance over m values comes out (m - 1)/m too small.
        unbiased = cache.count / (cache.count - 1) if self.norm.scale == "std" else 1.0
        mean += weight * (cache.mu - mean)
        var += weight * (cache.var * unbiased - var)

    def __repr__(self) -> str:
        options = differing(
            channel_axis=(self.channel_axis, 1),
            dtype=(self.dtype, np.float64),
            check_finite=(self.check_finite, False),
            frozen=(self.frozen and self.norm.running, False),
        )
        return f"Normalize({written(self.norm)}, {self.channels}{options})"
