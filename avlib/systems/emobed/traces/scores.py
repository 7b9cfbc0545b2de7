"""Scores of predicted traces: CCC and RMSE over folds, and what EmoBed gains.

The CCC of a fold's test recordings joined, and the mean of their own, stay apart everywhere (see
`avlib.report.regression`).
"""

from typing import Any

import numpy as np
import pandas as pd

from avlib.report.regression import partition_scores
from avlib.report.scores import mean_and_std
from avlib.report.significance_regression import fisher_r_to_z
from avlib.runtime.errors import DataError
from avlib.systems.emobed.traces import DIMENSIONS

CLASSIC, EMOBED = "emobed_classic", "emobed"
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


def trace_scores(joined: pd.DataFrame) -> dict[str, Any]:
    """Score every system on every modality it was trained for.

    Parameters
    ----------
    joined
        Of `with_labels`.

    Returns
    -------
    dict
        ``systems``: by model, modality and dimension, ``before`` and ``after`` post-processing:
        each of `METRICS` as mean over the folds, with ``_std`` (n - 1; None for one fold), and
        ``pooled``, the same over the recordings of all folds. ``gains``: by modality and
        dimension, `gain`. A correlation that is not defined, as the labels do not vary, is None.
    """
    systems: dict[str, Any] = {}
    for (model, modality), rows in joined.groupby(["model", "modality"]):
        systems.setdefault(str(model), {})[str(modality)] = {
            d: {"before": _scores(rows, d, f"{d}_raw"), "after": _scores(rows, d, d)}
            for d in DIMENSIONS
        }
    gains = {}
    for modality, emobed in systems.get(EMOBED, {}).items():
        if classic := systems.get(CLASSIC, {}).get(modality):
            gains[modality] = {d: gain(classic[d]["after"], emobed[d]["after"]) for d in DIMENSIONS}
    return {"systems": systems, "gains": gains}


def gain(classic: dict[str, Any], emobed: dict[str, Any]) -> dict[str, Any]:
    """Compare EmoBed with the classic system on the joined recordings of all folds.

    Fisher's r-to-z, as in the paper (section 4.3), which does not say how many observations it
    counts. Both ways are given: frames, which lie 40 ms apart and are far from independent, so that
    p is much too small; and recordings, which is cautious.
    """
    a, b = emobed["pooled"], classic["pooled"]
    found: dict[str, Any] = {CLASSIC: b["ccc_concatenated"], EMOBED: a["ccc_concatenated"]}
    defined = None not in found.values()
    found["gain"] = found[EMOBED] - found[CLASSIC] if defined else None
    for name in ("frames", "recordings_total"):
        test = fisher_r_to_z(found[EMOBED], a[name], found[CLASSIC], b[name])
        found[f"by_{name.removesuffix('_total')}"] = test and test._asdict()
    return found


def partition(rows: pd.DataFrame, dimension: str, column: str) -> dict[str, Any]:
    """Score a column of predictions of some recordings."""
    recordings = [
        (recording[f"{dimension}_label"].to_numpy(float), recording[column].to_numpy(float))
        for _, recording in rows.groupby(["fold", "clip_id"])
    ]
    return partition_scores(recordings)


def _scores(rows: pd.DataFrame, dimension: str, column: str) -> dict[str, Any]:
    by_fold = [partition(fold, dimension, column) for _, fold in rows.groupby("fold")]
    scores: dict[str, Any] = {}
    for metric in METRICS:
        found = mean_and_std(fold[metric] for fold in by_fold)
        mean, std = (None if np.isnan(value) else value for value in found)
        scores |= {metric: mean, f"{metric}_std": std}
    pooled = partition(rows, dimension, column)
    return {**scores, "folds": len(by_fold), "pooled": pooled}
