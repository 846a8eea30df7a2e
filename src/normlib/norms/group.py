r"""Group normalization: the channels of one group of one sample share, at all positions.

With G groups of C/G channels each, over the set :math:`S_{ng}` of one group's values:

.. math:: \mu_{ng} = \frac{G}{CHW} \sum_{(c,h,w) \in S_{ng}} a_{nchw}
"""

from normlib.spec import Norm

NORM = Norm(
    name="group",
    label="Group norm",
    shares="cS",
    grouped=True,
    paper="Wu & He 2018",
    url="https://arxiv.org/abs/1803.08494",
)
