"""What is here of every corpus, against the whole of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from avlib.corpora.common.base import Reader
from avlib.corpora.fer2013 import LICENCE, N_FACES, SOURCE
from avlib.registry import CORPORA, reader
from avlib.runtime.errors import CorpusError


@dataclass(frozen=True)
class Found:
    """What the folder of one corpus holds.

    Attributes
    ----------
    corpus, here, missing : str
        `missing` is "" where nothing is, or where the whole is not known.
    whole : str
        What a whole copy holds; "" where that is not known.
    protocol, source, licence : str
        See `avlib.corpora.Reader`.
    remarks : tuple of str
        What a user should know of this copy, one line each.
    """

    corpus: str
    here: str
    whole: str
    missing: str
    protocol: str
    source: str
    licence: str
    remarks: tuple[str, ...] = ()


def overview(raw: Path) -> list[Found]:
    """Look at every known corpus under ``data/raw``, without opening a recording.

    Parameters
    ----------
    raw : Path
        The folder of the corpora, each in a folder of its reader's name.
    """
    return [*(_recordings(reader(name), raw / name) for name in CORPORA), _faces(raw)]


def _recordings(reader: Reader, folder: Path) -> Found:
    subset = next(iter(reader.subsets.values()), reader)  # the default, where there are some
    whole = _count(subset.n_clips, subset.n_subjects)
    known = (reader.name, whole, reader.protocol, reader.source, reader.licence)
    if not folder.exists() and not folder.is_symlink():
        return _found(*known, here="", missing=whole)
    try:
        listing = reader.recordings(folder)
    except CorpusError as error:
        return _found(*known, here="not readable", missing=whole, remarks=(str(error),))
    subjects = {recording.subject for recording in listing.recordings}
    clips = len(listing.recordings)
    lacks = (
        None if subset.n_clips is None else max(subset.n_clips - clips, 0),
        None if subset.n_subjects is None else max(subset.n_subjects - len(subjects), 0),
    )
    remarks = list(listing.notes)
    if incomplete := sum(bool(recording.missing) for recording in listing.recordings):
        remarks.append(f"{incomplete:,} clips lack their sound or their video")
    if listing.unrecognised:
        path, reason = listing.unrecognised[0]
        remarks.append(f"{len(listing.unrecognised):,} files are not known, e.g. {path}: {reason}")
    return _found(
        *known, here=_count(clips, len(subjects)), missing=_count(*lacks), remarks=remarks
    )


def _found(
    corpus: str,
    whole: str,
    protocol: str,
    source: str,
    licence: str,
    *,
    here: str,
    missing: str,
    remarks: Iterable[str] = (),
) -> Found:
    return Found(corpus, here, whole, missing, protocol, source, licence, tuple(remarks))


def _faces(raw: Path) -> Found:
    """FER2013 is one csv of pictures, for the face network alone."""
    path = raw / "fer2013" / "fer2013.csv"
    whole = f"{N_FACES:,} faces"
    known = ("fer2013", whole, "", SOURCE, LICENCE)
    if not path.is_file():
        return _found(*known, here="", missing=whole)
    faces = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            faces += block.count(b"\n")
    faces = max(faces - 1, 0)  # the titles
    lacks = N_FACES - faces
    missing = f"{lacks:,} faces" if lacks > 0 else ""
    return _found(*known, here=f"{faces:,} faces", missing=missing)


def _count(clips: int | None, subjects: int | None) -> str:
    """Spell out counts; "" where there is nothing to count."""
    words = []
    if clips:
        words.append(f"{clips:,} clips")
    if subjects:
        words.append(f"{subjects:,} subjects")
    return ", ".join(words)
