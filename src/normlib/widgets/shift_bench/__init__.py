"""The Shift Bench: what importance weights win and cost when the inputs move."""

from normlib.widgets.shift_bench.bench import ShiftBench

__all__ = ["ShiftBench"]
