"""What the other modality's help gains on clips: each enhanced system against the classic one."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from avlib.report.paired import Gain, Score, accuracy_of, confusion_sums, f1_of, paired_gain
from avlib.report.report_data import ReportData
from avlib.report.scores import MODALITIES, condition_with, emotions_of
from avlib.systems.emobed.seeds import of_all_seeds
from avlib.systems.emobed.traces import CLASSIC, SYSTEMS

# Of sums of shape (..., n_seeds, n_classes, n_classes).
SCORES: Mapping[str, Score] = {
    "macro-F1": lambda sums: f1_of(sums).mean(-1),
    "accuracy": lambda sums: accuracy_of(sums).mean(-1),
}


class Compared(NamedTuple):
    """An enhanced system against the classic one, on the clips that both scored.

    Of several seeds the gain is the mean, the first against the first and so on.
    """

    modalities: str
    system: str
    measure: str
    gain: Gain
    clips: int
    seeds: int = 1


def paired_gains(data: ReportData) -> list[Compared]:
    """Compare every enhanced system with the classic one, by macro-F1 and by accuracy.

    A subject is resampled, or exchanged, in all seeds at once.
    """
    people = data.clips.dropna(subset="subject")
    known = dict(zip(people["clip_id"], people["subject"], strict=True))
    found = []
    for name, modalities in MODALITIES.items():
        classic = _scored(data, CLASSIC, modalities)
        for system in SYSTEMS:
            enhanced = _scored(data, system, modalities)
            if system == CLASSIC or classic is None or enhanced is None:
                continue
            emotions = emotions_of(data.predictions[CLASSIC])
            both, gains = gains_of(enhanced, classic, known, emotions)
            clips = len(both[["clip_id", "fold"]].drop_duplicates())
            found += [
                Compared(name, system, measure, gain, clips, both["seed"].nunique())
                for measure, gain in gains.items()
            ]
    return found


def gains_of(
    enhanced: pd.DataFrame,
    classic: pd.DataFrame,
    subjects: Mapping[str, str],
    emotions: Sequence[str],
) -> tuple[pd.DataFrame, dict[str, Gain]]:
    """Compare one system with another on the clips that both scored.

    Parameters
    ----------
    enhanced, classic
        Columns clip_id, fold, seed, emotion and predicted.
    subjects
        By clip_id; a clip of nobody known stands for itself.
    emotions
        Those that may be shown or predicted.

    Returns
    -------
    both : DataFrame
        The clips that both scored, by seed.
    gains : dict
        By measure, of `SCORES`.
    """
    key = ["clip_id", "fold", "seed"]
    both = enhanced.merge(classic, on=key, suffixes=("", "_alone"))
    whose = [subjects.get(clip, clip) for clip in both["clip_id"]]
    names, cluster = np.unique(whose, return_inverse=True)
    coded = pd.Index(emotions).get_indexer
    truth, *said = (coded(pd.Index(both[c])) for c in ("emotion", "predicted", "predicted_alone"))
    seeds = both.groupby("seed").indices.values()
    sizes = len(names), len(emotions)
    a, b = (
        np.stack([confusion_sums(truth[at], s[at], cluster[at], *sizes) for at in seeds], axis=1)
        for s in said
    )
    return both, {measure: paired_gain(a, b, mean) for measure, mean in SCORES.items()}


def _scored(data: ReportData, system: str, modalities: str) -> pd.DataFrame | None:
    """Return the clips that a system scored with these modalities; None where there are none."""
    table = data.predictions.get(system)
    if table is None or (condition := condition_with(table, modalities)) is None:
        return None
    every = of_all_seeds(system, table)
    columns = ["clip_id", "fold", "seed", "emotion", "predicted"]
    return every.loc[every["condition"] == condition, columns]
