"""The section of the report that lays AVEF's results out as its paper does (tables 4 to 10)."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from avlib.report.comparisons import Comparison, compare_all
from avlib.report.comparisons_page import comparison_table
from avlib.report.formats import DASH, percent, percent_over_folds, score
from avlib.report.page import Section, Table
from avlib.report.report_data import ReportData
from avlib.report.scores import DEFAULT, MODALITIES, condition_with, scores_with
from avlib.report.training_choices import over_folds
from avlib.report.words import words_beside
from avlib.systems.avef.binary_scores import binary_scores
from avlib.systems.avef.params import TRANSFERRED
from avlib.systems.avef.preparation import preparation_pictures
from avlib.systems.avef.tables import BINARY

_WORDS = words_beside(__file__)
CASES = {"case 1": "avef_raw", "case 2": "avef"}
MODELS = CASES | {"with transfer": TRANSFERRED}
# What the paper asks: whether a step helps. Without it stands second.
STEPS = (("avef", "avef_raw"), (TRANSFERRED, "avef"))
TASKS = ("emotions", "arousal", "valence")
GUESS = "commoner"
MEASURES = {"UAR": "uar", "macro-F1": "f1_macro"}
SPACES = {"audio": "audio network", "video": "video network", "joint": "whole model"}
_PAPER = Path(__file__).with_name("published_results.yaml")


def avef_tables(data: ReportData) -> Section | None:
    """Return `avef_section` of one run, with pictures of how a clip is prepared."""
    binary = {model: data.table(BINARY, model) for model in MODELS.values()}
    section, pictures = avef_section(data, binary), preparation_pictures(data)
    if section is None or not pictures:
        return section
    text = [*section.text, *_WORDS("preparation")]
    return replace(section, text=text, pictures=pictures)


def avef_section(data: ReportData, binary_rows: Mapping[str, pd.DataFrame]) -> Section | None:
    """Set case 1 beside case 2, for audio, video and both, in emotions and in binary tasks.

    The paper's figures stand beside ours where it used the corpus too, and what a step of it gains
    is tested. None where no model of AVEF was trained.

    Parameters
    ----------
    data
    binary_rows
        Table ``binary`` by model; none where nobody asked for the tasks.
    """
    cases = {case: model for case, model in MODELS.items() if model in data.predictions}
    if not cases:
        return None
    paper = yaml.safe_load(_PAPER.read_text()).get(_tested_corpus(data), {})
    diagnostics = {
        case: over_folds(data.fold_facts.get(model, {}), "diagnostics")
        for case, model in cases.items()
    }
    tasks = {case: _binary(binary_rows[model]) for case, model in cases.items()}
    accuracies = {case: _accuracies(data, m, tasks[case]) for case, m in cases.items()}
    binary = any(tasks.values())
    text = _WORDS("cases") + _WORDS("binary" if binary else "no_binary")
    tables = [_side_by_side(accuracies, paper), *([_balanced(tasks)] if binary else [])]
    tables.append(_segments(diagnostics, paper, _relative_gain(data)))
    if gains := _gains(data):
        text += _WORDS("gains")
        tables.append(comparison_table(gains))
    for case, model in cases.items():
        tables.append(_confusion(f"{model}, {case} (%)", data.scores[model]))
    if TRANSFERRED in cases.values():
        text += _WORDS("transfer", corpora=" and ".join(sorted(set(data.helping_clips["corpus"]))))
    if paper:
        text += _WORDS("paper")
    if "confusion" in paper:
        rows = [[e, *(f"{v:.1f}" for v in values)] for e, values in paper["confusion"].items()]
        tables.append(Table(["paper (%)", *paper["confusion"]], "lr", rows))
    return Section("AVEF, as in its paper", text + _WORDS("confusions"), tables)


def _tested_corpus(data: ReportData) -> str:
    """Return the corpus at hand; of joined ones that whom all others only help, if it is one."""
    tested = set(data.used_clips["corpus"]) if len(data.helping_clips) else {data.corpus}
    return tested.pop() if len(tested) == 1 else data.corpus


def _gains(data: ReportData) -> list[Comparison]:
    """Compare the models with a step of the paper to those without, by what was tested."""
    predictions: dict[str, pd.DataFrame] = {}
    family = []
    for (step, without), (name, used) in product(STEPS, MODALITIES.items()):
        pair = {}
        for model in (step, without):
            table = data.predictions.get(model)
            condition = None if table is None else condition_with(table, used)
            if table is not None and condition is not None:
                rows = table[table["condition"] == condition]
                called = f"{model}, {name}"
                pair[called] = rows.assign(model=called, condition=DEFAULT)
        if len(pair) == 2:
            predictions |= pair
            family.append((f"{step}, {name}", f"{without}, {name}"))
    return compare_all(predictions, data.folds, data.clips, family=family)


def _relative_gain(data: ReportData) -> float | None:
    """Return by what share of the accuracy without denoising that with it is higher."""
    with_it, without = (data.scores.get(model, {}).get("accuracy") for model in STEPS[0])
    return with_it / without - 1 if with_it is not None and without else None


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
    rows, published = [], [f"paper, {case}" for case in CASES if TASKS[0] in paper]
    for task, name in product(TASKS, (*MODALITIES, GUESS)):
        cells = [found.get((task, name), DASH) for found in accuracies.values()]
        if set(cells) != {DASH}:
            if task in paper:  # it has a figure of each case, or none of either
                figures = paper[task].get(name)
                cells += [f"{v:.1f}" for v in figures] if figures else [DASH for _ in CASES]
            rows.append([task, name, *cells])
    columns = ["accuracy (%)", "tested with", *accuracies, *published]
    return Table(columns, "llr", rows)


def _segments(
    diagnostics: Mapping[str, list[Mapping[str, Any]]],
    paper: Mapping[str, Any],
    gain: float | None,
) -> Table:
    """Tell how much of the time is spoken, what that gains, and how often segments are right."""
    kept = [percent_over_folds(f["kept_share"] for f in found) for found in diagnostics.values()]
    rows = [["time that is kept", *kept, str(paper.get("kept", DASH))]]
    if gain is not None:
        cells = [f"{100 * gain:+.1f}" if case == "case 2" else DASH for case in diagnostics]
        published = f"{paper['gain']:+.1f}" if "gain" in paper else DASH
        rows.append(["accuracy, relative to case 1", *cells, published])
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
