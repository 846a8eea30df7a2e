"""The book's figures: one palette, ridges of distributions, loss curves, heatmaps, light and dark.

matplotlib is imported when a figure is drawn, so that `normlib` itself needs NumPy alone.
"""

from normlib.plots.charts import heatmap, loss, ridge
from normlib.plots.figure import show
from normlib.plots.moves import moves
from normlib.plots.palette import (
    DARK,
    LIGHT,
    Theme,
    Tones,
    color,
    label,
    style,
    theme,
    tones,
)
from normlib.plots.shapes import SPAN, height, shapes
from normlib.plots.table import table

__all__ = [
    "DARK",
    "LIGHT",
    "SPAN",
    "Theme",
    "Tones",
    "color",
    "heatmap",
    "height",
    "label",
    "loss",
    "moves",
    "ridge",
    "shapes",
    "show",
    "style",
    "table",
    "theme",
    "tones",
]
