"""Folds that others have drawn: published lists, official parts, and corpora."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from avlib.protocols.labelled import has_label, some
from avlib.protocols.tables import PARTS
from avlib.runtime.errors import DataError


def listed_clips(
    labelled: pd.DataFrame, published: Sequence[Collection[str]]
) -> tuple[pd.DataFrame, np.ndarray]:
    """Clips of the subjects that a published list names, and the fold that tests each, from 0."""
    fold_of = {subject: fold for fold, tested in enumerate(published) for subject in tested}
    listed = labelled[labelled["subject"].isin(fold_of)].reset_index(drop=True)
    tested_in, used = pd.factorize(listed["subject"].map(fold_of), sort=True)
    if len(used) < 2:
        raise DataError(
            f"the corpus holds subjects of {len(used)} of the {len(published)} published folds; "
            "expected two at least: add subjects, or choose subject_kfold, for example"
        )
    return listed, tested_in


def require_corpora(labelled: pd.DataFrame, protocol: str, named: Collection[str]) -> None:
    """Refuse one corpus where several are needed, and names that none has."""
    known = labelled["corpus"].unique()
    if len(known) < 2:
        raise DataError(
            f"protocol.name is {protocol}, but all labelled clips are of corpus {some(known)};"
            " expected several: join them in data/raw/<name>/corpus.yaml (docs/corpora.md) and set"
            " corpus to that name"
        )
    if unknown := set(named) - set(known):
        raise DataError(
            f"protocol.train and test name {some(unknown)}, of which there is no labelled clip;"
            f" expected some of {some(known, len(known))}"
        )


def awaited_clips(clips: pd.DataFrame) -> pd.DataFrame:
    """Return the clips of an official test part whose labels its authors keep, as AVEC does.

    Predictions of them can be handed in. Only of a corpus of arousal and valence: where there are
    emotions, papers test the validation part instead (see `avlib.protocols`).
    """
    if "partition" not in clips or clips["emotion"].notna().any():
        return clips.iloc[:0]
    tested = clips["partition"] == "test"
    known = has_label(clips)
    return clips[tested & ~known] if not (tested & known).any() else clips.iloc[:0]


def official_parts(
    labelled: pd.DataFrame, train: Collection[str] = (), test: Collection[str] = ()
) -> tuple[pd.DataFrame, np.ndarray]:
    """Clips of the authors' own partition, and the part of each (see `avlib.protocols`).

    Where parts to learn from (train) and to test are named, the others are left out.
    """
    if "partition" not in labelled or labelled["partition"].isna().all():
        raise DataError(
            "protocol.name is 'official', but the clips table has no column 'partition'; this "
            "corpus has no partition of its authors': choose subject_kfold, for example"
        )
    wrong = labelled[~labelled["partition"].isin(PARTS)]
    if len(wrong):
        clip_id, found = wrong[["clip_id", "partition"]].iloc[0]
        raise DataError(
            f"clip {clip_id}: partition is {'empty' if pd.isna(found) else repr(found)}; expected"
            f" {', '.join(PARTS)}: fill it in, choose subject_kfold, for example, or let a member"
            " of a joined corpus that has none only help (emobed.auxiliary, avef.transfer)"
        )
    if test:
        labelled = labelled[labelled["partition"].isin([*train, *test])].reset_index(drop=True)
        part = np.where(labelled["partition"].isin(list(test)), "test", "train").astype(object)
    else:
        part = labelled["partition"].to_numpy(dtype=object)
        if "test" not in part and "validation" in part:
            part[part == "validation"] = "test"
    for name, named in (("train", train), ("test", test)):
        if name not in part:
            wanted = " or ".join(map(repr, named or [name]))
            raise DataError(
                f"column 'partition' has no labelled clip in {wanted}; nothing can be measured"
            )
    tested_subjects = set(labelled["subject"][part == "test"])
    kept = (part == "test") | ~labelled["subject"].isin(tested_subjects).to_numpy()
    labelled, part = labelled[kept].reset_index(drop=True), part[kept]
    if "train" not in part:
        raise DataError(
            "protocol.name is 'official', and every training clip is of a subject who is tested"
            f" ({some(tested_subjects)}); nothing can be learned: give each subject one part, or"
            " choose subject_kfold, for example"
        )
    return labelled, part


def left_by_partition(clips: pd.DataFrame, folds: pd.DataFrame) -> str:
    """Say whom `official_parts` left out of training and validation, as they are tested too.

    Parameters
    ----------
    clips, folds
        The tables.

    Returns
    -------
    str
        A line; empty where nobody was left out.
    """
    left = clips[has_label(clips) & ~clips["clip_id"].isin(folds["clip_id"])]
    used = clips.loc[clips["clip_id"].isin(folds["clip_id"]), "partition"]
    left = left[left["partition"].isin(used)]  # other parts are left out on purpose
    if left.empty:
        return ""
    subjects = left["subject"].unique()
    return (
        f"left out of training and validation: {len(left)} clips of {some(subjects)}, who"
        f" {'is' if len(subjects) == 1 else 'are'} tested"
    )
