"""``python -m avlib sweep``: a score over a parameter of many experiments."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from avlib.runtime import paths
from avlib.runtime.errors import DataError


class Part(StrEnum):
    """Whose clips are scored."""

    validation = "validation"
    test = "test"


def sweep(
    parameters: Annotated[
        list[str], typer.Argument(help="One or two, such as merml.dim merml.init.")
    ],
    model: str = typer.Option(
        "",
        help="Default: what the first parameter begins with; of traces, such as svr-audio.",
    ),
    measure: str = typer.Option(
        "", help="accuracy (the default), uar, f1_macro; of traces ccc_arousal, ccc_valence."
    ),
    condition: str = typer.Option("default", help="audio or video: tested with that alone."),
    part: Annotated[
        Part, typer.Option(help="test: a curve on which nothing is chosen.")
    ] = Part.validation,
    out: Path = paths.METRICS / "sweep.png",
) -> None:
    """Draw a score over a parameter, from the experiments of `dvc exp run --queue`.

    Of the test scores only that of the setting which validation chose is shown, unless `--part
    test` asks for the test part itself: to choose by test scores is to select on the test set.
    """
    from avlib.report.sweep import Asked, chosen_line, collect, draw
    from avlib.search.experiments import shown

    if len(parameters) > 2:
        raise DataError(f"{len(parameters)} parameters to draw over; expected one or two")
    model = model or parameters[0].removeprefix("demo.").partition(".")[0]
    asked = Asked(measure, condition, part.value)
    table = collect(shown(), parameters, model, asked)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(draw(table, parameters, model))
    typer.echo(table.to_string(index=False, na_rep=""))
    typer.echo(f"\n{chosen_line(table, parameters)}\n{out}")
