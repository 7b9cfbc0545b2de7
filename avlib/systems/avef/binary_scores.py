"""How often AVEF is right on binary arousal and valence."""

import pandas as pd

from avlib.report.scores import condition_with, confusion_matrix, confusion_scores, mean_and_std
from avlib.systems.avef.binary import TASKS


def binary_scores(
    rows: pd.DataFrame, task: str, modalities: str
) -> dict[str, tuple[float, float]] | None:
    """Score a task where a model used these modalities.

    Parameters
    ----------
    rows
        Table ``binary`` of one model.
    task
    modalities
        As in column ``modalities``: ``audio``, ``video`` or ``audio+video``.

    Returns
    -------
    dict of str to (float, float), or None
        Mean over folds and its standard deviation of accuracy, uar, f1_macro and commoner: of
        always naming the label that more of these clips have. None where nothing was predicted.
    """
    rows = rows[rows["task"] == task]
    condition = condition_with(rows, modalities)
    if condition is None:
        return None
    labels, folds = list(TASKS[task]), []
    for _, fold in rows[rows["condition"] == condition].groupby("fold"):
        counts = confusion_matrix(fold["label"], fold["predicted"], labels)
        commoner = float(counts.sum(axis=1).max() / counts.sum())
        folds.append(confusion_scores(counts, labels) | {"commoner": commoner})
    measures = ("accuracy", "uar", "f1_macro", "commoner")
    return {name: mean_and_std(fold[name] for fold in folds) for name in measures}
