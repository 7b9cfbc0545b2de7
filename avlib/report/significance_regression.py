"""The two tests that EmoBed compares its systems with (section 4.3), both on published figures.

They need two scores and two counts, not the systems' predictions, and so take the two for
independent. Both systems are tested on the same data: where predictions are at hand, the paired
tests of `avlib.report.significance` say more.
"""

from typing import NamedTuple

import numpy as np
from scipy import special


class ZTest(NamedTuple):
    """Statistic, positive where the first score is the larger one, and p."""

    z: float
    p: float


def fisher_r_to_z(r_a: float | None, n_a: int, r_b: float | None, n_b: int) -> ZTest | None:
    """Test two correlations, or two CCCs, for a difference (Fisher 1921); two-sided.

    z = (artanh r_a - artanh r_b) / sqrt(1 / (n_a - 3) + 1 / (n_b - 3)). The paper says neither
    how many sides nor what n is. Resolved as two sides, and frames when the caller wants the
    paper's figures. Frames 40 ms apart are far from independent, so with n frames p is much too
    small; and the variance is Pearson's, which for a CCC is an approximation.

    Parameters
    ----------
    r_a, r_b : float or None
        In (-1, 1); None is the CCC of constant labels.
    n_a, n_b : int
        Independent observations behind each.

    Returns
    -------
    ZTest or None
        None where a correlation is not defined or is 1 or -1, whose transform is infinite, or
        where an n is below 4.
    """
    if r_a is None or r_b is None or max(abs(r_a), abs(r_b)) >= 1 or min(n_a, n_b) < 4:
        return None
    z = float((np.arctanh(r_a) - np.arctanh(r_b)) / np.sqrt(1 / (n_a - 3) + 1 / (n_b - 3)))
    return ZTest(z, float(2 * special.ndtr(-abs(z))))


def proportions_z(share_a: float, n_a: int, share_b: float, n_b: int) -> ZTest | None:
    """Test whether the first of two proportions is the larger one; one-tailed, pooled variance.

    The paper puts macro-F1 in the place of the proportion. F1 is no share of clips: the result
    then is the paper's convention, not a test with a known error rate.

    Parameters
    ----------
    share_a, share_b : float
        In [0, 1].
    n_a, n_b : int
        Clips behind each.

    Returns
    -------
    ZTest or None
        p is that of the hypothesis that `share_a` is no larger. Equal shares give z = 0, p = 0.5;
        None without clips.

    Raises
    ------
    ValueError
        A share is outside of [0, 1].
    """
    if not (0 <= share_a <= 1 and 0 <= share_b <= 1):
        raise ValueError(f"shares {share_a} and {share_b}; expected both in [0, 1]")
    if min(n_a, n_b) < 1:
        return None
    if share_a == share_b:  # their variance may be 0
        return ZTest(0.0, 0.5)
    pooled = (share_a * n_a + share_b * n_b) / (n_a + n_b)
    z = float((share_a - share_b) / np.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b)))
    return ZTest(z, float(special.ndtr(-z)))
