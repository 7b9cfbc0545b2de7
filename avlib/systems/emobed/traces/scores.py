"""Scores of predicted traces: CCC and RMSE over folds, and what help gains.

The CCC of a fold's test recordings joined, and the mean of their own, stay apart everywhere (see
`avlib.report.regression`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from avlib.report.scores import mean_and_std
from avlib.runtime.errors import DataError
from avlib.systems.emobed.traces import DIMENSIONS
from avlib.systems.emobed.traces.gains import gains
from avlib.systems.emobed.traces.partition import partition

METRICS = ("ccc_concatenated", "ccc_per_recording", "rmse")


def with_labels(predicted: pd.DataFrame, traces: pd.DataFrame) -> pd.DataFrame:
    """Put the labels, ``arousal_label`` and ``valence_label``, and the time beside predictions.

    Rows of a recording follow each other in the order of their frames.

    Parameters
    ----------
    predicted
        Table ``predicted_traces``.
    traces
        Table ``traces``.

    Raises
    ------
    DataError
        A predicted frame is not one of the labels'.
    """
    renamed = {dimension: f"{dimension}_label" for dimension in DIMENSIONS}
    joined = predicted.merge(traces.rename(columns=renamed), on=["clip_id", "frame"], how="left")
    strange = joined["time"].isna()
    if strange.any():
        first = joined[strange].iloc[0]
        raise DataError(
            f"predicted_traces: frame {first['frame']} of {first['clip_id']} has no row in traces"
            f" ({strange.sum()} such frames); expected predictions of these labels: run"
            " train_traces again"
        )
    return joined.sort_values(["fold", "clip_id", "frame"], ignore_index=True)


def trace_scores(joined: pd.DataFrame, subjects: Mapping[str, str]) -> dict[str, Any]:
    """Score every system on every modality it was trained for.

    Parameters
    ----------
    joined
        Of `with_labels`.
    subjects
        By clip_id; see `gains`.

    Returns
    -------
    dict
        ``systems``: by model, modality and dimension, ``before`` and ``after`` post-processing:
        each of `METRICS` as mean over the folds, with ``_std`` (n - 1; None for one fold), and
        ``pooled``, the same over the recordings of all folds. ``gains``: see `gains`. A
        correlation that is not defined, as the labels do not vary, is None.
    """
    systems: dict[str, Any] = {}
    for (model, modality), rows in joined.groupby(["model", "modality"]):
        systems.setdefault(str(model), {})[str(modality)] = {
            d: {"before": _scores(rows, d, f"{d}_raw"), "after": _scores(rows, d, d)}
            for d in DIMENSIONS
        }
    return {"systems": systems, "gains": gains(joined, subjects)}


def _scores(rows: pd.DataFrame, dimension: str, column: str) -> dict[str, Any]:
    by_fold = [partition(fold, dimension, column) for _, fold in rows.groupby("fold")]
    scores: dict[str, Any] = {}
    for metric in METRICS:
        found = mean_and_std(fold[metric] for fold in by_fold)
        mean, std = (None if np.isnan(value) else value for value in found)
        scores |= {metric: mean, f"{metric}_std": std}
    pooled = partition(rows, dimension, column)
    return {**scores, "folds": len(by_fold), "pooled": pooled}
