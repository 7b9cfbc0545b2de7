"""Tables as Parquet files: atomic, byte-deterministic writes, and reads clip by clip.

Every stage hands on tables; a `Schema` says what each one holds. The same rows give the same bytes
in whatever order they came.

Large tables are folders with one *part file* per subject and one row group per clip, several of a
clip that comes in pieces. A part's metadata lists its clips with a digest of their rows, so that
clips are found without reading data.
"""

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from avlib.runtime.errors import DataError
from avlib.runtime.files import atomic_path
from avlib.runtime.tables.schema import Schema, canonical, conform, is_list, no_rows, vectors

# Metadata of a part: [[clip_id, digest], ...], one per row group; where a clip has several, their
# number is the third.
_CLIPS_KEY = b"avlib.clips"

Groups = int | tuple[int, ...]  # of a clip: its row group, or those that hold it together

VIEWS = "views"  # fact of a table of vectors: [[view, columns], ...], of what parts they are made


def write_table(
    path: Path | str,
    table: pa.Table | pd.DataFrame | Mapping[str, Any],
    schema: Schema,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Check the rows against a schema and write them as one Parquet file.

    The file appears whole or not at all, and replaces an older one without writing into it.

    Parameters
    ----------
    path
        The file; its folder is made when it is not there.
    table
        The rows, in any order (see `conform`).
    schema
        What the table holds.
    metadata
        Facts about the whole table, kept in the file's metadata as ``avlib.<key>``.

    Raises
    ------
    DataError
        The rows are not what the schema says.
    """
    rows = conform(table, schema)
    if schema.per_clip:
        write_part(path, _by_clip(rows), schema)
        return
    facts = {b"avlib." + k.encode(): v.encode() for k, v in sorted((metadata or {}).items())}
    with atomic_path(path) as temporary, _writer(temporary, rows.schema) as writer:
        writer.add_key_value_metadata(facts)
        writer.write_table(rows)


def write_part(
    path: Path | str, clips: Iterable[tuple[str, pa.Table | Iterable[pa.Table]]], schema: Schema
) -> None:
    """Write a part of a table: one row group per clip, two clips in memory at the most.

    Parameters
    ----------
    path
        The part file (see `part_path`).
    clips
        Pairs of clip_id and the clip's rows as `conform` returns them, sorted by clip_id. Rows that
        come in several tables have a row group each, and one of them is in memory at a time.
    schema
        What the table holds.

    Raises
    ------
    DataError
        Two clips have vectors of different sizes, or the clips are not sorted.
    """
    in_pieces = ((clip_id, _pieces(rows)) for clip_id, rows in clips)
    found = no_rows(schema).schema
    begin: list[tuple[str, Iterator[pa.Table]]] = []
    for clip_id, pieces in in_pieces:  # clips without rows wait for one with the size of vectors
        first = next(pieces)
        begin.append((clip_id, itertools.chain([first], pieces)))
        if first.num_rows:
            found = canonical(first).schema
            break
    listing: list[list[Any]] = []
    with atomic_path(path) as temporary, _writer(temporary, found) as writer:
        for clip_id, pieces in itertools.chain(begin, in_pieces):
            if listing and clip_id <= listing[-1][0]:
                raise DataError(f"{path}: clip {clip_id} follows {listing[-1][0]}; expected sorted")
            digests = []
            for given in pieces:
                rows = canonical(given) if given.num_rows else found.empty_table()
                if rows.schema != found:
                    difference = next(
                        f"column {a.name}: {b.type}, before it {a.type}"
                        for a, b in zip(found, rows.schema, strict=True)
                        if a != b
                    )
                    raise DataError(f"table {schema.name}, {path}: clip {clip_id} has {difference}")
                writer.write_table(rows, row_group_size=max(1, rows.num_rows))
                digests.append(digest_rows(rows))
            listing.append(_listed(clip_id, digests))
        writer.add_key_value_metadata({_CLIPS_KEY: json.dumps(listing).encode()})


def _pieces(rows: pa.Table | Iterable[pa.Table]) -> Iterator[pa.Table]:
    return iter([rows] if isinstance(rows, pa.Table) else rows)


def _listed(clip_id: str, digests: list[str]) -> list[Any]:
    if len(digests) == 1:
        return [clip_id, digests[0]]
    return [clip_id, hashlib.sha256(" ".join(digests).encode()).hexdigest(), len(digests)]


def merge(folder: Path | str, path: Path | str, schema: Schema) -> None:
    """Make one file of a folder of parts of a table, and remove the folder."""
    table = pa.concat_tables(
        [rows for file in _files(folder) if (rows := pq.read_table(file)).num_rows]
        or [no_rows(schema)]
    )
    write_table(path, table, schema)
    shutil.rmtree(folder)


def part_path(folder: Path | str, subject: str) -> Path:
    """Return the part file of a subject, whatever characters its name holds."""
    if not subject:
        raise DataError(f"{folder}: a subject without a name; expected text")
    safe = quote(subject, safe="")
    return Path(folder) / f"{'%2E' + safe[1:] if safe.startswith('.') else safe}.parquet"


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a Parquet writer whose settings are fixed, column by column."""
    leaves = dict(_leaf(field.name, field.type) for field in schema)
    compressed = [leaf for leaf, kind in leaves.items() if not pa.types.is_binary(kind)]
    return pq.ParquetWriter(
        path,
        schema,
        version="2.6",
        data_page_version="1.0",
        # JPEG does not shrink, and audio is read often: bytes stay as they are.
        compression={leaf: "ZSTD" if leaf in compressed else "NONE" for leaf in leaves},
        compression_level=dict.fromkeys(compressed, 1),
        use_dictionary=[leaf for leaf, kind in leaves.items() if pa.types.is_string(kind)],
        # Descriptors shrink by a sixth more than with zstd alone.
        use_byte_stream_split=[k for k, kind in leaves.items() if pa.types.is_floating(kind)],
        write_statistics=False,
    )


def _leaf(path: str, kind: pa.DataType) -> tuple[str, pa.DataType]:
    """Return Parquet's name for the values of a column, and their type."""
    return _leaf(f"{path}.list.element", kind.value_type) if is_list(kind) else (path, kind)


def _by_clip(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Cut rows, sorted by clip_id, into clips."""
    runs = pc.run_end_encode(rows["clip_id"].combine_chunks())
    start = 0
    for clip_id, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        yield clip_id, rows.slice(start, end - start)
        start = end


def digest_rows(rows: pa.Table) -> str:
    """Return the sha256 of the values of a table, whatever memory layout holds them."""
    rows = canonical(rows)
    digest = hashlib.sha256(str(rows.num_rows).encode())
    if not rows.num_rows:  # no rows are no rows, whatever size their vectors would have had
        return digest.hexdigest()
    for field, column in zip(rows.schema, rows.columns, strict=True):
        digest.update(f"\n{field.name} {field.type}\n".encode())
        _update(digest, column.combine_chunks())
    return digest.hexdigest()


def _update(digest: Any, array: pa.Array) -> None:
    digest.update(array.is_valid().to_numpy(zero_copy_only=False).tobytes())
    kind = array.type
    if array.null_count:
        array = array.drop_null()
    if is_list(kind):
        if not pa.types.is_fixed_size_list(kind):
            digest.update(pc.list_value_length(array).to_numpy().astype("<i8").tobytes())
        _update(digest, array.flatten())
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        digest.update(pc.binary_length(array).to_numpy().astype("<i8").tobytes())
        for value in array.cast(pa.binary()):
            digest.update(value.as_buffer())
    else:
        values = array.to_numpy(zero_copy_only=False)
        digest.update(values.astype(values.dtype.newbyteorder("<")).tobytes())


@dataclass(frozen=True)
class ClipRef:
    """Where a clip's rows stand: file, row group or groups, a digest of the rows, their number."""

    clip_id: str
    part: str
    path: Path
    row_group: Groups
    digest: str
    rows: int


def read_facts(path: Path | str) -> dict[str, str]:
    """Return the facts that `write_table` kept about a whole table, by key."""
    with _open(Path(path)) as file:
        found = file.metadata.metadata or {}
    prefix = b"avlib."
    return {
        k.removeprefix(prefix).decode(): v.decode()
        for k, v in found.items()
        if k.startswith(prefix)
    }


def clip_refs(folder: Path | str) -> list[ClipRef]:
    """List the clips of a folder of parts, or of one part file, without reading their rows.

    Returns
    -------
    list of ClipRef
        Sorted by part, then by clip_id. A part is named for its subject.
    """
    refs = []
    for path in _files(folder):
        part = unquote(path.name.removesuffix(".parquet"))
        with _open(path) as file:
            facts = file.metadata
            metadata = facts.metadata or {}
            if _CLIPS_KEY not in metadata:
                raise DataError(
                    f"{path}: not a part with one row group per clip; run the stage again"
                )
            listed = json.loads(metadata[_CLIPS_KEY])
            groups = row_groups([several[0] if several else 1 for _, _, *several in listed])
            for (clip_id, digest, *_), group in zip(listed, groups, strict=True):
                held = [group] if isinstance(group, int) else group
                rows = sum(facts.row_group(number).num_rows for number in held)
                refs.append(ClipRef(clip_id, part, path, group, digest, rows))
    return refs


def row_groups(numbers: Iterable[int]) -> list[Groups]:
    """Return the row groups of a part's clips, of which each has so many."""
    found: list[Groups] = []
    first = 0
    for number in numbers:
        found.append(first if number == 1 else tuple(range(first, first + number)))
        first += number
    return found


def iter_clips(
    path: Path | str, columns: Sequence[str] | None = None
) -> Iterator[tuple[str, pa.Table]]:
    """Yield clip_id and rows of each clip, one clip in memory at a time.

    Parameters
    ----------
    path
        A folder of parts, or one part.
    columns
        Columns to read; by default all.
    """
    for part in _files(path):
        with _open(part) as file:
            for ref in clip_refs(part):
                yield ref.clip_id, _read_groups(file, part, ref.row_group, columns)


def read_clip(
    part_file: Path | str, row_group: Groups, columns: Sequence[str] | None = None
) -> pa.Table:
    """Read one clip of a part (see `clip_refs`)."""
    with _open(part_file) as file:
        return _read_groups(file, part_file, row_group, columns)


def cell_bytes(column: pa.ChunkedArray) -> pa.Buffer:
    """Return the bytes of a binary column of one row where they lie.

    A scalar of Arrow's would hold a copy of them.
    """
    array = column.chunk(0)
    _, ends, values = array.buffers()
    start, end = np.frombuffer(ends, np.int32)[array.offset : array.offset + 2]
    return values.slice(int(start), int(end - start))


def _read_groups(
    file: pq.ParquetFile,
    path: Path | str,
    row_group: Groups,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    groups = [row_group] if isinstance(row_group, int) else list(row_group)
    with _damage_told(path):
        return file.read_row_groups(groups, columns)


def read_table(path: Path | str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table, one file or a folder of parts, as a data frame.

    Text columns are pandas' ``str``; vector columns stay in Arrow memory (see `vectors`).

    Parameters
    ----------
    path
        File or folder. A folder without parts is a table without rows.
    columns
        Columns to read; by default all.

    Raises
    ------
    DataError
        There is no such table, it lacks a column, or its parts have vectors of different sizes.
    """
    tables = []
    for file in _files(path):
        with _open(file) as parquet:
            absent = set(columns or ()) - set(parquet.schema_arrow.names)
            if absent:
                raise DataError(f"{file}: column {', '.join(sorted(absent))} is missing")
            with _damage_told(file):
                tables.append(parquet.read(columns))
    empty = tables[:1] or [pa.table({key: [] for key in columns or ()})]
    try:
        table = pa.concat_tables([t for t in tables if t.num_rows] or empty)
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{path}: parts differ in their columns; run the stage again: {error}"
        ) from None
    return table.to_pandas(types_mapper=_keep_vectors)


def _files(path: Path | str) -> list[Path]:
    path = Path(path)
    if path.is_dir():
        return sorted(path.glob("*.parquet"), key=lambda file: unquote(file.name))
    if not path.is_file():
        raise DataError(f"{path}: no such table; expected a file or a folder; run the stage before")
    return [path]


def _open(path: Path | str) -> pq.ParquetFile:
    with _damage_told(path):
        return pq.ParquetFile(path)


@contextlib.contextmanager
def _damage_told(path: Path | str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (pa.ArrowInvalid, OSError) as error:  # as which Arrow raises what it cannot unpack
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path}: not a whole Parquet file; run its stage again ({reason})"
        ) from None


def _keep_vectors(kind: pa.DataType) -> pd.ArrowDtype | None:
    return pd.ArrowDtype(kind) if pa.types.is_fixed_size_list(kind) else None
