"""Score one model's predictions, per fold and over the folds.

python -m stages.evaluate MODEL
"""

import sys
from pathlib import Path

import numpy as np

from avlib import tables
from avlib.evaluation import plots, scores
from avlib.params import load
from avlib.protocols import check_folds
from avlib.stage import run

PARAMS = ("protocol",)
METRICS = Path("metrics")


def main() -> None:
    """Write the scores of each fold, those over the folds, and their pictures."""
    model = sys.argv[1]
    clips = tables.read_table("data/clips.parquet")
    folds = tables.read_table("data/folds.parquet")
    check_folds(folds, clips, load(PARAMS).protocol.name)
    predictions = tables.read_table(f"data/predictions/{model}.parquet")
    pictures = METRICS / "plots" / model
    for folder in (METRICS / "folds" / model, pictures):
        folder.mkdir(parents=True, exist_ok=True)
    if not len(predictions):  # no clip has what the model needs; the report says so
        scores.write_json(METRICS / f"{model}.json", {"clips": 0})
        return
    by_fold = scores.fold_scores(predictions, folds)
    for fold, values in by_fold.items():
        scores.write_json(METRICS / "folds" / model / f"fold-{fold}.json", values)
    overall = scores.model_scores(predictions, folds)
    scores.write_json(METRICS / f"{model}.json", overall)

    emotions = scores.emotions_of(predictions)
    counts = np.array(overall["pooled"]["confusion"]["counts"])
    (pictures / "confusion.png").write_bytes(plots.confusion(counts, emotions, model))
    accuracies = {model: [values["accuracy"] for values in by_fold.values()]}
    (pictures / "folds.png").write_bytes(plots.fold_dots(accuracies, 1 / len(emotions)))


if __name__ == "__main__":
    run(main)
