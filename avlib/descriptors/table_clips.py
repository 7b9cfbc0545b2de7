"""Which tables, or rows of a table, are which clip's."""

import glob
import hashlib
import logging
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

import pandas as pd

from avlib.descriptors.table import Table, TableInput, matches, numeric_columns
from avlib.descriptors.table_files import SUFFIXES, read_table_file
from avlib.runtime import paths, tables
from avlib.runtime.clip_tasks import failed_clips
from avlib.runtime.digests import file_digest
from avlib.runtime.errors import DataError
from avlib.runtime.per_clip import ClipTask

PROBED = 25  # tables that tell which columns there are: to read every one would take minutes
_SHOWN = 8  # columns that an error names

AnyTable = TypeVar("AnyTable", bound=Table)
_Found = dict[str, list[tuple[str, Path | pd.DataFrame]]]  # by clip_id: what it is called, rows


def own_tables(table: AnyTable, status: Path) -> tuple[AnyTable, list[ClipTask], dict[str, str]]:
    """Find every clip's rows.

    Parameters
    ----------
    table
        The descriptor as params.yaml has it.
    status
        Status table of the stage before, which read recordings. A clip that failed only there may
        have rows all the same.

    Returns
    -------
    table
        With the names of its columns, those that most tables have.
    tasks
        One for every clip, with a `TableInput`; a clip without rows is degraded.
    skipped
        Clips that are none since stage clips, and why.

    Raises
    ------
    DataError
        Nothing can be made of the tables: there is none, none belongs to a clip, a column is in
        none of them, or a table of all clips cannot be read.
    """
    clips = tables.read_table(paths.CLIPS)
    files = _files(table)
    known = clips_by_name(clips)
    if table.clip_column is None:
        found, strangers = _by_file(files, table, known)
    else:
        found, strangers = _by_row(files, table, table.clip_column, known)
    if not found:
        example = repr(strangers[0]) if strangers else "no rows"
        raise DataError(
            f"{paths.RAW / table.path}: none of its {len(strangers)} tables belongs to a clip;"
            f" found {example}, expected such as {clips['clip_id'].iloc[0]!r}: set"
            f" {table.modality}.table.clip_name to what turns the one into the other"
        )
    if strangers:
        logging.getLogger(__name__).info(
            f"{paths.RAW / table.path}: {len(strangers)} tables belong to none of the clips and are"
            f" left out, such as {strangers[0]!r}"
        )
    table = replace(table, names=_columns(table, found))
    tasks = [_task(clip, found, table) for _, clip in clips.iterrows()]
    listed = {task.clip_id for task in tasks}
    skipped = {c: why for c, why in failed_clips(status).items() if c not in listed}
    return table, tasks, skipped


def _files(table: Table) -> dict[str, Path]:
    """Return the files of tables by their path in the folder that params.yaml names."""
    place = paths.RAW / table.path
    if place.is_dir():
        # Unlike Path.rglob it follows links, as the readers of corpora do.
        names = sorted(glob.glob("**/*", root_dir=place, recursive=True))  # noqa: PTH207 - names
        files = {PurePosixPath(name).as_posix(): place / name for name in names}
    else:
        files = {place.name: place}
    files = {n: f for n, f in files.items() if f.suffix.lower() in SUFFIXES and f.is_file()}
    if not files:
        raise DataError(
            f"{place}: no table there; expected files {', '.join(SUFFIXES)}: put or link yours"
            f" there, or set {table.modality}.table.path to where they are below {paths.RAW}"
        )
    return files


def clips_by_name(clips: pd.DataFrame) -> dict[str, str]:
    """Return the clip_id of every name that a table may call a clip by.

    That is its clip_id, or its recording's: the file's path in the corpus or its name, each without
    the ending, where no other clip has the same.
    """
    owners: dict[str, set[str]] = {}
    for clip in clips[["clip_id", "video_path", "audio_path"]].to_dict("records"):
        for path in (clip["video_path"], clip["audio_path"]):
            if isinstance(path, str):
                for name in (str(PurePosixPath(path).with_suffix("")), PurePosixPath(path).stem):
                    owners.setdefault(name, set()).add(clip["clip_id"])
    known = {name: next(iter(ids)) for name, ids in owners.items() if len(ids) == 1}
    return known | {clip_id: clip_id for clip_id in clips["clip_id"]}


def clip_of(called: str, table: Table, known: Mapping[str, str]) -> str | None:
    """Return the clip that a table, or a cell of a table, names; None where there is no such.

    Parameters
    ----------
    called
        A name or a path, with an ending or without.
    table
        Says what turns names into those of clips.
    known
        See `clips_by_name`.
    """
    path = PurePosixPath(called.strip(" '\"").replace("\\", "/"))
    if not path.name:
        return None
    names = [str(path), str(path.with_suffix("")), path.name, path.stem]
    if table.clip_name is not None:
        found = [re.fullmatch(table.clip_name, name) for name in (path.stem, path.name)]
        names = [match[1] for match in found if match and match[1]]
    return next((known[name] for name in names if name in known), None)


def _by_file(
    files: Mapping[str, Path], table: Table, known: Mapping[str, str]
) -> tuple[_Found, list[str]]:
    """Return the files of each clip, and the files of none."""
    found: _Found = {}
    strangers = []
    for name, file in files.items():
        clip_id = clip_of(name, table, known)
        if clip_id is None:
            strangers.append(name)
        else:
            found.setdefault(clip_id, []).append((name, file.absolute()))
    return found, strangers


def _by_row(
    files: Mapping[str, Path], table: Table, column: str, known: Mapping[str, str]
) -> tuple[_Found, list[str]]:
    """Return the rows of each clip, and the names in the column that are of none."""
    found: _Found = {}
    strangers: list[str] = []
    for place, file in files.items():
        rows = read_table_file(file, column)
        if column not in rows:
            listed = ", ".join(rows.columns.tolist()[:_SHOWN])
            raise DataError(
                f"{file}: no column {column}; found {listed}: set"
                f" {table.modality}.table.clip_column to the one that names the clip"
            )
        names = rows.pop(column).fillna("").astype(str)
        owner = {name: clip_of(name, table, known) for name in names.unique()}
        strangers += [name for name, clip_id in owner.items() if clip_id is None]
        for clip_id, part in rows.groupby(names.map(owner), sort=False):
            found.setdefault(str(clip_id), []).append((place, part.reset_index(drop=True)))
    return found, strangers


def _columns(table: Table, found: _Found) -> tuple[str, ...]:
    """Return the columns that most tables have of those that are asked for."""
    sources = [source for clip_id in sorted(found) for _, source in found[clip_id]]
    votes: Counter[tuple[str, ...]] = Counter()
    columns: list[str] = []
    problem = "all hold text"
    for source in sources[:: max(1, len(sources) // PROBED)]:
        try:
            rows = read_table_file(source) if isinstance(source, Path) else source
        except DataError as error:  # said of that clip later
            problem = str(error)
            continue
        columns = columns or rows.columns.tolist()
        if chosen := table.select(rows.columns.tolist(), numeric_columns(rows)):
            votes[chosen] += 1
    names = votes.most_common(1)[0][0] if votes else ()
    for wanted in table.columns or ():
        if columns and not any(matches(name, wanted) for name in names):
            more = ", ..." if len(columns) > _SHOWN else ""
            raise DataError(
                f"{paths.RAW / table.path}: no column {wanted}; found"
                f" {', '.join(columns[:_SHOWN])}{more}: correct {table.modality}.table.columns"
            )
    if not names:
        raise DataError(f"{paths.RAW / table.path}: no columns of numbers in its tables; {problem}")
    return names


def _task(clip: pd.Series, found: _Found, table: Table) -> ClipTask:
    clip_id, subject = clip["clip_id"], clip["subject"]
    if clip_id not in found:
        return ClipTask(clip_id, subject, "none", without=("degraded", f"no rows in {table.path}"))
    (called, source), *others = found[clip_id]
    fps = clip["fps"] if table.modality == "video" and not pd.isna(clip["fps"]) else None
    given = TableInput(called, source, clip["duration"], fps, tuple(name for name, _ in others))
    facts = (called, clip["duration"], fps, given.others, _digest(source))
    return ClipTask(clip_id, subject, " ".join(map(str, facts)), given)


def _digest(source: Path | pd.DataFrame) -> str:
    if isinstance(source, Path):
        return file_digest(source)
    rows = pd.util.hash_pandas_object(source.astype(str), index=False)
    return hashlib.sha256(str(list(source)).encode() + rows.to_numpy().tobytes()).hexdigest()
