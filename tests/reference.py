"""The textbook, slowly: every normalization over explicitly listed sets of values.

Nothing here is shared with the library: no (N, G, c, S) view, no BLAS sums, no backward. All of it
accepts complex input, so that a complex step gives derivatives to the last digit: no absolute
value, no conjugate, and comparisons look at the real part.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

Values = np.ndarray[Any, Any]


@lru_cache(maxsize=256)
def sets(shape: tuple[int, ...], shares: str, groups: int = 1, channel_axis: int = 1) -> Values:
    """Number, for every value of an array of activations, the set whose mu and sigma it shares."""
    numbers: dict[tuple[Any, ...], int] = {}
    found = np.empty(shape, int)
    for index in np.ndindex(shape):
        if channel_axis == 1:
            sample, channel, position = index[0], index[1], index[2:]
        else:
            sample, channel, position = index[:-1], index[-1], ()
        group, within = divmod(channel, shape[channel_axis] // groups)
        coordinates = {"N": sample, "G": group, "c": within, "S": position}
        own = tuple(value for letter, value in coordinates.items() if letter not in shares)
        found[index] = numbers.setdefault(own, len(numbers))
    return found


@lru_cache(maxsize=256)
def slices(shape: tuple[int, ...], axes: tuple[int, ...]) -> Values:
    """Number the sets that share over whole axes, as `standardize` does."""
    numbers: dict[tuple[int, ...], int] = {}
    found = np.empty(shape, int)
    for index in np.ndindex(shape):
        own = tuple(i for axis, i in enumerate(index) if axis not in axes)
        found[index] = numbers.setdefault(own, len(numbers))
    return found


def size_of_sets(labels: Values) -> int:
    """Return how many values share one mu and sigma (as many in every set)."""
    return int(labels.size // (labels.max() + 1))


def standardize(
    x: Values,
    labels: Values,
    *,
    center: bool = True,
    scale: str = "std",
    eps: float = 1e-5,
) -> Values:
    """Return x_hat = (x - mu) / sigma, one set after the other."""
    x_hat = np.zeros_like(x)
    for number in range(labels.max() + 1):
        members = x[labels == number]
        mu = members.sum() / members.size if center else 0.0
        square = ((members - mu) ** 2).sum()
        variance = square if scale == "norm" else square / members.size
        sigma = 1.0 if scale == "one" else np.sqrt(variance + eps)
        if sigma != 0:  # a window that lies in the padding stays 0
            x_hat[labels == number] = (members - mu) / sigma
    return x_hat


def along(values: Values, like: Values, channel_axis: int) -> Values:
    """Return one value per channel in a shape that broadcasts over `like`."""
    shape = [1] * like.ndim
    shape[channel_axis] = -1
    return np.reshape(values, shape)


def normalize(
    a: Values,
    norm: Any,
    *,
    channel_axis: int = 1,
    g: Values | None = None,
    b: Values | None = None,
    mean: Values | None = None,
    var: Values | None = None,
) -> Values:
    """Return z = g x_hat + b; with a mean and var per channel, those of evaluation mode."""
    if mean is not None and var is not None:
        x_hat = a - along(mean, a, channel_axis)
        if norm.scale != "one":
            x_hat = x_hat / np.sqrt(along(var, a, channel_axis) + norm.eps)
    else:
        labels = sets(a.shape, norm.shares, norm.groups or 1, channel_axis)
        x_hat = standardize(a, labels, center=norm.center, scale=norm.scale, eps=norm.eps)
    return affine(x_hat, g, b, channel_axis)


def affine(x_hat: Values, g: Values | None, b: Values | None, channel_axis: int) -> Values:
    """Return g x_hat + b, where there are g and b."""
    z = x_hat if g is None else x_hat * along(g, x_hat, channel_axis)
    return z if b is None else z + along(b, x_hat, channel_axis)


def activate(name: str, z: Values) -> Values:
    """Return h = f(z)."""
    return {
        "identity": lambda: z,
        "relu": lambda: np.where(z.real > 0, z, 0),
        "sigmoid": lambda: 1 / (1 + np.exp(-z)),
        "tanh": lambda: np.sinh(z) / np.cosh(z),
    }[name]()


def dense(
    x: Values,
    w: Values,
    norm: Any = None,
    activation: str = "identity",
    *,
    c: Values | None = None,
    **rest: Values | None,
) -> Values:
    """Return a dense layer's h; a normalization of weights is applied to the rows themselves."""
    w, x = rows_of_weights(w, norm), rows_of_inputs(x, norm, (x.ndim - 1,))
    a = np.einsum("...d,kd->...k", x, w) + (0 if c is None else c)
    return activate(activation, after_product(a, norm, -1, **rest))


def conv2d(
    x: Values,
    w: Values,
    norm: Any = None,
    activation: str = "identity",
    *,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    c: Values | None = None,
    **rest: Values | None,
) -> Values:
    """Return a convolutional layer's h, one window after the other."""
    w = rows_of_weights(w, norm)
    places, windows = sliding(x, w.shape[2:], stride, padding, 0)
    found = []
    for window in windows:
        window = rows_of_inputs(window, norm, (1, 2, 3))
        found.append(np.einsum("ncpq,kcpq->nk", window, w) + (0 if c is None else c))
    a = np.stack(found, axis=-1).reshape(len(x), len(w), *places)
    return activate(activation, after_product(a, norm, 1, **rest))


def pool(
    x: Values,
    how: str,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int] = (0, 0),
) -> Values:
    """Return the "mean" of each window, zeros of the padding included, or its "max"."""
    places, windows = sliding(x, kernel, stride, padding, 0 if how == "mean" else -np.inf)
    found = []
    for window in windows:
        flat = window.reshape(*x.shape[:2], -1)
        if how == "mean":
            found.append(flat.sum(axis=2) / (kernel[0] * kernel[1]))
        else:  # of complex numbers, the first with the largest real part
            largest = flat.real.argmax(axis=2)[:, :, None]
            found.append(np.take_along_axis(flat, largest, axis=2)[:, :, 0])
    return np.stack(found, axis=-1).reshape(*x.shape[:2], *places)


def sliding(
    x: Values, kernel: Any, stride: tuple[int, int], padding: tuple[int, int], fill: float
) -> tuple[tuple[int, int], list[Values]]:
    """Return how many windows fit, down and across, and all of them, cut out of padded images."""
    (ph, pw), (n, channels, height, width) = padding, x.shape
    padded = np.full((n, channels, height + 2 * ph, width + 2 * pw), fill, x.dtype)
    padded[:, :, ph : ph + height, pw : pw + width] = x
    tops = range(0, padded.shape[2] - kernel[0] + 1, stride[0])
    lefts = range(0, padded.shape[3] - kernel[1] + 1, stride[1])
    found = [
        padded[:, :, top : top + kernel[0], left : left + kernel[1]]
        for top in tops
        for left in lefts
    ]
    return (len(tops), len(lefts)), found


def rows_of_weights(w: Values, norm: Any) -> Values:
    """Return w, its rows standardized if the normalization acts on weights."""
    if norm is None or norm.acts_on == "pre-activation":
        return w
    labels = slices(w.shape, tuple(range(1, w.ndim)))
    return standardize(w, labels, center=norm.center, scale=norm.scale, eps=norm.eps)


def rows_of_inputs(x: Values, norm: Any, axes: tuple[int, ...]) -> Values:
    """Return x, standardized over the axes that meet a row of w if the normalization says so."""
    if norm is None or norm.acts_on != "weight and input":
        return x
    labels = slices(x.shape, axes)
    return standardize(x, labels, center=norm.center, scale=norm.scale, eps=norm.eps)


def after_product(
    a: Values,
    norm: Any,
    channel_axis: int,
    *,
    g: Values | None = None,
    b: Values | None = None,
    mean: Values | None = None,
    var: Values | None = None,
) -> Values:
    """Return z from the product: normalized if that is where the normalization acts."""
    if norm is not None and norm.acts_on != "pre-activation":
        norm = norm.then
    if norm is None:
        return affine(a, g, b, channel_axis)
    return normalize(a, norm, channel_axis=channel_axis, g=g, b=b, mean=mean, var=var)


def cross_entropy(logits: Values, labels: Values) -> Any:
    """Return the mean over samples of -log softmax at the label."""
    highest = logits.real.max(axis=1, keepdims=True)
    partition = np.exp(logits - highest).sum(axis=1)
    chosen = logits[np.arange(len(labels)), labels] - highest[:, 0]
    return (np.log(partition) - chosen).sum() / len(labels)


def squared_error(outputs: Values, targets: Values) -> Any:
    """Return the mean over all values of the squared error."""
    total = 0.0
    for index in np.ndindex(outputs.shape):
        total = total + (outputs[index] - targets[index]) ** 2
    return total / outputs.size
