"""``python -m avlib weights``: list the published weights, bring a file in, convert one."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

app = typer.Typer(help="Published weights: list them, bring a file in, convert a pickle.")


@app.command("list")
def list_() -> None:
    """List the weights that the systems can use, and whether they are here."""
    from avlib.weights import list_weights  # torch takes seconds: not for --help
    from avlib.weights.encoders import list_encoders

    rows = [*list_weights(), *list_encoders()]
    # An address cut short is of no use.
    table = Table(*(Column(name, overflow="fold") for name in rows[0]))
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

    typer.echo(f"{import_weights(file, name)}: written")


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="Such as data/weights/NAME/pytorch_model.bin.")],
) -> None:
    """Convert the pickle of an encoder to the model.safetensors beside it; nothing in it is run."""
    from avlib.weights.encoders import to_safetensors

    typer.echo(f"{to_safetensors(file)}: written")
