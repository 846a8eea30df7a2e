r"""Mean-only batch normalization: batch normalization that leaves the scale alone.

.. math:: \mu_c = \frac{1}{NHW} \sum_{n,h,w} a_{nchw}, \qquad \sigma = 1

It was made to follow weight normalization, ``Norm.then``, which looks after the scale.
"""

from normlib.spec import Norm

NORM = Norm(
    name="mean_only",
    label="Mean-only batch norm",
    shares="NS",
    scale="one",
    paper="Salimans & Kingma 2016",
    url="https://arxiv.org/abs/1602.07868v3",
)
