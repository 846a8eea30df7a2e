r"""Root-mean-square normalization: layer normalization that does not subtract the mean.

.. math:: \mu = 0, \qquad \sigma_n = \sqrt{\frac{1}{CHW} \sum_{c,h,w} a_{nchw}^2 + \epsilon}
"""

from normlib.spec import Norm

NORM = Norm(
    name="rms",
    label="RMS norm",
    shares="GcS",
    center=False,
    scale="rms",
    paper="Zhang & Sennrich 2019",
    url="https://arxiv.org/abs/1910.07467",
)
