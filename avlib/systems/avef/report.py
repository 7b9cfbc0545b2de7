"""The section of the report that lays AVEF's results out as its paper does (tables 4 to 10)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from avlib.report.formats import DASH, percent, percent_over_folds, score
from avlib.report.page import Section, Table
from avlib.report.scores import MODALITIES, model_scores, scores_with
from avlib.report.training_choices import FoldFacts

CASES = {"case 1": "avef_raw", "case 2": "avef"}
TASKS = ("emotions", "arousal", "valence")
GUESS = "commoner"
SPACES = {"audio": "audio network", "video": "video network", "joint": "whole model"}
_PAPER = Path(__file__).with_name("published_results.yaml")
_TEXTS = Path(__file__).with_name("report.yaml")


def avef_tables(
    corpus: str, predictions: Mapping[str, pd.DataFrame], folds: pd.DataFrame, facts: FoldFacts
) -> Section | None:
    """Set case 1 beside case 2, for audio, video and both, in emotions and in binary tasks.

    Parameters
    ----------
    corpus
        The paper's figures stand beside ours where it used the corpus too.
    predictions
        Table ``predictions`` by model, of those that were trained.
    folds
        Table ``folds``.
    facts
        As for `training_choices`; ``diagnostics`` is shown.

    Returns
    -------
    Section or None
        None where neither `avef` nor `avef_raw` was trained.
    """
    cases = {case: model for case, model in CASES.items() if model in predictions}
    if not cases:
        return None
    paper = yaml.safe_load(_PAPER.read_text()).get(corpus, {})
    by_fold = {case: sorted(facts.get(model, {}).items()) for case, model in cases.items()}
    diagnostics = {
        case: [found["diagnostics"] for _, found in pairs if "diagnostics" in found]
        for case, pairs in by_fold.items()
    }
    emotions = {case: _by_modality(predictions[model], folds) for case, model in cases.items()}
    binary = {
        task: {case: _binary(found, task) for case, found in diagnostics.items()}
        for task in TASKS[1:]
    }
    trained = any(cells for of_task in binary.values() for cells in of_task.values())
    texts = yaml.safe_load(_TEXTS.read_text())
    shown = ["cases", "binary" if trained else "no_binary", *(["protocol"] if paper else [])]
    tables = [
        _accuracies({"emotions": emotions, **binary}, list(cases), paper),
        _segments(diagnostics, paper),
        *(_confusion(f"{m}, {case} (%)", predictions[m], folds) for case, m in cases.items()),
    ]
    if paper:
        rows = [[e, *(f"{v:.1f}" for v in values)] for e, values in paper["confusion"].items()]
        tables.append(Table(["paper (%)", *paper["confusion"]], "lr", rows))
    return Section("AVEF, as in its paper", [texts[t] for t in (*shown, "confusions")], tables)


def _by_modality(predictions: pd.DataFrame, folds: pd.DataFrame) -> dict[str, str]:
    """Return the accuracy with each modality and with both, as texts."""
    found = {name: scores_with(predictions, folds, used) for name, used in MODALITIES.items()}
    return {name: score(scores) for name, scores in found.items() if scores is not None}


def _binary(diagnostics: list[Mapping[str, Any]], task: str) -> dict[str, str]:
    """Return the same of a binary task; nothing where it was not trained."""
    found = [fold.get("binary", {}).get(task, {}) for fold in diagnostics]
    return {
        name: percent_over_folds([fold[name] for fold in found if name in fold])
        for name in (*MODALITIES, GUESS)
        if any(name in fold for fold in found)
    }


def _accuracies(
    shown: Mapping[str, Mapping[str, Mapping[str, str]]], cases: list[str], paper: Mapping[str, Any]
) -> Table:
    rows = []
    for task in TASKS:
        for name in (*MODALITIES, GUESS):
            cells = [shown[task][case].get(name, DASH) for case in cases]
            if paper:  # it has a figure of each case, or none of either
                figures = paper[task].get(name)
                cells += [f"{v:.1f}" for v in figures] if figures else [DASH for _ in CASES]
            if any(cell != DASH for cell in cells[: len(cases)]):
                rows.append([task, name, *cells])
    columns = ["accuracy (%)", "tested with", *cases, *(f"paper, {c}" for c in CASES if paper)]
    return Table(columns, "llr", rows)


def _segments(
    diagnostics: Mapping[str, list[Mapping[str, Any]]], paper: Mapping[str, Any]
) -> Table:
    """Tell how much of the time is spoken, and how often single segments are right."""
    shares = [percent_over_folds(f["kept_share"] for f in found) for found in diagnostics.values()]
    rows = [["time that is kept", *shares, str(paper["kept"]) if paper else DASH]]
    for space, name in SPACES.items():
        right = [
            [f["segment_accuracy"][space] for f in found if space in f["segment_accuracy"]]
            for found in diagnostics.values()
        ]
        if any(right):
            rows.append([f"segments right, {name}", *map(percent_over_folds, right), DASH])
    return Table(["of test clips (%)", *diagnostics, "paper, case 2"], "lr", rows)


def _confusion(title: str, predictions: pd.DataFrame, folds: pd.DataFrame) -> Table:
    """Return the confusions of all test clips in percent of each real emotion."""
    counted = model_scores(predictions, folds)["pooled"]["confusion"]
    rows = []
    for emotion, counts in zip(counted["emotions"], counted["counts"], strict=True):
        total = sum(counts)
        rows.append([emotion, *(percent(n / total if total else None) for n in counts)])
    return Table([title, *counted["emotions"]], "lr", rows)
