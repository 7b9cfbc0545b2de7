"""Sections of docs/results.md: what the systems reach on recordings of people."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import yaml

from avlib.report.comparisons import compare_all, scored
from avlib.report.comparisons_page import comparison_table
from avlib.report.formats import DASH, p_text, percent
from avlib.report.page import Section, Table
from avlib.report.report_data import ReportData
from avlib.report.scores import confusion_scores
from avlib.report.sections import published_results
from avlib.report.significance import LEVEL, Interval, mcnemar, score_intervals
from avlib.report.words import words_beside

COMPARED = "merml"  # the model that is compared,
OTHERS = ("svm_concat", "lmnn", "gmml", "itml")  # with these where they are,
ALONE = ("svm_audio",)  # and with this where there is one modality.
_WORDS = words_beside(__file__)
_PARTS = {"validation": "PublicTest", "test": "PrivateTest"}


def study_section(
    title: str,
    text: Sequence[str],
    data: ReportData,
    params: Mapping[str, Any],
    command: str,
    pairs: Sequence[tuple[str, str]] = (),
) -> Section:
    """Show one run: of whom, how accurate each model is, and whether MERML differs from others.

    Parameters
    ----------
    title, text
        What was studied.
    data
        Tables of the run.
    params
        Values that differ from those of ``params.yaml``.
    command
        What ran with them.
    pairs
        Further models to compare.
    """
    order = sorted(data.scores, key=lambda m: -data.scores[m]["pooled"]["accuracy"])
    tables = [_scores(data, order)]
    others = [m for m in OTHERS if m in data.predictions] or [
        m for m in ALONE if m in data.predictions
    ]
    family = [(COMPARED, other) for other in others if COMPARED in data.predictions]
    if family := [*family, *pairs]:
        found = compare_all(data.predictions, data.folds, data.clips, family=family)
        tables.append(comparison_table(found))
    published = published_results(data) if data.protocol.folds else None
    if published:
        text, tables = [*text, *published.text], [*tables, *published.tables]
    return Section(title, [*text, *_people(data)], tables, code=_code(command, params))


def variations_section(
    title: str,
    text: Sequence[str],
    runs: Mapping[str, ReportData],
    params: Mapping[str, Any],
    variations: Mapping[str, Mapping[str, Any]],
    command: str,
) -> Section:
    """Show MERML with one setting after the other changed, and compare each with the first run.

    Parameters
    ----------
    title, text, params, command
        See `study_section`.
    runs
        By name of a variation: the tables of its run. All have the same folds.
    variations
        By name: the values that it lays over `params`.
    """
    names, first = list(runs), next(iter(runs.values()))
    data = replace(
        first,
        predictions={
            name: run.predictions[COMPARED].assign(model=name) for name, run in runs.items()
        },
        normalise=dict.fromkeys(names, first.normalised),
    )
    family = [(name, names[0]) for name in names[1:]]
    found = compare_all(data.predictions, data.folds, data.clips, data.normalise, family=family)
    code = f"{_code(command, params)}\n# and laid over them, one after the other:\n"
    code += _block(variations)
    tables = [_scores(data, names), comparison_table(found)]
    return Section(title, [*text, *_people(data)], tables, code=code)


def _people(data: ReportData) -> list[str]:
    """Say of how many people a run is, and how they were divided."""
    protocol = data.protocol
    return _WORDS(
        "people",
        clips=len(data.used_clips),
        subjects=data.used_clips["subject"].nunique(),
        emotions=len(data.emotions),
        chance=percent(data.chance),
        protocol=f"{protocol.name} ({protocol.folds})" if protocol.folds else protocol.name,
        folds=data.n_folds,
    )


def _code(command: str, params: Mapping[str, Any]) -> str:
    return f"# {command}\n# with these values in params.yaml:\n{_block(params)}"


def _block(values: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True).strip()


def expression_section(training: Mapping[str, Any] | None) -> Section:
    """Tell how well the expression network recognises the faces of FER2013.

    Parameters
    ----------
    training
        What its training wrote, ``data/weights/expression/training.json``; None where there is no
        such network.
    """
    title = "Faces of FER2013: the expression network"
    if training is None:
        return Section(title, _WORDS("people_no_expression"))
    rows = []
    for part, scores in training["scores"].items():
        counts = np.array(scores["confusions"])
        found = confusion_scores(counts, [str(k) for k in range(len(counts))])
        values = (scores["accuracy"], scores["accuracy_mirrored"], found["uar"])
        rows.append([_PARTS.get(part, part), f"{counts.sum():,}", *map(percent, values)])
    columns = ["part", "faces", "accuracy (%)", "with the mirror image (%)", "UAR (%)"]
    return Section(title, _WORDS("people_expression"), [Table(columns, "lr", rows)])


def descriptors_section(emotions: np.ndarray, found: Mapping[str, np.ndarray]) -> Section:
    """Tell how well SVMs on different descriptors recognise the faces of FER2013.

    Parameters
    ----------
    emotions : int array of shape (n_faces,)
        As indices into `EMOTIONS` of `avlib.corpora.fer2013`.
    found
        By descriptor, two or more: what its SVM takes the faces for.
    """
    right = {name: predicted == emotions for name, predicted in found.items()}
    shown = np.unique(emotions)
    rows = [
        [name, percent(hits.mean()), percent(np.mean([hits[emotions == e].mean() for e in shown]))]
        for name, hits in right.items()
    ]
    compared = []
    for one, other in combinations(right, 2):
        test = mcnemar(right[other], right[one])
        points = f"{100 * (right[other].mean() - right[one].mean()):+.1f}"
        compared.append([other, one, points, f"{test.only_a:,} / {test.only_b:,}", p_text(test.p)])
    tests = ["A", "B", "A − B (points)", "only A / only B right", "McNemar p"]
    return Section(
        "Faces of FER2013: what descriptors know of expressions",
        _WORDS("people_descriptors", faces=f"{len(emotions):,}"),
        [
            Table(["descriptor", "accuracy (%)", "UAR (%)"], "lr", rows),
            Table(tests, "llr", compared),
        ],
    )


def about(command: str, commit: str, date: str) -> Section:
    """Say where the page comes from and how its figures are to be read."""
    facts = [("Command", command), ("Commit", commit), ("Date", date)]
    return Section(
        "How this page came about", _WORDS("people_about"), [Table(["", ""], "l", facts)]
    )


def limits() -> Section:
    """Say what the figures do not show."""
    return Section("What this does not show", _WORDS("people_limits"))


def _scores(data: ReportData, order: Sequence[str]) -> Table:
    """Table of the models' scores over all test clips."""
    rows = []
    subjects = data.clips.set_index("clip_id")["subject"]
    for model in order:
        scores, clips = data.scores[model], scored(data.predictions[model], data.folds)
        intervals = score_intervals(
            clips["right"].to_numpy(dtype=bool),
            clips["emotion"].to_numpy(dtype=str),
            clips["clip_id"].map(subjects).to_numpy(dtype=str),
        )
        cells = []
        for metric in ("accuracy", "uar"):
            value = percent(scores["pooled"][metric])
            cells += [value, _bounds(intervals and getattr(intervals, metric))]
        spread = percent(scores["accuracy"], scores["accuracy_std"])
        rows.append([model, *cells, spread, f"{scores['clips']:,} / {scores['clips_total']:,}"])
    level = f"{100 * LEVEL:g} % interval"
    columns = ["model", "accuracy (%)", level, "UAR (%)", level, "accuracy over folds (%)", "clips"]
    return Table(columns, "lr", rows)


def _bounds(interval: Interval | None) -> str:
    return f"{percent(interval.low)} to {percent(interval.high)}" if interval else DASH
