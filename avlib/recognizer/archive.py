"""A kept model as one file: a ZIP archive, read with the distrust that such files deserve."""

import contextlib
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from avlib.recognizer import kept
from avlib.runtime.errors import DataError
from avlib.runtime.files import atomic_path

SUFFIXES = (".json", ".md", ".npz", ".safetensors")  # numbers and text; no pickles, no code
MOST_FILES = 100
LARGEST = 2**32  # bytes, of all files together
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file, so that equal models give equal archives


def pack(folder: Path, file: Path) -> None:
    """Write the folder of a kept model as one file.

    Raises
    ------
    DataError
        The folder holds no whole model.
    """
    kept.read_whole(folder)
    with atomic_path(file) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for path in sorted(p for p in folder.rglob("*") if p.suffix in SUFFIXES and p.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with path.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target)


def unpack(file: Path, folder: Path) -> None:
    """Lay a model out in an empty folder; nothing is written outside of it.

    Raises
    ------
    DataError
        There is no such file, it is no archive of a model, damaged, or absurdly large.
    """
    if not file.is_file():
        raise DataError(
            f"{file}: there is no such model; expected a folder such as data/final/merml, or a file"
            " of `python -m avlib export`"
        )
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _check(file, entries)
            for entry in entries:
                target = folder / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy)  # no more than the size that was checked
    except (OSError, EOFError, RuntimeError, NotImplementedError, ValueError, zipfile.BadZipFile,
            zlib.error) as error:  # fmt: skip
        raise DataError(
            f"{file}: is no whole file of `python -m avlib export` ({error}); export it again"
        ) from None


@contextlib.contextmanager
def telling_of(file: Path, folder: Path) -> Iterator[None]:
    """Have what is wrong in a folder where a file was unpacked said of the file."""
    try:
        yield
    except DataError as error:
        raise DataError(str(error).replace(str(folder), str(file))) from None


def _check(file: Path, entries: list[zipfile.ZipInfo]) -> None:
    size = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_FILES or size > LARGEST:
        raise DataError(
            f"{file}: holds {len(entries)} files of {size:,} bytes; expected at most {MOST_FILES}"
            f" of {LARGEST:,}"
        )
    names = [entry.filename for entry in entries]
    for name in names:
        path = PurePosixPath(name)
        if (
            path.is_absolute()
            or ".." in path.parts
            or "\\" in name
            or ":" in name
            or path.suffix not in SUFFIXES
        ):
            raise DataError(f"{file}: holds {name!r}, which is no part of a model; it is not read")
    if len(set(names)) < len(names):
        raise DataError(f"{file}: holds a file twice; it is not read")
