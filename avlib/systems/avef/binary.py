"""Binary arousal and valence: the codes of both, and how often a model is right."""

from pathlib import Path

import numpy as np

from avlib.runtime import tables
from avlib.systems.common.model import BOTH, AnyClips, Model

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


def share_right(model: Model[AnyClips], clips: AnyClips) -> dict[str, float]:
    """Return how often a model of two classes is right.

    Returns
    -------
    dict of str to float
        By what it is tested with, "audio", "video", "both"; "commoner": how often one is right who
        always names the label that most of these clips have.
    """
    if not len(clips):
        return {}
    first = float(np.mean(clips.emotion == 0))
    right = {"commoner": round(max(first, 1 - first), 4)}
    for name, allowed in {"audio": ("audio",), "video": ("video",), "both": BOTH}.items():
        tested = clips.select(model.scorable(clips, allowed))
        if set(allowed) <= set(model.modalities) and len(tested):
            predicted = model.predict_proba(tested, allowed).argmax(axis=1)
            right[name] = round(float(np.mean(predicted == tested.emotion)), 4)
    return right
