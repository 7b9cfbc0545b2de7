"""``python -m avlib``: what the pipeline's stages do not do."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from avlib.errors import AvlibError, DataError
from avlib.weights_cli import app as weights

app = typer.Typer(
    help="Audio-visual emotion recognition. The pipeline itself is run with `dvc repro`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
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


@app.command()
def sweep(
    parameters: Annotated[
        list[str], typer.Argument(help="One or two, such as merml.dim merml.init.")
    ],
    model: str = typer.Option("", help="Default: what the first parameter begins with."),
    out: Path = Path("metrics/plots/sweep.png"),
) -> None:
    """Draw accuracy over a parameter from the experiments of `dvc exp run --queue`."""
    from avlib.evaluation.sweep import collect, draw

    if len(parameters) > 2:
        raise DataError(f"{len(parameters)} parameters to draw over; expected one or two")
    shown = subprocess.run(
        [sys.executable, "-m", "dvc", "exp", "show", "--json"], stdout=subprocess.PIPE, check=False
    )
    if shown.returncode:
        raise DataError("`dvc exp show` failed, see above; run it from the project's root")
    model = model or parameters[0].partition(".")[0]
    table = collect(json.loads(shown.stdout), parameters, model)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(draw(table, parameters, model))
    typer.echo(table.to_string(index=False))
    typer.echo(f"\n{out}")


def main() -> None:
    """Run the command line; an error that the user can act on becomes one line."""
    try:
        app()
    except AvlibError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
