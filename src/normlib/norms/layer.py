r"""Layer normalization: all channels and positions of one sample share.

.. math:: \mu_n = \frac{1}{CHW} \sum_{c,h,w} a_{nchw}
"""

from normlib.spec import Norm

NORM = Norm(
    name="layer",
    label="Layer norm",
    shares="GcS",
    paper="Ba, Kiros & Hinton 2016",
    url="https://arxiv.org/abs/1607.06450",
)
