"""Sections of the report on what each modality gives (MERML sec. 5.2-5.4)."""

from collections.abc import Mapping
from typing import Any

from avlib.report import modality_plots
from avlib.report.agreement import CATEGORIES, LEADING, agreement, in_words, leading
from avlib.report.formats import DASH, percent, score
from avlib.report.page import Picture, Section, Table
from avlib.report.report_data import ReportData
from avlib.report.scores import DEFAULT, conditions_of, fold_scores, mean_and_std, model_scores
from avlib.report.words import words_beside

# The models that MERML fig. 4 sets side by side.
TRIO = ("svm_audio", "svm_video", "merml")
# Both learn from both modalities: before there is a metric, and after.
BEFORE, AFTER = "svm_concat", "merml"
_WORDS = words_beside(__file__)
FoldScores = Mapping[int, Mapping[str, Any]]
_TESTS = {DEFAULT: "both", "audio": "audio only", "video": "video only"}


def one_modality(data: ReportData) -> Section | None:
    """Score models that learned from both modalities with one alone, beside those of that one."""
    tested = {
        model: {c: fold_scores(t, data.folds, condition=c) for c in _TESTS}
        for model, t in data.predictions.items()
        if set(_TESTS) <= set(conditions_of(t))
    }
    if not tested:
        return None
    alone = {
        m: {_only(data, m): s} for m, s in data.fold_scores.items() if _only(data, m) in _TESTS
    }
    tables = []
    for metric, title in (("accuracy", "accuracy (%)"), ("uar", "UAR (%)")):
        body = []
        for model, scores in (alone | tested).items():
            learned = "both" if model in tested else f"{next(iter(scores))} only"
            body.append([model, learned, *(_cell(scores.get(c), metric) for c in _TESTS)])
        if {BEFORE, AFTER} <= set(tested):
            gains = [_gain(tested[BEFORE][c], tested[AFTER][c], metric) for c in _TESTS]
            body.append([f"{AFTER} minus {BEFORE}", "both", *gains])
        columns = [title, "learned from", *(f"tested with {name}" for name in _TESTS.values())]
        tables.append(Table(columns, "llr", body))
    text = _WORDS("one_modality")
    if {BEFORE, AFTER} <= set(tested):
        text += _WORDS("one_modality_gain", before=BEFORE, after=AFTER)
    return Section("One modality at a time", text, tables)


def contribution(data: ReportData) -> Section | None:
    """Set each modality alone beside MERML on both, for each emotion (fig. 4)."""
    if not set(TRIO) <= set(data.scores):
        return None
    values = {
        model: {"average": data.scores[model]["pooled"]["accuracy"], **data.recalls(model)}
        for model in TRIO
    }
    said = ", ".join(f"{model} {percent(found['average'])} %" for model, found in values.items())
    alt = f"Accuracy and recall of each emotion from audio, video and, by MERML, both; {said}"
    svg = modality_plots.modality_bars(values, [data.look(model) for model in TRIO], alt)
    picture = Picture("modalities", svg, alt)
    return Section("What both modalities add", _WORDS("contribution"), (), [picture])


def agreements(data: ReportData) -> Section | None:
    """Tell with which modality's own decision the joint decision agrees (sec. 5.4)."""
    counted = {
        model: counts
        for model, predictions in data.predictions.items()
        if (counts := agreement(predictions)) is not None
    }
    if not counted:
        return None
    tables = [_leading_modalities(data, {m: leading(counts) for m, counts in counted.items()})]
    for model, counts in counted.items():
        rows = []
        for emotion, row in counts.iterrows():
            total = int(row["clips"].sum())
            cells = [_share(row["clips", c], row["right", c], total) for c in CATEGORIES]
            rows.append([str(emotion), f"{total:,}", *cells])
        tables.append(Table(["emotion", "clips", *CATEGORIES], "lr", rows, model=model))
    pictures = [
        Picture(f"agreement_{model}", svg, in_words(model, counted[model]), model)
        for model, svg in data.pictures("agreement").items()
        if model in counted
    ]
    return Section("Agreement of the modalities", _WORDS("agreements"), tables, pictures)


def _leading_modalities(data: ReportData, found: Mapping[str, Mapping[str, str]]) -> Table:
    """Table of the emotions that each model decides from audio, from video, or needs both for."""
    rows = []
    for model, by_emotion in found.items():
        groups = [", ".join(e for e in by_emotion if by_emotion[e] == name) for name in LEADING]
        rows.append([model, *(group or DASH for group in groups)])
    known = data.published.leading
    if known and not data.partial:
        published = (known.audio, known.video, known.both)
        rows.append([f"{known.system}, in its paper", *map(", ".join, published)])
    return Table(["model", "audio leads", "video leads", "both are needed"], "l", rows)


def _only(data: ReportData, model: str) -> str:
    """Return the modality that a model used for every clip; "" if that was not one and the same."""
    used = data.predictions[model]["modalities"].unique()
    return str(used[0]) if len(used) == 1 else ""


def _cell(by_fold: FoldScores | None, metric: str) -> str:
    """Write a score, and of how many clips where these were not all."""
    if by_fold is None:
        return DASH
    scores = model_scores(by_fold)
    clips = f" ({scores['clips']:,} clips)" if scores["clips"] < scores["clips_total"] else ""
    return score(scores, metric) + clips


def _gain(before: FoldScores, after: FoldScores, metric: str) -> str:
    """Write the mean difference over folds and its standard deviation."""
    mean, std = mean_and_std(after[fold][metric] - before[fold][metric] for fold in before)
    return f"+{percent(mean, std)}" if mean > 0 else percent(mean, std)


def _share(clips: int, right: int, total: int) -> str:
    return f"{100 * clips / total:.0f} ({100 * right / clips:.0f})" if clips else "0"
