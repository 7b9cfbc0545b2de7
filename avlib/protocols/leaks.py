"""The leak check: nothing and nobody stands on both sides of a fold."""

import pandas as pd

from avlib.protocols.division import (
    check_each_tested_once,
    check_nothing_left_out,
    check_tables,
)
from avlib.protocols.kinds import ACROSS_CORPORA, SUBJECT_INDEPENDENT
from avlib.protocols.labelled import some
from avlib.protocols.tables import AUXILIARY, ENROLMENT
from avlib.runtime.errors import LeakError

# What table `copies` says of clips, by column of what is checked.
COPIED = ("sound", "pictures")

# What two clips have in common that share a value of a column.
SAME = {
    "sha256": "are the same recording",
    "video_sha256": "are of the same video file",
    "audio_sha256": "are of the same sound file",
    "sound": "have the same sound, in other bytes,",
    "pictures": "have the same pictures, in other bytes,",
}


def check_folds(
    folds: pd.DataFrame,
    clips: pd.DataFrame,
    protocol: str,
    validation_by: str = "subjects",
    copies: pd.DataFrame | None = None,
) -> None:
    """Stop a run whose folds leak.

    A clip, a byte-identical recording, picture or sound under another clip_id, or a copy of one,
    may never stand in the test part and another part of one fold; nor may a subject where the
    protocol is subject-independent. Validation subjects may never be training subjects, except in
    an official partition, which is its authors' to draw, and where clips are held out under
    ``stratified_kfold``. Who only helps to train (part ``auxiliary``) is in no other part of any
    fold.

    Parameters
    ----------
    folds, clips
        The tables; columns video_sha256 and audio_sha256 of clips are looked at where they are.
    protocol, validation_by
        As of `make_folds`.
    copies
        Table ``copies``: clips whose sound or pictures are alike, whatever their bytes.

    Raises
    ------
    LeakError
        Names the fold, and the subjects, clips or corpora on both sides.
    DataError
        The tables are no division of these clips: an unknown clip, part or fold, a recording
        without a digest, a person under two names, a fold that lacks a part, a clip tested in more
        or fewer folds than the protocol says, or a labelled one that is left out.
    """
    check_tables(folds, clips)
    across = protocol in ACROSS_CORPORA
    streams = clips.columns.intersection(["video_sha256", "audio_sha256"])
    helped = (folds["part"] == AUXILIARY).any()
    corpus = ["corpus"] if across or helped else []
    columns = ["clip_id", "subject", "sha256", *streams, *corpus]
    joined = folds.merge(clips[columns], on="clip_id")
    alike = pd.DataFrame(columns=["clip_id", "medium", "same_as"]) if copies is None else copies
    for medium in COPIED:
        same_as = alike[alike["medium"] == medium].set_index("clip_id")["same_as"]
        joined[medium] = joined["clip_id"].map(same_as)
    independent, own_parts = SUBJECT_INDEPENDENT[protocol], protocol != "official"
    by_clips = validation_by == "clips" and not independent
    recordings = [(c, True, independent or by_clips) for c in ("sha256", *streams, *COPIED)]
    for column, from_test, from_validation in (
        ("clip_id", True, True),
        *recordings,
        ("subject", independent, own_parts and not by_clips),
        ("corpus", across, False),
    ):
        if from_test:
            for tested in ("test", ENROLMENT):
                _forbid_on_both_sides(joined, column, ("train", "validation"), tested)
        if from_validation:
            _forbid_on_both_sides(joined, column, ("train",), "validation")
    if helped:
        _forbid_helpers_elsewhere(joined)
    check_each_tested_once(folds, protocol)
    check_nothing_left_out(folds, clips, protocol)


def _forbid_on_both_sides(
    joined: pd.DataFrame, column: str, one_side: tuple[str, ...], other: str
) -> None:
    known = joined.dropna(subset=[column])
    both = set(known.loc[known["part"].isin(one_side), column])
    both &= set(known.loc[known["part"] == other, column])
    known = known[known[column].isin(both)]
    first = known[known["part"].isin(one_side)]
    second = known[known["part"] == other]
    shared = first.merge(second, on=["fold", column], suffixes=("", "_other"))
    if shared.empty:
        return
    fold = shared["fold"].min()
    shared = shared[shared["fold"] == fold]
    if column in SAME:
        found = shared.iloc[0]
        what = f"clips {found['clip_id']} and {found['clip_id_other']} {SAME[column]} and"
        cure = "remove one of the two from the corpus"
    else:
        what = f"{column.removesuffix('_id')} {some(shared[column].unique())}"
        cure = "keep subjects whole" if column == "subject" else "make the folds anew"
    sides = " or ".join(one_side)
    raise LeakError(f"fold {fold}: {what} stand in {sides} and in {other}; {cure}")


def _forbid_helpers_elsewhere(joined: pd.DataFrame) -> None:
    """Refuse folds in which who or what only helps to train stands in another part of any fold.

    Names of people are compared without the member's before them (``ravdess-Actor_01``): one
    member may hold a person's voice, another the face.
    """
    clips = joined.drop_duplicates(["clip_id", "part"])
    helping, others = clips[clips["part"] == AUXILIARY], clips[clips["part"] != AUXILIARY]
    if both := set(helping["corpus"]) & set(others["corpus"]):
        raise LeakError(
            f"some clips of {some(both)} only help to train and some are in other parts; expected"
            " all of a corpus in the one or the other: make the folds anew"
        )
    for column in joined.columns.intersection([*SAME]):
        pairs = helping.dropna(subset=[column]).merge(others, on=column, suffixes=("", "_other"))
        if len(pairs):
            one, other = pairs.loc[0, ["clip_id", "clip_id_other"]]
            raise LeakError(
                f"clips {one} and {other} {SAME[column]} and only one of them is of the auxiliary"
                " corpus; remove one of the two from its corpus"
            )
    if shared := _people(helping) & _people(others):
        raise LeakError(
            f"{some(shared)} of the auxiliary corpus {some(set(helping['corpus']))} is in"
            f" {some(set(others['corpus']))} too, and whoever helps to train may not be tested;"
            " leave them out of one of the two, or give two people of one name other names"
        )


def _people(clips: pd.DataFrame) -> set[str]:
    """Return the names of people as their own corpora have them."""
    known = clips[["corpus", "subject"]].dropna().drop_duplicates()
    return {subject.removeprefix(f"{corpus}-") for corpus, subject in known.to_numpy()}
