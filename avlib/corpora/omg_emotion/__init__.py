"""Reader of OMG-Emotion, the one-minute gradual emotion corpus of YouTube monologues."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import ClassVar

import numpy as np

from avlib.corpora.common.base import Listing, Reader, Recording, read_csv
from avlib.corpora.common.files import is_sound, original_files, walk
from avlib.runtime.errors import CorpusError

# EmotionMaxVote, the emotion that most annotators chose.
_EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
# The tables of each part, the most telling one first.
_TABLES = {
    "train": ("omg_TrainVideos.csv",),
    "validation": ("omg_ValidationVideos.csv",),
    "test": tuple(f"omg_TestVideos{kind}.csv" for kind in ("_WithLabels", "", "_WithoutLabels")),
}
_COLUMNS = ("link", "start", "end", "video", "utterance")
_LABELS = ("arousal", "valence", "EmotionMaxVote", "emotionMaxVote")  # the README writes the last
_LINK = re.compile(r"(?:[?&]v=|youtu\.be/|/shorts/|/embed/)([\w-]+)")
# How downloaders name a file after its title: "title [id]" or "title-id".
_NAMED = re.compile(r".*?(?:\[([\w-]{11})\]|-([\w-]{11}))")
_GONE = "video not downloaded"


class OmgEmotion(Reader):
    """OMG-Emotion as published at https://github.com/knowledgetechnologyuhh/OMGEmotionChallenge.

    Barros et al. (2018), The OMG-Emotion Behavior Dataset, IJCNN (CC BY-NC-SA 3.0 DE): 567 videos
    of about a minute. ``omg_TrainVideos.csv`` (2,442 utterances of 231 videos),
    ``omg_ValidationVideos.csv`` (617 of 60) and ``omg_TestVideos_WithLabels.csv`` (or
    ``_WithoutLabels``; 2,229 of 204) hold link, start and end (s), video, utterance, arousal
    (0..1), valence (-1..1) and EmotionMaxVote (0 anger, 1 disgust, 2 fear, 3 happy, 4 neutral, 5
    sad, 6 surprise). A row is a clip, cut by its times out of the video, which the user downloads.
    Rows without a video or utterance (two at the end of some copies of the training table) are left
    out.

    A video is a file at any depth, named as the authors' script does after the column ``video``
    (``youtube_videos_temp/f1f277e5d_10.mp4``) or after its YouTube id (``_rQlbCjboJ4.mp4``, ``title
    [_rQlbCjboJ4].mp4``). Without it, the clip that the script cut and encoded anew is taken
    (``f1f277e5d_10/utterance_112.mp4``). Where nothing of a clip is here it is missing. A sound
    file is a video's only where there is no file with pictures.

    The clip_id is ``<video>_<utterance>``. The subject is the YouTube video: the numbered "videos"
    of one link (``f1f277e5d_1`` to ``_10``) are pieces of it.
    """

    name: ClassVar[str] = "omg_emotion"
    emotions: ClassVar[tuple[str, ...]] = _EMOTIONS

    def read(self, folder: Path) -> Listing:
        """List the rows of the tables, by what is here of each."""
        rows, wrong, notes, left_out = _read_tables(folder, self._expected(folder))
        paths, sounds = original_files(folder)
        library = _Library(paths, rows)
        recordings, missing = [], []
        for video, row in rows:
            if found := library.find(video, row):
                recordings.append(found)
            else:
                missing.append((row.clip_id, _GONE))
        if not recordings:
            raise CorpusError(
                f"{folder}: its tables name {len(rows):,} clips, but none of their videos is here; "
                f"{self._expected(folder)}"
            )
        if missing:
            notes.append(_whole_parts([row for _, row in rows], recordings))
        used = {path for recording in recordings for path in recording.files}
        if spare := sorted(library.known - used):
            left_out["further copies of videos and clips cut from them"] = spare
        reason = "no row of the tables means it; name it after the column video or its YouTube id"
        unknown = [(path, reason) for path in library.paths if path not in library.known]
        left_out |= sounds
        return Listing(recordings, unknown + wrong, notes, missing=missing, left_out=left_out)


class _Library:
    """The recordings in the folder, and which of them the tables know."""

    def __init__(self, paths: Iterable[str], rows: list[tuple[str, Recording]]) -> None:
        self.paths = sorted(paths, key=lambda path: (is_sound(path), path))  # videos first
        self._by_name: dict[str, str] = {}
        self._cut: dict[tuple[str, str], str] = {}
        # Every name of a piece names the whole: they are copies of one YouTube video.
        self._names: dict[str, list[str]] = {}
        for video, row in rows:
            self._names.setdefault(row.subject, [row.subject]).append(video)
        wanted = {name for names in self._names.values() for name in names}
        pieces = {(video, str(row.take)) for video, row in rows}
        self.known: set[str] = set()
        for path in self.paths:
            pure = PurePosixPath(path)
            named = _NAMED.fullmatch(pure.stem)
            names = {pure.stem, (named[1] or named[2]) if named else pure.stem}
            piece = (pure.parent.name, pure.stem)
            if names & wanted or piece in pieces:
                self.known.add(path)
            self._cut.setdefault(piece, path)
            for name in names:
                self._by_name.setdefault(name, path)

    def find(self, video: str, row: Recording) -> Recording | None:
        """Add to a row the file that it is cut from, or else the clip; None if neither is here."""
        names = (video, *self._names[row.subject])
        path = next((self._by_name[name] for name in names if name in self._by_name), None)
        if path is None:
            path = self._cut.get((video, str(row.take)))
            row = replace(row, start=None, end=None)
        if path is None:
            return None
        return replace(row, video_path=None if is_sound(path) else path, audio_path=path)


def _read_tables(
    folder: Path, expected: str
) -> tuple[list[tuple[str, Recording]], list[tuple[str, str]], list[str], dict[str, list[str]]]:
    """Read every table: the clips with their videos' names, wrong ones with reasons, and notes.

    The clips have no files yet. Last come the rows that are left out, by kind.
    """
    places = {PurePosixPath(path).name.lower(): path for path in reversed(list(walk(folder)))}
    if not any(name.lower() in places for names in _TABLES.values() for name in names):
        raise CorpusError(f"{folder}: none of the corpus's tables is here; {expected}")
    rows: list[tuple[str, Recording]] = []
    wrong: list[tuple[str, str]] = []
    notes: list[str] = []
    left_out: dict[str, list[str]] = {}
    for partition, names in _TABLES.items():
        place = next((places[name.lower()] for name in names if name.lower() in places), None)
        if place is None:
            notes.append(f"{names[0]} is not here: no {partition} clips")
            continue
        table = read_csv(folder / place, _COLUMNS, _LABELS).apply(lambda column: column.str.strip())
        blank = (table[["video", "utterance"]] == "").any(axis=1)
        for cells in table[~blank].to_dict("records"):
            row = _row(folder / place, partition, cells)
            if 0 <= (row.start or 0) < (row.end or 0) < math.inf:
                rows.append((cells["video"], row))
            else:
                found = f"start is {cells['start']!r}, end {cells['end']!r}"
                reason = f"{place}: {found}; expected 0 <= start < end, in s"
                wrong.append((row.clip_id, reason))
        if blank.any():
            lines = [f"line {number + 2}" for number in np.flatnonzero(blank)]
            left_out[f"rows of {place} without video or utterance"] = lines
    return rows, wrong, notes, left_out


def _row(path: Path, partition: str, cells: Mapping[Hashable, str]) -> Recording:
    video, utterance = cells["video"], PurePosixPath(cells["utterance"]).stem
    link = _LINK.search(cells["link"])
    where = f"{path}: the row of {video}, {utterance}"
    vote = cells.get("EmotionMaxVote", cells.get("emotionMaxVote", ""))
    code = _label(where, "EmotionMaxVote", vote)
    if code is not None and code not in range(len(_EMOTIONS)):
        raise CorpusError(
            f"{where}: EmotionMaxVote is {vote}, expected 0 to {len(_EMOTIONS) - 1}; download the "
            "table again"
        )
    return Recording(
        clip_id=f"{video}_{utterance}",
        # A link that names no video still tells pieces of one by what the authors called it.
        subject=link[1] if link else re.sub(r"_\d+$", "", video),
        emotion=None if code is None else _EMOTIONS[int(code)],
        original_emotion=None if code is None else vote,
        video_path=None,
        audio_path=None,
        take=utterance,
        partition=partition,
        arousal=_label(where, "arousal", cells.get("arousal", "")),
        valence=_label(where, "valence", cells.get("valence", "")),
        start=_number(cells["start"]),
        end=_number(cells["end"]),
    )


def _label(where: str, column: str, text: str) -> float | None:
    if not text or text.lower() in ("na", "nan"):
        return None
    value = _number(text)
    if not math.isfinite(value):
        raise CorpusError(
            f"{where}: {column} is {text!r}, expected a number; download the table again"
        )
    return value


def _number(text: str) -> float:
    """Return the number that a text is, NaN if none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _whole_parts(rows: list[Recording], recordings: list[Recording]) -> str:
    """Say how much of each part can be scored at all."""
    named = Counter(str(row.partition) for row in rows)
    here = Counter(str(recording.partition) for recording in recordings)
    parts = ", ".join(f"{here[part]:,} of {n:,} {part} clips" for part, n in named.items())
    return f"{parts} have their video; every score is over these, the others' videos are gone"
