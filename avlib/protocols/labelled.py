"""Which clips folds are made of, and how to count and name them."""

import numpy as np
import pandas as pd

from avlib.runtime.errors import DataError


def has_label(clips: pd.DataFrame) -> pd.Series:
    """Tell which clips have an emotion; where none has, arousal or valence."""
    labels = ["emotion"] if clips["emotion"].notna().any() else ["arousal", "valence"]
    return clips[clips.columns.intersection(labels)].notna().any(axis=1)


def labelled_clips(clips: pd.DataFrame) -> pd.DataFrame:
    """Return the clips that have a label; refuse those that no fold can be made of."""
    twice = clips.loc[clips["clip_id"].duplicated(), "clip_id"].unique()
    if len(twice):
        raise DataError(f"clips table holds {some(twice)} twice; each clip_id must be unique")
    labelled = clips[has_label(clips)]
    if labelled.empty:
        raise DataError(
            f"none of the {len(clips)} clips has an emotion, arousal or valence; "
            "there is nothing to make folds of"
        )
    nameless = labelled.loc[labelled["subject"].isna(), "clip_id"]
    if len(nameless):
        raise DataError(f"{some(nameless)} has no subject; folds need to know who is recorded")
    return labelled


def recordings_of(clips: pd.DataFrame) -> tuple[np.ndarray, pd.Index]:
    """Tell recordings apart by number; one whose hash is unknown is one of its own.

    Byte-identical ones are one, so that no copy trains what another tests.
    """
    return pd.factorize(clips["sha256"].fillna(clips["clip_id"]))


def class_counts(clips: pd.DataFrame, unit: np.ndarray) -> np.ndarray:
    """Clips of each class in each unit, (n_units, n_classes); one class if none has an emotion."""
    emotions = clips["emotion"].fillna("").to_numpy()
    return pd.crosstab(unit, emotions).to_numpy(dtype=float)


def some(names: "pd.Series | pd.Index | np.ndarray | set[str]", shown: int = 3) -> str:
    """Spell out the first few names and count the rest."""
    ordered = sorted(str(name) for name in names)
    rest = len(ordered) - shown
    return ", ".join(ordered[:shown]) + (f" and {rest} more" if rest > 0 else "")
