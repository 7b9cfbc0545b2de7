"""``python -m avlib export``: a kept model as one file."""

from pathlib import Path
from typing import Annotated

import typer

from avlib.runtime import paths


def export(
    model: Annotated[str, typer.Argument(help="A model of data/final, such as merml.")],
    file: Annotated[Path, typer.Argument(help="The file to write, such as merml.zip.")],
) -> None:
    """Make one file of a kept model, for `predict --model` on another machine."""
    from avlib.recognizer.archive import pack

    pack(paths.FINAL / model, file)
    typer.echo(f"{file}: {file.stat().st_size:,} bytes written")
