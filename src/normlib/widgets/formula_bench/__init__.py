"""The Formula Bench: one sample through shift, scale, re-scale and re-shift."""

from normlib.widgets.formula_bench.bench import FormulaBench
from normlib.widgets.formula_bench.samples import shapes

__all__ = ["FormulaBench", "shapes"]
