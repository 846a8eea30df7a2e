"""The Copy Bench: naive Bayes, and a feature that is measured again and again."""

from normlib.widgets.copy_bench.bench import CopyBench
from normlib.widgets.copy_bench.world import Score, World

__all__ = ["CopyBench", "Score", "World"]
