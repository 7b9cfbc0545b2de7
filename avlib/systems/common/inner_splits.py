"""Divisions of a fold's training and validation clips, on which settings are chosen."""

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from avlib.systems.common.model import VectorClips, concatenate


def inner_splits(
    train: VectorClips, validation: VectorClips, n: int
) -> list[tuple[VectorClips, VectorClips]]:
    """Divide the clips of both parts anew, so that more people than the validation part's choose.

    Each clip is learned from in all divisions but one, which judges by it. Subjects stay whole;
    only where the two parts share subjects already, as under ``stratified_kfold``, clips are dealt
    out one by one.

    Parameters
    ----------
    train, validation : VectorClips
    n : int
        Divisions; no more than there are subjects, or clips of the commonest emotion. 1 takes the
        two parts as they are.

    Returns
    -------
    list of (VectorClips, VectorClips)
        Clips to learn from and clips to judge by. The two parts as they are where no division
        would leave two emotions, one of them with two clips, to learn from.
    """
    everything = concatenate(train, validation)
    shared = np.intersect1d(train.subject, validation.subject).size > 0
    groups = everything.clip_id if shared else everything.subject
    # No more divisions than the commonest emotion has clips: scikit-learn refuses more.
    n = min(n, len(np.unique(groups)), int(np.bincount(everything.emotion).max(initial=0)))
    if n < 2:
        return [(train, validation)]
    # The seed is no parameter: it decides nothing but who judges together.
    dealer = StratifiedGroupKFold(n, shuffle=True, random_state=0)
    splits = [
        (everything.select(learned), everything.select(judged))
        for learned, judged in dealer.split(everything.emotion, everything.emotion, groups)
        if len(judged) and _can_learn(everything.emotion[learned])
    ]
    return splits or [(train, validation)]


def _can_learn(emotions: np.ndarray) -> bool:
    counts = np.unique(emotions, return_counts=True)[1]
    return len(counts) > 1 and counts.max() > 1
