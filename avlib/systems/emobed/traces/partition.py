"""Scores of a column of predictions over the recordings of some folds."""

from typing import Any

import numpy as np
import pandas as pd

from avlib.report.regression import partition_scores


def partition(rows: pd.DataFrame, dimension: str, column: str) -> dict[str, Any]:
    """Score a column of predictions of some recordings; of two folds they are two recordings.

    Of several seeds it is the mean of their scores, None where one of them is.
    """
    of_seeds = [_of_seed(own, dimension, column) for _, own in rows.groupby("seed")]
    if len(of_seeds) < 2:
        return of_seeds[0] if of_seeds else partition_scores([])
    counts = ("frames", "recordings", "recordings_total")  # the same of all
    return {
        name: value if name in counts else _mean([one[name] for one in of_seeds])
        for name, value in of_seeds[0].items()
    }


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def _of_seed(rows: pd.DataFrame, dimension: str, column: str) -> dict[str, Any]:
    labels, predicted = rows[f"{dimension}_label"].to_numpy(float), rows[column].to_numpy(float)
    places = rows.groupby(["fold", "clip_id"]).indices
    return partition_scores([(labels[at], predicted[at]) for _, at in sorted(places.items())])
