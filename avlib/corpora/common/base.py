"""What every corpus reader has in common: recordings known by name, before any file is opened."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import ClassVar

import pandas as pd
import yaml

from avlib.corpora.common.files import Files, kind_left_out, look
from avlib.runtime.errors import CorpusError
from avlib.runtime.files import NOTHING


@dataclass(frozen=True)
class Recording:
    """One clip as its file names and the corpus's tables describe it.

    Attributes
    ----------
    clip_id, subject : str
        Unique in the corpus; `subject` also names files, so it holds letters, digits and `_-.`.
    emotion : str or None
        In the words of `avlib.corpora.common.labels`; None where the corpus does not label it.
    video_path, audio_path : str or None
        Posix, relative to the folder of `corpus`; both may name the same file.
    spare_video, spare_audio : tuple of str
        Other files with the same picture or sound, the best first: they stand in for one that
        cannot be read.
    features : tuple of str
        Files of its authors' that describe it, of a clip whose recording is not passed on.
    sentence, intensity, take, sex : str or None
        As far as the corpus tells; sex is "female" or "male".
    partition : str or None
        "train", "validation" or "test" where the corpus's authors divide it (protocol `official`).
    age : float or None
        In years.
    arousal, valence : float or None
        On the corpus's own scale.
    vote_voice, vote_face, vote_multimodal : str or None
        What a crowd heard, saw, or both, in the same words; a tie is "anger:disgust".
    original_emotion : str or None
        The corpus's own word or code for the emotion, as it stands there.
    start, end : float or None
        Where the clip lies in its files, in seconds; None is the files' own start or end.
    extra : str or None
        What a user's own table says beside all this, as JSON.
    missing : str
        Why the clip is incomplete: a file that its neighbours have and it has not; "" if none.
    corpus : str
        The reader's name, of a joined corpus the member's. `Reader.recordings` fills in this and
        `missing`.
    """

    clip_id: str
    subject: str
    emotion: str | None
    video_path: str | None
    audio_path: str | None
    sentence: str | None = None
    intensity: str | None = None
    take: str | None = None
    partition: str | None = None
    sex: str | None = None
    age: float | None = None
    arousal: float | None = None
    valence: float | None = None
    vote_voice: str | None = None
    vote_face: str | None = None
    vote_multimodal: str | None = None
    original_emotion: str | None = None
    start: float | None = None
    end: float | None = None
    extra: str | None = None
    missing: str = ""
    corpus: str = ""
    spare_video: tuple[str, ...] = ()
    spare_audio: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    @property
    def files(self) -> set[str]:
        """All files that the clip may be read from."""
        own = {self.video_path, self.audio_path, *self.spare_video, *self.spare_audio}
        own |= {*self.features}
        return {path for path in own if path is not None}


def no_traces() -> pd.DataFrame:
    """Return `Listing.traces` of a corpus without continuous labels."""
    return pd.DataFrame(columns=["clip_id", "time", "arousal", "valence"])


def no_votes() -> pd.DataFrame:
    """Return `Listing.votes` of a corpus without published votes."""
    return pd.DataFrame(columns=["clip_id", "modality", "emotion", "ratings"])


@dataclass(frozen=True)
class Listing:
    """What a corpus folder holds.

    Attributes
    ----------
    recordings : list of Recording
        In the order of their clip_id.
    unrecognised : list of (path, reason)
        Media files, relative to the folder, whose names the corpus does not know; and clips that a
        table of the corpus describes wrongly, by clip_id.
    notes : list of str
        How much of the whole corpus is here, and what a user should know of it; `recordings` adds
        a line for each kind of what is left out.
    left_out : dict of str to list of str
        By kind, in the plural: files, clips or rows that are left out on purpose, and those that no
        reader reads.
    votes : pandas.DataFrame
        What human raters answered about these recordings, where the corpus publishes it: columns
        clip_id, modality (what they were given: "audio", "video" or "audio+video"), emotion (each
        that they could choose, in canonical words) and ratings (how many of them named it).
    missing : list of (clip_id, reason)
        Clips that the corpus's tables name and whose recordings are not here. They are accounted
        for, and are no failure: parts of some corpora can no longer be had.
    traces : pandas.DataFrame
        Continuous labels of clips: columns clip_id, time (s from the clip's start), arousal and
        valence (on the corpus's own scale; NaN where unknown), in the order of time within a clip.
    rows : dict of str to str
        By clip_id, the row of a table that names the clip, of a corpus that has a table.
    """

    recordings: list[Recording]
    unrecognised: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    votes: pd.DataFrame = field(default_factory=no_votes, compare=False)
    missing: list[tuple[str, str]] = field(default_factory=list)
    traces: pd.DataFrame = field(default_factory=no_traces, compare=False)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Subset:
    """A part of a corpus that can be chosen by name.

    Attributes
    ----------
    n_clips, n_subjects : int or None
        How many there are in a whole copy, None where that is not known for sure.
    holds : callable
        Tells whether a recording belongs to it.
    """

    n_clips: int | None
    n_subjects: int | None
    holds: Callable[[Recording], bool]


class Reader(ABC):
    """A corpus on disk, exactly as its authors distribute it.

    The attributes from `title` on are read from ``corpus.yaml`` beside the reader's module.

    Attributes
    ----------
    name : str
        The value of ``corpus`` in ``params.yaml`` and the folder under ``data/raw``.
    emotions : tuple of str
        The classes, alphabetically.
    subsets : mapping of str to Subset
        Parts that ``subset`` in ``params.yaml`` can name; the first is the default. Empty where
        the corpus is always taken whole.
    members : mapping of str to Reader
        Of a corpus that joins several: their readers by name. Empty of all others.
    title : str
        The name that people use.
    layout : str
        The files that `recordings` looks for, in one line.
    n_clips, n_subjects : int or None
        In the whole corpus, None where that is the user's choice, not known for sure, or up to
        the subset.
    source, licence : str
        Where its authors distribute it, and under which terms.
    protocol : str
        The protocol of the papers on this corpus, as values for ``params.yaml``.
    """

    name: ClassVar[str]
    emotions: ClassVar[tuple[str, ...]]
    subsets: ClassVar[Mapping[str, Subset]] = {}
    members: Mapping[str, Reader] = MappingProxyType({})
    title: str
    layout: str
    n_clips: int | None = None
    n_subjects: int | None = None
    source: str = ""
    licence: str = ""
    protocol: str = ""

    def __init__(self) -> None:
        published = Path(inspect.getfile(type(self))).with_name("corpus.yaml")
        vars(self).update(yaml.safe_load(published.read_text(encoding="utf-8")))

    @abstractmethod
    def read(self, folder: Path) -> Listing:
        """List an existing folder; a listing without recordings is for the caller to judge."""

    def recordings(self, folder: Path | str, subset: str | None = None) -> Listing:
        """List the clips of a corpus folder without opening any recording.

        Parameters
        ----------
        folder : Path or str
            The corpus; may be a link, and so may anything in it.
        subset : str or None
            A key of `subsets`; None takes the first, or everything where there are none.

        Returns
        -------
        Listing
            Recordings in the order of their clip_id, never empty.

        Raises
        ------
        CorpusError
            The folder is missing or empty, holds nothing that the corpus knows, or one of its
            tables is broken; or the subset is unknown.
        """
        folder = Path(folder)
        chosen = self._subset(subset)
        self._require_folder(folder)
        files = look(folder)
        listing = self.read(folder)
        if not listing.recordings:
            raise CorpusError(self._nothing_found(folder, files))
        found = sorted(listing.recordings, key=lambda recording: recording.clip_id)
        twice = [id_ for id_, count in Counter(r.clip_id for r in found).items() if count > 1]
        if twice:
            raise CorpusError(
                f"{folder}: {len(twice)} clip ids stand for several recordings, e.g. {twice[0]}; "
                "expected each once, remove the copies"
            )
        left_out = _left_out(listing, files)
        notes = [*listing.notes, *_links(files)]
        whole, n_clips = self.title, self.n_clips
        if chosen is not None:
            whole, n_clips = f"{self.title} ({chosen})", self.subsets[chosen].n_clips
            held = [recording for recording in found if self.subsets[chosen].holds(recording)]
            if not held:
                raise CorpusError(
                    f"{folder}: none of its {len(found):,} clips belongs to subset {chosen}; "
                    f"choose another subset in params.yaml: {', '.join(self.subsets)}"
                )
            if rest := [r.clip_id for r in found if not self.subsets[chosen].holds(r)]:
                left_out[f"clips outside of subset {chosen}"] = rest
            found = held
        if n_clips is not None and len(found) != n_clips:
            notes.append(f"{len(found):,} of the {n_clips:,} clips of {whole} are here")
        said = [
            f"{kind} left out: {len(items):,}, e.g. {items[0]}"
            for kind, items in sorted(left_out.items())
        ]
        return replace(
            listing,
            recordings=self._completed(found),
            unrecognised=sorted([*listing.unrecognised, *files.unusable]),
            notes=list(dict.fromkeys([*said, *notes])),  # members have said theirs before
            missing=sorted(listing.missing),
            left_out=left_out,
        )

    def _subset(self, name: str | None) -> str | None:
        """Return the subset to take; None where the corpus has none."""
        if name is None:
            return next(iter(self.subsets), None)
        if name in self.subsets:
            return name
        choices = ", ".join(self.subsets) if self.subsets else "none"
        raise CorpusError(
            f"subset: {name!r} is unknown; {self.name} has {choices}: name one of them in "
            "params.yaml, or null for the corpus's default"
        )

    def _completed(self, recordings: list[Recording]) -> list[Recording]:
        """Name the corpus, and mark clips that lack a file which others of the corpus have.

        An audio-only corpus is whole as it is; a clip without video among clips with it is not.
        """
        kinds = ("video", "audio")
        had = [kind for kind in kinds if any(getattr(r, f"{kind}_path") for r in recordings)]
        completed = []
        for recording in recordings:
            lacks = [f"no {k} file" for k in had if not getattr(recording, f"{k}_path")]
            completed.append(replace(recording, missing=next(iter(lacks), ""), corpus=self.name))
        return completed

    def _require_folder(self, folder: Path) -> None:
        if folder.is_dir() and any(path.name != NOTHING for path in folder.iterdir()):
            return
        if folder.is_symlink() and not folder.exists():
            found = f"is a link to {folder.readlink()}, which does not exist"
        elif not folder.exists():
            found = "there is no such folder"
        elif not folder.is_dir():
            found = "is a file, not a folder"
        else:
            found = "the folder is empty"
        raise CorpusError(f"{folder}: {found}; {self._expected(folder)}")

    def _nothing_found(self, folder: Path, files: Files) -> str:
        others = files.paths
        if not others and files.unusable:
            path, reason = files.unusable[0]
            return f"{folder}: nothing in it can be read; {path}: {reason}"
        example = f", e.g. {others[0]}" if others else ""
        packed = any(path.endswith((".zip", ".tar", ".tar.gz", ".tgz", ".7z")) for path in others)
        unpack = "unpack the archives there; " if packed else ""
        return (
            f"{folder}: none of its {len(others)} files belongs to {self.title}{example}; "
            f"{unpack}{self._expected(folder)}"
        )

    def _expected(self, folder: Path) -> str:
        link = f"ln -s /path/to/{self.name} {folder}"
        return f"expected {self.layout}; put your copy there or link it in its place: {link}"


def _left_out(listing: Listing, files: Files) -> dict[str, list[str]]:
    """Return what the reader left out, and what is in the folder that it did not even mention."""
    # Users' tables may write ./a.wav.
    known = {str(PurePosixPath(path)) for clip in listing.recordings for path in clip.files}
    known |= {path for path, _ in listing.unrecognised}
    known |= {path for paths in listing.left_out.values() for path in paths}
    left_out = {kind: list(items) for kind, items in listing.left_out.items()}
    for path in files.paths:
        if path not in known and (kind := kind_left_out(path)):
            left_out.setdefault(kind, []).append(path)
    return left_out


def _links(files: Files) -> list[str]:
    notes = []
    if files.linked_folders:
        notes.append(
            f"folders that are links: {len(files.linked_folders):,}, e.g."
            f" {files.linked_folders[0]}; they are read, but DVC sees no change inside: after one,"
            " dvc repro --force clips"
        )
    if files.linked_files:
        notes.append(
            f"files that are links out of the corpus's folder: {len(files.linked_files):,}, e.g."
            f" {files.linked_files[0]}; they are read"
        )
    return notes


def understood(
    paths: Iterable[str], recording: Callable[[str], Recording | str]
) -> tuple[list[Recording], list[tuple[str, str]]]:
    """Divide files into recordings and those that are none, with the reason `recording` gives."""
    found = [(path, recording(path)) for path in paths]
    return (
        [result for _, result in found if isinstance(result, Recording)],
        [(path, result) for path, result in found if isinstance(result, str)],
    )


def leaves_folder(path: str) -> bool:
    """Tell whether a path from a table could point outside of the corpus folder."""
    pure = PurePosixPath(path)
    drive = ":" in "".join(pure.parts[:1])
    return pure.is_absolute() or ".." in pure.parts or "\\" in path or drive


def read_csv(path: Path, columns: tuple[str, ...], optional: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read text columns of a corpus's csv table.

    Parameters
    ----------
    path : Path
        The table.
    columns : tuple of str
        The columns to return, all required.
    optional : tuple of str
        Further columns to return where the table has them.

    Returns
    -------
    pandas.DataFrame
        Text as it stands, "" where a cell is empty.

    Raises
    ------
    CorpusError
        The file is no table, or lacks a column; names both.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        reason = str(error).splitlines()[0]
        raise CorpusError(f"{path}: is no csv table ({reason}); download it again") from error
    for column in columns:
        if column not in table.columns:
            found = ", ".join(map(str, table.columns))[:200]
            raise CorpusError(
                f"{path}: has no column {column!r}, found {found}; download the table again"
            )
    return table[[*columns, *(column for column in optional if column in table.columns)]]
