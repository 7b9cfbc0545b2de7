"""How the decision from both modalities relates to those from each alone (MERML sec. 5.4).

The three decisions are those of one trained model, allowed both modalities (condition ``default``),
sound alone (``audio``) and picture alone (``video``).
"""

import numpy as np
import pandas as pd

from avlib.report.scores import DEFAULT, conditions_of

CATEGORIES = ("audio only", "video only", "both", "neither")
ALL = "all"  # the row over all emotions
_MODALITIES = ("audio", "video")


def decisions(predictions: pd.DataFrame) -> pd.DataFrame | None:
    """Set the three decisions side by side.

    Parameters
    ----------
    predictions
        Table ``predictions`` of one model.

    Returns
    -------
    DataFrame or None
        A row for each clip that was decided in all three ways, the first with both modalities:
        clip_id, fold, emotion; default, audio, video (decisions); category (of `CATEGORIES`: with
        which modality's own decision the joint one agrees); right (whether the joint one is). None
        where the model was not tested with each modality alone.
    """
    if not {DEFAULT, *_MODALITIES} <= set(conditions_of(predictions)):
        return None
    key = ["clip_id", "fold"]
    joint = predictions[predictions["condition"] == DEFAULT]
    table = joint.loc[joint["modalities"] == "+".join(_MODALITIES), [*key, "emotion", "predicted"]]
    table = table.rename(columns={"predicted": DEFAULT})
    for modality in _MODALITIES:
        alone = predictions.loc[predictions["condition"] == modality, [*key, "predicted"]]
        table = table.merge(alone.rename(columns={"predicted": modality}), on=key)
    audio, video = (table[DEFAULT] == table[modality] for modality in _MODALITIES)
    category = np.select(
        [audio & ~video, video & ~audio, audio & video], CATEGORIES[:3], CATEGORIES[3]
    )
    return table.assign(category=category, right=table[DEFAULT] == table["emotion"])


def agreement(decided: pd.DataFrame) -> pd.DataFrame:
    """Count the categories of `decisions`, for all emotions together and for each.

    Returns
    -------
    DataFrame
        Rows: `ALL`, then the emotions. Columns: a pair of "clips" or "right" (those of them whose
        joint decision is right) and one of `CATEGORIES`.
    """
    every = pd.concat([decided.assign(emotion=ALL), decided])
    right = every[every["right"]]
    counts = {
        "clips": pd.crosstab(every["emotion"], every["category"]),
        "right": pd.crosstab(right["emotion"], right["category"]),
    }
    rows = [ALL, *sorted(decided["emotion"].unique())]
    columns = pd.MultiIndex.from_product([("clips", "right"), CATEGORIES])
    cells = pd.concat(counts, axis=1)
    return cells.reindex(index=rows, columns=columns).fillna(0).astype(int)
