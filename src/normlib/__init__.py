"""normlib: normalization in neural networks, in NumPy, with every gradient by hand.

Every method computes h = f(g * (a - mu) / sigma + b) and differs in what shares one mu and sigma.
`NORMS` describes each by its name: "batch", "layer", "instance", "group", "rms", "weight", "cosine"
and "mean_only". Where `norm` is asked for, a name will do; options: norm("group", groups=8).

- build: `mlp`, `cnn`, `residual`, or a `Net` of layers: `Dense`, `Conv2d`, `Normalize`,
  `Activation`, `Recurrent`, `Attention`, `Residual`, `GlobalAvgPool`, `Flatten`, ...
- train: `fit`, on `Data` such as `load_digits`; `sweep`, for a grid of runs
- look: `fit` with a `Recorder` returns a `Trace`; `plots` draws it, `widgets` play it
- evaluate: `Net.evaluate`, `Net.predict`, or `Net.training` = False; `recalibrate` the running
  statistics, `fold` them into the weights; `Net.state` for a file
- check: `check_gradients`, `invariance_matrix`, `internal_covariate_shift`, `loss_landscape`
- without a net: `standardize` and `whiten` arrays; a `Normalize` stands alone; merge `Moments`
- your own: a `Norm` describes a normalization, a `Layer` is what others are made from

>>> import normlib
>>> net = normlib.mlp([64, 32, 10], norm="batch")
>>> data = normlib.load_digits()
>>> history = normlib.fit(net, data, steps=100)
>>> history.accuracy > 0.8, net.predict(data.x_test[:3]).shape
(True, (3,))
"""

import importlib as _importlib
import typing as _typing

from normlib.core import Cache, standardize, standardize_backward
from normlib.data import Data, load_digits
from normlib.diagnose import (
    RESCALINGS,
    ArrayCheck,
    CovariateShift,
    GradientCheck,
    Invariances,
    Landscape,
    Rescaled,
    Rescaling,
    check_gradients,
    internal_covariate_shift,
    invariance_matrix,
    loss_landscape,
    rescaled,
)
from normlib.grids import Sweep
from normlib.layers import (
    Activation,
    Affine,
    Attention,
    AvgPool2d,
    Conv2d,
    Dense,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool2d,
    Normalize,
    Recurrent,
    Residual,
    Whiten,
)
from normlib.moments import Moments
from normlib.nets import (
    Net,
    cnn,
    fold,
    initialize_by_data,
    mlp,
    recalibrate,
    residual,
    statistics_kept,
)
from normlib.norms import NORMS, norm
from normlib.record import Recorder, Signal, Trace
from normlib.spec import Norm
from normlib.sweep import sweep
from normlib.train import (
    SGD,
    Adam,
    History,
    Momentum,
    accuracy,
    fit,
    mean_squared_error,
    softmax_cross_entropy,
)
from normlib.whiten import Decorrelated, Whitening, decorrelate, decorrelate_backward, whiten

__all__ = [
    "NORMS",
    "RESCALINGS",
    "SGD",
    "Activation",
    "Adam",
    "Affine",
    "ArrayCheck",
    "Attention",
    "AvgPool2d",
    "Cache",
    "Conv2d",
    "CovariateShift",
    "Data",
    "Decorrelated",
    "Dense",
    "Flatten",
    "GlobalAvgPool",
    "GradientCheck",
    "History",
    "Invariances",
    "Landscape",
    "Layer",
    "MaxPool2d",
    "Moments",
    "Momentum",
    "Net",
    "Norm",
    "Normalize",
    "Recorder",
    "Recurrent",
    "Rescaled",
    "Rescaling",
    "Residual",
    "Signal",
    "Sweep",
    "Trace",
    "Whiten",
    "Whitening",
    "accuracy",
    "check_gradients",
    "cnn",
    "decorrelate",
    "decorrelate_backward",
    "fit",
    "fold",
    "initialize_by_data",
    "internal_covariate_shift",
    "invariance_matrix",
    "load_digits",
    "loss_landscape",
    "mean_squared_error",
    "mlp",
    "norm",
    "recalibrate",
    "rescaled",
    "residual",
    "softmax_cross_entropy",
    "standardize",
    "standardize_backward",
    "statistics_kept",
    "sweep",
    "whiten",
]
__version__ = "0.1.0"

if _typing.TYPE_CHECKING:
    from normlib import plots as plots
    from normlib import widgets as widgets
else:
    _LAZY = ("plots", "widgets")

    def __getattr__(name):
        """Import what draws when it is asked for; most programs never do."""
        if name not in _LAZY:
            raise AttributeError(f"module 'normlib' has no attribute {name!r}")
        try:
            return _importlib.import_module(f"normlib.{name}")
        except ImportError as error:  # so that hasattr, and with it help(normlib), says no
            raise AttributeError(str(error)) from error

    def __dir__():
        return sorted({*globals(), *_LAZY})
