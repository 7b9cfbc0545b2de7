"""RECOLA's gold standard out of the ratings of single raters, as AVEC computed it."""

import numpy as np


def gold_standard(ratings: np.ndarray) -> np.ndarray:
    """Return the mean of the raters' traces, each moved to a level that agreement decides on.

    Raters differ in the level of what they say more than in its course. A recording's level is
    therefore the mean of the raters' own means, weighted by how far each agrees with the others:
    the mean of its CCC with each of them. Every trace is moved to that level, and the traces are
    averaged (Ringeval et al. 2015, Prediction of asynchronous dimensional emotion ratings, cited by
    EmoBed, section 4.1.1; and the script that AVEC 2016 gave out with the ratings).

    Who disagrees with the others weighs less than nothing, as there. Where the agreement does not
    add up to more than 0, all raters weigh the same.

    Parameters
    ----------
    ratings : float array of shape (n_moments, n_raters)
        Of one recording and dimension. NaN where a rater says nothing; agreement is over the
        moments of which all say something.

    Returns
    -------
    float64 array of shape (n_moments,)
        NaN where no rater says anything.
    """
    ratings = np.asarray(ratings, float)
    said = np.isfinite(ratings)
    ratings, said = ratings[:, said.any(axis=0)], said[:, said.any(axis=0)]
    means = np.nanmean(ratings, axis=0)
    weights = _agreement(ratings[said.all(axis=1)])
    if not weights.sum() > 0:
        weights = np.ones(len(means))
    moved = np.where(said, ratings - means, 0.0).sum(axis=1)
    raters = np.where(said.any(axis=1), said.sum(axis=1), np.nan)
    return weights @ means / weights.sum() + moved / raters


def _agreement(ratings: np.ndarray) -> np.ndarray:
    """Return the mean CCC of each rater with the others, (n_raters,); of two constants it is 0."""
    n_raters = ratings.shape[1]
    if n_raters < 2 or not len(ratings):
        return np.zeros(n_raters)
    covariance, means = np.cov(ratings.T, bias=True), ratings.mean(axis=0)
    variance = np.diag(covariance)
    apart = variance[:, None] + variance + (means[:, None] - means) ** 2
    ccc = 2 * covariance / np.where(apart > 0, apart, np.inf)
    np.fill_diagonal(ccc, 0.0)
    return ccc.sum(axis=1) / (n_raters - 1)
