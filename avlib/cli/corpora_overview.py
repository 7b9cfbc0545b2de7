"""What is here of every corpus, against the whole of it."""

from dataclasses import dataclass, replace
from pathlib import Path

from avlib.corpora import fer2013
from avlib.corpora.common.base import Reader
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
    """Look at known corpora under ``data/raw`` and at users' own, without opening a recording.

    Parameters
    ----------
    raw : Path
        The folder of the corpora, each in a folder of its reader's name.
    """
    known = [_recordings(reader(name), raw / name) for name in CORPORA]
    own = [_own(folder) for folder in _owned(raw)]
    return [*known, _faces(raw), *own]


def _owned(raw: Path) -> list[Path]:
    """Return the folders of corpora that their users list in tables, or join."""
    folders = sorted(raw.iterdir()) if raw.is_dir() else []
    marks = ("clips.*", "corpus.yaml")
    return [
        folder
        for folder in folders
        if folder.name not in CORPORA and any(any(folder.glob(mark)) for mark in marks)
    ]


def _own(folder: Path) -> Found:
    try:
        return _recordings(reader(folder.name, folder.parent), folder)
    except CorpusError as error:
        return Found(folder.name, "not readable", "", "", "", "", "", (str(error),))


def _recordings(reader: Reader, folder: Path) -> Found:
    subset = next(iter(reader.subsets.values()), reader)  # the default, where there are some
    whole = _count(subset.n_clips, subset.n_subjects)
    absent = Found(reader.name, "", whole, whole, reader.protocol, reader.source, reader.licence)
    if not folder.exists() and not folder.is_symlink():
        return absent
    try:
        listing = reader.recordings(folder)
    except CorpusError as error:
        return replace(absent, here="not readable", remarks=(str(error),))
    clips = len(listing.recordings)
    subjects = len({recording.subject for recording in listing.recordings})
    lacks = ((subset.n_clips or 0) - clips, (subset.n_subjects or 0) - subjects)
    remarks = list(listing.notes)
    if incomplete := sum(bool(recording.missing) for recording in listing.recordings):
        remarks.append(f"{incomplete:,} clips lack their sound or their video")
    if listing.unrecognised:
        path, reason = listing.unrecognised[0]
        remarks.append(f"{len(listing.unrecognised):,} files are not known, e.g. {path}: {reason}")
    here, missing = _count(clips, subjects), _count(*(max(lack, 0) for lack in lacks))
    return replace(absent, here=here, missing=missing, remarks=tuple(remarks))


def _faces(raw: Path) -> Found:
    """FER2013 is pictures, for the face networks alone."""
    path = fer2013.find(raw / "fer2013")
    whole = f"{fer2013.N_FACES:,} faces"
    absent = Found("fer2013", "", whole, whole, "", fer2013.SOURCE, fer2013.LICENCE)
    if path is None:
        return absent
    faces = fer2013.count(path)
    missing = f"{fer2013.N_FACES - faces:,} faces" if faces < fer2013.N_FACES else ""
    return replace(absent, here=f"{faces:,} faces", missing=missing)


def _count(clips: int | None, subjects: int | None) -> str:
    """Spell out counts; "" where there is nothing to count."""
    counts = {"clips": clips, "subjects": subjects}
    return ", ".join(f"{count:,} {unit}" for unit, count in counts.items() if count)
