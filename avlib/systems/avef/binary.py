"""Binary arousal and valence: the codes of both, and what a model says of them."""

from pathlib import Path

import numpy as np
import pandas as pd

from avlib.runtime import tables
from avlib.systems.common.model import AnyClips, Model, prediction_rows

# Ma et al. 2019 (AVEF), table 2; codes count from 0 in this order.
TASKS = {"arousal": ("high", "low"), "valence": ("negative", "positive")}


def binary_codes(clip_id: np.ndarray, table: Path) -> dict[str, np.ndarray]:
    """Return the codes of clips in each task; -1 where an emotion, such as neutral, has none.

    Parameters
    ----------
    clip_id : str array of shape (n,)
    table : Path
        Table ``clips``.

    Returns
    -------
    dict of str to int array of shape (n,)
    """
    rows = tables.read_table(table, ["clip_id", *(f"binary_{task}" for task in TASKS)])
    rows = rows.set_index("clip_id").loc[clip_id]
    return {
        task: rows[f"binary_{task}"].map({first: 0, second: 1}).fillna(-1).to_numpy(int)
        for task, (first, second) in TASKS.items()
    }


def binary_rows(
    model: Model[AnyClips], clips: AnyClips, task: str, allowed: tuple[str, ...]
) -> pd.DataFrame:
    """Return what a model of two classes says of clips, as table ``binary`` has it.

    Without condition, fold and model.

    Parameters
    ----------
    model
    clips
        That have a label, which is their emotion; those without an allowed modality have no row.
    task : {"arousal", "valence"}
    allowed : tuple of str
        Modalities.
    """
    clips = clips.select(model.scorable(clips, allowed))
    probabilities = model.predict_proba(clips, allowed)
    rows = prediction_rows(clips, list(TASKS[task]), allowed, probabilities)
    rows = rows.assign(task=task, probability=probabilities.max(axis=1))
    return rows.rename(columns={"emotion": "label"})[
        ["clip_id", "task", "modalities", "label", "predicted", "probability"]
    ]
