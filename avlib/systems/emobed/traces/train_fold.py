"""One fold of one system that follows arousal and valence (in a worker)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from avlib.runtime import tables
from avlib.runtime.per_fold import CHECKPOINTS
from avlib.systems.common.recipe import FoldTask
from avlib.systems.emobed.traces import DIMENSIONS
from avlib.systems.emobed.traces.model import TraceModel
from avlib.systems.emobed.traces.recordings import TraceRecording
from avlib.systems.emobed.traces.tables import PREDICTED_TRACES


def train_trace_fold(task: FoldTask, folder: Path) -> None:
    """Write ``model/`` and ``predicted_traces.parquet`` of one fold.

    Where no training recording has the target modality there is nothing to learn: the tables have
    no rows then. Without recordings of the auxiliary modality the classic system alone is trained.

    Parameters
    ----------
    task
        Its recipe's modalities are the target and, where the system has one, the auxiliary.
    folder
        Where to write.
    """
    recipe = task.recipe
    target, *others = recipe.modalities
    step, parts = recipe.source.read(task.fold, task.inputs)
    there = [m for m in task.allowed if any(m in r.features for r in parts["train"])]
    rows = tables.no_rows(PREDICTED_TRACES).to_pandas()
    (folder / "model").mkdir()
    if set(recipe.modalities) <= set(there):
        model = recipe.make(target, next(iter(others), None), **recipe.settings, step=step)
        model.checkpoints = folder.parent / CHECKPOINTS / f"fold-{task.fold}"
        model.fit(parts["train"], parts["validation"])
        model.save(folder / "model")
        keys = {"fold": task.fold, "model": model.system, "modality": target}
        rows = predicted_rows(model, parts["test"]).assign(**keys)
    tables.write_table(folder / "predicted_traces.parquet", rows, PREDICTED_TRACES)


def predicted_rows(model: TraceModel, test: Sequence[TraceRecording]) -> pd.DataFrame:
    """Predict the recordings that have the target modality; the others get no row."""
    known = [recording for recording in test if model.target in recording.features]
    frames = [
        pd.DataFrame(
            {
                "clip_id": recording.clip_id,
                "frame": np.arange(len(raw)),
                **{dimension: refined[:, k] for k, dimension in enumerate(DIMENSIONS)},
                **{f"{dimension}_raw": raw[:, k] for k, dimension in enumerate(DIMENSIONS)},
            }
        )
        for recording, (raw, refined) in zip(known, model.predict(known), strict=True)
    ]
    return pd.concat(frames) if frames else tables.no_rows(PREDICTED_TRACES).to_pandas()
