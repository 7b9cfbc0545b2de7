"""The results as the terminal shows them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from avlib.report.formats import DASH, number, percent
from avlib.report.starting import caveat
from avlib.runtime.progress import duration
from avlib.runtime.timings import Timing


def results_table(summary: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Lay out `scores.summary` for the terminal, in percent, best accuracy first.

    Scores are of all test clips together, ± is the standard deviation of the folds' accuracies.
    Models of each speaker normalisation, and those that start from other people's weights, have a
    table of their own; a corpus without emotions has none.
    """
    found = [_results_table(*entry) for entry in summary.items() if entry[1]]
    said = [line for name, models in summary.items() if models and (line := caveat(name))]
    return "\n\n".join([*found, *said])


def _results_table(corpus: str, models: Mapping[str, Mapping[str, Any]]) -> str:
    ranked = sorted(models.items(), key=lambda item: -(item[1]["accuracy"] or 0))
    rows = [
        [
            corpus,
            model,
            percent(scores["accuracy"]),
            percent(scores["accuracy_std"]),
            percent(scores["uar"]),
            percent(scores["f1_macro"]),
            f"{scores['clips']:,}",
        ]
        for model, scores in ranked
    ]
    columns = ["corpus", "model", "accuracy", "± over folds", "UAR", "macro-F1", "clips"]
    return _laid_out(columns, (0, 1), rows)


def traces_table(traces: Mapping[str, Any]) -> str:
    """Lay out the CCC of ``metrics/traces.json``, recordings joined; "" where there is none.

    It is that after post-processing, mean and standard deviation over folds, of the test part or,
    where that has no labels, of the validation part.
    """
    rows = []
    for system, by_scenario in traces.get("systems", {}).items():
        for scenario, by_dimension in by_scenario.items():
            after = [by_dimension[dimension]["after"] for dimension in ("arousal", "valence")]
            rows.append([system, scenario, *map(_ccc, after)])
    rows.sort(key=lambda row: (row[1], row[0]))
    columns = [f"CCC, {dimension} ({traces.get('part')})" for dimension in ("arousal", "valence")]
    return _laid_out(["system", "from", *columns], (0, 1), rows) if rows else ""


def timings_table(timings: Sequence[Timing]) -> str:
    """Lay out what stages took, and what their parts took that went on item by item."""
    total = sum(timing.seconds for timing in timings)
    rows = [
        [
            timing.stage,
            duration(timing.seconds),
            f"{timing.seconds / total:.0%}" if total else DASH,
            timing.ended.replace("T", " ")[: len("2026-01-31 12:00:00")],
            "; ".join(map(str, timing.work)),
        ]
        for timing in timings
    ]
    rows.append(["all", duration(total), "", "", ""])
    columns = ["stage", "took", "share", "ended", "timed within it"]
    return _laid_out(columns, (0, 3, 4), rows)


def _ccc(scores: Mapping[str, Any]) -> str:
    mean, std = scores["ccc_concatenated"], scores["ccc_concatenated_std"]
    return DASH if mean is None else number(mean, ".3f") + ("" if std is None else f" ± {std:.3f}")


def _laid_out(columns: Sequence[str], texts: Collection[int], rows: Iterable[Sequence[str]]) -> str:
    """Write a table of which some columns are texts, by their place, and the others numbers."""
    table = Table(box=MARKDOWN)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place in texts else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(width=200, color_system=None, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()).strip()
