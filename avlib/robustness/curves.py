"""Robustness curves: accuracy against noise, occlusion and missing modalities."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avlib.report.scores import DEFAULT, check_predictions, emotions_of, fold_scores, model_scores

CLEAN = "clean"
# The corruptions in the order of the report.
TITLES = {
    "white": "white noise",
    "babble": "babble",
    "occlusion": "covered face",
    "audio_missing": "sound missing",
    "video_missing": "face missing",
    "either_missing": "one of the two missing",
}
NOISE = ("white", "babble")  # their levels are ratios of the voice to them
# What a clip loses, and the condition under which what is left was scored.
LEFT = {"audio_missing": "video", "video_missing": "audio"}


def missing_modality(predictions: pd.DataFrame, shares: Sequence[float], seed: int) -> pd.DataFrame:
    """Let a share of each fold's clips lose a modality, from predictions that were made with one.

    The clips that lose it at one share lose it at every larger share. As clips are scored one by
    one, the expected curve is the straight line between its ends.

    Parameters
    ----------
    predictions
        Table ``predictions`` of one model. Clips that were scored by one modality alone under
        ``default`` have none to lose and stay as they are.
    shares
        Of the clips with both modalities, 0 to 1, rounded to whole clips.
    seed
        Of the order in which clips lose a modality, and which.

    Returns
    -------
    DataFrame
        Rows of table ``robustness``: corruptions ``audio_missing``, ``video_missing`` and
        ``either_missing`` (every clip loses one or the other with equal chance). No rows for a
        model without both conditions.
    """
    check_predictions(predictions)
    ordered = predictions.sort_values(["fold", "clip_id"], ignore_index=True)
    if not set(LEFT.values()) <= set(ordered["condition"]):
        return ordered.iloc[:0].drop(columns="condition").assign(corruption="", level=0.0)
    found = []
    for fold in ordered["fold"].unique().tolist():
        of_fold = ordered[ordered["fold"] == fold]
        rows = of_fold[of_fold["condition"] == DEFAULT]
        both = rows["modalities"].str.contains("+", regex=False).to_numpy()
        random = np.random.default_rng([seed, fold])
        rank = np.full(len(rows), len(rows))
        rank[both] = random.permutation(both.sum())
        drawn = np.where(random.random(len(rows)) < 0.5, *LEFT.values())
        remaining: dict[str, Any] = {**LEFT, "either_missing": drawn}
        for share in shares:
            loses = rank < round(share * both.sum())
            for corruption, left in remaining.items():
                scored = rows[["clip_id"]].assign(condition=np.where(loses, left, DEFAULT))
                kept = of_fold.merge(scored, on=["clip_id", "condition"])
                found.append(kept.assign(corruption=corruption, level=float(share)))
    return pd.concat(found, ignore_index=True).drop(columns="condition")


def curves(table: pd.DataFrame, folds: pd.DataFrame) -> dict[str, Any]:
    """Score a model at every level of every corruption.

    Parameters
    ----------
    table
        Table ``robustness`` of one model.
    folds
        Table ``folds``.

    Returns
    -------
    dict
        model; chance; clean: a point; corruptions: by name, the points in the order of their
        levels. A point holds level, accuracy, uar, their standard deviations over folds, clips,
        and the accuracy of each fold.
    """
    points = {
        str(corruption): [_point(rows, folds, level) for level, rows in of_it.groupby("level")]
        for corruption, of_it in table.groupby("corruption")
    }
    [clean] = points.pop(CLEAN)
    return {
        "model": table["model"].iloc[0],
        "chance": 1 / len(emotions_of(table)),
        "clean": clean,
        "corruptions": points,
    }


def _point(rows: pd.DataFrame, folds: pd.DataFrame, level: Any) -> dict[str, Any]:
    rows = rows.drop(columns=["corruption", "level"]).assign(condition=DEFAULT)
    by_fold = fold_scores(rows, folds)
    scores = model_scores(by_fold)
    shown = ("accuracy", "accuracy_std", "uar", "uar_std", "clips")
    accuracies = {fold: of_fold["accuracy"] for fold, of_fold in by_fold.items()}
    return {"level": level, **{name: scores[name] for name in shown}, "folds": accuracies}


def mild_to_strong(by_model: Mapping[str, Mapping[str, Any]], corruption: str) -> list[float]:
    """Return the levels of the models' curves: the less noise, the more decibels."""
    every = [curve["corruptions"].get(corruption, []) for curve in by_model.values()]
    levels = {point["level"] for points in every for point in points}
    return sorted(levels, reverse=corruption in NOISE)


def read_curves(folder: Path, models: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Read the files of `curves`, by model; what other models left there is not read."""
    read = {model: json.loads((folder / f"{model}.json").read_text()) for model in models}
    return {model: found for model, found in read.items() if found.get("corruptions")}
