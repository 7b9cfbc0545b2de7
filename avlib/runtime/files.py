"""Files that appear whole or not at all, under one name or several."""

import contextlib
import errno
import glob
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from avlib.runtime.errors import DataError

NOTHING = "nothing.txt"
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Give a temporary name beside `path`, and move the file there when the block succeeds.

    Raises
    ------
    DataError
        The disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:150]}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())  # else a power cut can leave an empty file under a good name
        temporary.replace(path)
    except OSError as error:
        if not is_full(error):
            raise
        raise DataError(disk_full(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def leave_empty(folder: Path | str) -> None:
    """Make an output anew that holds nothing but a file that says so: DVC warns of empty ones."""
    shutil.rmtree(folder, ignore_errors=True)
    Path(folder).mkdir(parents=True)
    (Path(folder) / NOTHING).write_text("Nothing of this was asked for.\n")


def disk_full(path: Path | str) -> str:
    """Return what to say when there is no room for a file."""
    return (
        f"{path}: cannot be written, the disk (or your share of it) is full; make room, for example"
        " with `dvc gc --workspace`, and run again: what is done is kept"
    )


def is_full(error: OSError) -> bool:
    """Tell whether a write failed for lack of room."""
    return error.errno in _FULL


def link(source: Path | str, target: Path | str) -> None:
    """Make `target` another name of the file `source`, or a copy where that cannot be."""
    with atomic_path(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


def remove_temporaries(folder: Path, name: str = "") -> None:
    """Remove what a killed run left half-written in a folder (of the file `name`, when given)."""
    for path in folder.glob(f".{glob.escape(name)}*.tmp"):
        path.unlink(missing_ok=True)
