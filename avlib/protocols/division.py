"""Whether a table of folds is a division of the clips at all."""

import re
import unicodedata

import pandas as pd

from avlib.protocols.labelled import has_label, some
from avlib.protocols.tables import AUXILIARY, ENROLMENT, PARTS
from avlib.runtime.errors import DataError


def check_tables(folds: pd.DataFrame, clips: pd.DataFrame) -> None:
    """Refuse rows that mean nothing, before anything is concluded from them."""
    twice = clips.loc[clips["clip_id"].duplicated(), "clip_id"].unique()
    if len(twice):
        raise DataError(f"clips table holds {some(twice)} twice; each clip_id must be unique")
    if unknown_clips := set(folds["clip_id"]) - set(clips["clip_id"]):
        raise DataError(
            f"folds name {some(unknown_clips)}, which the clips table lacks; make the folds anew"
        )
    if unknown_parts := set(folds["part"]) - {*PARTS, ENROLMENT, AUXILIARY}:
        raise DataError(f"folds hold part {some(unknown_parts)}; expected {', '.join(PARTS)}")
    number = pd.to_numeric(folds["fold"], errors="coerce")
    odd = folds[(number % 1 != 0) | (number < 0)]
    if len(odd):
        raise DataError(
            f"clip {odd['clip_id'].iloc[0]} is in fold {odd['fold'].iloc[0]}; expected whole"
            " numbers from 0: make the folds anew"
        )
    used = clips[clips["clip_id"].isin(folds["clip_id"])]
    unsure = used[~used["sha256"].astype(object).map(_is_digest)]
    if len(unsure):
        raise DataError(
            f"clip {unsure['clip_id'].iloc[0]} has sha256 {unsure['sha256'].iloc[0]!r}, by which no"
            " copy of it is found; expected 64 hexadecimal digits in lower case: run stage clips"
        )
    _check_names(used)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _check_names(clips: pd.DataFrame) -> None:
    """Refuse two spellings of one name, which folds would take for two people."""
    subjects = pd.Series(clips["subject"].dropna().unique(), dtype=object)
    plain = subjects.map(lambda name: " ".join(unicodedata.normalize("NFKC", name).split()))
    same = subjects[plain.str.casefold().duplicated(keep=False)]
    if len(same):
        spelling = plain[same.index].str.casefold()
        found = same[spelling == spelling.iloc[0]]
        raise DataError(
            f"subjects {' and '.join(sorted(map(repr, found)))} differ in case or spaces alone, and"
            " folds would take one person for several; spell the name in one way in the corpus"
        )


def check_each_tested_once(folds: pd.DataFrame, protocol: str) -> None:
    """Refuse a fold without one of its parts, and a clip that is tested too often or too rarely."""
    sizes = pd.crosstab(folds["fold"], folds["part"]).reindex(columns=PARTS, fill_value=0)
    for part in PARTS:
        empty = sizes.index[sizes[part] == 0]
        if len(empty):
            raise DataError(f"fold {empty[0]} has no {part} clips; make the folds anew")
    repeated = folds.loc[folds.duplicated(["clip_id", "fold"]), "clip_id"].unique()
    if len(repeated):
        raise DataError(f"a fold holds {some(repeated)} twice; expected one row a clip and fold")
    if protocol in ("official", "cross_corpus"):  # what trains there is never tested
        return
    folds = folds[folds["part"] != AUXILIARY]
    times = folds["part"].isin(("test", ENROLMENT)).groupby(folds["clip_id"]).sum()
    wrong = times[times != 1]
    if len(wrong):
        raise DataError(
            f"clip {wrong.index[0]} is tested in {wrong.iloc[0]} folds; expected exactly one "
            f"under {protocol}: make the folds anew"
        )


def check_nothing_left_out(folds: pd.DataFrame, clips: pd.DataFrame, protocol: str) -> None:
    """Every labelled clip is in every fold, but for whom the protocol leaves out."""
    labelled = clips[has_label(clips)]
    there = labelled["clip_id"].isin(folds["clip_id"])
    due = pd.Series(True, labelled.index)
    if protocol == "official":
        tested = labelled["clip_id"].isin(folds.loc[folds["part"] == "test", "clip_id"])
        due = ~labelled["subject"].isin(labelled.loc[tested, "subject"]) | tested
        if "partition" in labelled:  # parts may be left out, as wholes
            due &= labelled["partition"].isin(labelled.loc[there, "partition"])
    elif protocol in ("published", "cross_corpus"):
        whole = "subject" if protocol == "published" else "corpus"
        due = labelled[whole].isin(labelled.loc[there, whole])
    n_folds = folds["fold"].nunique()
    times = labelled.loc[due, "clip_id"].map(folds["clip_id"].value_counts()).fillna(0).astype(int)
    short = times[times < n_folds]
    if len(short):
        raise DataError(
            f"clip {clips.loc[short.index[0], 'clip_id']} has a label and is in {short.iloc[0]} of"
            f" {n_folds} folds; expected in all: make the folds anew"
        )
