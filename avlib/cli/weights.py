"""Commands about pretrained weights, mounted as ``python -m avlib weights``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from avlib.runtime.errors import WeightsError

app = typer.Typer(help="Pretrained weights: what there is, and how to bring it in.")


@app.callback()
def _group() -> None:
    """Pretrained weights: what there is, and how to bring it in."""


@app.command("list")
def list_() -> None:
    """List the weights that the systems can use, and whether they are here."""
    from avlib.weights import list_weights  # torch takes seconds: not for --help

    rows = list_weights()
    table = Table()
    for column in rows[0]:
        table.add_column(column, overflow="fold")  # an address cut short is of no use
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The file as its publisher distributes it.")],
    name: Annotated[str, typer.Option(help="Which network it is for, as `list` names it.")],
) -> None:
    """Convert a published weights file to data/weights/NAME/NAME.safetensors."""
    from avlib.weights import import_weights

    try:
        path = import_weights(file, name)
    except WeightsError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{path}: written")
