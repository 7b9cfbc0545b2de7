"""Descriptors that users bring: tables of other tools, such as OpenFace, py-feat and openSMILE.

Nothing is computed from sound or pictures, so that a modality may exist as a table alone. Which
table, or which rows of one, are a clip's is found in `avlib.descriptors.table_clips`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from avlib.descriptors.descriptor import Descriptor, Level
from avlib.descriptors.table_columns import (
    ABOUT_CLIPS,
    ABOUT_ROWS,
    CONFIDENCE,
    FRAME,
    TIME,
    known_column,
    listed,
    matches,
    numbers,
    numeric_columns,
)
from avlib.descriptors.table_files import read_table_file
from avlib.runtime.errors import DataError
from avlib.runtime.per_clip import ClipRows

SLACK = 0.5  # s by which the rows may end before or after their clip


@dataclass(frozen=True)
class Table(Descriptor):
    """Rows that stand in tables below ``data/raw``.

    Parameters
    ----------
    path : str
        File or folder below ``data/raw``.
    clip_column : str or None
        Column that names the clip; None where each file is of one clip, and named after it.
    clip_name : str or None
        Regular expression of a whole name of a table, its one group the clip's.
    columns : tuple of str or None
        Names, or patterns with ``*``, of the columns that are the descriptor; None: all numbers
        that are nothing known about the row, such as its time, or about the clip, such as its
        label (`ABOUT_ROWS`, `ABOUT_CLIPS`).
    level : {"frames", "windows", "clip"}
    rate : float or None
        Rows per second where no column holds times.
    names : tuple of str
        The columns that were found (`avlib.descriptors.table_clips.own_tables`).
    """

    path: str = field(default="", compare=False)  # where rows stand changes nothing about them
    clip_column: str | None = field(default=None, compare=False)
    clip_name: str | None = field(default=None, compare=False)
    columns: tuple[str, ...] | None = None
    level: Level = "frames"
    rate: float | None = None
    names: tuple[str, ...] = ()

    name = "table"

    @property
    def dim(self) -> int:
        """Length of a row; 0 before the tables are looked at."""
        return len(self.names)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Make the descriptor as its section of params.yaml says, most of it in ``table``."""
        values = dict(settings["table"])
        if values["columns"] is not None:
            values["columns"] = tuple(values["columns"])
        return cls(**values, level=settings.get("level", cls.level))

    def select(self, found: Collection[str], numeric: Collection[str]) -> tuple[str, ...]:
        """Choose the columns that are the descriptor, in the table's order.

        Parameters
        ----------
        found
            All columns of a table.
        numeric
            Those that hold numbers.
        """
        if self.columns is None:
            known = {*ABOUT_ROWS, *ABOUT_CLIPS}
            return tuple(c for c in found if c in numeric and c.lower() not in known)
        return tuple(c for c in found if any(matches(c, wanted) for wanted in self.columns))

    def seen(self, table: pd.DataFrame) -> np.ndarray:
        """Tell which rows describe something, bool of shape (n,)."""
        return np.ones(len(table), bool)

    def sampled(self, times: np.ndarray) -> np.ndarray:
        """Choose rows by their times, in s: indices, increasing."""
        return np.arange(len(times))


@dataclass(frozen=True)
class TableInput:
    """Where a clip's rows are, and what is known of the clip.

    Attributes
    ----------
    called : str
        What messages call the table: its path in the folder of tables.
    source : Path or DataFrame
        The file that holds these rows and no others, or the rows.
    duration : float
        s.
    fps : float or None
        Frames per second of the clip's video.
    others : tuple of str
        Further tables that claim to be this clip's.
    empty : dict of str
        Columns of a table of all clips that hold nothing in this clip, each with in how many it is
        so: "24 of 40".
    """

    called: str
    source: Path | pd.DataFrame
    duration: float
    fps: float | None
    others: tuple[str, ...] = ()
    empty: Mapping[str, str] = field(default_factory=dict)


def table_rows(clip: TableInput, table: Table) -> ClipRows:
    """Return the rows of table `audio` or `video` of one clip.

    A row without a face, or without any number, is none. One that lacks some of its numbers is left
    out, which is said, and so is a table that is shorter or longer than its clip.

    Raises
    ------
    DataError
        The clip's rows are not what `table` says.
    """
    if clip.others:
        raise DataError(
            f"{clip.called} and {clip.others[0]} are both of this clip; expected one table: remove"
            f" a copy, or let {table.modality}.table.clip_name match one of them"
        )
    rows = clip.source
    if isinstance(rows, Path):
        rows = read_table_file(rows)
    try:
        return _described(rows, clip, table)
    except DataError as error:
        raise DataError(f"{clip.called}: {error}") from None


def _described(rows: pd.DataFrame, clip: TableInput, table: Table) -> ClipRows:
    _check_columns(rows, table)
    if table.level == "clip" and len(rows) > 1:
        raise DataError(
            f"has {len(rows)} rows for this clip; level clip expects one: set"
            f" {table.modality}.level to frames"
        )
    with np.errstate(over="ignore"):  # too large for float32: infinite, and left out below
        values = numbers(rows, table.names).astype(np.float32)
    finite = np.isfinite(values)
    seen, whole = finite.any(axis=1), finite.all(axis=1)
    reasons = []
    if table.level == "clip":
        times = np.full(len(rows), clip.duration / 2)
    else:
        times = row_times(rows, clip, table)
        seen = _surest(rows, times, seen & table.seen(rows))
        _check_increase(times[seen])
        reasons = _other_length(times, clip, known_column(rows, TIME) is not None)
    kept = np.flatnonzero(seen & whole)
    if n := int((seen & ~whole).sum()):
        reasons.append(f"{n} of {len(rows)} rows left out: {_lacking(finite[seen], clip, table)}")
    if not len(kept) and seen.any():
        raise DataError("; ".join(reasons))
    kept = kept[table.sampled(times[kept])]
    if not len(kept):
        what = "face" if table.modality == "video" else "value"
        reasons = [f"no {what} in {len(rows)} rows"]
    columns = {"frame": kept, "time": times[kept], "descriptor": values[kept]}
    said = f"{clip.called}: {'; '.join(reasons)}" if reasons else ""
    return ClipRows(columns, "degraded" if said else "ok", said)


def _check_columns(rows: pd.DataFrame, table: Table) -> None:
    """Raise DataError where the descriptor's columns are not those of the other clips."""
    if lacking := [c for c in table.names if c not in rows]:
        raise DataError(f"lacks column {listed(lacking)}, which most tables have")
    others = rows.drop(columns=list(table.names))
    if surplus := table.select(others.columns.tolist(), numeric_columns(others)):
        raise DataError(
            f"has column {listed(surplus)}, which most tables do not have: of another version of"
            f" the tool? Else name {table.modality}.table.columns"
        )


def _lacking(finite: np.ndarray, clip: TableInput, table: Table) -> str:
    """Name the column that rows lack numbers in, `finite` of shape (n, dim): one that has none."""
    rarest = int(finite.mean(axis=0).argmin())
    column = table.names[rarest]
    if finite[:, rarest].any():
        return f"no number in column {column}"
    clips = f" (empty in {clip.empty[column]} clips)" if column in clip.empty else ""
    return f"no number in column {column}{clips}: leave it out with {table.modality}.table.columns"


def _surest(rows: pd.DataFrame, times: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Keep one of several faces in a frame: the one of which the tool is surest."""
    confidence = known_column(rows, CONFIDENCE)
    if confidence is None:
        return seen
    order = pd.DataFrame({"time": times, "unsure": -confidence})[seen].sort_values(
        ["time", "unsure"], kind="stable"
    )
    kept = np.zeros(len(rows), bool)
    kept[order.drop_duplicates("time").index] = True
    return kept


def _check_increase(times: np.ndarray) -> None:
    wrong = ~np.isfinite(times)
    wrong[1:] |= np.diff(times) <= 0
    if wrong.any():
        row = int(wrong.argmax())
        before = f" after {times[row - 1]:g}" if row else ""
        raise DataError(
            f"holds the time {times[row]:g} s{before}; expected seconds that increase from row to"
            " row (one face in each frame, rows of one clip only)"
        )


def _other_length(times: np.ndarray, clip: TableInput, written: bool) -> list[str]:
    """Say where the rows end before or after the clip does; `written`: a column tells the times."""
    times = times[np.isfinite(times)]
    if not len(times):
        return []
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    end = float(times.max()) + step
    if abs(end - clip.duration) <= SLACK:
        return []
    said = f"{len(times)} rows end at {end:.2f} s, the clip at {clip.duration:.2f} s"
    if written and 800 * clip.duration < end < 1250 * clip.duration:
        said += ": the times look like milliseconds; expected seconds"
    return [said]


def row_times(rows: pd.DataFrame, clip: TableInput, table: Table) -> np.ndarray:
    """Return the time of each row in s, float64 of shape (n,).

    Raises
    ------
    DataError
        Neither a column nor a rate tells it.
    """
    times = known_column(rows, TIME)
    if times is not None:
        return times
    rate = table.rate or clip.fps
    if rate is None:
        raise DataError(
            f"has no column of times ({', '.join(TIME)}), and the clip no video that tells the"
            f" rate; set {table.modality}.table.rate to the table's rows per second"
        )
    frames = known_column(rows, FRAME)  # a tool may describe every other frame
    return (np.arange(len(rows)) if frames is None else frames) / rate
