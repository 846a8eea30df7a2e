"""How fast normlib is, as ratios to others within this run.

    make bench                                        everything, into benchmarks/results.md
    OPENBLAS_NUM_THREADS=1 python benchmarks/run.py norms memory       some families, printed only

Each family of rows is one function below. Wherever two programs are compared they start from the
same numbers, and nothing is timed before they have agreed on the result.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time

import numpy as np

import normlib as nl
import textbook
from machine import description
from timing import Row, Spread, Work, ratios, table

try:
    import in_torch
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    in_torch = None

RESULTS = Path(__file__).parent / "results.md"
LR = 1e-4  # small, since deep networks under batch norm multiply every rounding error
TEXTBOOK, TORCH, GEMM, NAMED = "textbook NumPy", "PyTorch", "GEMM alone", "as the row says"
INTRODUCTION = """# How fast normlib is

Written by `make bench`. Each number is a ratio to what the head of its column names, in the same \
run and on one thread: the median of many rounds with its quartiles, smaller is better. A step is \
forward, softmax cross-entropy, backward and SGD with momentum; GEMM alone is its matrix products \
and nothing else. Activations are the outputs h of all layers, and the memory set against them is \
the peak of a step beyond parameters, gradients and optimizer state. Textbook NumPy is \
[textbook.py](textbook.py); PyTorch is eager, on the CPU.

Measured on: """

#: Hidden layers and their width, batch size, and the aimed ratio to PyTorch in float32.
MLPS = [
    (2, 32, 32, 0.25),
    (4, 128, 64, 0.5),
    (10, 256, 128, 0.9),
    (20, 128, 64, None),
]
#: Dense inputs and images, up to 65,536 values.
SHAPES = [(32, 32), (128, 256), (256, 256), (8, 16, 4, 4), (64, 16, 8, 8), (16, 32, 8, 8)]
GROUPS = 8
#: The axes that share a mean: of (N, C), and of (N, C, H, W) or (N, groups, C / groups, H, W).
AXES = {
    "batch": {2: (0,), 4: (0, 2, 3)},
    "layer": {2: (1,), 4: (1, 2, 3)},
    "instance": {4: (2, 3)},
    "group": {4: (2, 3, 4)},
}
NORM_AIMS = {"batch": 1.0, "instance": 1.0, "layer": 1.5, "group": 1.5}  # ratio to PyTorch


def agree(results: dict[str, object], rtol: float) -> None:
    """Stop the run if not all programs have computed the same."""
    (first, expected), *others = results.items()
    for name, found in others:
        np.testing.assert_allclose(
            found, expected, rtol=rtol, atol=rtol, err_msg=f"{name} and {first} disagree"
        )


def mlp_data(depth: int, width: int, batch: int, dtype: str) -> tuple:
    """Return a net, inputs and labels."""
    rng = np.random.default_rng(0)
    net = nl.mlp([64, *[width] * depth, 10], norm="batch", dtype=dtype)
    x = rng.standard_normal((batch, 64)).astype(dtype)
    return net, x, rng.integers(0, 10, batch)


def training(net: nl.Net, x: np.ndarray, labels: np.ndarray) -> Callable[[], float]:
    """Return a function that makes one update with normlib and returns the loss before it."""
    optimizer = nl.Momentum(0.9)

    def step() -> float:
        loss, dlogits = nl.softmax_cross_entropy(net.forward(x), labels)
        net.backward(dlogits)
        optimizer.step(net.flat, net.flat_grads, LR)
        return loss

    return step


def products(weights: list[np.ndarray], x: np.ndarray) -> Work:
    """Return a function that does the matrix products of a step and nothing else.

    Three for each layer; the first has no need of dx.
    """
    ins = [np.ones((len(x), w.shape[1]), w.dtype) for w in weights]
    outs = [np.ones((len(x), w.shape[0]), w.dtype) for w in weights]

    def multiply() -> None:
        for h, w in zip(ins, weights, strict=True):
            h @ w.T
        for first, (h, w, da) in enumerate(zip(ins, weights, outs, strict=True)):
            da.T @ h
            if first:
                da @ w

    return multiply


def mlp_steps() -> Iterator[Row]:
    """Yield whole training steps of fully connected networks with batch normalization."""
    for dtype in ("float32", "float64"):
        for depth, width, batch, aim in MLPS:
            net, x, labels = mlp_data(depth, width, batch, dtype)
            weights = [net.params[name].copy() for name in net.params if name.endswith("w")]
            layers: list = []
            for w in weights[:-1]:
                norm = textbook.Norm(len(w), (0,), dtype=dtype)
                layers += [textbook.Linear(w.copy()), norm, textbook.ReLU()]
            layers.append(textbook.Linear(weights[-1].copy(), bias=True))
            plain = textbook.Training(layers, LR)
            steps: dict[str, Callable[[], float]] = {
                "normlib": training(net, x, labels),
                TEXTBOOK: lambda plain=plain, x=x, labels=labels: plain.step(x, labels),
            }
            if in_torch:
                peer = in_torch.mlp(weights, normalized=True)
                steps[TORCH] = in_torch.training(peer, x, labels, LR)
            # After some updates, so that gradients and optimizers are compared as well.
            losses = {name: [step() for _ in range(4)] for name, step in steps.items()}
            agree(losses, 1e-3 if dtype == "float32" else 1e-9)
            ours = steps.pop("normlib")
            yield Row(
                f"step of 64-{width}×{depth}-10, batch norm, batch {batch}, {dtype}",
                ratios(ours, {**steps, GEMM: products(weights, x)}),
                {TORCH: aim} if aim and dtype == "float32" else {},
            )


def norms() -> Iterator[Row]:
    """Yield forward and backward of each normalization alone, in float32."""
    for name, axes in AXES.items():
        for shape in (shape for shape in SHAPES if len(shape) in axes):
            rng = np.random.default_rng(0)
            x, dy = rng.standard_normal((2, *shape)).astype(np.float32)
            options = {"groups": GROUPS} if nl.NORMS[name].grouped else {}
            layer = nl.Normalize(nl.norm(name, **options), shape[1], dtype=np.float32)
            plain = textbook.Norm(shape[1], axes[len(shape)], dtype=np.float32, **options)
            works = {
                "normlib": there_and_back(layer, x, dy),
                TEXTBOOK: there_and_back(plain, x, dy),
            }
            if in_torch:
                works[TORCH] = in_torch.there_and_back(in_torch.norm(name, shape, GROUPS), x, dy)
            agree({name: work() for name, work in works.items()}, 1e-4)
            ours = works.pop("normlib")
            label = f"{name}({GROUPS})" if options else name
            yield Row(
                f"{label} norm of {'×'.join(map(str, shape))}, forward and backward, float32",
                ratios(ours, works),
                {TEXTBOOK: 0.4, TORCH: NORM_AIMS[name]},
            )


def there_and_back(layer, x: np.ndarray, dy: np.ndarray) -> Callable[[], np.ndarray]:
    """Return a function that runs a layer forward and backward, and returns dx."""

    def run() -> np.ndarray:
        layer.forward(x)
        return layer.backward(dy)

    return run


def recording() -> Iterator[Row]:
    """Yield what a Recorder adds to a step of the networks on the book's first page."""
    steps, rounds, data = 100, 12, nl.load_digits()
    recorders: dict[str, Callable[[], nl.Recorder | None]] = {
        "no recorder": lambda: None,
        "one signal": lambda: nl.Recorder(sample=4096, signals=["z"]),
        "all signals": lambda: nl.Recorder(sample=4096),
    }

    def per_step(norm: str | None, record: nl.Recorder | None) -> float:
        """Train once; the first step sets up buffers, and the Trace is made after the last."""
        net = nl.mlp([64, *[64] * 8, 10], norm=norm, activation="tanh", init_scale=0.7)
        at: list[float] = []
        nl.fit(net, data, steps=steps, record=record, on_step=lambda *_: at.append(process_time()))
        return (at[-1] - at[0]) / (steps - 1)

    for norm in (None, "layer", "batch"):
        times: dict[str, list[float]] = {name: [] for name in recorders}
        for _ in range(rounds):
            for name, make in recorders.items():
                times[name].append(per_step(norm, make()))
        base = np.array(times.pop("no recorder"))
        for name, values in times.items():
            yield Row(
                f"step recording {name}, {norm or 'no'} norm, to one without",
                {NAMED: Spread.of(np.array(values) / base)},
                {NAMED: 1.05 if name == "one signal" else 1.1},
            )


def memory() -> Iterator[Row]:
    """Yield the peak memory of a step beyond parameters, gradients and optimizer state.

    It is set against the sum of what the net's layers put out, h of each: the least that any
    backward has to keep. A layer's own a, x_hat and z are not counted as activations.
    """
    for depth, width, batch, _ in MLPS:
        training(*mlp_data(depth, width, batch, "float32"))()  # what is imported and kept for good
        tracemalloc.start()
        net, x, labels = mlp_data(depth, width, batch, "float32")
        step = training(net, x, labels)
        step()
        step()  # now the caches of the step before are there to be replaced, as in a long run
        tracemalloc.reset_peak()
        step()
        peak = tracemalloc.get_traced_memory()[1] - 3 * net.flat.nbytes - x.nbytes - labels.nbytes
        tracemalloc.stop()
        activations, h = 0, x
        for layer in net.parts.values():
            h = layer.forward(h)
            activations += h.nbytes
        ratio = Spread.of([peak / activations])
        yield Row(
            f"peak memory of that step, 64-{width}×{depth}-10, float32, to its activations",
            {NAMED: ratio},
            {NAMED: 3.0},
        )


def importing() -> Iterator[Row]:
    """Yield the time of `import normlib` after NumPy's, as a share of the 0.2 s it may take."""
    program = (
        "import numpy; from time import process_time; start = process_time(); import normlib;"
        "print(process_time() - start)"
    )
    seconds = [
        float(subprocess.check_output([sys.executable, "-c", program], text=True))
        for _ in range(11)
    ]
    share = Spread.of(value / 0.2 for value in seconds)
    yield Row("import of normlib after NumPy, to 0.2 s", {NAMED: share}, {NAMED: 1.0})


FAMILIES = {
    "steps": mlp_steps,
    "norms": norms,
    "recording": recording,
    "memory": memory,
    "importing": importing,
}


def main(wanted: list[str]) -> None:
    """Measure the wanted families, or all, and print the table."""
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        raise SystemExit("Set OPENBLAS_NUM_THREADS=1 first: at these sizes threads only wait.")
    rows = []
    for name in wanted or FAMILIES:
        for row in FAMILIES[name]():
            print(f"· {row.what}", file=sys.stderr)
            rows.append(row)
    report = table(rows)
    print(report)
    if not wanted:
        RESULTS.write_text(INTRODUCTION + description() + "\n\n" + report + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
