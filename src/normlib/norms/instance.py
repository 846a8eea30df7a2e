r"""Instance normalization: the positions of one channel of one sample share.

.. math:: \mu_{nc} = \frac{1}{HW} \sum_{h,w} a_{nchw}
"""

from normlib.spec import Norm

NORM = Norm(
    name="instance",
    label="Instance norm",
    shares="S",
    paper="Ulyanov, Vedaldi & Lempitsky 2016",
    url="https://arxiv.org/abs/1607.08022",
)
