"""Losses, optimizers and the training loop."""

from normlib.train.loop import History, accuracy, fit
from normlib.train.losses import LOSSES, mean_squared_error, softmax_cross_entropy
from normlib.train.optimizers import OPTIMIZERS, SGD, Adam, Momentum

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "History",
    "Momentum",
    "accuracy",
    "fit",
    "mean_squared_error",
    "softmax_cross_entropy",
]
