"""Corpora that only help to train: their clips stand in every fold and are tested in none."""

from collections.abc import Collection

import pandas as pd

from avlib.protocols.labelled import labelled_clips, some
from avlib.protocols.tables import AUXILIARY
from avlib.runtime.errors import DataError


def set_apart(
    clips: pd.DataFrame, corpora: Collection[str], setting: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide the clips of a joined corpus into those to make folds of and those that only help.

    Parameters
    ----------
    clips
        Columns clip_id, corpus, subject, emotion; arousal and valence where there is no emotion.
    corpora
        The members that only help.
    setting
        Of params.yaml, which names them.

    Returns
    -------
    divided : DataFrame
        Clips of the other members.
    helping : DataFrame
        Labelled clips of these members.

    Raises
    ------
    DataError
        Such a member has no labelled clip, or no other has one.
    """
    labelled = labelled_clips(clips)
    known = set(labelled["corpus"])
    others = sorted(known - set(corpora))
    for corpus in sorted(set(corpora) - known):
        raise DataError(
            f"{setting} names {corpus!r}, of which there is no labelled clip; expected one of"
            f" {', '.join(others)}, as data/raw/<name>/corpus.yaml joins them (docs/corpora.md)"
        )
    if not others:
        raise DataError(
            f"all labelled clips are of {some(set(corpora))}, which {setting} names, so that"
            f" nothing is left to recognise: take one out of {setting}, or join another corpus with"
            " them (docs/corpora.md)"
        )
    helps = clips["corpus"].isin(corpora)
    return clips[~helps], labelled[labelled["corpus"].isin(corpora)]


def with_auxiliary(folds: pd.DataFrame, clips: pd.DataFrame, helping: pd.DataFrame) -> pd.DataFrame:
    """Add the clips that only help to every fold, as part ``auxiliary``.

    Parameters
    ----------
    folds
        As of `make_folds`.
    clips
        Columns clip_id and emotion.
    helping
        As of `set_apart`.

    Raises
    ------
    DataError
        They show an emotion that no clip of the folds does: it would be one to recognise.
    """
    divided = clips[clips["clip_id"].isin(folds["clip_id"])]
    if strange := set(helping["emotion"].dropna()) - set(divided["emotion"].dropna()):
        strangers = helping["emotion"].isin(strange)
        corpus = helping.loc[strangers, "corpus"].iloc[0]
        raise DataError(
            f"the auxiliary corpus {corpus} shows {some(strange)}, which no clip of the"
            " other corpora does; expected emotions that are to be recognised: map them to one or"
            f" to null (members.{corpus}.labels in corpus.yaml)"
        )
    added = [
        pd.DataFrame({"clip_id": helping["clip_id"], "fold": fold, "part": AUXILIARY})
        for fold in sorted(folds["fold"].unique())
    ]
    return pd.concat([folds, *added], ignore_index=True).astype(folds.dtypes.to_dict())
