"""The folds as the stages read them: checked, and drawn from the clips that are there."""

import pandas as pd

from avlib.protocols.leaks import check_folds
from avlib.runtime import paths, tables
from avlib.runtime.digests import name_digest
from avlib.runtime.errors import DataError


def checked_folds(protocol: str, validation_by: str) -> pd.DataFrame:
    """Read ``data/folds.parquet`` as every stage that trusts it does: checked.

    Parameters
    ----------
    protocol, validation_by
        As of `check_folds`.

    Raises
    ------
    LeakError, DataError
        As `check_folds`; or the clips are not those that the folds were drawn from, or the file is
        not as stage ``folds`` wrote it.
    """
    folds, clips, copies = (
        tables.read_table(path) for path in (paths.FOLDS, paths.CLIPS, paths.COPIES)
    )
    check_folds(folds, clips, protocol, validation_by, copies)
    if tables.read_facts(paths.FOLDS).get("drawn_from") != drawn_from(clips):
        raise DataError(
            f"{paths.FOLDS} was not drawn from {paths.CLIPS} as it is: since then a label, a"
            " subject or a recording changed, or the file was written by hand; expected what stage"
            " folds writes: run dvc repro folds"
        )
    return folds


def drawn_from(clips: pd.DataFrame) -> str:
    """Return a digest of all that folds are drawn from, whatever the order of the rows."""
    facts = ("arousal", "clip_id", "corpus", "emotion", "partition", "sha256", "subject", "valence")
    columns = [fact for fact in facts if fact in clips]
    return name_digest(clips.sort_values("clip_id")[columns].to_csv(index=False))
