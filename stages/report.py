"""Compare all models on one page, beside the papers' figures."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from avlib.params import Params, SharedParams, load
from avlib.report import comparisons, scores
from avlib.report.curves import loss_section
from avlib.report.embeddings_page import embeddings_section
from avlib.report.report_data import ReportData
from avlib.report.training_choices import training_choices
from avlib.report.write import write_report
from avlib.robustness.curves import read_curves
from avlib.robustness.report import robustness_section
from avlib.runtime import tables
from avlib.runtime.stage import STATUS, run
from avlib.systems.avef.report import avef_tables
from avlib.systems.emobed.report import emobed_section
from avlib.systems.emobed.traces.report import traces_section
from avlib.systems.gating.report import gates_section
from avlib.systems.registry import (
    DEEP,
    MODELS,
    OVER_TIME,
    wanted,
)

PARAMS = tuple(Params.model_fields)  # the page shows all of them
STAGES = ("clips", "faces", "video_features", "speech", "audio_features")


def main() -> None:
    """Write ``report/``, and ``summary``, ``comparisons`` and ``traces.json`` in ``metrics/``."""
    params = load(PARAMS)
    clips = tables.read_table("data/clips.parquet")
    folds = tables.read_table("data/folds.parquet")
    predictions = {
        model: tables.read_table(f"data/predictions/{model}.parquet") for model in MODELS
    }
    trained = {model: rows for model, rows in predictions.items() if len(rows)}
    facts = {model: _fold_facts(model) for model in trained}
    drawn = {model: Path(f"metrics/plots/{model}/tsne.png") for model in trained}
    planes = {model: file.read_bytes() for model, file in drawn.items() if file.is_file()}
    more = [
        training_choices(facts),
        embeddings_section(facts, planes),
        gates_section(
            {m: tables.read_table(f"data/gates/{m}.parquet") for m in OVER_TIME},
            trained,
            folds,
        ),
        avef_tables(params.corpus, trained, folds, facts),
        emobed_section(trained, folds),
        loss_section({model: curves for model in DEEP if (curves := _curves(model))}),
        robustness_section(read_curves(Path("metrics/robustness"), params.robustness.models)),
        traces_section(
            tables.read_table("data/predicted_traces.parquet"),
            tables.read_table("data/traces.parquet"),
            Path("metrics/traces.json"),
        ),
    ]
    data = ReportData(
        corpus=params.corpus,
        protocol=params.protocol,
        clips=clips,
        folds=folds,
        status=pd.concat([tables.read_table(STATUS / f"{stage}.parquet") for stage in STAGES]),
        predictions=trained,
        notes=json.loads(Path("data/corpus.json").read_text())["notes"],
        votes=tables.read_table("data/votes.parquet"),
    )
    write_report(
        Path("report"),
        data,
        descriptions=MODELS,
        untrained={
            model: _why_not(model, params, clips) for model in MODELS if model not in trained
        },
        params=params.model_dump(),
        extra=[section for section in more if section],
    )
    summary = scores.summary(params.corpus, data.scores)
    scores.write_json(Path("metrics/summary.json"), summary)
    compared = comparisons.as_json(comparisons.compare_all(trained, folds, clips))
    scores.write_json(Path("metrics/comparisons.json"), compared)


def _why_not(model: str, params: SharedParams, clips: pd.DataFrame) -> str:
    """Say why a model has no predictions."""
    if clips["emotion"].isna().all():
        return "the corpus names no emotions"
    section = DEEP.get(model)
    if section and model not in wanted(section, train := getattr(params, section).train):
        return f"switched off ({section}.train: {json.dumps(train)})"
    return f"no clip has what it needs (modalities: {', '.join(params.modalities)})"


def _curves(model: str) -> dict[int, pd.DataFrame]:
    """Read the training curves of each fold of a deep model."""
    files = Path(f"data/models/{model}").glob("fold-*/curves.csv")
    return {int(f.parent.name.removeprefix("fold-")): pd.read_csv(f) for f in files}


def _fold_facts(model: str) -> dict[int, dict[str, Any]]:
    """Read what `evaluate` wrote about each fold of a model."""
    files = Path(f"metrics/folds/{model}").glob("fold-*.json")
    return {int(f.stem.removeprefix("fold-")): json.loads(f.read_text()) for f in files}


if __name__ == "__main__":
    run(main)
