"""Scores of a column of predictions over the recordings of some folds.

They are those of `regression.partition_scores`, which scores one recording after the other; here
hundreds of short ones are scored at once.
"""

from typing import Any

import numpy as np
import pandas as pd

from avlib.report.concordance import ROUNDING, ccc, labelled
from avlib.report.regression import pearson, rmse


def partition(rows: pd.DataFrame, dimension: str, column: str) -> dict[str, Any]:
    """Score a column of predictions of some recordings; of two folds they are two recordings.

    Of several seeds it is the mean of their scores, None where one of them is.

    Parameters
    ----------
    rows
        Of `avlib.systems.emobed.traces.scores.with_labels`.
    dimension
        Of the labels.
    column
        Of the predictions.

    Returns
    -------
    dict
        As of `regression.partition_scores`.

    Raises
    ------
    ValueError
        A prediction is not a finite number.
    """
    labels, predicted = rows[f"{dimension}_label"].to_numpy(float), rows[column].to_numpy(float)
    recording, seed = rows["recording"].to_numpy(), rows["seed"].to_numpy()
    of_seeds = [
        _of_seed(labels[own], predicted[own], recording[own])
        for own in (seed == number for number in np.unique(seed))
    ]
    if len(of_seeds) < 2:
        return of_seeds[0] if of_seeds else _of_seed(labels, predicted, recording)
    counts = ("frames", "recordings", "recordings_total")  # the same of all
    return {
        name: value if name in counts else _mean([one[name] for one in of_seeds])
        for name, value in of_seeds[0].items()
    }


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def _of_seed(labels: np.ndarray, predicted: np.ndarray, recording: np.ndarray) -> dict[str, Any]:
    truth, said = labelled(labels, predicted)
    own = _ccc_of_each(truth, said, recording[np.isfinite(labels)])
    return {
        "ccc_concatenated": ccc(truth, said),
        "ccc_per_recording": float(np.mean(own)) if len(own) else None,
        "pearson_concatenated": pearson(truth, said),
        "rmse": rmse(truth, said),
        "frames": len(truth),
        "recordings": len(own),
        "recordings_total": len(np.unique(recording)),
    }


def _ccc_of_each(x: np.ndarray, y: np.ndarray, recording: np.ndarray) -> np.ndarray:
    """Return `ccc` of each recording whose labels vary.

    Parameters
    ----------
    x, y : float arrays of shape (n_frames,)
        Labels and predictions.
    recording : int array of shape (n_frames,)
        Ascending.
    """
    if not len(x):
        return np.zeros(0)
    starts = np.flatnonzero(np.diff(recording, prepend=recording[0] - 1))
    n = np.diff(starts, append=len(x))

    def mean(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, starts) / n

    def varies(values: np.ndarray) -> np.ndarray:
        high, low = (bound.reduceat(values, starts) for bound in (np.maximum, np.minimum))
        return high - low > ROUNDING * np.maximum(1.0, np.maximum(np.abs(high), np.abs(low)))

    mean_x, mean_y = mean(x), mean(y)
    from_x, from_y = x - np.repeat(mean_x, n), y - np.repeat(mean_y, n)
    spread = mean(from_x**2) + mean(from_y**2) + (mean_x - mean_y) ** 2
    of_labels = varies(x)
    covariance = np.where(varies(y), mean(from_x * from_y), 0.0)
    return 2 * covariance[of_labels] / spread[of_labels]
