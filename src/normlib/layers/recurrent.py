"""A plain recurrent layer: one dense cell, applied from step to step to its own output."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.layers.dense import Dense
from normlib.layers.layer import Layer
from normlib.layers.shape import sequences
from normlib.spec import Norm

OUTPUTS = ("last", "sequence")


class Recurrent(Layer):
    r"""Compute :math:`h_t = f(z_t)` from :math:`a_t = [x_t, h_{t-1}]\,w^\top + c`, with h_0 = 0.

    One `Dense` cell takes every step, so that all steps share w, c, g and b, and whatever
    normalizes a dense layer normalizes this one: an activation's statistics are measured at each
    step, for that step; a row of w is normalized as a whole, its part for x and its part for h.

    Parameters
    ----------
    n_in, n_hidden : int
        D and H.
    norm, activation, bias
        As in `Dense`.
    output : "sequence" or "last"
        Return h of all steps, or of the last one.
    rng : numpy.random.Generator
        Draws w from a normal distribution of mean 0.
    std : float, optional
        Its standard deviation; None: 1/sqrt(H), with which h neither grows nor fades on its way
        through the steps as long as f is linear.
    dtype : float32 or float64
        Of everything.

    Attributes
    ----------
    params : `w` (H, D + H), its columns for x first; `c`, `g` and `b` as in `Dense`
    running : where samples share statistics, one mean and variance for all steps. A training batch
        moves them towards the average over its steps. In evaluation every step uses them, and where
        the steps differ, as the first ones do from h = 0, that is another function than in
        training; Cooijmans et al. keep one set per step instead, and with it a longest sequence.

    Raises
    ------
    ValueError
        The input is not (N, T, D), or an option is out of range.
    TypeError
        The input is not an array of `dtype`; rng is not a Generator.

    Source: Elman 1990, https://doi.org/10.1207/s15516709cog1402_1; layer normalization of a_t: Ba,
    Kiros & Hinton 2016, arXiv:1607.06450, section 3.1; batch normalization: Cooijmans et al. 2017,
    arXiv:1603.09025.

    Examples
    --------
    >>> layer = Recurrent(3, 4, norm="layer", rng=np.random.default_rng(0))
    >>> layer.forward(np.ones((2, 5, 3))).shape
    (2, 5, 4)
    >>> list(layer.params), layer.params["w"].shape
    (['w', 'g', 'b'], (4, 7))
    """

    def __init__(
        self,
        n_in: int,
        n_hidden: int,
        *,
        norm: str | Norm | None = None,
        activation: str = "tanh",
        bias: bool | None = None,
        output: str = "sequence",
        rng: np.random.Generator,
        std: float | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        super().__init__()
        self.n_in = checks.positive_integer(n_in, "n_in")
        self.n_hidden = checks.positive_integer(n_hidden, "n_hidden")
        self.output = checks.choice(output, "output", OUTPUTS)
        self.dtype = checks.float_dtype(dtype)
        self.parts[""] = Dense(
            self.n_in + self.n_hidden,
            self.n_hidden,
            norm=norm,
            activation=activation,
            bias=bias,
            rng=rng,
            std=1 / float(np.sqrt(self.n_hidden)) if std is None else std,
            dtype=self.dtype,
        )
        self._cells: list[Layer] | None = None  # the cell as it was after each step
        self._shape: tuple[int, ...] = ()

    def forward(self, x: Array) -> Array:
        """Return h of shape (N, T, H), or (N, H) of the last step, from x of shape (N, T, D)."""
        x = self._checked(x)
        cell, cells = self.parts[""], []
        h = np.zeros((len(x), x.shape[1], self.n_hidden), self.dtype)
        before = np.zeros_like(h[:, 0])
        with self._signals(), self._averaged(x.shape[1]) as tracked:
            for t in range(x.shape[1]):
                before = cell.forward(np.concatenate([x[:, t], before], axis=1))
                h[:, t] = before
                cells.append(_as_it_is(cell))
                tracked()
        y = h if self.output == "sequence" else h[:, -1]
        self._cells, self._shape = cells, y.shape
        return y

    def backward(self, dh: Array) -> Array:
        """Return dL/dx, and fill the gradients: each is a sum over the steps, last one first."""
        cells: list[Layer] = self.cached(self._cells)
        dh = checks.floating(dh, "dh")
        checks.shape(dh, self._shape, "dh", "Pass the gradient with respect to the output.")
        grads = self.parts[""].grads  # each step writes its own here
        sums = {name: np.zeros_like(gradient) for name, gradient in grads.items()}
        dx = np.empty((len(dh), len(cells), self.n_in), self.dtype)
        later = np.zeros((len(dh), self.n_hidden), self.dtype)  # dL/dh_t from the steps behind t
        for t, cell in reversed(list(enumerate(cells))):
            if self.output == "sequence":
                later = later + dh[:, t]
            elif t == len(cells) - 1:
                later = dh
            step = cell.backward(later)
            dx[:, t], later = step[:, : self.n_in], step[:, self.n_in :]
            for name, gradient in grads.items():
                sums[name] += gradient
        for name, gradient in sums.items():
            grads[name] = gradient
        return dx

    @contextmanager
    def _averaged(self, steps: int) -> Iterator[Callable[[], None]]:
        """Let every step track from the same running statistics, and keep the mean of the results.

        One after the other they would weigh the last step most, and count as T batches.
        """
        running = self.running
        start = {name: value.copy() for name, value in running.items()}
        moved = {name: np.zeros_like(value) for name, value in running.items()}

        def tracked() -> None:
            for name, value in running.items():
                moved[name] += value - start[name]
                value[...] = start[name]

        yield tracked
        for name, value in running.items():
            value += moved[name] / steps

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Show each signal of the cell once, with all steps: (N, T, H)."""
        if self.tap is None:
            yield
            return
        heard: dict[str, list[Array]] = {}
        inside = list(self.parts[""].shown())
        for part in inside:
            part.tap = lambda name, values: heard.setdefault(name, []).append(values)
        try:
            yield
        finally:
            for part in inside:
                part.tap = None
        joined: dict[int, Array] = {}  # each array once: without a normalization z IS a
        for name, steps in heard.items():
            key = id(steps[0])
            joined[key] = joined[key] if key in joined else np.stack(steps, axis=1)
            self.show(name, joined[key])

    def _checked(self, given: Array) -> Array:
        x = checks.floating(given, "x")
        if x.dtype != self.dtype:
            raise TypeError(
                f"x must have the layer's dtype {self.dtype}; got {x.dtype}. "
                f"Use x.astype(np.{self.dtype})."
            )
        return sequences(x, self.n_in, "steps")

    def __repr__(self) -> str:
        return f"Recurrent({self.n_in}, {self.n_hidden}, {self.parts['']!r}, {self.output!r})"


def _as_it_is(layer: Layer) -> Layer:
    """Return a layer that shares all arrays with this one, and remembers its last forward.

    A layer remembers one forward; so every step needs a copy of it for its backward.
    """
    same = copy.copy(layer)
    same.parts = {name: _as_it_is(part) for name, part in layer.parts.items()}
    same.tap = None
    return same
