"""Which tables of test clips belong to the corpus and the folds that stand in ``data`` now.

After a change of corpus or protocol, some systems have been trained anew and others have not yet.
What the others have left is of other clips or folds: it is neither scored nor shown.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from avlib.report.scores import are_tested
from avlib.runtime import paths, tables

NOT_TRAINED = "not trained yet"
OF_OTHER_FOLDS = "trained on another corpus or other folds"
OF_OTHER_LABELS = "the table calls clips by other emotions than data/clips.parquet"


def current_rows(path: Path, folds: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame | str:
    """Return a model's rows about test clips, or why they are not of these folds and labels.

    Parameters
    ----------
    path
        A table with columns ``clip_id`` and ``fold``; what its column ``emotion``, if it has one,
        says is true must be so.
    folds, clips
        The tables.
    """
    if not path.is_file():
        return NOT_TRAINED
    rows = tables.read_table(path)
    if not are_tested(rows, folds).all():
        return OF_OTHER_FOLDS
    if "emotion" in rows:
        label = rows["clip_id"].map(clips.set_index("clip_id")["emotion"])
        if (rows["emotion"] != label).any():
            return OF_OTHER_LABELS
    return rows


def current_predictions(
    models: Iterable[str], folds: pd.DataFrame, clips: pd.DataFrame
) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
    """Read the predictions that are of these folds and labels.

    Returns
    -------
    predictions : dict of str to DataFrame
        By model, in their order; without rows where a model learned nothing.
    left_out : dict of str to str
        Why the others have none.
    """
    found = {m: current_rows(paths.PREDICTIONS / f"{m}.parquet", folds, clips) for m in models}
    left_out = {model: why for model, why in found.items() if isinstance(why, str)}
    return {m: rows for m, rows in found.items() if not isinstance(rows, str)}, left_out


def left_out_lines(left_out: dict[str, str]) -> list[str]:
    """Say in one line for each reason which models are left out."""
    reasons = dict.fromkeys(left_out.values())
    return [
        f"left out, {reason}: {', '.join(m for m in left_out if left_out[m] == reason)}"
        for reason in reasons
    ]
