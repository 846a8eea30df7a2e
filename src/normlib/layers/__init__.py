"""Layers: pairs of forward and backward, with their parameters and running statistics."""

from normlib.layers.activation import ACTIVATIONS, Activation
from normlib.layers.arrays import Arrays
from normlib.layers.attention import Attention
from normlib.layers.conv import Conv2d
from normlib.layers.dense import Dense
from normlib.layers.layer import Layer
from normlib.layers.normalize import Affine, Normalize
from normlib.layers.pool import AvgPool2d, GlobalAvgPool, MaxPool2d
from normlib.layers.recurrent import Recurrent
from normlib.layers.residual import Residual
from normlib.layers.shape import Flatten
from normlib.layers.whiten import Whiten

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Affine",
    "Arrays",
    "Attention",
    "AvgPool2d",
    "Conv2d",
    "Dense",
    "Flatten",
    "GlobalAvgPool",
    "Layer",
    "MaxPool2d",
    "Normalize",
    "Recurrent",
    "Residual",
    "Whiten",
]
