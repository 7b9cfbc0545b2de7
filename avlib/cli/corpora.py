"""``python -m avlib corpora``: which corpora are here, how much of them, and where to get them."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from avlib.runtime import paths

if TYPE_CHECKING:
    from avlib.corpora.common.check import Findings

_SHOWN = 20  # damaged files, or problems, named one by one

app = typer.Typer(
    help="Show which corpora are here; check one, or list the clips of your own.",
)


@app.callback(invoke_without_command=True)
def corpora(
    context: typer.Context,
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

    if context.invoked_subcommand is not None:
        return
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


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="The corpus: its folder below data/raw.")],
    subset: Annotated[str | None, typer.Option(help="As `subset` in params.yaml.")] = None,
) -> None:
    """Read a whole corpus as the pipeline will, and list what is wrong with it."""
    from avlib.corpora.common.check import check as found_in
    from avlib.registry import reader
    from avlib.runtime.raw_folder import require_folder, require_hashable

    corpus = reader(name)
    listing = corpus.recordings(paths.RAW / name, subset)
    found = found_in(listing, paths.RAW)
    table = Table("emotion", Column("clips", justify="right"))
    for emotion, count in sorted(found.emotions.items()):
        table.add_row(emotion, f"{count:,}")
    if found.emotions:
        Console().print(table)
    for note in [*listing.notes, *(f"warning: {warning}" for warning in found.warnings)]:
        typer.echo(note)
    for where, what in found.problems[:_SHOWN]:
        typer.echo(f"{where}: {what}")
    if (more := len(found.problems) - _SHOWN) > 0:
        typer.echo(f"... and {more:,} more")
    typer.echo(
        f"{found.usable:,} clips of {found.subjects:,} subjects can be used,"
        f" {found.duration / 60:.1f} min; {len(found.problems):,} problems"
    )
    require_folder(paths.RAW)
    for folder in (name, *corpus.members):
        require_hashable(paths.RAW / folder)
    if found.problems:
        raise typer.Exit(1)
    members = [f"`members: [{', '.join(corpus.members)}]`"] if corpus.members else []
    *most, last = [f"`corpus: {name}`", *members, *_fitting(found)]
    values = f"{', '.join(most)} and {last}" if most else last
    typer.echo(f"Set {values} in params.yaml and run `dvc repro`.")


def _fitting(found: "Findings") -> list[str]:
    """Return what a corpus needs instead of values of params.yaml that do not fit it."""
    from avlib.params import Params
    from avlib.runtime.params import read_yaml, validated

    path = Path("params.yaml")
    if not path.is_file():
        return []
    values = read_yaml(path)
    values.pop("demo", None)  # is laid over the demo alone
    params = validated(Params, values, path)
    fitting = []
    if found.modalities and not found.modalities.issuperset(params.modalities):
        fitting.append(f"`modalities: [{', '.join(sorted(found.modalities))}]`")
    by_subjects = params.protocol.name in ("subject_kfold", "logso")
    if by_subjects and 3 <= found.labelled < params.protocol.k:
        fitting.append(f"`protocol.k: {found.labelled}`")
    return fitting


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Of your recordings, such as data/raw/mine.")],
    pattern: Annotated[
        str,
        typer.Option(
            help="How the files are named: '{subject}_{emotion}_*.wav', or with widths:"
            " '{subject:2}{sentence:3}{emotion:1}*.wav'. Other fields become columns too."
        ),
    ],
    force: Annotated[bool, typer.Option(help="Write over a table that is there.")] = False,
) -> None:
    """Write the table clips.csv of your own corpus from the names of its files."""
    from avlib.corpora.listed.from_names import table_from_names
    from avlib.corpora.listed.table import find_table
    from avlib.runtime.errors import CorpusError

    if not folder.is_dir():
        raise CorpusError(f"{folder}: there is no such folder; expected that of your recordings")
    if (there := find_table(folder)) and (not force or there.suffix != ".csv"):
        raise CorpusError(f"{there}: is there already; give --force to write over a clips.csv")
    rows, others = table_from_names(folder, pattern)
    rows.to_csv(folder / "clips.csv", index=False)
    counts = rows["emotion"].value_counts().sort_index()
    shown = ", ".join(f"{emotion} {count:,}" for emotion, count in counts.items())
    typer.echo(
        f"{folder / 'clips.csv'}: {len(rows):,} clips of {rows['subject'].nunique():,} subjects"
    )
    typer.echo(f"emotions: {shown}")
    if others:
        typer.echo(f"{len(others):,} recordings are named otherwise, such as {others[0]}")
    typer.echo(f"Next: python -m avlib corpora check {folder.name}")


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
