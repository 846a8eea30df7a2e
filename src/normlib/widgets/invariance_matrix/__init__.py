"""The Invariance Matrix: which rescalings a method's output does not notice, cell by cell."""

from normlib.widgets.invariance_matrix.grid import Grid, measure
from normlib.widgets.invariance_matrix.matrix import InvarianceMatrix

__all__ = ["Grid", "InvarianceMatrix", "measure"]
