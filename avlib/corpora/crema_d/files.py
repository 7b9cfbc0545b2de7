"""Which files the official release of CREMA-D holds, and whether those on disk are these.

A copy from GitHub often holds pointers of Git LFS in place of recordings, or files that a download
cut short; both have the right names. Sizes tell nearly all of them, hashes the rest.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avlib.corpora.common.files import walk
from avlib.corpora.crema_d import FOLDERS
from avlib.runtime.digests import file_digest
from avlib.runtime.errors import CorpusError
from avlib.runtime.progress import Progress

# stems: (1,) text, names joined by blanks; sizes: (n_clips, 3) in bytes; digests: (n_clips, 3, 8),
# the first 8 bytes of SHA-256. The 3 are FOLDERS. Facts of the official repository.
_FACTS = Path(__file__).with_name("files.npz")
_POINTER = b"version https://git-lfs"
STATES = ("good", "missing", "pointer", "empty", "truncated", "altered")


@dataclass(frozen=True)
class OfficialFile:
    """A file of the official release; size in bytes, digest the first 8 bytes of its SHA-256."""

    path: str
    size: int
    digest: bytes


def official_files() -> list[OfficialFile]:
    """List the 22,326 recordings of the official release, folder by folder."""
    with np.load(_FACTS, allow_pickle=False) as facts:
        stems = str(facts["stems"][0]).split()
        sizes, digests = facts["sizes"], facts["digests"]
    return [
        OfficialFile(f"{place}/{stem}{suffix}", int(sizes[i, j]), digests[i, j].tobytes())
        for j, (place, suffix) in enumerate(FOLDERS.items())
        for i, stem in enumerate(stems)
    ]


def verify(folder: Path, *, hashes: bool) -> tuple[dict[str, str], list[str]]:
    """Compare a copy with the official release.

    Parameters
    ----------
    folder : Path
        The corpus folder.
    hashes : bool
        Read every file of the right size and compare its hash (minutes for a whole copy);
        otherwise sizes alone decide.

    Returns
    -------
    states : dict of str to str
        One of `STATES` for every official path.
    others : list of str
        Recordings in the three folders that the release does not have.

    Raises
    ------
    CorpusError
        There is no such folder.
    """
    if not folder.is_dir():
        raise CorpusError(f"{folder}: there is no such folder; expected a copy of CREMA-D")
    official = official_files()
    here = {path for path in walk(folder) if path.partition("/")[0] in FOLDERS}
    others = sorted(here - {file.path for file in official})
    states = {file.path: "missing" for file in official}
    present = [file for file in official if file.path in here]
    # Reading and hashing leave the interpreter, so threads do.
    with Progress("verify", len(present), "files") as progress, ThreadPoolExecutor() as pool:
        found = pool.map(lambda file: _state(folder / file.path, file, hashes), present)
        for file, state in zip(present, found, strict=True):
            states[file.path] = state
            progress.advance()
    return states, others


def _state(path: Path, file: OfficialFile, hashes: bool) -> str:
    if not path.exists():  # a link to nowhere
        return "missing"
    size = path.stat().st_size
    if size == file.size:
        if not hashes:
            return "good"
        return "good" if file_digest(path).startswith(file.digest.hex()) else "altered"
    if size == 0:
        return "empty"
    with path.open("rb") as stream:
        if stream.read(len(_POINTER)) == _POINTER:
            return "pointer"
    return "truncated" if size < file.size else "altered"
