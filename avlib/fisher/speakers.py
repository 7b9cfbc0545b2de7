"""Speaker normalisation: each speaker's own mean, of clips without labels, is taken off."""

from collections.abc import Mapping

import numpy as np

Means = Mapping[str, np.ndarray]


def reference_clips(
    subjects: np.ndarray, clip_ids: np.ndarray, normalise: str, enrolled: int
) -> np.ndarray:
    """Return whose clips a speaker's mean is taken over, bool of shape (n,).

    Parameters
    ----------
    subjects, clip_ids : str arrays of shape (n,)
    normalise : {"enrolled", "transductive"}
        The first clips of each speaker, in the order of their clip_id; or all of them.
    enrolled : int
        How many those first clips are.
    """
    if normalise == "transductive":
        return np.ones(len(subjects), bool)
    chosen = np.zeros(len(subjects), bool)
    order = np.argsort(clip_ids, kind="stable")
    for subject in np.unique(subjects):
        chosen[order[subjects[order] == subject][:enrolled]] = True
    return chosen


def speaker_means(vectors: np.ndarray, subjects: np.ndarray, counted: np.ndarray) -> Means:
    """Return each speaker's mean vector over the rows that count, float64 of shape (d,)."""
    return {
        subject: vectors[counted & (subjects == subject)].mean(axis=0, dtype=np.float64)
        for subject in np.unique(subjects[counted])
    }


def without_means(vectors: np.ndarray, subjects: np.ndarray, means: Means) -> np.ndarray:
    """Take each row's speaker's mean off; a speaker without one keeps the vectors as they are."""
    result = np.array(vectors, np.float32)
    for subject in np.unique(subjects):
        if subject in means:
            result[subjects == subject] -= means[subject]
    return result
