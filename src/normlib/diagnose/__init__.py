"""Measure what is claimed: gradients, invariances, covariate shift and smoothness."""

from normlib.diagnose.gradients import ArrayCheck, GradientCheck, check_gradients
from normlib.diagnose.landscape import Landscape, loss_landscape
from normlib.diagnose.shift import CovariateShift, internal_covariate_shift

__all__ = [
    "ArrayCheck",
    "CovariateShift",
    "GradientCheck",
    "Landscape",
    "check_gradients",
    "internal_covariate_shift",
    "loss_landscape",
]
