"""The section of the report that lays AVEF's results out as its paper does (tables 4 to 10)."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from avlib.report.formats import DASH, percent, percent_over_folds, score
from avlib.report.page import Section, Table
from avlib.report.report_data import ReportData
from avlib.report.scores import MODALITIES, scores_with
from avlib.report.training_choices import over_folds
from avlib.report.words import words_beside
from avlib.systems.avef.binary_scores import binary_scores
from avlib.systems.avef.tables import BINARY

_WORDS = words_beside(__file__)
CASES = {"case 1": "avef_raw", "case 2": "avef"}
TASKS = ("emotions", "arousal", "valence")
GUESS = "commoner"
MEASURES = {"UAR": "uar", "macro-F1": "f1_macro"}
SPACES = {"audio": "audio network", "video": "video network", "joint": "whole model"}
_PAPER = Path(__file__).with_name("published_results.yaml")


def avef_tables(data: ReportData) -> Section | None:
    """Return `avef_section` of one run."""
    binary = {model: data.table(BINARY, model) for model in CASES.values()}
    return avef_section(data, binary)


def avef_section(data: ReportData, binary_rows: Mapping[str, pd.DataFrame]) -> Section | None:
    """Set case 1 beside case 2, for audio, video and both, in emotions and in binary tasks.

    The paper's figures stand beside ours where it used the corpus too. None where neither `avef`
    nor `avef_raw` was trained.

    Parameters
    ----------
    data
    binary_rows
        Table ``binary`` by model; none where nobody asked for the tasks.
    """
    cases = {case: model for case, model in CASES.items() if model in data.predictions}
    if not cases:
        return None
    paper = yaml.safe_load(_PAPER.read_text()).get(data.corpus, {})
    diagnostics = {
        case: over_folds(data.fold_facts.get(model, {}), "diagnostics")
        for case, model in cases.items()
    }
    tasks = {case: _binary(binary_rows[model]) for case, model in cases.items()}
    accuracies = {case: _accuracies(data, m, tasks[case]) for case, m in cases.items()}
    binary = any(tasks.values())
    text = _WORDS("cases") + _WORDS("binary" if binary else "no_binary")
    tables = [_side_by_side(accuracies, paper), *([_balanced(tasks)] if binary else [])]
    tables.append(_segments(diagnostics, paper))
    for case, model in cases.items():
        tables.append(_confusion(f"{model}, {case} (%)", data.scores[model]))
    if paper:
        text += _WORDS("paper")
        rows = [[e, *(f"{v:.1f}" for v in values)] for e, values in paper["confusion"].items()]
        tables.append(Table(["paper (%)", *paper["confusion"]], "lr", rows))
    return Section("AVEF, as in its paper", text + _WORDS("confusions"), tables)


def _binary(rows: pd.DataFrame) -> dict[tuple[str, str], dict[str, tuple[float, float]]]:
    """Return `binary_scores` by task and what was tested, where there are any."""
    found = {
        (task, name): binary_scores(rows, task, used)
        for task, (name, used) in product(TASKS[1:], MODALITIES.items())
    }
    return {key: scores for key, scores in found.items() if scores}


def _accuracies(
    data: ReportData, model: str, binary: Mapping[tuple[str, str], Mapping[str, Any]]
) -> dict[tuple[str, str], str]:
    """Write accuracies by task and what was tested; those of binary tasks where they were trained.

    Parameters
    ----------
    binary
        See `_binary`.
    """
    found = {}
    for name, used in MODALITIES.items():
        if scores := scores_with(data.predictions[model], data.folds, used):
            found[TASKS[0], name] = score(scores)
    for (task, name), of_task in binary.items():
        found[task, name] = percent(*of_task["accuracy"])
        found[task, GUESS] = percent(*of_task["commoner"])  # of both, which come last
    return found


def _balanced(
    tasks: Mapping[str, Mapping[tuple[str, str], Mapping[str, tuple[float, float]]]],
) -> Table:
    """Tell the scores of binary tasks in which the rarer label counts as much."""
    rows = []
    for key in product(TASKS[1:], MODALITIES):
        cells = [
            percent(*found[key][measure]) if key in found else DASH
            for found in tasks.values()
            for measure in MEASURES.values()
        ]
        if set(cells) != {DASH}:
            rows.append([*key, *cells])
    heads = [f"{name}, {case}" for case in tasks for name in MEASURES]
    return Table(["binary (%)", "tested with", *heads], "llr", rows)


def _side_by_side(
    accuracies: Mapping[str, Mapping[tuple[str, str], str]], paper: Mapping[str, Any]
) -> Table:
    rows = []
    for task, name in product(TASKS, (*MODALITIES, GUESS)):
        cells = [found.get((task, name), DASH) for found in accuracies.values()]
        if set(cells) != {DASH}:
            if paper:  # it has a figure of each case, or none of either
                figures = paper[task].get(name)
                cells += [f"{v:.1f}" for v in figures] if figures else [DASH for _ in CASES]
            rows.append([task, name, *cells])
    columns = ["accuracy (%)", "tested with", *accuracies, *(f"paper, {c}" for c in CASES if paper)]
    return Table(columns, "llr", rows)


def _segments(
    diagnostics: Mapping[str, list[Mapping[str, Any]]], paper: Mapping[str, Any]
) -> Table:
    """Tell how much of the time is spoken, and how often single segments are right."""
    kept = [percent_over_folds(f["kept_share"] for f in found) for found in diagnostics.values()]
    rows = [["time that is kept", *kept, str(paper.get("kept", DASH))]]
    for space, name in SPACES.items():
        cells = [
            percent_over_folds(fold["segment_accuracy"].get(space) for fold in found)
            for found in diagnostics.values()
        ]
        if set(cells) != {DASH}:
            rows.append([f"segments right, {name}", *cells, DASH])
    return Table(["of test clips (%)", *diagnostics, "paper, case 2"], "lr", rows)


def _confusion(title: str, scores: Mapping[str, Any]) -> Table:
    """Return the confusions of all test clips in percent of each real emotion."""
    emotions, counts = scores["pooled"]["confusion"].values()
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, which is written as a dash
        shares = np.array(counts) / np.sum(counts, axis=1, keepdims=True)
    rows = [[e, *map(percent, row)] for e, row in zip(emotions, shares, strict=True)]
    return Table([title, *emotions], "lr", rows)
