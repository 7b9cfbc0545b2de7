"""``python -m avlib predict``: which emotions recordings show, by a model that was kept."""

import json
import re
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from avlib.recognizer import WINDOW
from avlib.recognizer.box import BOX
from avlib.runtime import paths
from avlib.runtime.errors import AvlibError, DataError, ParamsError
from avlib.runtime.files import make_folder
from avlib.runtime.progress import counted

if TYPE_CHECKING:
    from avlib.recognizer.recognizer import Recognizer
    from avlib.recognizer.worker import Rows

_OTHERS = 5  # kinds of files that are left out, named
_EVERY = 1.0  # s between the moments of a page, unless it is said
_INDEX = "index.html"
_LEAST = 12  # columns of a terminal that a recording's name has, however narrow it is


def predict(
    clips: Annotated[list[Path], typer.Argument(help="Recordings, or folders of recordings.")],
    model: Annotated[
        Path | None,
        typer.Option(
            help="A folder of data/final, or a file of `export`. Default: the only one that was"
            " kept, else the model in the box (docs/box.md)."
        ),
    ] = None,
    every: Annotated[
        float | None, typer.Option(help="Also say it every so many seconds of a recording.")
    ] = None,
    window: Annotated[
        float, typer.Option(help="Seconds around such a moment that are listened to and seen.")
    ] = WINDOW,
    out: Annotated[
        Path | None, typer.Option(help="Folder for tables, and a picture of each recording.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Page that plays a recording beside its moments: a name that ends in .html, or a"
            " folder for a page of each recording."
        ),
    ] = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="Print each gate's decision as it falls (gating, gating_lstm)."
        ),
    ] = False,
) -> None:
    """Say which emotion each recording shows, and with what probability.

    Whatever is there is used: sound, a face, or both. Exit status 1 where nothing could be said of
    any recording.
    """
    from avlib.recognizer.archive import telling_of, unpack
    from avlib.recognizer.recognizer import Recognizer, require_seconds
    from avlib.recognizer.worker import Task, recognise_all

    if html is not None and every is None:
        every = _EVERY
    require_seconds(every, window)
    if live and (every or out or html):
        raise ParamsError("--live prints and writes nothing; leave out --every, --out and --html")
    files, others = recordings(clips)
    pages = [None] * len(files) if html is None else page_files(files, html)
    for folder in {path.parent for path in pages if path} | ({out} if out else set()):
        make_folder(folder)
    chosen = model or default_model()
    with ExitStack() as stack:
        folder = chosen
        if not chosen.is_dir():  # unpacked once, for all workers
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="avlib-")))
            unpack(chosen, folder)
        with telling_of(chosen, folder):
            recognizer = Recognizer.load(folder)
        if chosen != BOX:  # that has a line of its own
            typer.echo(introduced(recognizer, chosen), err=True)
        if live:
            raise typer.Exit(follow_all(recognizer, files))
        pictures = [None] * len(files) if out is None else own_files(files, out / "pictures", "png")
        tasks = [
            Task(str(file), str(folder.absolute()), every, window, picture, page)
            for file, picture, page in zip(files, pictures, pages, strict=True)
        ]
        rows = recognise_all(tasks)
    if changed := recognizer.changed_libraries():
        typer.echo(f"trained with other libraries: {', '.join(changed)}", err=True)
    if others:
        typer.echo(f"left out: {', '.join(others)}; name a file itself to have it tried", err=True)
    show(rows)
    if out is not None:
        facts = {"model": recognizer.name, "emotions": recognizer.emotions, "every": every}
        write(out, rows, facts | {"window": window if every else None})
        typer.echo(f"{out}: written")
    if html is not None and (written := write_index(rows, pages)):
        typer.echo(f"{written}: written, to open in a browser")
    if all(row.whole["emotion"] is None for row in rows):
        raise typer.Exit(1)


def follow_all(recognizer: "Recognizer", files: Sequence[Path]) -> int:
    """Print what a model says of recordings while they go on; return the exit status.

    Raises
    ------
    ParamsError
        The model does not decide window by window.
    """
    from avlib.recognizer.live import follow
    from avlib.recognizer.recognizer import printable, said_of

    status = 1
    for file in files:
        typer.echo(printable(file))
        try:
            for time, said in follow(recognizer, file):
                row = recognizer.row(said)
                if row["emotion"] is None:
                    typer.echo(f"{time:7.1f} s  {row['reason']}")
                    continue
                status = 0
                bar = "█" * round(20 * row["probability"])
                decision = f"{row['emotion']:<12} {row['probability']:.2f} {bar:<20}"
                typer.echo(f"{time:7.1f} s  {decision} {row['used'] or 'nothing new'}")
        except ParamsError:
            raise
        except AvlibError as error:
            typer.echo(f"nothing can be said: {said_of(file, error)}", err=True)
    return status


def recordings(given: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Return the files to recognise, each once, and how many others of which kind folders hold.

    Raises
    ------
    DataError
        There is none.
    """
    from avlib.corpora.common.files import MEDIA_SUFFIXES

    files: list[Path] = []
    others: dict[str, int] = {}
    for path in given:
        if not path.is_dir():
            files.append(path)
            continue
        for file in sorted(f for f in path.rglob("*") if f.is_file() and f.name[0] != "."):
            if file.suffix.lower() in MEDIA_SUFFIXES:
                files.append(file)
            else:
                kind = file.suffix or "no suffix"
                others[kind] = others.get(kind, 0) + 1
    kinds = sorted(others, key=lambda kind: -others[kind])
    named = [f"{counted(others[kind], 'files')} ({kind})" for kind in kinds[:_OTHERS]]
    if not files:
        where = ", ".join(map(str, given))
        raise DataError(f"{where}: no recording found; left out: {', '.join(named) or 'nothing'}")
    return list(dict.fromkeys(files)), named


def default_model() -> Path:
    """Return the folder of the one model that was kept here, or else the model in the box.

    Raises
    ------
    DataError
        Several are kept.
    """
    found = sorted(paths.FINAL.iterdir()) if paths.FINAL.is_dir() else []
    if len(found) > 1:
        raise DataError(f"several models are kept: give one of {', '.join(map(str, found))} as"
                        " --model")  # fmt: skip
    if found:
        return found[0]
    typer.echo(
        "no model is kept here: the one in the box is asked, a voice that learned from actors and"
        " a face from still pictures; docs/box.md says what is known of it",
        err=True,
    )
    return BOX


def introduced(recognizer: "Recognizer", path: Path) -> str:
    """Say which model answers, and what it learned from."""
    from avlib.report.headline import GENERATED

    said = f"model {recognizer.name} ({path}), learned from {', '.join(recognizer.corpora)}"
    if set(recognizer.corpora).isdisjoint(GENERATED):
        return said
    return (
        f"{said}: generated, drawn faces and synthetic voices, so that nothing it says is about"
        " people"
    )


def own_files(files: Sequence[Path], folder: Path, suffix: str) -> list[Path | None]:
    """Return a file for each recording: under its own name, and no two under the same."""
    taken = {Path(_INDEX).stem}
    found: list[Path | None] = []
    for file in files:
        stem = re.sub(r"[^\w.-]", "_", file.stem)[:100].lstrip(".") or "recording"
        names: Iterable[str] = (stem, *(f"{stem}-{n}" for n in range(2, len(files) + 3)))
        name = next(name for name in names if name.lower() not in taken)
        taken.add(name.lower())
        found.append(folder / f"{name}.{suffix}")
    return found


def page_files(files: Sequence[Path], html: Path) -> list[Path | None]:
    """Return where the page of each recording goes.

    Raises
    ------
    DataError
        There is one page for several recordings, or a file where a folder is to be.
    """
    if html.suffix.lower() not in (".html", ".htm"):
        if html.is_file():
            raise DataError(
                f"--html {html}: is a file; expected a name that ends in .html, or a folder"
            )
        return own_files(files, html, "html")
    if len(files) > 1:
        raise DataError(
            f"--html {html}: is one page, for {len(files)} recordings; give a folder, such as"
            f" --html {html.with_suffix('')}"
        )
    return [html]


def write_index(rows: Sequence["Rows"], pages: Sequence[Path | None]) -> Path | None:
    """Write the page that lists several; return what to open, None where there is no page."""
    from avlib.recognizer.page import index
    from avlib.runtime.files import atomic_path

    written = [page if row.read else None for row, page in zip(rows, pages, strict=True)]
    there = [page for page in written if page is not None]
    if len(pages) == 1 or not there:
        return next(iter(there), None)
    path = there[0].with_name(_INDEX)
    names = [None if page is None else page.name for page in written]
    with atomic_path(path) as temporary:
        text = index([row.whole for row in rows], names)
        temporary.write_text(text, encoding="utf-8")
    return path


def show(rows: Sequence["Rows"]) -> None:
    """Print a table of what was recognised, and a line for each recording that was not."""
    known = [row.whole for row in rows if row.whole["emotion"] is not None]
    names = [row["clip"] for row in known]
    console = Console()
    if console.is_terminal:  # what goes into a file stays whole
        others = console.measure(_table(known, [""] * len(known))).maximum - len("clip")
        names = [shortened(name, console.width - others) for name in names]
    if known:
        console.print(_table(known, names))
    for row in (row.whole for row in rows if row.whole["reason"]):
        failed = "" if row["emotion"] else "nothing can be said: "
        typer.echo(f"{row['clip']}: {failed}{row['reason']}", err=True)


def _table(known: Sequence[dict[str, Any]], names: Sequence[str]) -> Table:
    table = Table(
        Column("clip", overflow="fold"), "emotion", Column("probability", justify="right"), "used"
    )
    for row, name in zip(known, names, strict=True):
        # As text: brackets in a name are no markup.
        table.add_row(Text(name), row["emotion"], f"{row['probability']:.2f}", row["used"])
    return table


def shortened(name: str, width: int) -> str:
    """Return the end of a path that has this many columns; below `_LEAST` it stays longer."""
    width = max(width, _LEAST)
    if cell_len(name) <= width:
        return name
    while cell_len(name) >= width:
        name = name[1:]
    return f"…{name}"


def write(out: Path, rows: Sequence["Rows"], facts: dict[str, Any]) -> None:
    """Write ``predictions.csv`` (a row a recording), ``moments.csv`` and ``predictions.json``."""
    import pandas as pd

    out.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([row.whole for row in rows]).to_csv(out / "predictions.csv", index=False)
    if facts["every"]:
        moments = pd.DataFrame([moment for row in rows for moment in row.moments])
        moments.to_csv(out / "moments.csv", index=False)
    clips = [_nested(row.whole) | {"moments": [_nested(m) for m in row.moments]} for row in rows]
    text = json.dumps(facts | {"clips": clips}, indent=2, allow_nan=False, ensure_ascii=False)
    (out / "predictions.json").write_text(text + "\n", encoding="utf-8")


def _nested(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its probabilities by emotion; null where nothing can be said."""
    known = row["emotion"] is not None
    kept = {name: value for name, value in row.items() if not name.startswith("prob")}
    named = {n.removeprefix("prob_"): v for n, v in row.items() if n.startswith("prob_")}
    return kept | {
        "probability": row["probability"] if known else None,
        "probabilities": named if known else None,
    }
