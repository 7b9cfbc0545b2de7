"""Scores of a column of predictions over the recordings of some folds."""

from typing import Any

import pandas as pd

from avlib.report.regression import partition_scores


def partition(rows: pd.DataFrame, dimension: str, column: str) -> dict[str, Any]:
    """Score a column of predictions of some recordings; of two folds they are two recordings."""
    labels, predicted = rows[f"{dimension}_label"].to_numpy(float), rows[column].to_numpy(float)
    places = rows.groupby(["fold", "clip_id"]).indices
    return partition_scores([(labels[at], predicted[at]) for _, at in sorted(places.items())])
