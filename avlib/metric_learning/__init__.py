"""Learned distances in scikit-learn's manner: arrays in, arrays out, nothing known of clips.

The baselines are in modules of their own, ``lmnn``, ``itml`` and ``gmml``, and not imported here: a
change of one of them then puts no result of MERML out of date.
"""

from avlib.metric_learning.merml import MERML
from avlib.metric_learning.pairs import PairSampler

__all__ = ["MERML", "PairSampler"]
