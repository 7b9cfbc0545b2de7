"""The folders of a joined corpus's members, which DVC has to watch beside its own."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from avlib.corpora.common.base import Reader
from avlib.corpora.common.files import walk
from avlib.runtime.errors import ParamsError


def require_watched(reader: Reader, members: Sequence[str]) -> None:
    """Refuse a corpus whose members are not those that DVC watches.

    Parameters
    ----------
    reader
        Of the chosen corpus.
    members
        ``members`` of params.yaml: DVC has a stage for each.

    Raises
    ------
    ParamsError
        They differ, so that a change of a recording would rerun nothing.
    """
    if set(members) == set(reader.members):
        return
    wanted = ", ".join(reader.members)
    what = f"joins {wanted}" if wanted else "joins no others"
    raise ParamsError(
        f"members is [{', '.join(members)}], and corpus {reader.name} {what}; DVC watches the"
        f" folders that are named there: set members: [{wanted}] in params.yaml"
    )


def folder_fingerprint(folder: Path) -> str:
    """Return a digest of the names, sizes and times of all files in a folder, read from none."""
    digest = hashlib.sha256()
    for path in walk(folder):
        file = folder / path
        stat = file.stat() if file.exists() else file.lstat()  # a link to a file that is not here
        digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
