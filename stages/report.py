"""Compare all models on one page, beside the papers' figures."""

import json
from pathlib import Path

import pandas as pd

from avlib import tables
from avlib.evaluation import scores
from avlib.evaluation.report import write_report
from avlib.evaluation.robustness import read_curves
from avlib.evaluation.robustness_section import robustness_section
from avlib.models import MODELS
from avlib.params import Params, load
from avlib.stage import STATUS, run

PARAMS = tuple(Params.model_fields)  # the page shows all of them
STAGES = ("clips", "faces", "visual_features", "speech", "audio_features")


def main() -> None:
    """Write ``report/`` and ``metrics/summary.json``."""
    params = load(PARAMS)
    clips = tables.read_table("data/clips.parquet")
    folds = tables.read_table("data/folds.parquet")
    predictions = {
        model: tables.read_table(f"data/predictions/{model}.parquet") for model in MODELS
    }
    trained = {model: rows for model, rows in predictions.items() if len(rows)}
    robustness = robustness_section(
        read_curves(Path("metrics/robustness"), params.robustness.models)
    )
    write_report(
        Path("report"),
        corpus=params.corpus,
        protocol=params.protocol,
        clips=clips,
        folds=folds,
        status=pd.concat([tables.read_table(STATUS / f"{stage}.parquet") for stage in STAGES]),
        predictions=trained,
        descriptions=MODELS,
        untrained={
            model: f"no clip has what it needs (modalities: {', '.join(params.modalities)})"
            for model in MODELS
            if model not in trained
        },
        params=params.model_dump(),
        notes=json.loads(Path("data/corpus.json").read_text())["notes"],
        extra=[robustness] if robustness else [],
    )
    overall = {model: scores.model_scores(rows, folds) for model, rows in trained.items()}
    scores.write_json(Path("metrics/summary.json"), scores.summary(params.corpus, overall))


if __name__ == "__main__":
    run(main)
