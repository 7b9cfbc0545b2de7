"""Score one model's predictions, per fold and over the folds.

python -m stages.evaluate MODEL
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avlib import tables
from avlib.evaluation import embeddings, modality_plots, plots, scores
from avlib.evaluation.agreement import agreement, decisions
from avlib.models import DEEP
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
    drawn = False  # one fold's embeddings make the picture
    for fold, values in by_fold.items():
        near, planes = _embedded(model, fold, clips, draw=not drawn)
        if planes:
            (pictures / "tsne.png").write_bytes(planes)
            drawn = True
        facts = values | _chosen(model, fold) | near
        scores.write_json(METRICS / "folds" / model / f"fold-{fold}.json", facts)
    overall = scores.model_scores(predictions, folds)
    scores.write_json(METRICS / f"{model}.json", overall)

    emotions = scores.emotions_of(predictions)
    counts = np.array(overall["pooled"]["confusion"]["counts"])
    (pictures / "confusion.png").write_bytes(plots.confusion(counts, emotions, model))
    accuracies = {model: [values["accuracy"] for values in by_fold.values()]}
    (pictures / "folds.png").write_bytes(plots.fold_dots(accuracies, 1 / len(emotions)))
    decided = decisions(predictions)
    if decided is not None and len(decided):
        png = modality_plots.agreement_bars({model: agreement(decided)})
        (pictures / "agreement.png").write_bytes(png)


def _chosen(model: str, fold: int) -> dict[str, Any]:
    """Return what training chose or learned in a fold, and what test clips showed beside scores."""
    folder = Path("data/models") / model / f"fold-{fold}"
    if not (folder / "settings.json").is_file():  # nothing was trained in this fold
        return {}
    facts = {"chosen": json.loads((folder / "settings.json").read_text())["chosen"]}
    if (folder / "examined.json").is_file():
        facts["examined"] = json.loads((folder / "examined.json").read_text())
    return facts


def _embedded(
    model: str, fold: int, clips: pd.DataFrame, *, draw: bool
) -> tuple[dict[str, Any], bytes]:
    """Score the neighbourhoods of a fold's embedded clips, and draw them where asked."""
    rows = tables.read_table(f"data/embeddings/{model}/fold-{fold}.parquet")
    fisher = None if model in DEEP else tables.read_table(f"data/fisher/fold-{fold}.parquet")
    clip_id, spaces = embeddings.spaces(fisher, rows)
    if not len(clip_id):
        return {}, b""
    of_clip = clips.set_index("clip_id").loc[clip_id]
    emotions, subjects = (of_clip[c].to_numpy(dtype=str) for c in ("emotion", "subject"))
    near = {s: embeddings.neighbours_accuracy(v, emotions, subjects) for s, v in spaces.items()}
    picture = b""
    if draw and len(clip_id) >= embeddings.DRAWN_FROM:
        points = {space: embeddings.tsne(values) for space, values in spaces.items()}
        title = (
            f"{model}, {len(clip_id):,} test clips of fold {fold}; neighbours: how often the "
            f"{embeddings.NEIGHBOURS} nearest of other subjects vote right"
        )
        picture = modality_plots.scatters(points, emotions, title, near)
    return {"neighbours": near, "embedded": len(clip_id)}, picture


if __name__ == "__main__":
    run(main)
