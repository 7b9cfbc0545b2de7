"""A corpus that only helps to train: its clips stand in every fold and are tested in none."""

import pandas as pd

from avlib.protocols.labelled import labelled_clips, some
from avlib.protocols.tables import AUXILIARY
from avlib.runtime.errors import DataError


def set_apart(clips: pd.DataFrame, corpus: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide the clips of a joined corpus into those to make folds of and those that only help.

    Parameters
    ----------
    clips
        Columns clip_id, corpus, subject, emotion; arousal and valence where there is no emotion.
    corpus
        The member that only helps.

    Returns
    -------
    divided : DataFrame
        Clips of the other members.
    helping : DataFrame
        Labelled clips of the member.

    Raises
    ------
    DataError
        The member has no labelled clip, or no other has one.
    """
    labelled = labelled_clips(clips)
    others = sorted(set(labelled["corpus"]) - {corpus})
    helping = labelled[labelled["corpus"] == corpus]
    if helping.empty:
        raise DataError(
            f"the auxiliary corpus is {corpus!r}, of which there is no labelled clip; expected one"
            f" of {', '.join(others)}, as data/raw/<name>/corpus.yaml joins them (docs/corpora.md)"
        )
    if not others:
        raise DataError(
            f"all labelled clips are of the auxiliary corpus {corpus}, so that nothing is left to"
            " recognise: join another corpus with it (docs/corpora.md)"
        )
    return clips[clips["corpus"] != corpus], helping


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
        corpus = helping["corpus"].iloc[0]
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
