"""What DVC and our tables can make of a folder that a user has put under ``data/raw``."""

import os
import re
from pathlib import Path

from avlib.runtime.errors import CorpusError

_PASSED_OVER = (".git", ".hg", ".dvc")  # by DVC
# Python stands for a byte that is no UTF-8 by one of the surrogates U+DC80 to U+DCFF.
_NO_UTF8 = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f]")


def escaped(path: str) -> str:
    """Return a path as it can be written into a table and into one line."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def unwritable(path: str) -> str:
    """Say why a path cannot stand in a table or a line, "" if it can."""
    if _NO_UTF8.search(path):
        return "its name is not in UTF-8; rename it (convmv -f latin1 -t utf8)"
    if _CONTROL.search(path):
        return "its name holds a line break or another control character; rename it"
    return ""


def require_hashable(folder: Path) -> None:
    """Refuse a folder that DVC cannot hash, before it tries, and before anything is computed.

    DVC does not follow links to folders, and .dvcignore hides names from it that are not in UTF-8.

    Raises
    ------
    CorpusError
        The folder holds links to files that are not here, or what is neither file nor folder.
    """
    odd = []
    for base, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _PASSED_OVER]
        places = [(Path(base) / name).relative_to(folder).as_posix() for name in files]
        odd += [path for path in places if not unwritable(path) and not (folder / path).is_file()]
    if odd:
        raise CorpusError(
            f"{folder}: {len(odd):,} of its files are links to files that are not here, or pipes or"
            f" devices, e.g. {escaped(min(odd))}; DVC, which hashes the folder, stops at them: get"
            " the files (git annex get .), or remove the links (find -xtype l -delete)"
        )


def require_folder(folder: Path) -> None:
    """Refuse a folder of DVC's outputs that is a link: DVC keeps nothing behind one.

    Raises
    ------
    CorpusError
        It, or a folder above it in the project, is a link.
    """
    for place in (folder, *folder.parents):
        if place.is_symlink():
            raise CorpusError(
                f"{place}: is a link to {place.readlink()}, and DVC keeps nothing behind a link;"
                f" expected a folder: replace the link by one, and link each corpus in {folder}"
            )
