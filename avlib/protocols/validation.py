"""The validation part: what is taken out of a fold's training clips to select on."""

import numpy as np
import pandas as pd

from avlib.protocols.labelled import class_counts, recordings_of, some
from avlib.runtime.errors import DataError


def validation_subjects(
    labelled: pd.DataFrame, part: np.ndarray, share: float, seed: int, fold: int
) -> np.ndarray:
    """Rows of the training clips to hold out: whole subjects, training keeping every class."""
    rows = np.flatnonzero(part == "train")
    training = labelled.iloc[rows]
    _check_trainable(labelled[part == "test"], training, fold)
    subject, names = pd.factorize(training["subject"], sort=True)
    wanted = int(np.clip(round(share * len(names)), 1, max(len(names) - 1, 1)))
    rng = np.random.default_rng([seed, fold])
    held_out = _hold_out(class_counts(training, subject), wanted, rng)
    if not held_out.any():
        raise DataError(
            f"fold {fold}: none of its {len(names)} training subjects ({some(names)}) can be held "
            "out for validation so that training keeps every emotion; expected at least two "
            "subjects that share their emotions: add subjects, or raise protocol.k"
        )
    return rows[held_out[subject]]


def validation_recordings(
    labelled: pd.DataFrame, part: np.ndarray, share: float, seed: int, fold: int
) -> np.ndarray:
    """Rows of the training clips to hold out: a share of each emotion's recordings."""
    rows = np.flatnonzero(part == "train")
    training = labelled.iloc[rows]
    _check_trainable(labelled[part == "test"], training, fold)
    recording, names = recordings_of(training)
    _, first = np.unique(recording, return_index=True)
    emotions = training["emotion"].fillna("").to_numpy()[first]
    held_out = np.zeros(len(names), dtype=bool)
    rng = np.random.default_rng([seed, fold])
    for emotion in sorted(set(emotions)):
        of_emotion = rng.permutation(np.flatnonzero(emotions == emotion))
        wanted = max(round(share * len(of_emotion)), 1)
        held_out[of_emotion[: min(wanted, len(of_emotion) - 1)]] = True
    if not held_out.any():
        raise DataError(
            f"fold {fold}: none of its {len(names)} training recordings can be held out for "
            "validation so that training keeps every emotion; expected two recordings of one at "
            "least: add recordings"
        )
    return rows[held_out[recording]]


def _check_trainable(test: pd.DataFrame, training: pd.DataFrame, fold: int) -> None:
    untrained = sorted(set(test["emotion"].dropna()) - set(training["emotion"].dropna()))
    if untrained:
        clips = test.loc[test["emotion"] == untrained[0], "clip_id"]
        raise DataError(
            f"fold {fold} would test emotion {untrained[0]!r} ({some(clips)}) without a clip to "
            "train it on; expected it among the clips that train too: leave this emotion out or "
            "join it with another (labels, in params.yaml or in the corpus.yaml of a joined "
            "corpus), or add clips of it by other subjects"
        )


def _hold_out(counts: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Choose up to ``wanted`` subjects so that the others still have every class.

    Random, but a subject who brings a class that no chosen one has comes first, so that
    selection sees every class where it can.

    Parameters
    ----------
    counts
        Clips of each class by each subject, (n_subjects, n_classes).

    Returns
    -------
    ndarray
        (n_subjects,) bool.
    """
    order = rng.permutation(len(counts))
    chosen = np.zeros(len(counts), dtype=bool)
    for _ in range(wanted):
        rest = counts[~chosen].sum(axis=0)
        candidates = [s for s in order if not chosen[s] and (rest - counts[s] > 0).all()]
        if not candidates:
            break
        missing = counts[chosen].sum(axis=0) == 0
        new_classes = [(counts[s, missing] > 0).sum() for s in candidates]
        chosen[candidates[int(np.argmax(new_classes))]] = True
    return chosen
