"""The report: one page that compares every model that has predictions."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from avlib.report import modalities, sections
from avlib.report.by_model import by_model
from avlib.report.comparisons_page import paired_comparisons
from avlib.report.corpora_page import corpora_joined, scores_by_corpus
from avlib.report.headline import GENERATED, headline
from avlib.report.human_raters import human_raters_beside_systems
from avlib.report.normalisation import titled
from avlib.report.page import Page, Section, write_page
from avlib.report.report_data import ReportData
from avlib.report.results_page import folds_and_people, results
from avlib.report.standings import results_csv, results_json, standings

_DEMO_BANNER = "Generated stand-in data; no score here says anything about people."


def write_report(
    folder: Path | str,
    data: ReportData,
    *,
    descriptions: Mapping[str, str],
    untrained: Mapping[str, str],
    params: Mapping[str, Any],
    extra: Sequence[Section] = (),
    identity: Mapping[str, str] | None = None,
    listened: Section | None = None,
) -> None:
    """Write ``report.md``, ``report.html``, ``results.csv``, ``results.json`` and ``pictures/``.

    Parameters
    ----------
    folder
        Where to.
    data
        Tables and scores of the run; corpus ``demo`` puts a warning on top.
    descriptions
        One line on each model.
    untrained
        Why a model has no predictions, by model.
    params
        Parameters of the run.
    extra
        Further sections, shown after the comparisons.
    identity
        What made the run, by name; see `identity.identity`.
    listened
        Wrong clips to look at and to listen to.

    Raises
    ------
    DataError, LeakError
        A table of predictions cannot be scored; see `scores.fold_scores`.
    """
    found = standings(data)
    made = [
        *apart(results, data),
        *apart(folds_and_people, data),
        listened,
        sections.data_and_protocol(data, identity or {}),
        corpora_joined(data),
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
        sections.published_results(next(iter(data.parts.values()))),  # no normalised one if it can
        sections.clip_status(data),
        sections.parameters(params),
    ]
    rest, parts = by_model([section for section in made if section], found, descriptions)
    page = Page(
        f"Emotion recognition on {data.corpus}",
        rest,
        _DEMO_BANNER if data.corpus in GENERATED else "",
        _about(data, identity or {}),
        headline=headline(data, found),
        models=parts,
        looks=data.looks,
        files={"results.csv": results_csv(found), "results.json": results_json(data, found)},
    )
    write_page(folder, page)


def _about(data: ReportData, identity: Mapping[str, str]) -> str:
    """Say in a line of what and by what the page was made."""
    clips, folds = data.used_clips, data.n_folds
    people = "generated people" if data.corpus in GENERATED else "people"
    of = f"{len(clips):,} clips of {clips['subject'].nunique():,} {people}"
    facts = [of, f"{data.protocol.name}, {folds} fold{'s' if folds > 1 else ''}"]
    made_by = [identity[key].partition(":")[0] for key in ("Code", "Machine") if key in identity]
    return " · ".join(facts + made_by)


def apart(section: Callable[[ReportData], Section | None], data: ReportData) -> list[Section]:
    """Make a section once for the models of each speaker normalisation, named in its title."""
    made = {kind: section(part) for kind, part in data.parts.items()}
    return [titled(found, kind) for kind, found in made.items() if found]
