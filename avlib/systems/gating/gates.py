"""Recognition over time: scores at every gate (gating paradigm, section V-D and V-E).

At a gate the system decides from the clip's first windows up to that one. A clip that has ended
keeps its last decision, so that every gate counts the same clips; the paper does not say what it
counts there. Scores are means over folds, as in `scores.model_scores`.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from avlib.report.scores import NOTHING, conditions_of, fold_scores, model_scores, scores_with

# The paper's two groups of emotions; surprise, disgust and neutral are in neither.
GROUPS = {"positive": ("calm", "happiness"), "negative": ("sadness", "anger", "fear")}
RISE = 0.01  # in accuracy; a curve that rises by no more has reached its plateau
# Rows and columns of the paper's table II.
TABLE_II = {
    "gating_global": "global",
    "gating_lstm": "separate LSTMs, concatenated",
    "gating": "gating",
}
MODALITIES = ("audio", "video", "audio+video")


def reached_gates(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of table ``gates`` at the gates that some clip of the model reaches."""
    return table[table["gate"] <= table.loc[table["open"] == 1, "gate"].max()]


def gate_scores(table: pd.DataFrame, folds: pd.DataFrame) -> pd.DataFrame:
    """Score a model at every gate under every condition.

    Parameters
    ----------
    table
        Table ``gates`` of one model.
    folds
        Table ``folds``.

    Returns
    -------
    DataFrame
        A row for each condition (``default`` first) and gate: condition, gate, time (s, end of
        the gate's window), clips, open (clips that have not ended before), accuracy and uar (means
        over folds), accuracy_std and uar_std (n - 1; NaN for one fold), pooled_accuracy and
        pooled_uar (all test clips together).

    Raises
    ------
    DataError
        See `scores.check_predictions`.
    LeakError
        A clip is scored in a fold that does not test it.
    """
    return _scored(reached_gates(table), folds)


def _scored(full: pd.DataFrame, folds: pd.DataFrame) -> pd.DataFrame:
    """Score all clips of `reached_gates`, or some of them, gate by gate."""
    found = []
    for condition in conditions_of(full):
        of_condition = full[full["condition"] == condition]
        for gate, rows in of_condition.groupby("gate"):
            scores = model_scores(fold_scores(rows, folds, condition=condition))
            found.append(
                {
                    "condition": condition,
                    "gate": gate,
                    "time": float(rows["time"].iloc[0]),
                    "clips": len(rows),
                    "open": int(rows["open"].sum()),
                    **{m: scores[m] for m in ("accuracy", "accuracy_std", "uar", "uar_std")},
                    **{f"pooled_{m}": scores["pooled"][m] for m in ("accuracy", "uar")},
                }
            )
    return pd.DataFrame(found)


def group_scores(table: pd.DataFrame, folds: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Score the `GROUPS` of emotions apart, under ``default`` (fig. 5).

    Accuracy is the share of a group's clips whose own emotion is recognised.

    Parameters
    ----------
    table, folds
        As for `gate_scores`.

    Returns
    -------
    dict
        `gate_scores` by name of the group; one without test clips gets no scores.
    """
    whole = reached_gates(table)  # the groups share the gates of all clips
    rows = whole[whole["condition"] == "default"]
    found = {name: rows[rows["emotion"].isin(emotions)] for name, emotions in GROUPS.items()}
    return {name: _scored(part, folds) for name, part in found.items() if len(part)}


def plateau(accuracy: np.ndarray | pd.Series) -> int | None:
    """Find where a curve stops rising.

    The paper marks by eye when recognition "plateaus"; here that is the first gate that no later
    gate beats by more than one point (`RISE`). A flat or falling curve is on its plateau from gate
    1. The last gate has nothing after it to tell by: a curve that rises up to there, or has but
    one gate, has no plateau.

    Parameters
    ----------
    accuracy : array of shape (n_gates,)
        In [0, 1].

    Returns
    -------
    int or None
        The gate, from 1.
    """
    values = np.asarray(accuracy, dtype=float)
    best_later = np.maximum.accumulate(values[::-1])[::-1][1:]
    reached = best_later - values[:-1] <= RISE + NOTHING
    return int(reached.argmax()) + 1 if reached.any() else None


def table_two(
    predictions: Mapping[str, pd.DataFrame], folds: pd.DataFrame
) -> dict[str, dict[str, dict[str, Any]]]:
    """Score the cells of the paper's table II.

    Parameters
    ----------
    predictions
        Tables ``predictions`` by model, made at each clip's last gate.
    folds
        Table ``folds``.

    Returns
    -------
    dict
        `scores.model_scores` by model and modalities (`TABLE_II`, `MODALITIES`); what was not
        tested is left out.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for model, used in product(TABLE_II, MODALITIES):
        if model in predictions and (scores := scores_with(predictions[model], folds, used)):
            found.setdefault(model, {})[used] = scores
    return found
