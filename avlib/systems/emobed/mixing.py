"""How two modalities lie in one space: whether they mix, and whether their emotions meet.

Both look at a point's nearest neighbours (Euclidean) among those of other subjects: a clip's own
sound and face, neighbouring moments and a person's likeness say nothing of the space.
"""

from collections.abc import Iterator

import numpy as np

from avlib.report.embeddings import NEIGHBOURS


def mixing(values: np.ndarray, modality: np.ndarray, subjects: np.ndarray) -> float:
    """Return how often neighbours are of the other modality, over how often chance makes them so.

    This is Schilling's statistic of two samples (1986), the share of nearest neighbours from a
    point's own sample, put so that 0 means modalities that lie apart and 1 such as cannot be told
    by their place. Both modalities count alike.

    Parameters
    ----------
    values : array of shape (n, d)
    modality, subjects : arrays of shape (n,)

    Returns
    -------
    float
        NaN where there is but one modality, or nobody has enough points of others beside him.
    """
    shares, expected = np.full(len(values), np.nan), np.full(len(values), np.nan)
    for own, others in _apart(subjects):
        foreign = modality[others] != modality[own, None]  # (n_own, n_others)
        near = _nearest(_distances(values[own], values[others]))
        shares[own] = np.take_along_axis(foreign, near, axis=1).mean(axis=1)
        expected[own] = foreign.mean(axis=1)
    ratios = []
    for name in np.unique(modality):
        counted = (modality == name) & np.isfinite(shares)
        by_chance = expected[counted].sum()
        ratios.append(shares[counted].sum() / by_chance if by_chance else np.nan)
    return float(np.mean(ratios)) if ratios else np.nan


def emotions_across(
    values: np.ndarray, modality: np.ndarray, emotions: np.ndarray, subjects: np.ndarray
) -> tuple[float, float]:
    """Return how often a point's neighbours of the other modality show its emotion.

    Parameters
    ----------
    values : array of shape (n, d)
    modality, emotions, subjects : arrays of shape (n,)

    Returns
    -------
    share, chance : float
        Of the `NEIGHBOURS` nearest of the other modality, and of all of the other modality; means
        over the points. NaN where no point has so many.
    """
    found = []
    for own, others in _apart(subjects):
        foreign = modality[others] != modality[own, None]
        alike = emotions[others] == emotions[own, None]
        near = _nearest(np.where(foreign, _distances(values[own], values[others]), np.inf))
        counts = foreign.sum(axis=1)
        enough = counts >= NEIGHBOURS
        share = np.take_along_axis(alike, near, axis=1).mean(axis=1)[enough]
        chance = (alike & foreign).sum(axis=1)[enough] / counts[enough]
        found.append((share, chance))
    if not sum(len(share) for share, _ in found):
        return np.nan, np.nan
    share, chance = (float(np.concatenate(parts).mean()) for parts in zip(*found, strict=True))
    return share, chance


def _apart(subjects: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows of each subject, and of all others where these are enough."""
    for name in np.unique(subjects):
        own = subjects == name
        if (~own).sum() >= NEIGHBOURS:
            yield np.flatnonzero(own), np.flatnonzero(~own)


def _nearest(distances: np.ndarray) -> np.ndarray:
    """Return the columns of the nearest in each row; the first of equals first."""
    return np.argsort(distances, axis=1, kind="stable")[:, :NEIGHBOURS]


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Euclidean distance of each row of the one to each of the other."""
    from scipy.spatial.distance import cdist  # takes a tenth of a second to load

    return cdist(a, b)
