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
from functools import partial
from itertools import islice
from pathlib import Path
from time import process_time

import numpy as np
from sklearn.decomposition import PCA

import normlib as nl
import textbook
from machine import description
from networks import in_torch, workloads
from timing import Row, Spread, ratios, table

RESULTS = Path(__file__).parent / "results.md"
TEXTBOOK, TORCH, GEMM, NAMED = "textbook NumPy", "PyTorch", "GEMM alone", "as the row says"
INTRODUCTION = """# How fast normlib is

Written by `make bench`. Each number is a ratio to what the head of its column names, in the same \
run and on one thread: the median of many rounds with its quartiles, smaller is better. A step is \
forward, softmax cross-entropy, backward and SGD with momentum; GEMM alone is its matrix products \
and nothing else. Activations are the outputs h of all layers, and the memory set against them is \
the peak of a step beyond parameters, gradients and optimizer state. Textbook NumPy is \
[textbook.py](textbook.py); PyTorch is eager, on the CPU.

Measured on: """

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


def steps() -> Iterator[Row]:
    """Yield whole training steps."""
    for dtype in ("float32", "float64"):
        for work in workloads(dtype):
            ours, others = work.step(), work.peers()
            # After some updates, so that gradients and optimizers are compared as well.
            losses = {
                n: [step() for _ in range(4)] for n, step in {"normlib": ours, **others}.items()
            }
            agree(losses, 1e-3 if dtype == "float32" else 1e-9)
            yield Row(
                f"step of {work.name}",
                ratios(ours, {**others, GEMM: work.products()}),
                {TORCH: work.aim} if work.aim and dtype == "float32" else {},
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
    updates, rounds, data = 100, 12, nl.load_digits()
    recorders: dict[str, Callable[[], nl.Recorder | None]] = {
        "no recorder": lambda: None,
        "one signal": lambda: nl.Recorder(sample=4096, signals=["z"]),
        "all signals": lambda: nl.Recorder(sample=4096),
    }

    def per_step(norm: str | None, record: nl.Recorder | None) -> float:
        """Train once; the first step sets up buffers, and the Trace is made after the last."""
        net = nl.mlp([64, *[64] * 8, 10], norm=norm, activation="tanh", init_scale=0.7)
        at: list[float] = []
        nl.fit(
            net, data, steps=updates, record=record, on_step=lambda *_: at.append(process_time())
        )
        return (at[-1] - at[0]) / (updates - 1)

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

    It is set against the sum of what the net's layers put out, h of each, which is the least that
    any backward has to keep; a, x_hat and z inside a layer do not count as activations.
    """
    for index in range(len(list(workloads("float32")))):
        next(islice(workloads("float32"), index, None)).step()()  # what is imported, and cached
        tracemalloc.start()
        work = next(islice(workloads("float32"), index, None))
        net, step = work.net, work.step()
        step()
        step()  # now the caches of the step before are there to be replaced, as in a long run
        tracemalloc.reset_peak()
        step()
        lasting = 3 * net.flat.nbytes + work.x.nbytes + work.labels.nbytes
        peak = tracemalloc.get_traced_memory()[1] - lasting
        tracemalloc.stop()
        activations, h = 0, work.x
        for layer in net.parts.values():
            h = layer.forward(h)
            activations += h.nbytes
        ratio = Spread.of([peak / activations])
        yield Row(f"peak memory of a step of {work.name}", {NAMED: ratio}, {NAMED: 3.0})


def whitening() -> Iterator[Row]:
    """Yield measuring and applying a whitening, beside scikit-learn's PCA(whiten=True)."""
    rng = np.random.default_rng(0)
    for n, d in ((1797, 64), (1000, 16), (512, 128), (10_000, 32)):
        x = rng.standard_normal((n, d)) @ rng.standard_normal((d, d))
        works = {
            method: partial(lambda x, how: nl.whiten(x, how, eps=0).transform(x), x, method)
            for method in ("pca", "zca", "cholesky")
        }
        sklearn = partial(lambda x: PCA(whiten=True).fit_transform(x), x)
        # It divides by n - 1 where normlib divides by n.
        agree({"scikit-learn": sklearn(), "normlib": works["pca"]() * np.sqrt((n - 1) / n)}, 1e-6)
        for method, work in works.items():
            yield Row(
                f"{method} whitening of {n}×{d}, float64, to scikit-learn's PCA",
                {NAMED: ratios(work, {"": sklearn})[""]},
                {NAMED: 1.0},
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
    "steps": steps,
    "norms": norms,
    "recording": recording,
    "whitening": whitening,
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
