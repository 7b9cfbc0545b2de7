"""ITML: the metric nearest to the Euclidean one that keeps pairs within bounds."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from scipy.linalg.blas import dsymv, dsyr
from sklearn.utils._param_validation import Interval

from avlib.metric_learning.base import warn_unconverged
from avlib.metric_learning.linear import LinearMetric, square_root
from avlib.metric_learning.pairs import PairSampler

PROBE = 20_000  # random pairs that tell the distribution of distances


@dataclass(eq=False, repr=False)
class ITML(LinearMetric):
    """Information-Theoretic Metric Learning by cyclic Bregman projections (algorithm 1).

    Minimises the LogDet divergence of A from the identity so that d^2 is at most u for similar and
    at least l for dissimilar pairs, up to slack weighted by gamma. u and l are percentiles of d^2
    between random samples. Each projection is a rank-one update that depends on the one before it,
    so that only its inside is vectorised.

    Pairs are drawn by `PairSampler`, half of them similar, classes equally present. Samples that
    coincide have distance 0 under any metric: their pairs are left out, also of the percentiles.

    Parameters
    ----------
    pca : int
        Principal axes kept before.
    gamma : float
        Above 0; the larger, the more the pairs count against staying Euclidean.
    pairs : int
        Constraints.
    bounds : tuple of float
        Percentiles of u and l, in [0, 100].
    max_iter : int
        Cycles over all constraints, at most; 0 keeps the Euclidean distance.
    tol : float
        Converged when a cycle changes the multipliers by no more than this share.
    seed : int

    Attributes
    ----------
    n_iter_ : int
        Cycles run.
    converged_ : bool

    References
    ----------
    Davis, Kulis, Jain, Sra, Dhillon: Information-Theoretic Metric Learning, ICML 2007.
    """

    pca: int = 200
    _: KW_ONLY
    gamma: float = 1.0
    pairs: int = 1000
    bounds: Sequence[float] = (5.0, 95.0)
    max_iter: int = 100
    tol: float = 1e-3
    seed: int = 0

    _parameter_constraints: ClassVar[dict] = {
        **LinearMetric._parameter_constraints,
        "gamma": [Interval(Real, 0, None, closed="neither")],
        "pairs": [Interval(Integral, 2, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
    }

    def _learn(self, Z: np.ndarray, codes: np.ndarray) -> np.ndarray:
        low, high = self.bounds
        if not 0 <= low <= high <= 100:
            raise ValueError(f"bounds must be two ascending percentiles, got {self.bounds!r}")
        seeds = np.random.SeedSequence(self.seed).generate_state(2)
        Z = Z.astype(np.float64)
        first, second, sign = PairSampler(codes, seed=int(seeds[0])).sample(self.pairs)
        gaps = Z[first] - Z[second]
        apart = gaps.any(axis=1)
        self.n_iter_, self.converged_ = 0, True
        if not apart.any():
            return np.eye(Z.shape[1])
        upper, lower = distance_bounds(Z, self.bounds, int(seeds[1]))
        A, self.n_iter_, self.converged_ = project_cyclically(
            gaps[apart], sign[apart], upper, lower, self.gamma, self.max_iter, self.tol
        )
        if not self.converged_ and self.max_iter:
            warn_unconverged(
                f"ITML stopped after {self.max_iter} cycles before it converged: a larger max_iter"
                " or a smaller gamma may help"
            )
        return square_root(A)


def distance_bounds(Z: np.ndarray, bounds: Sequence[float], seed: int) -> tuple[float, float]:
    """Return percentiles of the squared distances between random samples that do not coincide.

    The paper takes them of the observed distances; d^2 is what the constraints bound.
    """
    first, second = np.random.default_rng(seed).integers(len(Z), size=(2, PROBE))
    distances = np.square(Z[first] - Z[second]).sum(axis=1)
    if not distances.any():  # a few samples among very many copies
        distances = np.square(Z - Z[0]).sum(axis=1)
    low, high = np.percentile(distances[distances > 0], bounds)
    return float(low), float(high)


def project_cyclically(
    gaps: np.ndarray,
    sign: np.ndarray,
    upper: float,
    lower: float,
    gamma: float,
    max_iter: int,
    tol: float,
) -> tuple[np.ndarray, int, bool]:
    """Project onto one constraint after another until the multipliers stand still.

    Parameters
    ----------
    gaps : array of shape (m, p)
        ``z_i - z_j`` of each pair, none of them 0.
    sign : array of shape (m,)
        +1: d^2 shall be at most `upper`; -1: at least `lower`.

    Returns
    -------
    A : array of shape (p, p)
    n_iter : int
    converged : bool
    """
    sign = np.asarray(sign, float)
    A = np.asfortranarray(np.eye(gaps.shape[1]))  # dsyr keeps its upper triangle
    bound = np.where(sign > 0, upper, lower)
    multipliers = np.zeros(len(gaps))
    share = gamma / (gamma + 1.0)
    n_iter, converged = 0, False
    while n_iter < max_iter and not converged:
        before = multipliers.copy()
        for i, v in enumerate(gaps):
            Av = dsymv(1.0, A, v)
            d2 = v @ Av
            # The step that makes d^2 and the slackened bound meet, unless the multiplier would
            # turn negative.
            alpha = min(multipliers[i], sign[i] * share * (1.0 / d2 - 1.0 / bound[i]))
            if alpha == 0.0:
                continue
            multipliers[i] -= alpha
            bound[i] = 1.0 / (1.0 / bound[i] + sign[i] * alpha / gamma)
            beta = sign[i] * alpha / (1.0 - sign[i] * alpha * d2)
            A = dsyr(beta, Av, a=A, overwrite_a=True)
        n_iter += 1
        size = np.linalg.norm(multipliers) + np.linalg.norm(before)
        converged = size == 0 or np.abs(multipliers - before).sum() <= tol * size
    return np.triu(A) + np.triu(A, 1).T, n_iter, bool(converged)
