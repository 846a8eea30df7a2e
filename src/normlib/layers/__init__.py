"""Layers: pairs of forward and backward, with their parameters and running statistics."""

from normlib.layers.activation import ACTIVATIONS, Activation
from normlib.layers.dense import Dense
from normlib.layers.layer import Arrays, Layer
from normlib.layers.normalize import Affine, Normalize

__all__ = ["ACTIVATIONS", "Activation", "Affine", "Arrays", "Dense", "Layer", "Normalize"]
