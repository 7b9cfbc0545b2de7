"""``python -m avlib``: what the pipeline's stages do not do."""

import json
import sys
from pathlib import Path

import typer

from avlib.corpora_cli import corpora
from avlib.errors import AvlibError, DataError
from avlib.weights_cli import app as weights

app = typer.Typer(
    help="Audio-visual emotion recognition. The pipeline itself is run with `dvc repro`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(corpora)
app.add_typer(weights, name="weights", help="Published weights: list them, bring a file in.")


@app.command()
def results(summary: Path = Path("metrics/summary.json")) -> None:
    """Print the table of results of the last run, and what to open next."""
    from avlib.evaluation.report import results_table

    try:
        scores = json.loads(summary.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{summary}: no results ({error}); run `dvc repro` first") from None
    typer.echo(results_table(scores))
    if "demo" in scores:
        typer.echo("\nGenerated stand-in data: no score here says anything about people.")
    typer.echo(
        "\nOpen report/report.html next: every model, emotion and fold, with pictures."
        "\nThen change a number: dvc exp run -S merml.dim=50; compare: dvc metrics diff"
        "\nYour own corpus: README.md, section `Your corpus in three steps`."
    )


def main() -> None:
    """Run the command line; an error that the user can act on becomes one line."""
    try:
        app()
    except AvlibError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
