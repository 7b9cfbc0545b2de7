"""What the other modality's help gains on clips: each enhanced system against the classic one."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from avlib.report.paired import Gain, Score, accuracy_of, confusion_sums, f1_of, paired_gain
from avlib.report.report_data import ReportData
from avlib.report.scores import MODALITIES, condition_with, emotions_of
from avlib.systems.emobed.traces import CLASSIC, SYSTEMS

SCORES: Mapping[str, Score] = {"macro-F1": f1_of, "accuracy": accuracy_of}


class Compared(NamedTuple):
    """An enhanced system against the classic one, on the clips that both scored."""

    modalities: str
    system: str
    measure: str
    gain: Gain
    clips: int


def paired_gains(data: ReportData) -> list[Compared]:
    """Compare every enhanced system with the classic one, by macro-F1 and by accuracy."""
    known = data.clips.set_index("clip_id")["subject"].dropna().to_dict()
    found = []
    for name, modalities in MODALITIES.items():
        classic = _scored(data, CLASSIC, modalities)
        for system in SYSTEMS:
            enhanced = _scored(data, system, modalities)
            if system == CLASSIC or classic is None or enhanced is None:
                continue
            both = enhanced.merge(classic, on=["clip_id", "fold"], suffixes=("", "_alone"))
            whose = [known.get(clip, clip) for clip in both["clip_id"]]
            names, cluster = np.unique(whose, return_inverse=True)
            emotions = emotions_of(data.predictions[CLASSIC])
            truth, *said = (
                pd.Categorical(both[column], emotions).codes
                for column in ("emotion", "predicted", "predicted_alone")
            )
            a, b = (confusion_sums(truth, s, cluster, len(names), len(emotions)) for s in said)
            found += [
                Compared(name, system, measure, paired_gain(a, b, score), len(both))
                for measure, score in SCORES.items()
            ]
    return found


def _scored(data: ReportData, system: str, modalities: str) -> pd.DataFrame | None:
    """Return the clips that a system scored with these modalities; None where there are none."""
    table = data.predictions.get(system)
    if table is None or (condition := condition_with(table, modalities)) is None:
        return None
    return table.loc[table["condition"] == condition, ["clip_id", "fold", "emotion", "predicted"]]
