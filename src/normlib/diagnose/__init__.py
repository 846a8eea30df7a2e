"""Measure what is claimed: gradients, invariances, covariate shift and smoothness."""

from normlib.diagnose.gradients import ArrayCheck, GradientCheck, check_gradients
from normlib.diagnose.invariance import Invariances, invariance_matrix, rescaled
from normlib.diagnose.landscape import Landscape, loss_landscape
from normlib.diagnose.rescalings import RESCALINGS, Rescaled, Rescaling
from normlib.diagnose.shift import CovariateShift, internal_covariate_shift

__all__ = [
    "RESCALINGS",
    "ArrayCheck",
    "CovariateShift",
    "GradientCheck",
    "Invariances",
    "Landscape",
    "Rescaled",
    "Rescaling",
    "check_gradients",
    "internal_covariate_shift",
    "invariance_matrix",
    "loss_landscape",
    "rescaled",
]
