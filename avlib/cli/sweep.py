"""``python -m avlib sweep``: accuracy over a parameter of many experiments."""

import json
import subprocess
import sys
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
