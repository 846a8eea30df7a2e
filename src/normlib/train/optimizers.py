"""Optimizers: each moves one flat vector of parameters, in place, against its gradient.

They keep what they need from step to step in one block, and their steps allocate nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from types import MappingProxyType
from typing import Protocol

import numpy as np

from normlib import checks
from normlib.checks import Array


class Optimizer(Protocol):
    """Moves a parameter vector, in place, against its gradient."""

    def step(self, params: Array, grads: Array, lr: float | Array) -> None:
        """Make one update."""


class _Memory(checks.Brief):
    """The vectors of an optimizer, made in its first step."""

    rows = 1

    def __init__(self) -> None:
        self._rows: Array | None = None

    def recall(self, params: Array) -> Array:
        """Return the vectors, shape (rows, parameters); they start at 0."""
        if self._rows is None:
            self._rows = np.zeros((self.rows, *params.shape), params.dtype)
        if self._rows.shape[1:] != params.shape or self._rows.dtype != params.dtype:
            raise ValueError(
                f"params must stay those of the first step, {self._rows.dtype} of shape "
                f"{self._rows.shape[1:]}; got {params.dtype} of shape {params.shape}. "
                f"Use a new {type(self).__name__} for another net."
            )
        return self._rows


class SGD(_Memory):
    r"""Stochastic gradient descent: :math:`w \leftarrow w - \eta \nabla L`."""

    def step(self, params: Array, grads: Array, lr: float | Array) -> None:
        """Make one update."""
        (work,) = self.recall(params)
        params -= np.multiply(grads, lr, out=work)


class Momentum(_Memory):
    r"""SGD with momentum.

    .. math:: v \leftarrow \beta v + \nabla L, \qquad w \leftarrow w - \eta v

    This is PyTorch's ``SGD(momentum=beta)``. Keras multiplies by the learning rate before it adds
    to v, which differs where the rate changes during the run.

    Parameters
    ----------
    beta : float in [0, 1]

    Raises
    ------
    ValueError
        beta is out of range.
    """

    rows = 2

    def __init__(self, beta: float = 0.9) -> None:
        super().__init__()
        self.beta = checks.number(beta, "beta", low=0, high=1)

    def step(self, params: Array, grads: Array, lr: float | Array) -> None:
        """Make one update."""
        v, work = self.recall(params)
        v *= self.beta
        v += grads
        params -= np.multiply(v, lr, out=work)


class Adam(_Memory):
    r"""Adam with bias correction.

    .. math:: m \leftarrow \beta_1 m + (1 - \beta_1) \nabla L, \quad
        v \leftarrow \beta_2 v + (1 - \beta_2) (\nabla L)^2, \quad
        w \leftarrow w - \eta \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    eps stands outside the root and after the correction, as in the paper's algorithm 1 and in
    PyTorch.

    Parameters
    ----------
    beta1, beta2 : float in [0, 1)
    eps : float
        With 0, a parameter whose gradient has always been 0 becomes NaN.

    Raises
    ------
    ValueError
        A value is out of range.

    Source: Kingma & Ba 2015, arXiv:1412.6980, algorithm 1.
    """

    rows = 3

    def __init__(self, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> None:
        super().__init__()
        self.beta1 = checks.number(beta1, "beta1", low=0, high=1, open_high=True)
        self.beta2 = checks.number(beta2, "beta2", low=0, high=1, open_high=True)
        self.eps = checks.number(eps, "eps", low=0)
        self._t = 0

    def step(self, params: Array, grads: Array, lr: float | Array) -> None:
        """Make one update."""
        m, v, work = self.recall(params)
        self._t += 1
        m *= self.beta1
        m += np.multiply(grads, 1 - self.beta1, out=work)
        v *= self.beta2
        np.multiply(grads, grads, out=work)
        work *= 1 - self.beta2
        v += work
        # The corrections are two numbers: they go into the denominator, not through the vectors.
        mean, square = 1 - self.beta1**self._t, 1 - self.beta2**self._t
        np.sqrt(v, out=work)
        work *= mean / sqrt(square)
        work += mean * self.eps
        np.divide(m, work, out=work)
        work *= lr
        params -= work


OPTIMIZERS: Mapping[str, Callable[[], Optimizer]] = MappingProxyType(
    {"adam": Adam, "momentum": Momentum, "sgd": SGD}
)
