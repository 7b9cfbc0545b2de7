"""The report: one page that compares every model that has predictions."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table as TerminalTable

from avlib.report import modalities, sections
from avlib.report.comparisons_page import paired_comparisons
from avlib.report.corpora_page import corpora_joined, scores_by_corpus
from avlib.report.formats import percent, score
from avlib.report.human_raters import human_raters_beside_systems
from avlib.report.normalisation import titled
from avlib.report.page import Page, Section, write_page
from avlib.report.report_data import ReportData

_DEMO_BANNER = "Generated stand-in data; no score here says anything about people."


def write_report(
    folder: Path | str,
    data: ReportData,
    *,
    descriptions: Mapping[str, str],
    untrained: Mapping[str, str],
    params: Mapping[str, Any],
    extra: Sequence[Section] = (),
) -> None:
    """Write ``report.md``, ``report.html`` and ``pictures/`` into a folder.

    Parameters
    ----------
    data
        Tables and scores of the run; corpus ``demo`` puts a warning on top.
    descriptions
        One line on each model.
    untrained
        Why a model has no predictions, by model.
    params
        Parameters of the run.
    extra
        Further sections, shown after the confusion matrices.

    Raises
    ------
    DataError, LeakError
        A table of predictions cannot be scored; see `scores.fold_scores`.
    """
    parts = [
        sections.data_and_protocol(data),
        corpora_joined(data),
        *apart(sections.results, data),
        *apart(scores_by_corpus, data),
        sections.models(data, descriptions, untrained),
        *apart(modalities.one_modality, data),
        *apart(modalities.contribution, data),
        *apart(modalities.agreements, data),
        *apart(human_raters_beside_systems, data),
        *apart(sections.raters_votes, data),
        *apart(sections.recalls, data),
        *apart(sections.confusions, data),
        *apart(lambda part: paired_comparisons(part, data.comparisons), data),
        *extra,
        *apart(sections.folds, data),
        sections.published_results(next(iter(data.parts.values()))),  # no normalised one if it can
        sections.clip_status(data),
        sections.parameters(params),
    ]
    banner = _DEMO_BANNER if data.corpus == "demo" else ""
    page = Page(f"Emotion recognition on {data.corpus}", [s for s in parts if s], banner)
    write_page(folder, page)


def apart(section: Callable[[ReportData], Section | None], data: ReportData) -> list[Section]:
    """Make a section once for the models of each speaker normalisation, named in its title."""
    made = {kind: section(part) for kind, part in data.parts.items()}
    return [titled(found, kind) for kind, found in made.items() if found]


def results_table(summary: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Lay out `scores.summary` for the terminal, in percent, best accuracy first.

    Models of each speaker normalisation have a table of their own.
    """
    return "\n\n".join(_results_table(*entry) for entry in summary.items())


def _results_table(corpus: str, models: Mapping[str, Mapping[str, Any]]) -> str:
    table = TerminalTable(box=MARKDOWN)
    for column in ("corpus", "model"):
        table.add_column(column, no_wrap=True)
    for column in ("accuracy", "UAR", "macro-F1", "clips"):
        table.add_column(column, justify="right", no_wrap=True)
    for model, scores in sorted(models.items(), key=lambda item: -(item[1]["accuracy"] or 0)):
        shares = score(scores), percent(scores["uar"]), percent(scores["f1_macro"])
        table.add_row(corpus, model, *shares, f"{scores['clips']:,}")
    console = Console(width=200, color_system=None, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()).strip()
