"""scikit-learn's own checks of what an estimator must keep to."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from avlib.metric_learning.gmml import GMML
from avlib.metric_learning.itml import ITML
from avlib.metric_learning.lmnn import LMNN

# The checks fit on problems of all kinds, on some of which an iterative method stops early.
# ITML walks through its pairs one by one: a few of them, a few times, say as much here.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@parametrize_with_checks([LMNN(), ITML(pairs=100, max_iter=10), GMML()])
def test_keeps_to_the_interface_of_scikit_learn(estimator, check):
    check(estimator)
