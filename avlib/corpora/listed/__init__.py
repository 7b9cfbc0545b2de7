"""Reader of any corpus whose owner lists its clips in a table."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import pandas as pd

from avlib.corpora.common.base import Listing, Reader, Recording, leaves_folder
from avlib.corpora.common.files import is_media, is_sound, walk
from avlib.corpora.listed.table import find_table, further_sheets, read_rows
from avlib.runtime.errors import CorpusError

FILES = ("path", "video", "audio")
TEXTS = ("emotion", "sentence", "intensity", "take", "sex")
NUMBERS = ("start", "end", "arousal", "valence", "age")
PARTS = ("train", "validation", "test")
# What spreadsheets show where a formula has no value.
_MISTAKES = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!")
# What scripts write where they have no value. Nobody is called so, and no file.
_NOTHING, _NOBODY = ("nan", "NaN", "<NA>", "NaT", "null", "NULL"), ("None", "N/A")
LABELS = ("emotion", "arousal", "valence")
_LONGEST = 200  # characters of a word; bytes of a name as it stands in names of files
_LONGEST_PATH, _LONGEST_NAME = 4000, 255  # bytes that file systems take at most
_SAID = 150  # characters at either end of a long reason that are told
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # line breaks too
COLUMNS = ("clip_id", "subject", "part", *FILES, *TEXTS, *NUMBERS)


class ListedCorpus(Reader):
    """A folder with a table of its clips: ``data/raw/<name>/clips.csv``.

    A row is a clip. ``path`` (or ``video`` and ``audio``, where sound and picture are two files)
    names its file in the folder, ``subject`` the person, ``emotion`` what is shown, in any words;
    ``arousal`` and ``valence`` are numbers on any scale. ``start`` and ``end`` (s) cut the clip out
    of its file, ``part`` (train, validation, test) is for the protocol ``official``; ``sentence``,
    ``intensity``, ``take``, ``sex``, ``age`` and ``clip_id`` may be given, and whatever else there
    is stays in the clips table's column ``extra``.

    Without a column ``clip_id`` a clip is called after its file, with its span where it has one.
    """

    emotions = ()  # as the table has them

    def __init__(self, name: str) -> None:
        super().__init__()
        vars(self).update(name=name, title=name)

    def read(self, folder: Path) -> Listing:
        """List the rows of the table; one that is wrong is named by its line."""
        table = find_table(folder)
        if table is None:
            raise CorpusError(f"{folder}: has no table of its clips; {self._expected(folder)}")
        rows = read_rows(table)
        _require_columns(rows, table)
        recordings: dict[str, tuple[str, Recording]] = {}
        wrong: list[tuple[str, str]] = []
        subjects: dict[str, str] = {}
        named: set[str] = set()
        needed = [column for column in (*FILES, "subject", *LABELS) if column in rows]
        for line, row in _lines(rows, table):
            named |= {str(PurePosixPath(text)) for text in _named(row)}
            try:
                if lacking := [column for column in needed if column not in row]:
                    raise ValueError(f"ends before {lacking[0]}, as if cut short; complete it")
                recording = _recording(row, subjects)
                if recording.clip_id in recordings:
                    first = recordings[recording.clip_id][0]
                    raise ValueError(
                        f"clip {recording.clip_id} stands in {first} already; expected one row a"
                        " clip: remove one, or give both a clip_id"
                    )
                recordings[recording.clip_id] = line, recording
            except ValueError as error:
                wrong.append((line, _in_short(str(error))))
        found = [recording for _, recording in recordings.values()]
        if not found:
            line, reason = wrong[0] if wrong else (table.name, "it has no rows")
            raise CorpusError(f"{folder}: none of its clips can be used; {line}: {reason}")
        left_out = {
            "recordings that the table does not name": [
                path for path in filter(is_media, walk(folder)) if path not in named
            ],
            f"sheets of {table.name} behind the first": further_sheets(table),
        }
        lines = {clip: line for clip, (line, _) in recordings.items()}
        left_out = {kind: items for kind, items in left_out.items() if items}
        return Listing(found, wrong, left_out=left_out, rows=lines)


def _require_columns(rows: pd.DataFrame, table: Path) -> None:
    has = ", ".join(rows.columns)[:200]
    for wanted in (FILES, ("subject",), LABELS):
        if not any(column in rows for column in wanted):
            raise CorpusError(f"{table}: has no column {' or '.join(wanted)}; found {has}: add it")


def _lines(rows: pd.DataFrame, table: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each row with what to call it: the line of a text file or of a sheet, below the names.

    A row without anything in it is none. A cell that the row lacks is left out.
    """
    for number, row in zip(rows.index, rows.to_dict("records"), strict=True):
        cells = {
            str(column): _plain(cell, str(column))
            for column, cell in row.items()
            if cell is not None
        }
        if any(cells.values()):
            yield f"{table.name} line {number}", cells


def _plain(cell: str, column: str) -> str:
    """Strip a cell; what looks alike becomes alike, but for names of files."""
    return cell.strip() if column in FILES else unicodedata.normalize("NFC", cell.strip())


def _recording(row: Mapping[str, str], subjects: dict[str, str]) -> Recording:
    """Return a row's clip.

    Parameters
    ----------
    row
        Its cells by column, "" where empty.
    subjects
        Names of the rows before, by what they became.

    Raises
    ------
    ValueError
        What is wrong with the row.
    """
    _require_sense(row)
    video, audio = _files(row)
    start, end = _number(row, "start"), _number(row, "end")
    if start is not None and start < 0:
        raise ValueError(f"start is {start:g} s; expected 0 or later")
    if end is not None and end <= (start or 0.0):
        raise ValueError(f"end is {end:g} s, start {start or 0:g} s; expected an end after it")
    part = row.get("part", "").lower() or None
    if part is not None and part not in PARTS:
        raise ValueError(f"part is {row['part']!r}; expected {', '.join(PARTS)} or nothing")
    extra = {column: cell for column, cell in row.items() if column not in COLUMNS and cell}
    return Recording(
        clip_id=row.get("clip_id") or _clip_id(video or audio or "", start, end),
        subject=_subject(row.get("subject", ""), subjects),
        video_path=video,
        audio_path=audio,
        start=start,
        end=end,
        partition=part,
        original_emotion=row.get("emotion") or None,
        arousal=_number(row, "arousal"),
        valence=_number(row, "valence"),
        age=_number(row, "age"),
        extra=json.dumps(extra, ensure_ascii=False) if extra else None,
        emotion=row.get("emotion") or None,
        sentence=row.get("sentence") or None,
        intensity=row.get("intensity") or None,
        take=row.get("take") or None,
        sex=row.get("sex") or None,
    )


def _require_sense(row: Mapping[str, str]) -> None:
    """Refuse what no cell can be meant to hold."""
    for column in filter(row.get, COLUMNS):
        cell = row[column]
        if cell.upper() in _MISTAKES:
            raise ValueError(f"{column} is {cell!r}, a spreadsheet's error; correct it")
        nothing = (*_NOTHING, *_NOBODY) if column in ("subject", *FILES) else _NOTHING
        if cell in nothing and column not in NUMBERS:
            raise ValueError(f"{column} is {cell!r}, as where a value is missing; correct it")
        if column == "sentence":
            continue
        if _CONTROL.search(cell):
            raise ValueError(f"{column} is {cell!r}; expected a text without such characters")
        if column == "subject" and len(quote(cell)) > _LONGEST:
            raise ValueError(f"subject {cell!r} is too long for names of files; shorten it")
        if column in TEXTS and len(cell) > _LONGEST:
            raise ValueError(f"{column} has {len(cell):,} characters; expected {_LONGEST} at most")


def _in_short(reason: str) -> str:
    """Leave out the middle of a reason that quotes a long cell."""
    return reason if len(reason) <= 2 * _SAID else f"{reason[:_SAID]} ... {reason[-_SAID:]}"


def _named(row: Mapping[str, str]) -> list[str]:
    """Return the row's cells for files, "" where empty."""
    return [row.get(column, "").replace("\\", "/") for column in FILES]


def _files(row: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return the files of picture and sound; ``path`` is both, or sound alone by its ending."""
    path, video, audio = _named(row)
    for named in filter(None, (path, video, audio)):
        if leaves_folder(named):
            raise ValueError(f"{named} leads out of the corpus's folder; expected a path inside it")
        if (
            len(named.encode()) > _LONGEST_PATH
            or max(map(len, named.encode().split(b"/"))) > _LONGEST_NAME
        ):
            raise ValueError(f"{named} is longer than files are named; expected the path of a file")
        if not PurePosixPath(named).name:
            raise ValueError(f"{named} is the corpus's folder itself; expected a file in it")
    if path and (video or audio):
        raise ValueError("has a path, and video or audio too; expected one or the others")
    if path:
        return (None if is_sound(path) else path), path
    if not (video or audio):
        raise ValueError("names no file; expected a path")
    return video or None, audio or None


def _number(row: Mapping[str, str], column: str) -> float | None:
    text = row.get(column, "")
    if not text:
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{column} is {text!r}; expected a number or nothing")
    return value


def _clip_id(path: str, start: float | None, end: float | None) -> str:
    """Name a clip after its file and span, whatever other rows there are."""
    name = str(PurePosixPath(path).with_suffix("")).replace("/", "_")
    span = "" if end is None else f"-{end:g}"
    return name if start is None and end is None else f"{name}_{start or 0:g}{span}"


def _subject(name: str, subjects: dict[str, str]) -> str:
    """Return a subject's name as files may have it; the rows before tell whose it is."""
    if not name:
        raise ValueError("has no subject; expected who is recorded, so that nobody is tested on")
    plain = re.sub(r"[^\w.-]+", "_", name)
    if subjects.setdefault(plain, name) != name:
        raise ValueError(
            f"subject {name!r} and {subjects[plain]!r} look alike in the names of files; expected"
            " letters, digits, _ and -: rename one of them"
        )
    return plain
