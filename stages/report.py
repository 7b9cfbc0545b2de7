"""Compare all models on one page, beside the papers' figures."""

import json
from typing import Any

import pandas as pd

from avlib import registry
from avlib.params import Params, load
from avlib.report import scores
from avlib.report.comparisons import as_json
from avlib.report.current import current_predictions, left_out_lines
from avlib.report.curves import loss_section
from avlib.report.embeddings_page import embeddings_section
from avlib.report.report_data import ReportData
from avlib.report.training_choices import training_choices
from avlib.report.write import write_report
from avlib.robustness.curves import read_curves
from avlib.robustness.report import robustness_section
from avlib.runtime import paths, tables
from avlib.runtime.stage import run

PARAMS = tuple(Params.model_fields)  # the page shows all of them
STAGES = ("clips", "faces", "video_features", "speech", "audio_features")


def main() -> None:
    """Write ``report/``, and ``summary``, ``comparisons`` and ``traces.json`` in ``metrics/``."""
    params = load(PARAMS)
    folds = tables.read_table(paths.FOLDS)
    clips = tables.read_table(paths.CLIPS)
    predictions, left_out = current_predictions(registry.models(), folds)
    for line in left_out_lines(left_out):
        print(line)
    trained = {model: rows for model, rows in predictions.items() if len(rows)}
    data = ReportData(
        corpus=params.corpus,
        protocol=params.protocol,
        clips=clips,
        folds=folds,
        status=pd.concat([tables.read_table(paths.status(stage)) for stage in STAGES]),
        predictions=trained,
        notes=json.loads(paths.CORPUS.read_text())["notes"],
        votes=tables.read_table(paths.VOTES),
        fold_facts={model: _fold_facts(model) for model in trained},
        drawn={model: _drawn(model) for model in trained},
    )
    more = [
        training_choices(data.fold_facts),
        embeddings_section(data.fold_facts, data.pictures("tsne")),
        *(system.report(data) for system in registry.systems()),
        loss_section({model: curves for model in trained if (curves := _curves(model))}),
        robustness_section(read_curves(paths.METRICS / "robustness", params.robustness.models)),
    ]
    write_report(
        paths.REPORT,
        data,
        descriptions={model: system.models[model] for model, system in registry.models().items()},
        untrained=left_out
        | {model: _why_not(model, params, clips) for model in predictions if model not in trained},
        params=params.model_dump(),
        extra=[section for section in more if section],
    )
    summary = scores.summary(params.corpus, data.scores)
    scores.write_json(paths.METRICS / "summary.json", summary)
    scores.write_json(paths.METRICS / "comparisons.json", as_json(data.comparisons))


def _why_not(model: str, params: Any, clips: pd.DataFrame) -> str:
    """Say why a model that was run has no predictions."""
    if clips["emotion"].isna().all():
        return "the corpus names no emotions"
    system = registry.models()[model]
    if model not in system.wanted(params):
        train = json.dumps(getattr(params, system.name).train)
        return f"switched off ({system.name}.train: {train})"
    return f"no clip has what it needs (modalities: {', '.join(params.modalities)})"


def _curves(model: str) -> dict[int, pd.DataFrame]:
    """Read the training curves of each fold of a network."""
    files = (paths.MODELS / model).glob("fold-*/curves.csv")
    return {paths.fold_number(file.parent): pd.read_csv(file) for file in files}


def _drawn(model: str) -> dict[str, bytes]:
    """Read the pictures that `evaluate` drew of a model."""
    files = (paths.METRICS / "plots" / model).glob("*.png")
    return {file.stem: file.read_bytes() for file in files}


def _fold_facts(model: str) -> dict[int, dict[str, Any]]:
    """Read what `evaluate` wrote about each fold of a model."""
    files = (paths.METRICS / "folds" / model).glob("fold-*.json")
    return {paths.fold_number(file): json.loads(file.read_text()) for file in files}


if __name__ == "__main__":
    run(main)
