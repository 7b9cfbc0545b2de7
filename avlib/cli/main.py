"""``python -m avlib``: what the pipeline's stages do not do."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from avlib.cli.changed_params import changed_params
from avlib.cli.corpora import corpora
from avlib.cli.weights import app as weights
from avlib.runtime.errors import AvlibError, DataError

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
    from avlib.report.write import results_table

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
    if changed := changed_params():
        typer.echo(f"\n{changed}")


@app.command()
def compare(
    model_a: Annotated[str, typer.Argument(help="A model with predictions, such as merml.")],
    model_b: Annotated[str, typer.Argument(help="The model to compare it with.")],
    data: Annotated[Path, typer.Option(help="Folder of the pipeline's tables.")] = Path("data"),
) -> None:
    """Test whether two models of the last run differ, on the clips that both scored.

    Prints the difference in accuracy with its bootstrap interval (whole subjects
    resampled), McNemar's exact test over clips, and the corrected t-test over folds.
    The p-values are of this comparison alone; the report corrects them over its
    family of comparisons.
    """
    from avlib.report import comparisons, comparisons_page
    from avlib.runtime.tables import read_table

    folder = data / "predictions"
    tables = {}
    for model in (model_a, model_b):
        file = folder / f"{model}.parquet"
        if not file.exists():
            found = ", ".join(sorted(path.stem for path in folder.glob("*.parquet")))
            todo = f"expected one of {found}" if found else "run `dvc repro` first"
            raise DataError(f"{file}: there is no model {model!r} with predictions; {todo}")
        tables[model] = read_table(file)
        if tables[model].empty:
            raise DataError(f"{file}: holds no predictions, as no clip has what {model} needs")
    folds, clips = (read_table(data / f"{name}.parquet") for name in ("folds", "clips"))
    compared = comparisons.compare(tables[model_a], tables[model_b], folds, clips)
    for line in comparisons_page.summary_lines(compared):
        typer.echo(line)
    typer.echo("One comparison, not corrected for others; report/report.html corrects over all.")


@app.command()
def sweep(
    parameters: Annotated[
        list[str], typer.Argument(help="One or two, such as merml.dim merml.init.")
    ],
    model: str = typer.Option("", help="Default: what the first parameter begins with."),
    out: Path = Path("metrics/sweep.png"),
) -> None:
    """Draw accuracy over a parameter from the experiments of `dvc exp run --queue`."""
    from avlib.report.sweep import collect, draw

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
