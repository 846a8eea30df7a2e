r"""Weight normalization: each row of w is divided by its length; g starts at that length.

.. math:: w = g\,\frac{v}{\|v\|}, \qquad \mu = 0, \quad \sigma = \|v\|
"""

from normlib.spec import Norm

NORM = Norm(
    name="weight",
    label="Weight norm",
    acts_on="weight",
    center=False,
    scale="norm",
    eps=0.0,
    start="sigma",
    paper="Salimans & Kingma 2016",
    url="https://arxiv.org/abs/1602.07868",
)
