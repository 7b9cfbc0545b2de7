"""One fold of one system that follows arousal and valence (in a worker)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from avlib.runtime import tables
from avlib.runtime.per_fold import CHECKPOINTS
from avlib.systems.common.recipe import FoldTask
from avlib.systems.emobed.tables import SHARED_FILE, SHARED_MOMENTS
from avlib.systems.emobed.traces.recordings import TraceRecording, TraceRecordings
from avlib.systems.emobed.traces.scenarios import scenario_of
from avlib.systems.emobed.traces.submission import FOLDER, write_submission
from avlib.systems.emobed.traces.tables import PREDICTED_TRACES


def train_trace_fold(task: FoldTask, folder: Path) -> None:
    """Write ``model/`` and ``predicted_traces.parquet`` of one fold.

    Predicted are the validation recordings, which have chosen the epoch and the post-processing,
    and the test recordings; of those without labels there are also files to hand in, in
    ``model/submission/``. Where no training recording has the
    target modality there is nothing to learn: the tables have no rows then. Without recordings of
    the auxiliary modality the classic system alone is trained. With several seeds each is trained
    and predicts; the models of those behind the first lie in ``model/seed_<k>/``. A recording
    without the target modality gets no row.

    Where joint networks are kept, the first seed's, also table ``shared_moments`` beside them:
    moments of the test recordings, or, where these have no labels, of the validation recordings.

    Parameters
    ----------
    task
        Its recipe's modalities are the target and, where the system has one, the auxiliary.
    folder
        Where to write.
    """
    (folder / "model").mkdir()
    first, *further = range(task.recipe.settings.get("seeds", 1))
    rows = _trained(task, folder, folder / "model", first)
    if rows:
        for seed in further:
            rows += _trained(task, folder, folder / "model" / f"seed_{seed}", seed)
    table = pd.concat(rows) if rows else tables.no_rows(PREDICTED_TRACES)
    tables.write_table(folder / "predicted_traces.parquet", table, PREDICTED_TRACES)


def _trained(task: FoldTask, folder: Path, place: Path, seed: int) -> list[pd.DataFrame]:
    """Train with one of the seeds, counted from 0; save the models in a place, and predict."""
    recipe, source = task.recipe, cast(TraceRecordings, task.recipe.source)
    settings, found = dict(recipe.settings), []
    if settings.pop("seeds", None):
        settings["seed"] += seed
    if seed:
        settings.pop("keep_joint", None)
    for dimensions in source.groups:
        step, parts = source.read(task.fold, task.inputs, dimensions)
        there = {modality for recording in parts["train"] for modality in recording.features}
        if not set(recipe.modalities) <= there & set(task.allowed):
            return []
        own = place / (dimensions[0] if source.apart else "")
        model = recipe.make(*recipe.modalities, **settings, step=step, dimensions=dimensions)
        resumed = folder.parent / CHECKPOINTS / f"fold-{task.fold}"
        model.checkpoints = resumed / own.relative_to(folder / "model")
        model.fit(parts["train"], parts["validation"])
        own.mkdir(parents=True, exist_ok=True)
        model.save(own)
        if settings.get("keep_joint"):
            _write_shared(model, parts, own)
        found.append(_predicted(model, parts, place / FOLDER, step))
    # Where windows differ in length a moment may have one dimension alone: it has no row.
    table = pd.concat(found, axis=1, join="inner").reset_index()
    keys = {"fold": task.fold, "model": model.system, "scenario": scenario_of(recipe.name)}
    return [table.assign(**keys, seed=seed)]


def _write_shared(model: Any, parts: Mapping[str, list[TraceRecording]], folder: Path) -> None:
    """Write moments as the networks that were kept embed them, where there are any."""
    for part in ("test", "validation"):
        rows = model.shared_space(parts[part])
        if len(rows.get("frame", ())):
            rows["part"] = np.full(len(rows["frame"]), part)
            tables.write_table(folder / SHARED_FILE, rows, SHARED_MOMENTS)
            return


def _predicted(
    model: Any, parts: Mapping[str, list[TraceRecording]], submission: Path, step: float
) -> pd.DataFrame:
    """Predict validation and test recordings; write files to hand in of those without labels."""
    named = [*model.dimensions, *(f"{dimension}_raw" for dimension in model.dimensions)]
    rows = [pd.DataFrame(columns=["clip_id", "part", "frame", *named])]
    for part in ("validation", "test"):
        there = [recording for recording in parts[part] if model.target in recording.features]
        for recording, (raw, refined) in zip(there, model.predict(there), strict=True):
            values = pd.DataFrame(np.hstack([refined, raw]), columns=named)
            rows.append(values.assign(clip_id=recording.clip_id, part=part, frame=values.index))
            if part == "test" and np.isnan(recording.labels).all():
                for dimension, said in zip(model.dimensions, refined.T, strict=True):
                    write_submission(submission, recording.clip_id, dimension, said, step)
    return pd.concat(rows).set_index(["clip_id", "part", "frame"])
