"""``python -m avlib corpora``: which corpora are here, how much of them, and where to get them."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from avlib.runtime import paths

_SHOWN = 20  # damaged files named one by one


def corpora(
    raw: Annotated[Path, typer.Option(help="Folder of the corpora.")] = paths.RAW,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare CREMA-D's files with the official release.")
    ] = False,
    hashes: Annotated[
        bool, typer.Option("--hashes", help="With --verify: read the files, not only their sizes.")
    ] = False,
) -> None:
    """Show what is here of every corpus, what is missing, its protocol and where to get it."""
    from avlib.cli.corpora_overview import overview

    if verify or hashes:
        _verify(raw / "crema_d", hashes=hashes)
        return
    console = Console()
    found = overview(raw)
    table = Table("corpus", "here", "whole", "missing", "protocol of the papers")
    for row in found:
        here = row.here or "–"
        table.add_row(row.corpus, here, row.whole or "?", row.missing or "–", row.protocol)
    console.print(table)
    # An address cut short is of no use.
    where = Table("corpus", Column("where to get it", overflow="fold"), "terms")
    for row in found:
        where.add_row(row.corpus, row.source, row.licence)
    console.print(where)
    for row in found:
        for remark in row.remarks:
            typer.echo(f"{row.corpus}: {remark}")
    typer.echo(f"Put or link a corpus as {raw}/<corpus>; docs/corpora.md has a card of each.")


def _verify(folder: Path, *, hashes: bool) -> None:
    """Print the state of CREMA-D's files by folder, and name the damaged ones."""
    from avlib.corpora.crema_d.files import STATES, verify

    states, others = verify(folder, hashes=hashes)
    counts = Counter((path.partition("/")[0], state) for path, state in states.items())
    table = Table("folder", *STATES)
    for place in dict.fromkeys(place for place, _ in counts):
        table.add_row(place, *(f"{counts[place, state]:,}" for state in STATES))
    Console().print(table)
    damaged = [path for path, state in states.items() if state not in ("good", "missing")]
    for path in damaged[:_SHOWN]:
        typer.echo(f"{folder / path}: {states[path]}")
    if len(damaged) > _SHOWN:
        typer.echo(f"... and {len(damaged) - _SHOWN:,} more")
    if others:
        typer.echo(f"{len(others):,} files are not of the release, e.g. {others[0]}")
    if not hashes:
        typer.echo("Compared by size; --hashes reads every file (minutes for a whole copy).")
    if "pointer" in states.values():
        typer.echo(f"Pointers of Git LFS hold no recording: run `git lfs pull` in {folder}.")
    if damaged:
        typer.echo("Download damaged files again.")
        raise typer.Exit(1)
