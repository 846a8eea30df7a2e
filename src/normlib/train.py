"""Losses, optimizers and the training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.data import Data
from normlib.nets import Net
from normlib.record import Recorder, Trace

Labels = npt.NDArray[np.integer[Any]]
Batch = tuple[Array, Labels]
Rate = float | Callable[[int], float] | Mapping[str, float]
OnStep = Callable[[int, float, Recorder | None], bool | None]


def softmax_cross_entropy(logits: Array, labels: Labels) -> tuple[float, Array]:
    r"""Return the mean cross-entropy of softmax(logits), and its gradient.

    .. math:: L = -\frac1N \sum_n \log \frac{e^{s_{n,y_n}}}{\sum_k e^{s_{nk}}}, \qquad
        \frac{\partial L}{\partial s_{nk}} = \frac1N (p_{nk} - [k = y_n])

    Parameters
    ----------
    logits : float array (N, K)
    labels : int array (N,) with values 0 to K - 1

    Returns
    -------
    loss : float, in nats
    dlogits : array (N, K)

    Raises
    ------
    ValueError
        Shapes do not match, or a label is out of range.
    TypeError
        Labels are not integers.
    """
    logits = checks.floating(logits, "logits")
    labels = np.asarray(labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"logits must be (N, K) and labels (N,); got {logits.shape} and {labels.shape}. "
            "Pass one integer label per row of logits."
        )
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"labels must be integers; got dtype {labels.dtype}. Number the classes from 0."
        )
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(
            f"labels must be from 0 to {logits.shape[1] - 1}; got {labels.min()} to "
            f"{labels.max()}. Number the classes from 0."
        )
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)  # exp of large logits would overflow
    p = np.exp(shifted)
    sums = p.sum(axis=1, keepdims=True)
    loss = float(np.mean(np.log(sums[:, 0]) - shifted[rows, labels]))
    p /= sums
    p[rows, labels] -= 1
    p /= len(labels)
    return loss, p


class Optimizer(Protocol):
    """Moves a parameter vector, in place, against its gradient."""

    def step(self, params: Array, grads: Array, lr: float | Array) -> None:
        """Make one update."""


class SGD:
    r"""Stochastic gradient descent: :math:`w \leftarrow w - \eta \nabla L`."""

    def step(self, params: Array, grads: Array, lr: float | Array) -> None:
        """Make one update."""
        params -= lr * grads


class Momentum:
    r"""SGD with momentum, as in PyTorch: :math:`v \leftarrow \beta v + \nabla L`, then w - lr v."""

    def __init__(self, beta: float = 0.9) -> None:
        self.beta = checks.number(beta, "beta", low=0, high=1)
        self._v: Array | None = None

    def step(self, params: Array, grads: Array, lr: float | Array) -> None:
        """Make one update."""
        if self._v is None:
            self._v = np.zeros_like(params)
        self._v *= self.beta
        self._v += grads
        params -= lr * self._v


class Adam:
    """Adam with bias correction (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1)."""

    def __init__(self, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> None:
        self.beta1 = checks.number(beta1, "beta1", low=0, high=1, open_high=True)
        self.beta2 = checks.number(beta2, "beta2", low=0, high=1, open_high=True)
        self.eps = checks.number(eps, "eps", low=0)
        self._m: Array | None = None
        self._v: Array | None = None
        self._t = 0

    def step(self, params: Array, grads: Array, lr: float | Array) -> None:
        """Make one update."""
        if self._m is None or self._v is None:
            self._m, self._v = np.zeros_like(params), np.zeros_like(params)
        self._t += 1
        self._m += (1 - self.beta1) * (grads - self._m)
        self._v += (1 - self.beta2) * (grads * grads - self._v)
        m = self._m / (1 - self.beta1**self._t)
        v = self._v / (1 - self.beta2**self._t)
        params -= lr * m / (np.sqrt(v) + self.eps)


OPTIMIZERS: Mapping[str, Callable[[], Optimizer]] = {
    "adam": Adam,
    "momentum": Momentum,
    "sgd": SGD,
}


@dataclass(frozen=True, eq=False, repr=False)
class History(checks.Brief):
    """What a run has left.

    `loss` has one training loss per step made; where the run diverged the last one is not finite.
    `accuracy` is the share of test inputs classified correctly after the last step, in evaluation
    mode. `trace` is None without a recorder, and where the run ended before its first frame.
    """

    loss: Array
    accuracy: float
    trace: Trace | None

    @property
    def diverged(self) -> bool:
        """Whether the run ended because its loss was no longer finite."""
        return not bool(np.isfinite(self.loss[-1]))


def fit(
    net: Net,
    data: Data,
    *,
    steps: int = 200,
    batch_size: int = 64,
    lr: Rate = 0.1,
    optimizer: str | Optimizer = "sgd",
    weight_decay: float = 0.0,
    batches: Iterable[Batch] | None = None,
    record: Recorder | None = None,
    on_step: OnStep | None = None,
    seed: int = 0,
    progress: bool = False,
) -> History:
    """Train a classifier with softmax cross-entropy, and test it.

    Parameters
    ----------
    net : Net
        Changed in place; left in evaluation mode.
    data : Data
    steps : int
        Number of updates. A run ends early when its loss is not finite, when `on_step` says so, or
        when `batches` run out.
    batch_size : int
        Batches are drawn without replacement, and shuffled anew every epoch; what is left of an
        epoch and does not fill a batch is dropped.
    lr : float, callable or mapping
        Learning rate: a number, a function of the step, or a number per parameter name (those of
        ``net.params``; all must be named).
    optimizer : "sgd", "momentum" (0.9), "adam", or an object such as ``normlib.Adam(beta2=0.99)``
        With a method ``step(params, grads, lr)`` that changes the flat vector `params` in place.
    weight_decay : float
        Added to the gradient as ``weight_decay * w``, for every parameter.
    batches : iterable of (x, labels), optional
        Use these instead of drawing from the training data.
    record : Recorder, optional
        Its Trace comes back in the History.
    on_step : callable, optional
        Called as ``on_step(step, loss, record)`` after each step, with the Recorder or None;
        returning True ends the run.
    seed : int
        Of the order of the training data.
    progress : bool
        Show a bar (with tqdm).

    Returns
    -------
    History

    Raises
    ------
    ValueError
        A value is out of range, a batch does not fit the net, a parameter's rate is missing.
    """
    steps = checks.positive_integer(steps, "steps")
    checks.kind(net, Net, "net", "Put layers into normlib.Net([...]).")
    checks.kind(data, Data, "data", "Use normlib.Data(x_train, y_train, x_test, y_test).")
    if record is not None:
        checks.kind(record, Recorder, "record", "Pass normlib.Recorder().")
    if not hasattr(optimizer, "step"):
        optimizer = OPTIMIZERS[checks.choice(optimizer, "optimizer", OPTIMIZERS)]()
    weight_decay = checks.number(weight_decay, "weight_decay", low=0)
    rate = _rate(lr, net)
    source = iter(batches) if batches is not None else _draw(data, batch_size, seed)
    recorder = record
    if recorder is not None:
        recorder.start(net, steps)
    losses: list[float] = []
    net.training = True
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # a diverging run is a result
            for step in _steps(steps, progress):
                batch = next(source, None)
                if batch is None:
                    break
                now = rate(step)
                loss = _step(net, batch, step, recorder)
                losses.append(loss)
                if not np.isfinite(loss):
                    break
                if weight_decay:
                    net.flat_grads += weight_decay * net.flat
                optimizer.step(net.flat, net.flat_grads, now)
                if on_step is not None and on_step(step, loss, recorder):
                    break
            if not losses:
                raise ValueError("batches must hold at least one batch; got none. Pass a list.")
    finally:
        net.training = False
    trace = recorder.trace() if recorder is not None and recorder.frames else None
    return History(np.array(losses), accuracy(net, data), trace)


def accuracy(net: Net, data: Data) -> float:
    """Return the share of test inputs that the net classifies correctly, in evaluation mode."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.mean(net.predict(data.x_test) == data.y_test))


def _step(net: Net, batch: Batch, step: int, record: Recorder | None) -> float:
    """Run one batch forward and backward, and return its loss."""
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise ValueError(
            f"batches must hold pairs (x, labels); got {type(batch).__name__}. "
            "Pass a list of such pairs."
        )
    x, labels = batch
    logits = net.forward(x) if record is None else record.forward(net, x, step)
    loss, dlogits = softmax_cross_entropy(logits, labels)
    if record is not None:
        record.note(loss)
    if np.isfinite(loss):
        net.backward(dlogits)
    return loss


def _draw(data: Data, batch_size: int, seed: int) -> Iterator[Batch]:
    """Yield batches without end, each epoch in a new order."""
    size, count = checks.positive_integer(batch_size, "batch_size"), len(data.x_train)
    if size > count:
        raise ValueError(
            f"batch_size must be at most the {count} training inputs; got {size}. "
            "Pass a smaller one."
        )
    return _endless(data, size, np.random.default_rng(seed))


def _endless(data: Data, size: int, rng: np.random.Generator) -> Iterator[Batch]:
    while True:
        order = rng.permutation(len(data.x_train))
        for start in range(0, len(order) - size + 1, size):
            rows = order[start : start + size]
            yield data.x_train[rows], data.y_train[rows]


def _rate(lr: Rate, net: Net) -> Callable[[int], float | Array]:
    """Return the learning rate as a function of the step."""
    if callable(lr):
        return lambda step: checks.number(lr(step), "lr", low=0)
    if not isinstance(lr, Mapping):
        constant = checks.number(lr, "lr", low=0)
        return lambda step: constant
    odd = sorted(set(net.params) ^ set(lr))
    if odd:
        raise ValueError(
            f"lr must name every parameter and no other; got {odd[0]!r} "
            f"{'without a parameter' if odd[0] in lr else 'without a rate'}. "
            f"The parameters are {list(net.params)}."
        )
    per_value = np.concatenate(
        [np.full(p.size, checks.number(lr[k], f"lr[{k!r}]", low=0)) for k, p in net.params.items()]
    ).astype(net.flat.dtype)
    return lambda step: per_value


def _steps(steps: int, progress: bool) -> Iterable[int]:
    """Count the steps, behind a progress bar if one is wanted."""
    if not progress:
        return range(steps)
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError(
            'progress=True needs tqdm. Install it with: pip install "normlib[book]"'
        ) from error
    bar: Iterable[int] = tqdm(range(steps))
    return bar
