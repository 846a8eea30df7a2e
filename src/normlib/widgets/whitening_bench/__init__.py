"""The Whitening Bench: a cloud through seven moves, and gradient descent after each."""

from normlib.widgets.whitening_bench.bench import WhiteningBench
from normlib.widgets.whitening_bench.clouds import clouds
from normlib.widgets.whitening_bench.moves import MOVES, Stage, stage

__all__ = ["MOVES", "Stage", "WhiteningBench", "clouds", "stage"]
