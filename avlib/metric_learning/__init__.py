"""Learned distances in scikit-learn's manner: arrays in, arrays out, nothing known of clips."""

from avlib.metric_learning.merml import MERML
from avlib.metric_learning.pairs import PairSampler

__all__ = ["MERML", "PairSampler"]
