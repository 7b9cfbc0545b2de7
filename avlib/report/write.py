"""The report: one page that compares every model that has predictions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table as TerminalTable

from avlib.protocol_params import Protocol
from avlib.report import modalities, sections
from avlib.report.comparisons_page import paired_comparisons
from avlib.report.human_raters import people_beside_systems
from avlib.report.page import Page, Section, write_page
from avlib.report.report_data import Run
from avlib.runtime.tables import read_table

_DEMO_BANNER = "Generated stand-in data; no score here says anything about people."


def write_report(
    folder: Path | str,
    *,
    corpus: str,
    protocol: Protocol,
    clips: pd.DataFrame,
    folds: pd.DataFrame,
    status: pd.DataFrame,
    predictions: Mapping[str, pd.DataFrame | Path],
    descriptions: Mapping[str, str],
    untrained: Mapping[str, str],
    params: Mapping[str, Any],
    notes: Sequence[str] = (),
    votes: pd.DataFrame | None = None,
    extra: Sequence[Section] = (),
) -> None:
    """Write ``report.md``, ``report.html`` and ``pictures/`` into a folder.

    Parameters
    ----------
    corpus
        Name of the corpus; ``demo`` puts a warning on top.
    protocol
        How the folds were made: section ``protocol`` of params.yaml.
    clips, folds, status
        The tables of these names; stages of `status` are shown in the order of their first rows.
    predictions
        Table of predictions, or its file, by model, in the order of the report.
    descriptions
        One line on each model.
    untrained
        Why a model has no predictions, by model.
    params
        Parameters of the run.
    notes
        What the corpus' reader found worth saying.
    votes
        Table ``votes``: what the corpus' raters answered.
    extra
        Further sections, shown after the confusion matrices.

    Raises
    ------
    DataError, LeakError
        A table of predictions cannot be scored; see `scores.fold_scores`.
    """
    tables = {
        model: table if isinstance(table, pd.DataFrame) else read_table(table)
        for model, table in predictions.items()
    }
    run = Run(corpus, protocol, clips, folds, status, tables, notes, votes)
    parts = [
        sections.data_and_protocol(run),
        sections.results(run),
        sections.models(run, descriptions, untrained),
        modalities.one_modality(run),
        modalities.contribution(run),
        modalities.agreements(run),
        people_beside_systems(run),
        sections.raters_votes(run),
        sections.recalls(run),
        sections.confusions(run),
        paired_comparisons(run),
        *extra,
        sections.folds(run),
        sections.published_results(run),
        sections.clip_status(run),
        sections.parameters(params),
    ]
    banner = _DEMO_BANNER if corpus == "demo" else ""
    page = Page(f"Emotion recognition on {corpus}", [s for s in parts if s], banner)
    write_page(folder, page)


def results_table(summary: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Lay out `scores.summary` as a table for the terminal, in percent, best accuracy first."""
    table = TerminalTable(box=MARKDOWN)
    for column in ("corpus", "model"):
        table.add_column(column, no_wrap=True)
    for column in ("accuracy", "UAR", "macro-F1", "clips"):
        table.add_column(column, justify="right", no_wrap=True)
    for corpus, models in summary.items():
        for model, scores in sorted(models.items(), key=lambda item: -(item[1]["accuracy"] or 0)):
            table.add_row(
                corpus,
                model,
                sections.percent(scores["accuracy"], scores["accuracy_std"]),
                sections.percent(scores["uar"]),
                sections.percent(scores["f1_macro"]),
                f"{scores['clips']:,}",
            )
    console = Console(width=200, color_system=None, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()).strip()
