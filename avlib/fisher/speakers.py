"""Speaker normalisation: each speaker's own mean, of clips without labels, is taken off."""

from collections.abc import Mapping

import numpy as np

from avlib.runtime.digests import name_digest

Means = Mapping[str, np.ndarray]


def reference_clips(
    subjects: np.ndarray, clip_ids: np.ndarray, normalise: str, enrolled: int
) -> np.ndarray:
    """Return whose clips a speaker's mean is taken over, bool of shape (n,).

    Parameters
    ----------
    subjects, clip_ids : str arrays of shape (n,)
    normalise : {"enrolled", "transductive"}
        Some clips of each speaker, drawn by the digests of their names, those of `enrol` of
        `avlib.protocols`; or all of them.
    enrolled : int
        How many those are.
    """
    if normalise == "transductive":
        return np.ones(len(subjects), bool)
    chosen = np.zeros(len(subjects), bool)
    order = np.argsort([name_digest(clip_id) for clip_id in clip_ids])
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
