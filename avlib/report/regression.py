"""Scores of predicted arousal and valence over time.

The CCC of a partition is counted in two ways that are never put in one column: over all its
recordings joined into one series, as the AVEC challenges do and EmoBed reports for RECOLA, where
differences between recordings count; or as the mean of the recordings' own, as the script of the
OMG-Emotion challenge does. Their names say which: `ccc_concatenated`, `ccc_per_recording`.

Frames without a label count nowhere.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from avlib.report.concordance import ccc, is_constant, labelled

# Labels and predictions of one recording, both of shape (n_frames,).
LabelledTrace = tuple[np.ndarray, np.ndarray]


def pearson(truth: np.ndarray, predicted: np.ndarray) -> float | None:
    """Return Pearson's correlation, r in eq. 9 of EmoBed.

    Parameters
    ----------
    truth, predicted : ndarray of shape (n,)
        Labels (NaN where there is none) and finite predictions.

    Returns
    -------
    float or None
        None where the labels are constant or absent. Constant predictions score 0, as in `ccc`.
    """
    x, y = labelled(truth, predicted)
    if is_constant(x):
        return None
    if is_constant(y):
        return 0.0
    return float(np.clip(np.corrcoef(x, y)[0, 1], -1.0, 1.0))


def rmse(truth: np.ndarray, predicted: np.ndarray) -> float | None:
    """Return the root mean square error in units of the labels; None without any label."""
    x, y = labelled(truth, predicted)
    return float(np.sqrt(np.mean((x - y) ** 2))) if len(x) else None


def partition_scores(recordings: Sequence[LabelledTrace]) -> dict[str, Any]:
    """Score one dimension over the recordings of a partition.

    Parameters
    ----------
    recordings
        Labels (NaN where there is none) and finite predictions of each recording, arrays of shape
        (n_frames,).

    Returns
    -------
    dict
        ccc_concatenated, ccc_per_recording, pearson_concatenated: None where the labels do not
        vary; rmse: None without any label; frames: those with a label; recordings: those whose
        labels vary, over which `ccc_per_recording` is the mean; recordings_total.

    Raises
    ------
    ValueError
        A recording's series are not of one length, or a prediction is not a finite number.
    """
    known = [labelled(truth, predicted) for truth, predicted in recordings]
    empty = (np.zeros(0), np.zeros(0))  # so that no recordings give a series too
    truth, predicted = (np.concatenate(series) for series in zip(empty, *known, strict=True))
    own = [value for value in (ccc(*recording) for recording in known) if value is not None]
    return {
        "ccc_concatenated": ccc(truth, predicted),
        "ccc_per_recording": float(np.mean(own)) if own else None,
        "pearson_concatenated": pearson(truth, predicted),
        "rmse": rmse(truth, predicted),
        "frames": len(truth),
        "recordings": len(own),
        "recordings_total": len(recordings),
    }
