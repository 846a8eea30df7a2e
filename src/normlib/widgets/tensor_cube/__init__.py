"""The Tensor Cube: which cells of a block of activations share one mu and one sigma."""

from normlib.widgets.tensor_cube.cube import TensorCube

__all__ = ["TensorCube"]
