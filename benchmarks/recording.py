"""What recording adds to a training step, for the networks of the book's first page.

    OPENBLAS_NUM_THREADS=1 python benchmarks/recording.py

Runs with and without a Recorder take turns, and CPU time is compared, so that another process on
the machine disturbs all of them alike. Making the Trace after the run is not part of a step.
"""

from time import process_time

import numpy as np

import normlib as nl

STEPS, ROUNDS = 200, 40
RECORDERS = {
    "no recorder": lambda: None,
    "one signal": lambda: nl.Recorder(sample=4096, signals=["z"]),
    "all signals": lambda: nl.Recorder(sample=4096),
}


def seconds_per_step(data: nl.Data, norm: str | None, record: nl.Recorder | None) -> float:
    """Train once and return the CPU time of a step."""
    net = nl.mlp([64, *[64] * 8, 10], norm=norm, activation="tanh", init_scale=0.7)
    marks: list[float] = []
    nl.fit(net, data, steps=STEPS, record=record, on_step=lambda *_: marks.append(process_time()))
    return (marks[-1] - marks[0]) / (STEPS - 1)


def main() -> None:
    """Print the median cost of each recorder, with its quartiles."""
    data = nl.load_digits()
    for norm in (None, "layer", "batch"):
        times: dict[str, list[float]] = {name: [] for name in RECORDERS}
        for _ in range(ROUNDS):
            for name, make in RECORDERS.items():
                times[name].append(seconds_per_step(data, norm, make()))
        base = np.array(times.pop("no recorder"))
        for name, values in times.items():
            low, middle, high = np.quantile(np.array(values) / base - 1, (0.25, 0.5, 0.75))
            print(
                f"{norm or 'none':6} {name:12} {middle:+6.1%}  (quartiles {low:+.1%}, {high:+.1%})"
            )


if __name__ == "__main__":
    main()
