"""``python -m avlib results``: the scores of the last run."""

import json
from pathlib import Path

import typer

from avlib.cli.changed_params import changed_params
from avlib.runtime import paths
from avlib.runtime.errors import DataError


def results(summary: Path = paths.METRICS / "summary.json") -> None:
    """Print the table of results of the last run, and what to open next."""
    from avlib.report.headline import GENERATED
    from avlib.report.terminal import results_table, traces_table

    try:
        scores = json.loads(summary.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{summary}: no results ({error}); run `dvc repro` first") from None
    traces = summary.with_name("traces.json")
    followed = traces_table(json.loads(traces.read_text())) if traces.is_file() else ""
    found = [text for text in (results_table(scores), followed) if text]
    typer.echo("\n\n".join(found) or "No model has a score.")
    if any(corpus.partition(",")[0] in GENERATED for corpus in scores):
        typer.echo("\nGenerated stand-in data: no score here says anything about people.")
    typer.echo(
        "\nOpen report/report.html next: every model, emotion and fold, with pictures."
        "\nThen change a number: dvc exp run -S merml.dim=50; compare: dvc metrics diff"
        "\nYour own corpus: README.md, section `Your corpus in three steps`."
    )
    if changed := changed_params():
        typer.echo(f"\n{changed}")
