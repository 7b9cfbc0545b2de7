"""What is written of one model: scores of each fold and over the folds, pictures, predictions."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from avlib.report import chart, embeddings, modality_plots, score_plots, scores
from avlib.report.agreement import agreement, in_words
from avlib.report.selection import chosen_and_held_out, short
from avlib.runtime import paths, tables


@dataclass(frozen=True)
class ModelTask:
    """A model to score.

    Attributes
    ----------
    model : str
    fisher : bool
        Whether its spaces are compared with those of the Fisher vectors that it learned from.
    """

    model: str
    fisher: bool


def input_files(task: ModelTask) -> list[Path]:
    """Return the files that `evaluate_model` reads, those of the model and those of all."""
    return [
        paths.CLIPS,
        paths.FOLDS,
        paths.PREDICTIONS / f"{task.model}.parquet",
        *(paths.EMBEDDINGS / task.model).glob("fold-*.parquet"),
        chart.STYLE,
        *(paths.MODELS / task.model).glob("fold-*/settings.json"),
        *(paths.MODELS / task.model).glob("fold-*/diagnostics.json"),
        *(paths.MODELS / task.model).glob("fold-*.json"),
        *(paths.FISHER.glob("fold-*.parquet") if task.fisher else ()),
    ]


def evaluate_model(task: ModelTask, folder: Path) -> None:
    """Write ``scores.json``, ``folds/``, ``plots/`` and ``predictions.csv`` of a model."""
    model = task.model
    clips = tables.read_table(paths.CLIPS)
    folds = tables.read_table(paths.FOLDS)
    predictions = tables.read_table(paths.PREDICTIONS / f"{model}.parquet")
    _as_csv(predictions, clips).to_csv(folder / "predictions.csv", index=False, float_format="%.6g")
    pictures = folder / "plots"
    for made in (folder / "folds", pictures):
        made.mkdir()
    if not len(predictions):  # no clip has what the model needs; the report says so
        scores.write_json(folder / "scores.json", {"clips": 0})
        return
    by_fold = scores.fold_scores(predictions, folds)
    alone = {
        condition: scores.fold_scores(predictions, folds, condition=condition)
        for condition in scores.conditions_of(predictions)
        if condition != scores.DEFAULT
    }
    for fold, values in by_fold.items():
        near = _embedded(task, fold, clips, pictures / "tsne.svg")
        facts = values | _facts(model, fold) | near
        if alone:
            facts["conditions"] = {c: short(found[fold]) for c, found in alone.items()}
        scores.write_json(folder / "folds" / f"fold-{fold}.json", facts)
    overall = scores.model_scores(by_fold)
    scores.write_json(folder / "scores.json", overall)

    matrix = overall["pooled"]["confusion"]
    _draw(pictures / "confusion.svg", score_plots.confusion(**matrix, title=model))
    accuracies = [values["accuracy"] for values in by_fold.values()]
    dots = score_plots.fold_dots(model, accuracies, 1 / len(matrix["emotions"]))
    _draw(pictures / "folds.svg", dots)
    counts = agreement(predictions)
    if counts is not None:
        bars = modality_plots.agreement_bars(counts, model, in_words(model, counts))
        _draw(pictures / "agreement.svg", bars)


def _draw(file: Path, svg: str) -> None:
    file.write_text(chart.standalone(svg), encoding="utf-8")


def fold_facts(model: str) -> dict[int, dict[str, Any]]:
    """Read what `evaluate_model` wrote about each fold of a model."""
    files = (paths.METRICS / "folds" / model).glob("fold-*.json")
    return {paths.fold_number(file): json.loads(file.read_text()) for file in files}


def _as_csv(predictions: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Return predictions as other programs like to read them: who is tested stands beside."""
    rows = predictions.merge(clips[["clip_id", "subject"]], on="clip_id", how="left")
    first = ["clip_id", "subject"]
    return rows[[*first, *(column for column in predictions.columns if column != "clip_id")]]


def _facts(model: str, fold: int) -> dict[str, Any]:
    """Return what training chose, by what scores, and what test clips showed beside scores."""
    folder = paths.MODELS / model / f"fold-{fold}"
    if not (folder / "settings.json").is_file():  # nothing was trained in this fold
        return {}
    facts: dict[str, Any] = chosen_and_held_out(model, fold)
    if (folder / "diagnostics.json").is_file():
        facts["diagnostics"] = json.loads((folder / "diagnostics.json").read_text())
    return facts


def _embedded(task: ModelTask, fold: int, clips: pd.DataFrame, picture: Path) -> dict[str, Any]:
    """Score the neighbourhoods of a fold's embedded clips; draw them if no earlier fold was."""
    rows = tables.read_table(paths.EMBEDDINGS / task.model / f"fold-{fold}.parquet")
    fisher = tables.read_table(paths.FISHER / f"fold-{fold}.parquet") if task.fisher else None
    clip_id, spaces = embeddings.spaces(fisher, rows)
    if not len(clip_id):
        return {}
    of_clip = clips.set_index("clip_id").loc[clip_id]
    emotions, subjects = (of_clip[c].to_numpy(dtype=str) for c in ("emotion", "subject"))
    near = {s: embeddings.neighbours_accuracy(v, emotions, subjects) for s, v in spaces.items()}
    if len(clip_id) >= embeddings.DRAWN_FROM and not picture.is_file():
        points = {space: embeddings.tsne(values) for space, values in spaces.items()}
        title = (
            f"{task.model}, {len(clip_id):,} test clips of fold {fold}\nneighbours: how often the "
            f"{embeddings.NEIGHBOURS} nearest of other subjects vote right"
        )
        _draw(picture, modality_plots.scatters(points, emotions, title, near))
    return {"neighbours": near, "embedded": len(clip_id)}
