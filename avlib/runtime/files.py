"""Files that appear whole or not at all, under one name or several."""

import contextlib
import errno
import glob
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from avlib.runtime.errors import DataError

NOTHING = "nothing.txt"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EEXIST,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
)


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


def disk_full(path: object) -> str:
    """Return what to say when there is no room for a file."""
    return (
        f"{path}: cannot be written, the disk (or your share of it) is full; make room, for example"
        " with `dvc gc --workspace`, and run again: what is done is kept"
    )


def is_full(error: OSError) -> bool:
    """Tell whether a write failed for lack of room."""
    return error.errno in _FULL


def refusal(error: OSError, else_named: object) -> str | None:
    """Return what to say of a file that the system refuses; None where no user can mend it.

    Parameters
    ----------
    error
        What was raised.
    else_named
        What was written, where the error does not name it.
    """
    name = error.filename or else_named
    if is_full(error):
        return disk_full(name)
    if error.errno in _REFUSED and error.filename:
        return (
            f"{name}: cannot be read or written ({error.strerror}); expected a place where you may:"
            " correct its rights, or name another one"
        )
    return None


def make_folder(folder: Path) -> None:
    """Make a folder, where there is none, before what is to lie in it is computed.

    Raises
    ------
    DataError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()  # a folder that is there may be read-only
    except OSError as error:
        raise DataError(
            f"{folder}: is no folder to write to ({error.strerror}); name another one"
        ) from None


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
