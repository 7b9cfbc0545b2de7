"""Clips of tested speakers that are set apart to know the speaker by."""

import pandas as pd

from avlib.protocols.labelled import some
from avlib.protocols.tables import ENROLMENT
from avlib.runtime.digests import name_digest
from avlib.runtime.errors import DataError


def enrol(folds: pd.DataFrame, clips: pd.DataFrame, n: int) -> pd.DataFrame:
    """Take some clips of each tested subject out of the test parts.

    They are drawn by the digests of their names: names may sort by emotion, as RAVDESS's do.

    Parameters
    ----------
    folds
        As of `make_folds`.
    clips
        Columns clip_id, subject.
    n
        Clips of a subject; they come into part ``enrolment``.

    Raises
    ------
    DataError
        A subject would have no clip left to score.
    """
    rows = folds.merge(clips[["clip_id", "subject"]], on="clip_id")
    rows = rows.iloc[rows["clip_id"].map(name_digest).argsort()]
    tested = rows[rows["part"] == "test"]
    place = tested.groupby(["fold", "subject"]).cumcount()
    left = tested[place >= n]
    if gone := set(tested["subject"]) - set(left["subject"]):
        raise DataError(
            f"speakers.enrolled_clips is {n}, but {some(gone)} have no more clips in a test part;"
            " none would be left to score: enrol fewer"
        )
    key = ["clip_id", "fold"]
    enrolled = pd.MultiIndex.from_frame(tested.loc[place < n, key])
    chosen = pd.MultiIndex.from_frame(folds[key]).isin(enrolled)
    return folds.assign(part=folds["part"].mask(chosen, ENROLMENT))
