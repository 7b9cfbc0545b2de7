"""``python -m avlib sweep``: validation accuracy over a parameter of many experiments."""

from pathlib import Path
from typing import Annotated

import typer

from avlib.runtime import paths
from avlib.runtime.errors import DataError


def sweep(
    parameters: Annotated[
        list[str], typer.Argument(help="One or two, such as merml.dim merml.init.")
    ],
    model: str = typer.Option("", help="Default: what the first parameter begins with."),
    out: Path = paths.METRICS / "sweep.png",
) -> None:
    """Draw validation accuracy over a parameter, from the experiments of `dvc exp run --queue`.

    Of the test scores only that of the setting which validation chose is shown: to choose by test
    scores is to select on the test set.
    """
    from avlib.report.sweep import chosen_line, collect, draw
    from avlib.search.experiments import shown

    if len(parameters) > 2:
        raise DataError(f"{len(parameters)} parameters to draw over; expected one or two")
    model = model or parameters[0].partition(".")[0]
    table = collect(shown(), parameters, model)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(draw(table, parameters, model))
    typer.echo(table.to_string(index=False, na_rep=""))
    typer.echo(f"\n{chosen_line(table, parameters)}\n{out}")
