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

_LABELS = [f"{dimension}_label" for dimension in DIMENSIONS]
METRICS = ("ccc_concatenated", "ccc_per_recording", "rmse")


def with_labels(predicted: pd.DataFrame, traces: pd.DataFrame) -> pd.DataFrame:
    """Put the labels, ``arousal_label`` and ``valence_label``, and the time beside predictions.

    Of a recording without any label, as its authors keep them, they are NaN. Rows of a recording
    follow each other in the order of their frames; column ``recording`` numbers the recordings in
    the order of fold and clip_id.

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
    strange = joined["time"].isna() & joined["clip_id"].isin(traces["clip_id"])
    if strange.any():
        first = joined[strange].iloc[0]
        raise DataError(
            f"predicted_traces: frame {first['frame']} of {first['clip_id']} has no row in traces"
            f" ({strange.sum()} such frames); expected predictions of these labels: run"
            " train_traces again"
        )
    joined = joined.sort_values(["seed", "fold", "clip_id", "frame"], ignore_index=True)
    return joined.assign(recording=joined.groupby(["fold", "clip_id"]).ngroup())


def trace_scores(joined: pd.DataFrame, subjects: Mapping[str, str]) -> dict[str, Any]:
    """Score every system in every scenario it was trained for.

    Parameters
    ----------
    joined
        Of `with_labels`.
    subjects
        By clip_id; see `gains`.

    Returns
    -------
    dict
        ``part``: "test", or "validation" where no test recording has labels. ``systems``: of that
        part by model, scenario and dimension, ``before`` and ``after`` post-processing: each of
        `METRICS` as mean over the folds, with ``_std`` (n - 1; None for one fold), and ``pooled``,
        the same over the recordings of all folds; of several seeds all are means. ``seeds``: how
        many there are at most. ``validation``: the same of the validation part,
        which has chosen epoch and post-processing. ``gains``: see `gains`. A correlation that is
        not defined, as the labels do not vary, is None.
    """
    by_part = dict(list(joined.groupby("part")))
    part = "test"
    if part not in by_part or by_part[part][_LABELS].isna().all(axis=None):
        part = "validation"
    scored = by_part.get(part, joined.iloc[:0])
    return {
        "part": part,
        "seeds": int(joined["seed"].nunique()),
        "systems": _by_system(scored),
        "validation": _by_system(by_part.get("validation", joined.iloc[:0])),
        "gains": gains(scored, subjects),
    }


def _by_system(rows: pd.DataFrame) -> dict[str, Any]:
    systems: dict[str, Any] = {}
    for (model, scenario), own in rows.groupby(["model", "scenario"]):
        systems.setdefault(str(model), {})[str(scenario)] = {
            d: {"before": _scores(own, d, f"{d}_raw"), "after": _scores(own, d, d)}
            for d in DIMENSIONS
        }
    return systems


def _scores(rows: pd.DataFrame, dimension: str, column: str) -> dict[str, Any]:
    by_fold = [partition(fold, dimension, column) for _, fold in rows.groupby("fold")]
    scores: dict[str, Any] = {}
    for metric in METRICS:
        found = mean_and_std(fold[metric] for fold in by_fold)
        mean, std = (None if np.isnan(value) else value for value in found)
        scores |= {metric: mean, f"{metric}_std": std}
    pooled = partition(rows, dimension, column)
    return {**scores, "folds": len(by_fold), "pooled": pooled}
