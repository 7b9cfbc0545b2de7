"""One fold of one system that follows arousal and valence (in a worker)."""

from pathlib import Path

import numpy as np
import pandas as pd

from avlib.runtime import tables
from avlib.runtime.per_fold import CHECKPOINTS
from avlib.systems.common.recipe import FoldTask
from avlib.systems.emobed.traces import DIMENSIONS
from avlib.systems.emobed.traces.scenarios import scenario_of
from avlib.systems.emobed.traces.submission import FOLDER, write_submission
from avlib.systems.emobed.traces.tables import PREDICTED_TRACES

_VALUES = [*DIMENSIONS, *(f"{dimension}_raw" for dimension in DIMENSIONS)]


def train_trace_fold(task: FoldTask, folder: Path) -> None:
    """Write ``model/`` and ``predicted_traces.parquet`` of one fold.

    Predicted are the validation recordings, which have chosen the epoch and the post-processing,
    and the test recordings; of those without labels there are also files to hand in, in
    ``model/submission/``. Where no training recording has the
    target modality there is nothing to learn: the tables have no rows then. Without recordings of
    the auxiliary modality the classic system alone is trained. A recording without the target
    modality gets no row.

    Parameters
    ----------
    task
        Its recipe's modalities are the target and, where the system has one, the auxiliary.
    folder
        Where to write.
    """
    recipe = task.recipe
    step, parts = recipe.source.read(task.fold, task.inputs)
    there = {modality for recording in parts["train"] for modality in recording.features}
    rows = []
    (folder / "model").mkdir()
    if set(recipe.modalities) <= there & set(task.allowed):
        model = recipe.make(*recipe.modalities, **recipe.settings, step=step)
        model.checkpoints = folder.parent / CHECKPOINTS / f"fold-{task.fold}"
        model.fit(parts["train"], parts["validation"])
        model.save(folder / "model")
        keys = {"fold": task.fold, "model": model.system, "scenario": scenario_of(recipe.name)}
        for part in ("validation", "test"):
            there = [recording for recording in parts[part] if model.target in recording.features]
            for recording, (raw, refined) in zip(there, model.predict(there), strict=True):
                values = pd.DataFrame(np.hstack([refined, raw]), columns=_VALUES)
                values = values.assign(clip_id=recording.clip_id, frame=values.index, part=part)
                rows.append(values.assign(**keys))
                if part == "test" and np.isnan(recording.labels).all():
                    for dimension in DIMENSIONS:
                        files, said = folder / "model" / FOLDER, values[dimension].to_numpy()
                        write_submission(files, recording.clip_id, dimension, said, step)
    table = pd.concat(rows) if rows else tables.no_rows(PREDICTED_TRACES)
    tables.write_table(folder / "predicted_traces.parquet", table, PREDICTED_TRACES)
