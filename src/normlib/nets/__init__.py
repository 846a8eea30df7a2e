"""Networks: layers in a row, and what concerns all of them at once."""

from normlib.nets.builders import cnn, mlp
from normlib.nets.fold import fold
from normlib.nets.initialize import initialize_by_data
from normlib.nets.net import Net
from normlib.nets.stack import residual
from normlib.nets.statistics import recalibrate, statistics_kept

__all__ = [
    "Net",
    "cnn",
    "fold",
    "initialize_by_data",
    "mlp",
    "recalibrate",
    "residual",
    "statistics_kept",
]
