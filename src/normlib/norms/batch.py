r"""Batch normalization: a channel's values in all samples and positions of the batch share.

.. math:: \mu_c = \frac{1}{NHW} \sum_{n,h,w} a_{nchw}
"""

from normlib.spec import Norm

NORM = Norm(
    name="batch",
    label="Batch norm",
    shares="NS",
    paper="Ioffe & Szegedy 2015",
    url="https://arxiv.org/abs/1502.03167",
)
