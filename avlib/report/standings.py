"""How each model stands: its scores over all test clips, and what they may be compared with."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from avlib.report.normalisation import NONE
from avlib.report.report_data import ReportData
from avlib.report.scores import DEFAULT, DIGITS, to_json
from avlib.report.significance import score_intervals
from avlib.report.starting import APART


@dataclass(frozen=True)
class Standing:
    """One model's line of the results. Scores are in [0, 1].

    Attributes
    ----------
    model, group : str
    modalities : str
        What it used, with the numbers of clips where that was not always the same.
    accuracy, uar, f1_macro : float
        Over the test clips of all folds together.
    accuracy_low, accuracy_high, uar_low, uar_high : float or None
        Bounds of the 95 % intervals, which resample whole subjects; None with fewer than two.
    accuracy_folds, accuracy_folds_std : float or None
        Mean over folds, and its standard deviation.
    clips, clips_total, subjects : int
        Test clips that it scored, of how many, and whose they are.
    speakers : str
        Speaker normalisation.
    starts_from : str
        Weights that its training began with, in words; "" of none.
    comparable : bool
        Whether it learned from the training clips alone, as the others did.
    """

    model: str
    group: str
    modalities: str
    accuracy: float
    accuracy_low: float | None
    accuracy_high: float | None
    uar: float
    uar_low: float | None
    uar_high: float | None
    f1_macro: float
    accuracy_folds: float
    accuracy_folds_std: float
    clips: int
    clips_total: int
    subjects: int
    speakers: str
    starts_from: str
    comparable: bool

    @property
    def right(self) -> float:
        """Share of all test clips that are right; one that was not scored is not."""
        return self.accuracy * self.clips / self.clips_total


def standings(data: ReportData) -> list[Standing]:
    """Return the models of a run, the best first; those that are not comparable come last."""
    found = [_standing(data, model) for model in data.scores]
    return sorted(found, key=lambda s: (s.speakers != NONE, not s.comparable, -s.right))


def results_csv(found: Sequence[Standing]) -> str:
    """Lay standings out as a table for other programs; scores are in [0, 1]."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(Standing.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    for standing in found:
        values = asdict(standing).items()
        writer.writerow({k: round(v, DIGITS) if isinstance(v, float) else v for k, v in values})
    return file.getvalue()


def results_json(data: ReportData, found: Sequence[Standing]) -> str:
    """Lay standings out as JSON, with what they are of."""
    return to_json(
        {
            "corpus": data.corpus,
            "clips": len(data.used_clips),
            "subjects": data.used_clips["subject"].nunique(),
            "chance": data.chance,
            "models": [asdict(standing) for standing in found],
        }
    )


def _standing(data: ReportData, model: str) -> Standing:
    scores, rows = data.scores[model], data.scored[model]
    subjects = rows["clip_id"].map(data.clips.set_index("clip_id")["subject"]).to_numpy(dtype=str)
    intervals = score_intervals(
        rows["right"].to_numpy(dtype=bool), rows["emotion"].to_numpy(dtype=str), subjects
    )
    accuracy_low, accuracy_high = intervals.accuracy if intervals else (None, None)
    uar_low, uar_high = intervals.uar if intervals else (None, None)
    starts = data.starts_from.get(model, "")
    return Standing(
        model,
        data.look(model).group,
        used(data, model),
        scores["pooled"]["accuracy"],
        accuracy_low,
        accuracy_high,
        scores["pooled"]["uar"],
        uar_low,
        uar_high,
        scores["pooled"]["f1_macro"],
        scores["accuracy"],
        scores["accuracy_std"],
        scores["clips"],
        scores["clips_total"],
        len(set(subjects)),
        data.normalise.get(model, NONE),
        starts,
        starts not in APART,
    )


def used(data: ReportData, model: str) -> str:
    """Modalities that a model used, with the number of clips where it did not always use all."""
    predictions = data.predictions[model]
    counts = predictions.loc[predictions["condition"] == DEFAULT, "modalities"].value_counts()
    if len(counts) == 1:
        return str(counts.index[0])
    return ", ".join(f"{modalities} ({n:,})" for modalities, n in counts.items())
