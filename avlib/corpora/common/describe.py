"""From a recording's name to its row of the clips table."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from avlib import media
from avlib.corpora.common import labels
from avlib.corpora.common.base import Recording, leaves_folder
from avlib.runtime.digests import file_digest
from avlib.runtime.errors import MediaError
from avlib.runtime.parallel import Failure, map_clips


@dataclass(frozen=True)
class Described:
    """A row of the clips table and how it came about.

    Attributes
    ----------
    row : dict
        The columns of the `clips` table; times in seconds, sizes in pixels.
    status : str
        "ok", or "degraded" when a stream is missing or the file is cut short.
    reason : str
        Why the clip is degraded, "" otherwise.
    """

    row: dict[str, Any]
    status: str
    reason: str


# Seconds that a span may go on after its recording's end: times in tables are rounded.
_SLACK = 0.1
# The least that a sample of 16 bits can be, but 0.
_AUDIBLE = 2.0**-15
# Seconds of a clip that may pass before its sound begins.
_LATE = 1.0
# Seconds at a recording's start that may not decode: pictures that refer to ones before.
_LOST = 0.2
# What the clips table holds of each stream.
_FIGURES = {"video": ("fps", "width", "height"), "audio": ("sample_rate", "channels")}


def describe(recording: Recording, folder: Path | str) -> Described:
    """Probe and hash the files of a recording.

    Parameters
    ----------
    recording : Recording
        From a reader's listing.
    folder : Path or str
        The corpus folder.

    Returns
    -------
    Described
        The path of a stream that cannot be read is None in the row, and the clip degraded; so is a
        clip whose files end before its span does, or of which a spare file had to be taken. One
        that is there as its authors' features alone is whole as it is, and of unknown duration.

    Raises
    ------
    MediaError
        Neither picture nor sound of the clip can be read, or its span lies behind their end.
    """
    folder = Path(folder)
    recording, reasons = _with_spares(recording, folder)
    reasons += [recording.missing] if recording.missing else []
    infos: dict[str, media.MediaInfo] = {}
    paths = list(dict.fromkeys(p for p in (recording.video_path, recording.audio_path) if p))
    for path in paths:
        try:
            infos[path] = _probe(folder, path)
        except MediaError as error:
            # Reasons go into tables: they name files as the corpus does.
            reasons.append(str(error).replace(f"{folder / path}", path))
            continue
        # Of a file that is cut short a clip may lie in what is there.
        cut_short = infos[path].cut_short if recording.start is None else ""
        if lost := cut_short or infos[path].damage:
            reasons.append(f"{path}: {lost}")
        if infos[path].lost_start > _LOST:
            what = "pictures" if infos[path].has_video else "sound"
            found = f"the first {infos[path].lost_start:.1f} s of its {what} are lost"
            reasons.append(f"{path}: damaged, {found}; times count from the first that decodes")
    streams: dict[str, media.MediaInfo] = {}
    for kind in _FIGURES:
        path = getattr(recording, f"{kind}_path")
        if path in infos and getattr(infos[path], f"has_{kind}"):
            streams[kind] = infos[path]
        elif path in infos:
            reasons.append(f"{path}: no {kind} stream")
    if not paths and recording.features:
        return Described(_row(recording, folder, [*recording.features], {}, None), "ok", "")
    if not streams:
        raise MediaError("; ".join(reasons) or f"{recording.clip_id}: has no file")

    if apart := _apart(recording, infos.get(recording.video_path or "")):
        reasons.append(apart)
    whole = max(info.duration for info in streams.values())
    start, end = recording.start or 0.0, whole if recording.end is None else recording.end
    if start >= whole:
        raise MediaError(
            f"{paths[0]}: the clip starts at {start:.2f} s, but {whole:.2f} s can be read; is it "
            "the video that the table means?"
        )
    if end > whole + _SLACK:
        reasons.append(f"{paths[0]}: the clip ends at {end:.2f} s, but {whole:.2f} s can be read")

    used = [p for p in paths if p in [getattr(recording, f"{kind}_path") for kind in streams]]
    row = _row(recording, folder, used, streams, min(end, whole) - start)
    return Described(row, "degraded" if reasons else "ok", "; ".join(reasons))


def _row(
    recording: Recording,
    folder: Path,
    used: list[str],
    streams: dict[str, media.MediaInfo],
    duration: float | None,
) -> dict[str, Any]:
    """Return the row of a clip that these files and streams are used of."""
    row = asdict(recording)
    for field in ("missing", "spare_video", "spare_audio", "features"):
        del row[field]
    if recording.extra is None:
        del row["extra"]
    row["binary_arousal"] = labels.BINARY_AROUSAL.get(recording.emotion or "")
    row["binary_valence"] = labels.BINARY_VALENCE.get(recording.emotion or "")
    for kind, figures in _FIGURES.items():
        if kind not in streams:
            row[f"{kind}_path"] = None
        row |= {figure: getattr(streams.get(kind), figure, None) for figure in figures}
    row["sha256"] = _digest(recording, [folder / path for path in used])
    # Apart too: two clips may share the one file and not the other.
    for kind in _FIGURES:
        of_kind = [folder / row[f"{kind}_path"]] if row[f"{kind}_path"] else []
        row[f"{kind}_sha256"] = _digest(recording, of_kind) if of_kind else None
    row["duration"] = duration
    return row


def _with_spares(recording: Recording, folder: Path) -> tuple[Recording, list[str]]:
    """Return a recording with spare files in place of those that cannot be read, and say why.

    The reasons name kinds of files, so that those of many clips are the same.
    """
    reasons = []
    for kind, called in (("video", "picture"), ("audio", "sound")):
        files = [getattr(recording, f"{kind}_path"), *getattr(recording, f"spare_{kind}")]
        if len(files) == 1:
            continue
        failures = []
        for path in files:
            failure = _useless(recording, folder, path, kind)
            if not failure:
                break
            failures.append(f"{PurePosixPath(path).suffix}: {failure}")
        if failures and len(failures) < len(files):
            recording = replace(recording, **{f"{kind}_path": path})
            suffix = PurePosixPath(path).suffix
            reasons.append(f"{called} taken from another file ({suffix}); {'; '.join(failures)}")
    return recording, reasons


def _useless(recording: Recording, folder: Path, path: str, kind: str) -> str:
    """Say why a file does not give a clip's stream, "" if it does."""
    try:
        info = _probe(folder, path)
        if not getattr(info, f"has_{kind}"):
            return f"has no {kind} stream"
        if kind == "video":
            return ""
        rate = info.sample_rate or 0
        signal = media.read_audio(folder / path, rate, recording.start, recording.end)
    except MediaError as error:
        return str(error).removeprefix(f"{folder / path}: ")
    return "" if np.abs(signal).max() >= _AUDIBLE else "is blank, every sample of it is 0"


def _apart(recording: Recording, info: media.MediaInfo | None) -> str:
    """Say why a clip does not begin with both picture and sound of its one file, "" if it does."""
    if info is None or recording.audio_path != recording.video_path:
        return ""
    if not info.clock_shared:
        return (
            f"{recording.video_path}: by their time stamps picture and sound are never there "
            "together; each is read from its own start"
        )
    if info.sound_start is not None and info.sound_start > (recording.start or 0.0) + _LATE:
        return (
            f"{recording.video_path}: its sound begins {info.sound_start:.1f} s after its picture"
        )
    return ""


def describe_all(
    recordings: Sequence[Recording], raw: Path
) -> Iterator[tuple[Recording, Described | Failure]]:
    """Describe recordings in parallel, in no particular order; what cannot be read is a failure.

    Parameters
    ----------
    recordings
        From a reader's listing.
    raw
        The folder of the corpora: a recording lies in that of its own, `Recording.corpus`.
    """
    tasks = [(recording, str(raw / recording.corpus)) for recording in recordings]
    for index, result in map_clips(_describe, tasks, label="clips", name=lambda t: t[0].clip_id):
        yield recordings[index], result


def _describe(task: tuple[Recording, str]) -> Described:
    """Describe one recording (in a worker)."""
    return describe(*task)


def _digest(recording: Recording, paths: list[Path]) -> str:
    """Digest what a clip consists of: two spans of one recording are two things."""
    whole = _known_digest(*((path, version(path)) for path in paths))
    if recording.start is None and recording.end is None:
        return whole
    return hashlib.sha256(f"{whole} {recording.start} {recording.end}".encode()).hexdigest()


def _probe(folder: Path, path: str) -> media.MediaInfo:
    if leaves_folder(path):
        raise MediaError(f"{path}: leaves the corpus folder; expected a path inside it")
    return _known_info(folder / path, version(folder / path))


# Many clips may be spans of one file: a worker reads it once.


def version(path: Path) -> tuple[int, ...]:
    """Return what changes when a file does; nothing where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return ()
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)


@functools.lru_cache(maxsize=64)
def _known_info(path: Path, version: tuple[int, ...]) -> media.MediaInfo:
    return media.probe(path)


@functools.lru_cache(maxsize=64)
def _known_digest(*files: tuple[Path, tuple[int, ...]]) -> str:
    return file_digest(*(path for path, _ in files))
