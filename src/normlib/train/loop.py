"""The training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from normlib import checks
from normlib.checks import Array
from normlib.data import Data
from normlib.nets import Net
from normlib.record import Recorder, Trace
from normlib.train.losses import Loss, resolve
from normlib.train.optimizers import OPTIMIZERS, Optimizer

Batch = tuple[Array, npt.NDArray[Any]]
Rate = float | Callable[[int], float] | Mapping[str, float]
OnStep = Callable[[int, float, Recorder | None], bool | None]


@dataclass(frozen=True, eq=False, repr=False)
class History(checks.Brief):
    """What a run has left.

    `loss` has one training loss per step made; where the run diverged the last one is not finite.
    `accuracy` is the share of test inputs classified correctly after the last step, in evaluation
    mode, and NaN where the targets are numbers and not classes. `trace` is None without a recorder,
    and where the run ended before its first frame.
    """

    loss: Array
    accuracy: float
    trace: Trace | None

    def __repr__(self) -> str:
        last = f"last loss: {self.loss[-1]:.4g}, diverged: {self.diverged}"
        return f"{super().__repr__()[:-1]}, {last})"

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
    loss: str | Loss = "cross_entropy",
    optimizer: str | Optimizer = "sgd",
    weight_decay: float | Mapping[str, float] = 0.0,
    batches: Iterable[Batch] | None = None,
    record: Recorder | None = None,
    on_step: OnStep | None = None,
    seed: int = 0,
    progress: bool = False,
) -> History:
    """Train a network on batches of its data, and test it.

    Parameters
    ----------
    net : Net
        Changed in place; left in evaluation mode.
    data : Data
        Its targets reach the loss as they are: nothing is turned into one-hot rows or into another
        dtype.
    steps : int
        Number of updates. A run ends early when its loss is not finite, when `on_step` says so, or
        when `batches` run out.
    batch_size : int
        Batches are drawn without replacement, and shuffled anew every epoch; what is left of an
        epoch and does not fill a batch is dropped.
    lr : float, callable or mapping
        Learning rate: a number; a function of the step, which counts from 0 in every `fit`, also
        in a second one of the same net; or a number per parameter name (those of ``net.params``;
        all must be named).
    loss : "cross_entropy" (softmax), "mean_squared_error", or a function
        Of outputs and targets, which returns the loss and its gradient with respect to the outputs.
    optimizer : "sgd", "momentum" (0.9), "adam", or an object such as ``normlib.Adam(beta2=0.99)``
        With a method ``step(params, grads, lr)`` that changes the flat vector `params` in place. An
        object keeps its memory, so that a second `fit` continues the first.
    weight_decay : float or mapping
        Added to the gradient as ``weight_decay * w``, before the optimizer sees it: what PyTorch's
        SGD and Adam do, and AdamW does not. A number for every parameter, g, b and c included, or a
        number per parameter name (all must be named).
    batches : iterable of (x, targets), optional
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
        Its accuracy is of the test data, its loss of the training batches; the loss of the test
        data is ``softmax_cross_entropy(net.evaluate(data.x_test), data.y_test)[0]``.
        `normlib.plots.loss` draws one or several.

    Raises
    ------
    ValueError
        A value is out of range, a batch does not fit the net, a parameter's rate is missing.
    TypeError
        The net, data, record, on_step, loss or its result is of the wrong kind, or the data's
        inputs have another dtype than the net.

    Examples
    --------
    Decay the weights, and spare g, b and c:

    >>> import normlib
    >>> net = normlib.mlp([64, 16, 10], norm="layer")
    >>> decay = {name: 1e-3 if name.endswith(".w") else 0.0 for name in net.params}
    >>> history = fit(net, normlib.load_digits(), steps=20, weight_decay=decay)
    >>> history.loss.shape
    (20,)

    Halve the learning rate every hundred steps:

    >>> history = fit(net, normlib.load_digits(), lr=lambda step: 0.1 * 0.5 ** (step // 100))
    >>> history.diverged
    False
    """
    steps = checks.positive_integer(steps, "steps")
    checks.kind(net, Net, "net", "Put layers into normlib.Net([...]).")
    checks.kind(data, Data, "data", "Use normlib.Data(x_train, y_train, x_test, y_test).")
    _agree(net, data)
    if record is not None:
        checks.kind(record, Recorder, "record", "Pass normlib.Recorder().")
    if isinstance(optimizer, type):
        home = "normlib." if optimizer in OPTIMIZERS.values() else ""
        name = optimizer.__name__
        raise TypeError(f"optimizer must be an object; got the class {name}. Pass {home}{name}().")
    if isinstance(optimizer, str) or not hasattr(optimizer, "step"):
        optimizer = OPTIMIZERS[checks.choice(optimizer, "optimizer", OPTIMIZERS)]()
    if on_step is not None:
        checks.takes(on_step, "on_step", "step, loss, record")
    criterion = resolve(loss)
    decay = _per_parameter(weight_decay, "weight_decay", net)
    rate = _rate(lr, net)
    source = iter(batches) if batches is not None else _draw(data, batch_size, seed)
    recorder = record
    if recorder is not None:
        recorder.start(net, steps)
    losses: list[float] = []
    decays, decayed = bool(np.any(decay)), np.empty_like(net.flat)
    running = {name: value.copy() for name, value in net.running.items()}
    net.training = True
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # a diverging run is a result
            for step in _steps(steps, progress):
                batch = next(source, None)
                if batch is None:
                    break
                now = rate(step)
                value = _step(net, batch, step, recorder, criterion)
                losses.append(value)
                if not np.isfinite(value):
                    break
                if decays:
                    net.flat_grads += np.multiply(net.flat, decay, out=decayed)
                optimizer.step(net.flat, net.flat_grads, now)
                if on_step is not None and on_step(step, value, recorder):
                    break
            if not losses:
                raise ValueError("batches must hold at least one batch; got none. Pass a list.")
    except BaseException:
        if not losses:  # what fails before its first update has changed nothing
            for name, before in running.items():
                net.running[name] = before
        raise
    finally:
        net.training = False
    trace = recorder.trace() if recorder is not None and recorder.frames else None
    share = accuracy(net, data) if data.labelled else float("nan")
    return History(np.array(losses), share, trace)


def accuracy(net: Net, data: Data) -> float:
    """Return the share of test inputs that the net classifies correctly, in evaluation mode.

    TypeError if the data hold numbers and not classes.
    """
    checks.kind(data, Data, "data", "Use normlib.Data(x_train, y_train, x_test, y_test).")
    if not data.labelled:
        raise TypeError(
            f"data must hold integer labels to be classified; got {data.y_test.dtype}. "
            "Use mean_squared_error(net.evaluate(data.x_test), data.y_test)."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.mean(net.predict(data.x_test) == data.y_test))


def _step(net: Net, batch: Batch, step: int, record: Recorder | None, criterion: Loss) -> float:
    """Run one batch forward and backward, and return its loss."""
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise ValueError(
            f"batches must hold pairs (x, targets); got {type(batch).__name__}. "
            "Pass a list of such pairs."
        )
    x, targets = batch
    outputs = net.forward(x) if record is None else record.forward(net, x, step)
    loss, doutputs = criterion(outputs, targets)
    if record is not None:
        record.note(loss)
    if np.isfinite(loss):
        net.backward(doutputs)
    return loss


def _agree(net: Net, data: Data) -> None:
    """Raise if the inputs have another dtype than the net's parameters."""
    dtype = net.flat.dtype
    for part, x in {"x_train": data.x_train, "x_test": data.x_test}.items():
        if net.flat.size and x.dtype != dtype:
            raise TypeError(
                f"data must have inputs of the net's dtype {dtype}; got {x.dtype} in {part}. "
                f"Use load_digits(dtype=np.{dtype}), or Data of x.astype(np.{dtype})."
            )


def _draw(data: Data, batch_size: int, seed: int) -> Iterator[Batch]:
    """Yield batches without end, each epoch in a new order."""
    size, count = checks.positive_integer(batch_size, "batch_size"), len(data.x_train)
    if size > count:
        raise ValueError(
            f"batch_size must be at most the {count} training inputs; got {size}. "
            "Pass a smaller one."
        )
    return _endless(data, size, checks.seeded(seed))


def _endless(data: Data, size: int, rng: np.random.Generator) -> Iterator[Batch]:
    while True:
        order = rng.permutation(len(data.x_train))
        for start in range(0, len(order) - size + 1, size):
            rows = order[start : start + size]
            yield data.x_train[rows], data.y_train[rows]


def _rate(lr: Rate, net: Net) -> Callable[[int], float | Array]:
    """Return the learning rate as a function of the step."""
    if callable(lr):
        checks.takes(lr, "lr", "step")
        way_out = "Return the learning rate of that step."
        return lambda step: checks.number(lr(step), f"lr({step})", low=0, way_out=way_out)
    constant = _per_parameter(lr, "lr", net, "a number, a function of the step")
    return lambda step: constant


def _per_parameter(
    given: float | Mapping[str, float], name: str, net: Net, kinds: str = "a number"
) -> float | Array:
    """Return a number for all parameters, or one for each entry of the net's flat vector."""
    if not isinstance(given, Mapping):
        if not isinstance(given, Real) or isinstance(given, bool):
            raise ValueError(
                f"{name} must be {kinds} or a mapping; got {given!r}. Pass {name}=0.1, say."
            )
        return checks.number(given, name, low=0)
    odd = sorted(set(net.params) ^ set(given), key=str)
    if odd:
        raise ValueError(
            f"{name} must name every parameter and no other; got {odd[0]!r} "
            f"without a {'parameter' if odd[0] in given else 'number'}. "
            f"The parameters are {list(net.params)}."
        )
    numbers = {key: checks.number(given[key], f"{name}[{key!r}]", low=0) for key in net.params}
    sizes = [array.size for array in net.params.values()]
    return np.repeat(np.array(list(numbers.values()), net.flat.dtype), sizes)


def _steps(steps: int, progress: bool) -> Iterable[int]:
    """Count the steps, behind a progress bar if one is wanted."""
    if not progress:
        return range(steps)
    with checks.installed("progress=True", "tqdm"):
        from tqdm.auto import tqdm
    bar: Iterable[int] = tqdm(range(steps))
    return bar
