"""Divisions of a fold's training and validation clips, on which settings are chosen."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from avlib.systems.common.model import VectorClips, concatenate

Split = tuple[VectorClips, VectorClips]


@dataclass(frozen=True)
class Divisions:
    """Divisions of the same clips, of which each is copied out only when it is asked for.

    Attributes
    ----------
    parts : (VectorClips, VectorClips)
    rows : list of (bool array, bool array)
        Of both parts, first then second: which clips to learn from, and which to judge by.
    """

    parts: Split
    rows: list[tuple[np.ndarray, np.ndarray]]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Split]:
        for learned, judged in self.rows:
            yield self._select(learned), self._select(judged)

    def _select(self, rows: np.ndarray) -> VectorClips:
        first, second = self.parts
        return concatenate(first.select(rows[: len(first)]), second.select(rows[len(first) :]))


def inner_splits(train: VectorClips, validation: VectorClips, n: int) -> list[Split] | Divisions:
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
    list or Divisions of (VectorClips, VectorClips)
        Clips to learn from and clips to judge by. The two parts as they are where no division
        would leave two emotions, one of them with two clips, to learn from.
    """
    emotion, subject, clip_id = (
        np.concatenate([getattr(part, name) for part in (train, validation)])
        for name in ("emotion", "subject", "clip_id")
    )
    shared = np.intersect1d(train.subject, validation.subject).size > 0
    groups = clip_id if shared else subject
    # No more divisions than the commonest emotion has clips: scikit-learn refuses more.
    n = min(n, len(np.unique(groups)), int(np.bincount(emotion).max(initial=0)))
    if n < 2:
        return [(train, validation)]
    # The seed is no parameter: it decides nothing but who judges together.
    dealer = StratifiedGroupKFold(n, shuffle=True, random_state=0)
    rows = []
    for _, chosen in dealer.split(emotion, emotion, groups):
        judged = np.isin(np.arange(len(emotion)), chosen)
        if judged.any() and _can_learn(emotion[~judged]):
            rows.append((~judged, judged))
    return Divisions((train, validation), rows) if rows else [(train, validation)]


def _can_learn(emotions: np.ndarray) -> bool:
    counts = np.unique(emotions, return_counts=True)[1]
    return len(counts) > 1 and counts.max() > 1
