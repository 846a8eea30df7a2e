r"""Cosine normalization: rows of w and of the input are divided by their lengths.

.. math:: \hat x = \cos\theta = \frac{w \cdot x}{\|w\|\,\|x\|},
    \qquad \mu = 0, \quad \sigma = \|w\|\,\|x\|
"""

from normlib.spec import Norm

NORM = Norm(
    name="cosine",
    label="Cosine norm",
    acts_on="weight and input",
    center=False,
    scale="norm",
    eps=0.0,
    paper="Luo et al. 2017",
    url="https://arxiv.org/abs/1702.05870",
)
