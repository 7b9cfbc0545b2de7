"""The table of results, and how the scores vary over folds and people."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from avlib.report.chart import Row, Scale, rows_chart
from avlib.report.formats import DASH, number, percent
from avlib.report.normalisation import NONE
from avlib.report.page import Drawing, Section, Table
from avlib.report.report_data import ReportData
from avlib.report.scores import DEFAULT, condition_with
from avlib.report.significance import LEVEL
from avlib.report.standings import Standing, standings
from avlib.report.words import words_beside

_WORDS = words_beside(__file__)
_MANY = 12  # rows above which a table is folded
_PERCENT = range(0, 101, 20)


def results(data: ReportData) -> Section:
    """Compare the models, beside published figures where they are comparable."""
    if not data.scores:
        return Section("Results", ["No model has predictions yet."], opened=True)
    found = standings(data)
    text = _WORDS("results")
    if data.normalised != NONE:
        enrolled = data.enrolled["clip_id"].nunique()
        text += _WORDS(f"results_{data.normalised}", each=data.enrolled_each, n=enrolled)
    published = {s.model: _beside(data, s.model) for s in found if s.comparable}
    if any(published.values()):
        text += _WORDS("results_published")
    ranked = [standing for standing in found if standing.comparable]
    tables = [_table(ranked, published)] if ranked else []
    if apart := [standing for standing in found if not standing.comparable]:
        text += _WORDS("results_apart", starts="; ".join({s.starts_from: 0 for s in apart}))
        tables.append(_table(apart, {}))
    if any(standing.clips < standing.clips_total for standing in found):
        text += _WORDS("results_unscored")
    lost = (data.status["stage"] == "clips") & (data.status["status"] == "failed")
    if lost.any():
        text += _WORDS("results_lost", lost=lost.sum())
    return Section("Results", text, tables, opened=True)


def folds_and_people(data: ReportData) -> Section | None:
    """Show how much the scores vary over folds, and over the people who are tested."""
    if not data.scores:
        return None
    parts = pd.crosstab(data.folds["fold"], data.folds["part"])
    parts = parts.reindex(columns=data.fold_parts, fill_value=0)
    tested = data.folds[data.folds["part"] == "test"].merge(data.clips[["clip_id", "subject"]])
    subjects = tested.groupby("fold")["subject"].nunique()
    counts = [
        [str(fold), *(f"{n:,}" for n in (subjects.get(fold, 0), *parts.loc[fold]))]
        for fold in parts.index
    ]
    of_models = {
        model: [percent(by_fold[fold]["accuracy"]) for fold in parts.index]
        for model, by_fold in data.fold_scores.items()
    }
    people = pd.DataFrame(data.subject_accuracies)
    of_people = [[str(who), *map(percent, row)] for who, row in people.iterrows()]
    n = tested.groupby("subject")["clip_id"].nunique()
    of_people = [[row[0], f"{n[row[0]]:,}", *row[1:]] for row in of_people]
    in_each = f"in each of {len(counts)} folds"
    if len(counts) <= len(of_models):  # the longer side goes down the page, or paper cuts it off
        columns = ["model", *(f"fold {fold}" for fold in parts.index)]
        rows = [[model, *scores] for model, scores in of_models.items()]
    else:
        columns = ["fold", *of_models]
        rows = [[row[0], *scores] for row, *scores in zip(counts, *of_models.values(), strict=True)]
    tables = [
        Table(
            ["fold", "subjects tested", *parts.columns],
            "r",
            counts,
            f"Clips {in_each}" if len(counts) > _MANY else "",
        ),
        Table(columns, "lr", rows, f"Accuracy {in_each}" if len(rows) > _MANY else ""),
        Table(
            ["subject", "clips", *people.columns],
            "lr",
            of_people,
            f"Accuracy on each of {len(of_people)} people",
        ),
    ]
    drawings = [dots(data, list(data.scores), "folds")]
    drawings += [dots(data, [model], f"folds_{model}", model) for model in data.scores]
    return Section("Folds", _WORDS("folds"), tables, drawings, opened=True)


def dots(data: ReportData, models: Sequence[str], name: str, of: str = "") -> Drawing:
    """Draw the accuracy of models in each fold (filled) and on each person (hollow)."""
    rows, said = [], []
    for model in models:
        of_folds = _known([s["accuracy"] for s in data.fold_scores[model].values()])
        of_people = _known([*data.subject_accuracies[model].values()])
        mean = data.scores[model]["accuracy"]
        row = Row(
            model,
            data.look(model),
            None if np.isnan(mean) else 100 * mean,
            dots=of_folds,
            rings=of_people,
            said=percent(mean),
        )
        rows.append(row)
        said.append(f"{model} {percent(mean)} %, folds {_range(of_folds)}, people "
                    f"{_range(of_people)}")  # fmt: skip
    axis = "accuracy (%): filled a fold, hollow a person, the bar is the mean of the folds"
    scale = Scale(0, 100, _PERCENT, 100 * data.chance, "chance", axis)
    alt = f"Accuracy by fold and by person: {'; '.join(said)}"
    narrow = scale._replace(title="filled a fold, hollow a person")
    return Drawing(
        name,
        rows_chart({"": rows}, scale, alt, width=860, names=190),
        rows_chart({"": rows}, narrow, alt, width=350, names=150),
        alt,
        of,
    )


def _table(found: Sequence[Standing], published: dict[str, float | None]) -> Table:
    """Lay out standings, sortable; with published figures where any may stand beside."""
    columns = ["model", "accuracy (%)", f"{100 * LEVEL:g} % interval", "UAR (%)", "macro-F1 (%)"]
    columns += ["over folds (%)", "clips scored", "modalities used", "group"]
    align = "lrrrrrrll"
    comparable = any(published.values())
    if comparable:
        columns.append("published (%)")
        align += "r"
    started = any(standing.starts_from for standing in found if standing.comparable)
    if started:
        columns.append("starts from")
        align += "l"
    rows = []
    for s in found:
        bounds = DASH
        if s.accuracy_low is not None:
            bounds = f"{percent(s.accuracy_low)} to {percent(s.accuracy_high)}"
        scores = [percent(s.accuracy), bounds, percent(s.uar), percent(s.f1_macro)]
        cells = [*scores, percent(s.accuracy_folds, s.accuracy_folds_std)]
        cells += [f"{s.clips:,} / {s.clips_total:,}", s.modalities, s.group]
        if comparable:
            cells.append(number(published[s.model], ".1f"))
        if started:
            cells.append(s.starts_from or DASH)
        rows.append([s.model, *cells])
    return Table(columns, align, rows, sortable=True)


def _beside(data: ReportData, model: str) -> float | None:
    """Return the published accuracy that a model's may stand beside, if there is one."""
    if data.partial:
        return None
    for result in data.published.same_protocol:
        same = result.system == model and result.accuracy is not None
        if same and condition_with(data.predictions[model], result.modalities) == DEFAULT:
            return result.accuracy
    return None


def _known(values: Sequence[float]) -> list[float]:
    return [100 * value for value in values if not np.isnan(value)]


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.1f} to {max(values):.1f}" if values else DASH
