"""The arena: every method, learning rate, initialization and batch size.

    python book/practice/arena_runs.py

trains every cell of the grid with five seeds, on all cores, and writes
arena_runs.json beside this file. Interrupted, it goes on where it was:
finished cells are kept in _build/arena. `--jobs 2` uses two processes,
`--dask tcp://host:8786` the cluster of that scheduler, whose workers
need normlib.
"""

import argparse
import sys
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path

import joblib
import numpy as np

import normlib as nl

sys.path.append(str(Path(__file__).parents[1]))
import stored

STORED = stored.Stored(__file__)
KEPT = Path(__file__).parents[2] / "_build/arena"

WIDTHS = (64, 48, 48, 48, 48, 10)
GROUPS = 8
DRAWS = 3200  # samples that every run draws: about two and a half epochs

GRID = {
    "lr": (0.01, 0.03, 0.1, 0.3, 1, 3, 10),
    "init_scale": (0.3, 1, 3),
    "batch_size": (4, 16, 64),
    "seed": (0, 1, 2, 3, 4),
}


def configured(norm):
    """Return a row of NORMS as it can be used: groups where it has some."""
    return replace(norm, groups=GROUPS) if norm.grouped else norm


def entrants():
    """Return every method that takes part, by name: all that can.

    Beside the rows of NORMS stand two that their papers ask for: weight
    normalization with its mean-only batch normalization, and a cosine
    whose g starts at 7, about the root of 48 inputs, so that z starts
    with a variance of about 1.
    """
    pair = replace(nl.NORMS["weight"], then=nl.NORMS["mean_only"])
    scaled = replace(nl.NORMS["cosine"], start=7.0)
    known = {name: configured(norm) for name, norm in nl.NORMS.items()}
    known |= {"weight + mean_only": pair, "cosine from 7": scaled}
    able = {name: norm for name, norm in known.items() if not refusal(norm)}
    return {"none": None, **able}


def refusal(norm):
    """Return why a dense network cannot use a method, or nothing."""
    try:
        nl.mlp(WIDTHS, norm=norm).forward(np.eye(4, WIDTHS[0]))
    except ValueError as error:
        return str(error)
    return ""


@cache
def digits(seed):
    """Load the digits, split by this seed."""
    return nl.load_digits(split=seed)


def run(norm, lr, init_scale, batch_size, seed):
    """Train one network; weights, order and split come from the seed."""
    net = nl.mlp(WIDTHS, norm=norm, init_scale=init_scale, seed=seed)
    return nl.fit(
        net,
        digits(seed),
        steps=DRAWS // batch_size,
        batch_size=batch_size,
        lr=lr,
        seed=seed,
    )


def tested(norm, lr, init_scale, batch_size, seed):
    """Return the one number of a run that the arena keeps."""
    return {
        "accuracy": run(norm, lr, init_scale, batch_size, seed).accuracy
    }


def arena(grid, **options):
    """Run all entrants over a grid; the result names them.

    On its way the grid holds the methods themselves: a result that was
    kept is found again only if the method is the same in every field.
    """
    known = entrants()
    table = nl.sweep(tested, {"norm": known.values(), **grid}, **options)
    return nl.Sweep({**table.axes, "norm": tuple(known)}, table.results)


def load():
    """Return the stored arena, as `sweep` returned it."""
    axes = STORED.read()["axes"]
    axes = {name: tuple(values) for name, values in axes.items()}
    return nl.Sweep(axes, {"accuracy": STORED.load("accuracy")})


def options():
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Run the whole arena.")
    parser.add_argument("--jobs", type=int, help="processes at a time")
    parser.add_argument("--dask", metavar="ADDRESS", help="a scheduler")
    parser.add_argument("--kept", type=Path, default=KEPT, help="folder")
    return parser.parse_args()


def main():
    """Run everything and write the summary."""
    given = options()
    with ExitStack() as stack:
        if given.dask:
            from distributed import Client

            client = stack.enter_context(Client(given.dask))
            for file in (stored.__file__, __file__):
                client.upload_file(file)
            stack.enter_context(joblib.parallel_config("dask"))
        table = arena(
            GRID, path=given.kept, n_jobs=given.jobs, progress=True
        )
    accuracy = table.array("accuracy")
    STORED.write({"accuracy": accuracy}, axes=dict(table.axes))


if __name__ == "__main__":
    import arena_runs  # under its own name, other processes find it too

    arena_runs.main()
