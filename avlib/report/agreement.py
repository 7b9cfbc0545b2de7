"""How the decision from both modalities relates to those from each alone (MERML sec. 5.4).

The three decisions are those of one trained model, allowed both modalities (condition ``default``),
sound alone (``audio``) and picture alone (``video``).
"""

import numpy as np
import pandas as pd

from avlib.report.scores import DEFAULT, conditions_of

CATEGORIES = ("audio only", "video only", "both", "neither")
LEADING = ("audio", "video", "both")
AUDIO_SHARE, VIDEO_AHEAD = 20, 10  # percent of the right joint decisions, see `leading`
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
    # With both modalities allowed, only clips that have both count.
    both = predictions["modalities"] == "+".join(_MODALITIES)
    rows = predictions[both | (predictions["condition"] != DEFAULT)]
    table = rows.pivot(
        index=["clip_id", "fold", "emotion"], columns="condition", values="predicted"
    )
    table = table.reindex(columns=[DEFAULT, *_MODALITIES]).dropna().reset_index()
    audio, video = (table[DEFAULT] == table[modality] for modality in _MODALITIES)
    category = np.select(
        [audio & ~video, video & ~audio, audio & video], CATEGORIES[:3], CATEGORIES[3]
    )
    return table.assign(category=category, right=table[DEFAULT] == table["emotion"])


def agreement(predictions: pd.DataFrame) -> pd.DataFrame | None:
    """Count the categories of `decisions`, for all emotions together and for each.

    Returns
    -------
    DataFrame or None
        Rows: `ALL`, then the emotions. Columns: a pair of "clips" or "right" (those of them whose
        joint decision is right) and one of `CATEGORIES`. None where no clip has all decisions.
    """
    decided = decisions(predictions)
    if decided is None or decided.empty:
        return None
    emotions = sorted(decided["emotion"].unique())
    row = pd.Index(emotions).get_indexer(pd.Index(decided["emotion"])) + 1
    category = pd.Index(CATEGORIES).get_indexer(pd.Index(decided["category"]))
    counts = np.zeros((2, 1 + len(emotions), len(CATEGORIES)), int)
    np.add.at(counts[0], (row, category), 1)
    np.add.at(counts[1], (row, category), decided["right"].to_numpy(int))
    counts[:, 0] = counts.sum(axis=1)
    columns = pd.MultiIndex.from_product([("clips", "right"), CATEGORIES])
    return pd.DataFrame(np.hstack(list(counts)), index=[ALL, *emotions], columns=columns)


def leading(counts: pd.DataFrame) -> dict[str, str]:
    """Sort the emotions into the three categories of MERML's section 5.4.

    The paper says that audio gives more than 20 % of the joint recognition of the emotions where it
    is the more significant, that video is at least 10 % better than audio where it is, and that the
    others need both. We take it to speak of the right joint decisions, and of the shares of them
    that only audio's own decision agrees with, or only video's: ``audio`` if its share is above
    20 % and above video's, ``video`` if its share is at least 10 points above audio's, else
    ``both``.

    Parameters
    ----------
    counts
        What `agreement` returns.

    Returns
    -------
    dict
        One of `LEADING` by emotion, without emotions that no joint decision is right about.
    """
    found = {}
    for emotion, right in counts["right"].drop(index=ALL).iterrows():
        audio, video, total = right["audio only"], right["video only"], right.sum()
        if total == 0:
            continue
        if 100 * audio > AUDIO_SHARE * total and audio > video:
            found[str(emotion)] = "audio"
        elif 100 * (video - audio) >= VIDEO_AHEAD * total:
            found[str(emotion)] = "video"
        else:
            found[str(emotion)] = "both"
    return found


def in_words(model: str, counts: pd.DataFrame) -> str:
    """Say of how many clips the joint decision of a model agrees with which modality.

    Parameters
    ----------
    model
        Its name.
    counts
        What `agreement` returns of it.
    """
    clips = counts["clips"].loc[ALL]
    said = ", ".join(f"{100 * clips[c] / clips.sum():.0f} % {c}" for c in CATEGORIES)
    return f"With which modality's own decision {model} agrees: {said}; hatched: wrong decisions"
