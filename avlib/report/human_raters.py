"""How often human raters recognise the intended emotion, beside the systems.

A rate is the share of single ratings that name the intended emotion. Which computation the
published rates of CREMA-D stand for (Cao et al. 2014: voice 40.9, face 58.2, both 63.6 %) was
settled on its released votes, over all 7,442 clips:

========================================================  =====  =====  =====
in percent                                                voice  face   both
========================================================  =====  =====  =====
published                                                 40.9   58.2   63.6
single ratings that are right                             40.0   57.4   63.1
mean of the six emotions' rates of single ratings         40.7   57.7   63.4
clips whose commonest answer is right, a tie being wrong  41.6   66.3   72.2
of these, where it beats chance (binomial test, p < .05)  39.6   63.8   70.8
"traditional majority", as MERML's section 5.2 quotes it  45.5   69.0   74.8
of clips without a tie, whose commonest answer is right   45.6   70.7   76.5
clips where more than half of the ratings are right       34.1   57.0   65.1
========================================================  =====  =====  =====

So the published figures are rates of single ratings, although the MERML paper calls them binomial
majority recognition: whole groups recognise faces far more often. The traditional majority, which
that paper explains as more than half of the raters, comes closest to the commonest answers without
ties. What little remains may be due to the released table, from which its authors removed repeated
and practice ratings.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from avlib.report.formats import DASH, number, percent
from avlib.report.normalisation import NONE
from avlib.report.page import Section, Table
from avlib.report.report_data import ReportData
from avlib.report.scores import DEFAULT
from avlib.report.words import words_beside

_WORDS = words_beside(__file__)
_GIVEN = {"audio": "voice", "video": "face", "audio+video": "both"}  # in the report's order


def recognition(votes: pd.DataFrame, clips: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Rates of recognition by what the raters were given, over some clips.

    Parameters
    ----------
    votes
        Table ``votes``.
    clips
        Rows of table ``clips``; those without ratings or without an emotion count nowhere.

    Returns
    -------
    dict
        By modality, ``audio``, ``video``, ``audio+video``, those that have ratings: clips; ratings;
        accuracy (share of the ratings that name the intended emotion, all counted alike); recall
        (that share by emotion, those that have ratings); uar (mean of the emotions' shares).
    """
    intended = clips.dropna(subset="emotion").set_index("clip_id")["emotion"]
    rated = votes[votes["clip_id"].isin(intended.index) & (votes["ratings"] > 0)]
    rated = rated.assign(intended=rated["clip_id"].map(intended))
    rated = rated.assign(right=rated["ratings"].where(rated["emotion"] == rated["intended"], 0))
    found = {}
    for modality in _GIVEN:
        of_modality = rated[rated["modality"] == modality]
        if of_modality.empty:
            continue
        sums = of_modality.groupby("intended")[["right", "ratings"]].sum()
        recall = sums["right"] / sums["ratings"]
        found[modality] = {
            "clips": of_modality["clip_id"].nunique(),
            "ratings": int(sums["ratings"].sum()),
            "accuracy": float(sums["right"].sum() / sums["ratings"].sum()),
            "uar": float(recall.mean()),
            "recall": recall.to_dict(),
        }
    return found


def human_raters_beside_systems(data: ReportData) -> Section | None:
    """Compare human raters and systems on the clips that the run tests."""
    if data.votes is None:
        return None
    tested = data.folds.loc[data.folds["part"] == "test", "clip_id"]
    by_given = recognition(data.votes, data.clips[data.clips["clip_id"].isin(tested)])
    if not by_given:
        return None
    known = data.published.human_raters
    single = {rates.modalities: rates.accuracy for rates in known if not rates.counted}
    published = single if data.normalised == NONE and not data.partial else {}
    rows = []
    for given, rates in by_given.items():
        cells = [*_cells(rates, data.emotions), number(published.get(given), ".1f")]
        rows.append([f"raters, {_GIVEN[given]}", given, *cells])
    for model, scores in data.scores.items():
        table = data.predictions[model]
        used = table.loc[table["condition"] == DEFAULT, "modalities"].mode()[0]
        cells = _cells(scores["pooled"] | {"clips": scores["clips"]}, data.emotions)
        rows.append([model, used, *cells, DASH])
    columns = ["who", "given", "clips", "accuracy (%)", "UAR (%)", *data.emotions, "published (%)"]
    if not published:
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    text = _WORDS(
        "human_raters",
        clips=max(rates["clips"] for rates in by_given.values()),
        tested=tested.nunique(),
        ratings=sum(rates["ratings"] for rates in by_given.values()),
    )
    if known and data.partial:
        text.append(f"{data.partial}; the published rates of the raters are over the whole corpus.")
    both = [(rates, published[given]) for given, rates in by_given.items() if given in published]
    if both:
        accuracy, uar = (
            max(abs(100 * rates[metric] - figure) for rates, figure in both)
            for metric in ("accuracy", "uar")
        )
        text += _WORDS("human_raters_published", accuracy=accuracy, uar=uar)
    return Section("Human raters beside the systems", text, [Table(columns, "llr", rows)])


def _cells(rates: Mapping[str, Any], emotions: Sequence[str]) -> list[str]:
    recall = [rates["recall"].get(emotion) for emotion in emotions]
    return [f"{rates['clips']:,}", *map(percent, [rates["accuracy"], rates["uar"], *recall])]
