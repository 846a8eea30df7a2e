"""Experiments too long for a page: run by a command, stored beside it.

The functions of methods/layer_runs.py train what layer.ipynb shows, and

    python book/methods/layer_runs.py

runs them with every seed and writes methods/layer_runs.json. The chapter
loads that summary, runs a part of it again and compares.
"""

import json
import platform
from pathlib import Path

import numpy as np

import normlib as nl

BOOK = Path(__file__).parent


class Stored:
    """The summary of one script's experiments, in a file beside it."""

    def __init__(self, script):
        self.script = Path(script).resolve()
        self.path = self.script.with_suffix(".json")

    def read(self):
        """Return all that is stored, by name."""
        return json.loads(self.path.read_text())

    def load(self, name):
        """Return an experiment, seeds first; NaN where a run diverged."""
        return np.array(self.read()[name], float)

    def run(self, experiments, *given):
        """Run all, one per core at a time, and write what they return.

        `experiments` gives the seeds of each function, which is called as
        `function(*given, seed)` and returns an array.
        """
        from joblib import Parallel, delayed
        from tqdm import tqdm

        runs = [
            (one, seed) for one in experiments for seed in experiments[one]
        ]
        jobs = (delayed(one)(*given, seed) for one, seed in runs)
        work = Parallel(n_jobs=-1, return_as="generator")(jobs)
        found = {one.__name__: [] for one in experiments}
        for (one, _), array in zip(
            runs, tqdm(work, total=len(runs)), strict=True
        ):
            found[one.__name__].append(array)
        self.write(found)

    def write(self, found, **about):
        """Write arrays by name, after what they were computed with."""
        script = self.script.relative_to(BOOK.parent).as_posix()
        summary = {
            "command": f"python {script}",
            "normlib": nl.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            **about,
        }
        for name, array in found.items():
            rounded = np.round(
                array, 4
            )  # JSON has no word for NaN but null
            finite = np.isfinite(rounded)
            summary[name] = np.where(finite, rounded, None).tolist()
        text = json.dumps(summary).replace("[[", "\n[[")
        self.path.write_text(text + "\n")
