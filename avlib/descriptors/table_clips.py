"""Which tables, or rows of a table, are which clip's."""

import glob
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

import pandas as pd

from avlib.descriptors.table import Table, TableInput
from avlib.descriptors.table_columns import ABOUT_ROWS, listed
from avlib.descriptors.table_files import SUFFIXES, read_table_file
from avlib.descriptors.table_names import ClipNames, clip_of
from avlib.descriptors.table_vote import Look, look, refuse_labels, voted_columns
from avlib.runtime import paths, tables
from avlib.runtime.clip_tasks import failed_clips
from avlib.runtime.digests import file_digest
from avlib.runtime.errors import DataError
from avlib.runtime.per_clip import ClipTask
from avlib.runtime.progress import counted

PROBED = 25  # tables that tell which columns there are: to read every one would take minutes
_SHOWN = 8  # columns that an error names

AnyTable = TypeVar("AnyTable", bound=Table)


@dataclass
class _Found:
    """What there is in the tables.

    Attributes
    ----------
    rows
        By clip_id: what each table of the clip is called, its file or rows, and their digest.
    strangers
        Names of tables, or in them, that are of no clip.
    looks
        One of each table that was looked at.
    problem
        Why there may be no columns.
    filled
        Of tables of many clips: which columns hold something, a row a clip.
    """

    rows: dict[str, list[tuple[str, Path | pd.DataFrame, str]]] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    problem: str = "all hold text"
    filled: list[pd.DataFrame] = field(default_factory=list)


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
        none of them or tells the emotion, or a table of all clips cannot be read.
    """
    clips = tables.read_table(paths.CLIPS)
    files = _files(table)
    names = ClipNames.of(clips)
    if table.clip_column is None:
        found = _by_file(files, table, names)
    else:
        found = _by_row(files, table, table.clip_column, names)
    strangers = found.strangers
    kind = "tables" if table.clip_column is None else "names"
    count = counted(len(found.strangers), kind)
    if table.clip_column is not None:
        count += f" in column {table.clip_column}"
    if not found.rows:
        example = repr(strangers[0]) if strangers else "no rows"
        raise DataError(
            f"{paths.RAW / table.path}: none of its {count} belongs to a clip;"
            f" found {example}, expected such as {clips['clip_id'].iloc[0]!r}: set"
            f" {table.modality}.table.clip_name to what turns the one into the other"
        )
    if strangers:
        logging.getLogger(__name__).info(
            f"{paths.RAW / table.path}: left out, being of no clip: {count}, such as"
            f" {strangers[0]!r}"
        )
    table = replace(table, names=voted_columns(table, found.looks, found.problem))
    emotions = dict(zip(clips["clip_id"], clips["emotion"], strict=True))
    refuse_labels(table, found.looks, emotions)
    empty = _empty(table, found)
    tasks = [_task(clip, found, table, empty) for _, clip in clips.iterrows()]
    asked = {task.clip_id for task in tasks}
    skipped = {c: why for c, why in failed_clips(status).items() if c not in asked}
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


def _by_file(files: Mapping[str, Path], table: Table, names: ClipNames) -> _Found:
    """Find the files of each clip, and look at some."""
    found = _Found()
    sources: list[tuple[str, Path]] = []
    for name, file in files.items():
        clip_id = clip_of(name, names, table.clip_name)
        if clip_id is None:
            found.strangers.append(name)
        else:
            source = (name, file.absolute(), file_digest(file))
            found.rows.setdefault(clip_id, []).append(source)
            sources.append((clip_id, file))
    for clip_id, file in sorted(sources)[:: max(1, len(sources) // PROBED)]:
        try:
            rows = read_table_file(file)
        except DataError as error:  # said of that clip later
            found.problem = str(error)
            continue
        found.looks.append(look(rows, pd.Series(clip_id, rows.index)))
    return found


def _by_row(files: Mapping[str, Path], table: Table, column: str, names: ClipNames) -> _Found:
    """Find the rows of each clip in tables of many."""
    found = _Found()
    for place, file in files.items():
        rows = read_table_file(file, column)
        if column not in rows:
            raise DataError(
                f"{file}: no column {column}; found {listed(rows.columns.tolist(), _SHOWN)}: set"
                f" {table.modality}.table.clip_column to the one that names the clip"
            )
        called = rows.pop(column).fillna("").astype(str).str.strip(" '\"")
        folder = str(PurePosixPath(place).parent)
        owner = {name: clip_of(name, names, table.clip_name, folder) for name in called.unique()}
        found.strangers += [name for name, clip_id in owner.items() if clip_id is None]
        clip_ids = called.map(owner).dropna()
        if not len(clip_ids):
            continue
        rows, called = rows.loc[clip_ids.index], called[clip_ids.index]
        found.looks.append(look(rows, clip_ids))
        # What is text in the table might look like numbers in some clip.
        kept = [
            name
            for name, kind in found.looks[-1].kinds.items()
            if kind != "text" or name.lower() in ABOUT_ROWS or table.select([name], [])
        ]
        rows = rows[kept]
        found.filled.append(rows.notna().groupby(clip_ids).any())
        # Of all rows at once: clip by clip it would take seconds for each.
        digests = pd.util.hash_pandas_object(rows.astype(str), index=False)
        # Two names of one clip are two tables, though they stand in one file.
        for (clip_id, name), part in rows.groupby([clip_ids, called], sort=False):
            digest = hashlib.sha256(str(kept).encode() + digests[part.index].to_numpy().tobytes())
            source = (f"{place} ({name})", part.reset_index(drop=True), digest.hexdigest())
            found.rows.setdefault(str(clip_id), []).append(source)
    return found


def _empty(table: Table, found: _Found) -> dict[str, dict[str, str]]:
    """Return by clip_id the columns that hold nothing in it, each with in how many it is so."""
    if not found.filled:
        return {}
    filled = pd.concat(found.filled).reindex(columns=list(table.names)).fillna(False).astype(bool)
    empty = ~filled.groupby(level=0).any()
    said = {column: f"{n} of {len(empty)}" for column, n in empty.sum().items()}
    return {str(c): {name: said[name] for name in row[row].index} for c, row in empty.iterrows()}


def _task(
    clip: pd.Series, found: _Found, table: Table, empty: Mapping[str, Mapping[str, str]]
) -> ClipTask:
    clip_id, subject = clip["clip_id"], clip["subject"]
    if clip_id not in found.rows:
        return ClipTask(clip_id, subject, "none", without=("degraded", f"no rows in {table.path}"))
    (called, source, digest), *others = found.rows[clip_id]
    fps = clip["fps"] if table.modality == "video" and not pd.isna(clip["fps"]) else None
    given = TableInput(
        called,
        source,
        clip["duration"],
        fps,
        tuple(name for name, _, _ in others),
        empty.get(clip_id, {}),
    )
    facts = (called, clip["duration"], fps, given.others, given.empty, digest)
    return ClipTask(clip_id, subject, " ".join(map(str, facts)), given)
