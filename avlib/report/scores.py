"""Scores of a model from its table of predictions, per fold and over folds.

A score is a fraction in [0, 1]. *Accuracy* (weighted average recall) is the share of clips that
are right. *UAR* is the unweighted mean of the emotions' recalls; an emotion that a fold does not
test has no recall and does not count there, so that UAR is scikit-learn's balanced accuracy.
*Macro-F1* averages F1 over the emotions that were tested or predicted, as scikit-learn does by
default. Means and standard deviations (n - 1) are over folds; ``pooled`` scores count all test
clips once.

A clip that a model could not score has no row of predictions. It is found missing by comparison
with the folds: ``clips`` of ``clips_total`` test clips were scored, ``coverage`` is their ratio,
and accuracy times coverage is the accuracy that counts what was not scored as wrong.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avlib.runtime.errors import DataError, LeakError
from avlib.runtime.tables import atomic_path

DEFAULT = "default"
METRICS = ("accuracy", "uar", "f1_macro")
# What tables of unimodal and bimodal results have as rows: column `modalities` by their names.
MODALITIES = {"audio": "audio", "video": "video", "both": "audio+video"}
DIGITS = 6  # so that what is read back rounds to the percentages of the report
NOTHING = 1e-12  # what rounding errors leave of a 0
_KEY = ["clip_id", "fold", "model", "condition"]


def emotions_of(predictions: pd.DataFrame) -> list[str]:
    """Emotions that the predictions hold a probability of, in alphabetical order."""
    return sorted(c.removeprefix("prob_") for c in predictions.columns if c.startswith("prob_"))


def conditions_of(predictions: pd.DataFrame) -> list[str]:
    """Conditions under which a model was tested, ``default`` first.

    A condition names the modalities that the model was allowed to use: ``default`` all it was
    made for, ``audio`` or ``video`` that one alone. Column ``modalities`` says what it did use
    for a clip.
    """
    found = set(predictions["condition"])
    return sorted(found, key=lambda condition: (condition != DEFAULT, condition))


def condition_with(predictions: pd.DataFrame, modalities: str) -> str | None:
    """Condition under which a model used these modalities for most clips; None if there is none.

    Parameters
    ----------
    modalities
        As in column ``modalities``: ``audio``, ``video`` or ``audio+video``.
    """
    for condition in conditions_of(predictions):
        used = predictions.loc[predictions["condition"] == condition, "modalities"].mode()
        if used.tolist() == [modalities]:
            return condition
    return None


def are_tested(rows: pd.DataFrame, folds: pd.DataFrame) -> np.ndarray:
    """Tell of each row whether its clip is a test clip of its fold, or of the part it names."""
    known = set(_tuples(folds, "clip_id", "fold", "part"))
    if "part" in rows:
        return np.array([key in known for key in _tuples(rows, "clip_id", "fold", "part")], bool)
    return np.array([(*key, "test") in known for key in _tuples(rows, "clip_id", "fold")], bool)


def check_predictions(predictions: pd.DataFrame) -> None:
    """Check that a table holds usable predictions of one model.

    Raises
    ------
    DataError
        The table is empty or of several models, repeats a key, names an emotion without a
        probability, or holds a probability that is not a number.
    """
    models = predictions["model"].unique()
    if len(models) != 1:
        found = ", ".join(models) or "no rows"
        raise DataError(f"a table of predictions holds {found}; expected the rows of one model")
    emotions = emotions_of(predictions)
    known = f"expected one of {', '.join(emotions)}"
    probabilities = predictions[[f"prob_{emotion}" for emotion in emotions]].to_numpy(float)
    shown, predicted = (predictions[c].tolist() for c in ("emotion", "predicted"))
    faults = {
        "two predictions under condition {condition!r}": _repeated(_tuples(predictions, *_KEY)),
        "emotion is {emotion!r}, " + known: [emotion not in emotions for emotion in shown],
        "predicted is {predicted!r}, " + known: [said not in emotions for said in predicted],
        "a probability is not a number": (~np.isfinite(probabilities).all(axis=1)).tolist(),
    }
    for fault, wrong in faults.items():
        if any(wrong):
            row = predictions.iloc[wrong.index(True)]
            raise DataError(
                f"model {models[0]}, clip {row['clip_id']}, fold {row['fold']}: "
                f"{fault.format(**row)}; train and evaluate the model again"
            )


def confusion_matrix(
    truth: pd.Series | np.ndarray, predicted: pd.Series | np.ndarray, emotions: list[str]
) -> np.ndarray:
    """Count clips by emotion and prediction.

    Returns
    -------
    ndarray
        (n_classes, n_classes) int64; rows are true emotions, columns predicted ones.
    """
    place = {emotion: i for i, emotion in enumerate(emotions)}
    counts = np.zeros((len(emotions), len(emotions)), dtype=np.int64)
    rows, columns = ([place[e] for e in told.tolist()] for told in (truth, predicted))
    np.add.at(counts, (rows, columns), 1)
    return counts


def confusion_scores(counts: np.ndarray, emotions: list[str]) -> dict[str, Any]:
    """Scores that follow from a confusion matrix; NaN where there is nothing to score.

    Parameters
    ----------
    counts
        (n_classes, n_classes); rows are true emotions.

    Returns
    -------
    dict
        accuracy, uar, f1_macro, recall (by emotion), confusion (emotions and counts).
    """
    right = np.diag(counts)
    tested, predicted = counts.sum(axis=1), counts.sum(axis=0)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, which no mean counts
        accuracy = right.sum() / tested.sum()
        recall, f1 = right / tested, 2 * right / (tested + predicted)
    return {
        "accuracy": float(accuracy),
        "uar": mean_and_std(recall)[0],
        "f1_macro": mean_and_std(f1)[0],
        "recall": dict(zip(emotions, recall.tolist(), strict=True)),
        "confusion": {"emotions": emotions, "counts": counts.tolist()},
    }


def checked_rows(
    predictions: pd.DataFrame, folds: pd.DataFrame, condition: str = DEFAULT
) -> pd.DataFrame:
    """Return the predictions under a condition, which can be scored.

    Raises
    ------
    DataError, LeakError
        As in `fold_scores`.
    """
    check_predictions(predictions)
    rows = predictions[predictions["condition"] == condition]
    model = predictions["model"].iloc[0]
    if rows.empty:
        raise DataError(
            f"model {model} has no predictions under condition {condition!r}; "
            f"found {', '.join(conditions_of(predictions))}"
        )
    stray = rows[~are_tested(rows, folds)]
    if len(stray):
        row = stray.iloc[0]
        raise LeakError(
            f"model {model} scores clip {row['clip_id']} in fold {row['fold']}, which does not "
            "test it; expected predictions of the fold's test part alone. Where the folds have"
            " changed since, train that model again, or remove its table in data/predictions"
        )
    return rows


def fold_scores(
    predictions: pd.DataFrame,
    folds: pd.DataFrame,
    *,
    condition: str = DEFAULT,
) -> dict[int, dict[str, Any]]:
    """Scores of one model in each fold.

    Parameters
    ----------
    predictions
        Table ``predictions`` of one model.
    folds
        Table ``folds``; its test parts say which clips should have been scored.
    condition
        Score the predictions that were made under this condition.

    Returns
    -------
    dict
        By fold: those of `confusion_scores`, clips, clips_total, coverage.

    Raises
    ------
    DataError
        See `check_predictions`; or the condition is absent.
    LeakError
        A clip is scored in a fold that does not test it.
    """
    rows = checked_rows(predictions, folds, condition)
    emotions = emotions_of(predictions)
    totals = Counter(folds.loc[folds["part"] == "test", "fold"].tolist())
    truth, predicted, of = (rows[c].to_numpy() for c in ("emotion", "predicted", "fold"))
    scores = {}
    for fold, total in sorted(totals.items()):
        counts = confusion_matrix(truth[of == fold], predicted[of == fold], emotions)
        scores[fold] = {**confusion_scores(counts, emotions), **_counted(int(counts.sum()), total)}
    return scores


def model_scores(by_fold: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Scores of one model over folds.

    Parameters
    ----------
    by_fold
        From `fold_scores`.

    Returns
    -------
    dict
        accuracy, uar, f1_macro: means over the folds in which anything was scored;
        accuracy_std, ...: their standard deviations (n - 1; NaN for a single fold);
        clips, clips_total, coverage: over all folds; folds: number of folds;
        pooled: `confusion_scores` of all test clips together.
    """
    scores: dict[str, Any] = {}
    for metric in METRICS:
        found = mean_and_std(fold[metric] for fold in by_fold.values())
        scores[metric], scores[f"{metric}_std"] = found
    clips = sum(fold["clips"] for fold in by_fold.values())
    total = sum(fold["clips_total"] for fold in by_fold.values())
    matrices = [fold["confusion"] for fold in by_fold.values()]
    counts = np.sum([matrix["counts"] for matrix in matrices], axis=0)
    return {
        **scores,
        **_counted(clips, total),
        "folds": len(by_fold),
        "pooled": confusion_scores(counts, matrices[0]["emotions"]),
    }


def mean_and_std(values: Iterable[float | None]) -> tuple[float, float]:
    """Mean and standard deviation (n - 1) of the values that are numbers.

    The mean of none, and the deviation of fewer than two, are NaN.
    """
    found = np.array(list(values), dtype=float)  # None becomes NaN
    known = found[~np.isnan(found)]
    mean = known.mean() if len(known) else math.nan
    return float(mean), float(known.std(ddof=1)) if len(known) > 1 else math.nan


def scores_with(
    predictions: pd.DataFrame, folds: pd.DataFrame, modalities: str
) -> dict[str, Any] | None:
    """`model_scores` under `condition_with` these modalities; None where there is no condition."""
    condition = condition_with(predictions, modalities)
    if condition is None:
        return None
    return model_scores(fold_scores(predictions, folds, condition=condition))


def summary(
    corpus: str, models: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, dict[str, Any]]]:
    """One short line a model: what ``dvc metrics diff`` shows on one screen.

    Parameters
    ----------
    models
        `model_scores` by model.

    Returns
    -------
    dict
        {corpus: {model: {accuracy, accuracy_std, uar, f1_macro, clips}}}, rounded; the deviation is
        over folds, the scores are those of all test clips together, as in the report's results.
    """
    return {
        corpus: {
            model: {metric: _plain(scores["pooled"][metric]) for metric in METRICS}
            | {key: _plain(scores[key]) for key in ("accuracy_std", "clips")}
            for model, scores in models.items()
        }
    }


def to_json(value: Any) -> str:
    """Write a value as JSON that is the same on every run and short to read in a diff.

    Keys are sorted, fractions rounded to four digits (those that this would make 0 to four
    significant ones), NaN is null, and a list of plain values stands on one line.
    """
    text = json.dumps(_plain(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    # A line break inside the quotes would be escaped, so this only meets the breaks of the layout.
    on_one_line = re.sub(
        r"\[\n\s+([^][{}]*?)\n\s*\]",
        lambda match: "[" + re.sub(r",\n\s+", ", ", match[1]) + "]",
        text,
    )
    return on_one_line + "\n"


def write_json(path: Path | str, value: Any) -> None:
    """Write `to_json` of a value to a file, which appears whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(to_json(value), encoding="utf-8")


def _tuples(table: pd.DataFrame, *columns: str) -> Iterable[tuple[Any, ...]]:
    """Return the rows of some columns, which take pandas much longer to compare than Python."""
    return zip(*(table[column].tolist() for column in columns), strict=True)


def _repeated(keys: Iterable[tuple[Any, ...]]) -> list[bool]:
    """Tell of each key whether it stood before."""
    return pd.Series(list(keys), dtype=object).duplicated().tolist()


def _counted(clips: int, total: int) -> dict[str, Any]:
    return {"clips": clips, "clips_total": total, "coverage": clips / total if total else math.nan}


def _plain(value: Any) -> Any:
    """Turn a value into what JSON can hold: rounded, with null for NaN and text for keys."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        rounded = round(value, DIGITS)
        if rounded or abs(value) < NOTHING:
            return rounded
        return float(f"{value:.{DIGITS}g}")  # a small setting that was chosen is not 0
    return value
