"""What a table holds: columns, types, key, and the check of rows against them.

Each `Schema` stands beside the code that makes its table. What does not fit is an error that names
the table and the column. Checked rows are sorted by key, in the schema's order of columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from avlib.runtime.errors import DataError

TEXT, BYTES, INT, FLOAT = pa.string(), pa.binary(), pa.int32(), pa.float64()


def list_of(kind: pa.DataType, size: int = -1) -> pa.DataType:
    """Return the type of lists of `kind`, with Parquet's name for what is inside.

    Arrow's own name differs; it is no part of a type's identity, but it is part of a file's bytes.
    """
    return pa.list_(pa.field("element", kind), size)


VECTOR = list_of(pa.float32())  # in a schema: fixed-size lists of any one size


@dataclass(frozen=True)
class Schema:
    """What a table holds.

    Parameters
    ----------
    name
        What messages call the table.
    key
        Columns whose values together name one row.
    columns
        Name and type of every column, in the order of the file.
    nullable
        Columns that may hold nulls.
    prefix
        Further columns of float64 are accepted when their names start with this.
    per_clip
        True when the table is a folder of parts with one row group per clip.
    """

    name: str
    key: tuple[str, ...]
    columns: dict[str, pa.DataType]
    nullable: frozenset[str] = frozenset()
    prefix: str | None = None
    per_clip: bool = False


def conform(table: pa.Table | pd.DataFrame | Mapping[str, Any], schema: Schema) -> pa.Table:
    """Return the rows as an Arrow table of exactly this schema, sorted by its key.

    Parameters
    ----------
    table
        Rows, as an Arrow table, a data frame, or a mapping from column name to values; a vector
        column may be a float array of shape (n_rows, d). NaN in a scalar column counts as null.
    schema
        What the table holds.

    Raises
    ------
    DataError
        A column is missing, unknown, of the wrong type, or null where it may not be; or two rows
        have the same key.
    """
    name = schema.name
    given = list(table.column_names if isinstance(table, pa.Table) else table.keys())
    extra = sorted(c for c in given if schema.prefix and c.startswith(schema.prefix))
    expected = {**schema.columns, **dict.fromkeys(extra, FLOAT)}
    if missing := [c for c in expected if c not in given]:
        raise DataError(
            f"table {name}: column {', '.join(missing)} is missing; found {', '.join(given)}"
        )
    if unknown := [c for c in given if c not in expected]:
        raise DataError(
            f"table {name}: unknown column {', '.join(unknown)}; expected {', '.join(expected)}"
        )
    arrays = {
        c: _column(table[c], kind, f"table {name}, column {c}") for c, kind in expected.items()
    }
    for column, array in arrays.items():
        if array.null_count and column not in schema.nullable:
            raise DataError(
                f"table {name}, column {column}: {array.null_count} of {len(array)} values are"
                " null; expected a value in every row"
            )
    try:
        rows = pa.table(arrays)
    except pa.ArrowInvalid:
        lengths = ", ".join(f"{c}: {len(a)}" for c, a in arrays.items())
        raise DataError(f"table {name}: columns differ in length ({lengths})") from None
    return _sorted_by_key(rows, schema.key, name)


def conform_clip(columns: Mapping[str, Any] | pa.Table, clip_id: str, schema: Schema) -> pa.Table:
    """Return the rows of one clip as the table wants them (see `conform`); vectors must be finite.

    Parameters
    ----------
    columns
        Columns of the table, without clip_id.

    Raises
    ------
    DataError
        As `conform`, or a vector holds NaN or infinity.
    """
    names = columns.column_names if isinstance(columns, pa.Table) else columns
    named = {name: columns[name] for name in names}
    n_rows = len(next(iter(named.values()))) if named else 0
    rows = conform({**named, "clip_id": pa.array([clip_id] * n_rows, pa.string())}, schema)
    unit = "frames" if "frame" in schema.key else "rows"
    for column in rows.schema:
        if not pa.types.is_fixed_size_list(column.type):
            continue
        values = vectors(rows[column.name].combine_chunks().drop_null())
        bad = int((~np.isfinite(values)).any(axis=1).sum())
        if bad:
            kind = "NaN" if np.isnan(values).any() else "infinity"
            raise DataError(f"{column.name} holds {kind} in {bad} of {rows.num_rows} {unit}")
    return rows


def _column(values: Any, kind: pa.DataType, where: str) -> pa.Array:
    """Convert one column to type `kind`, strictly: text stays text and numbers stay numbers."""
    try:
        array = _as_arrow(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"{where}: expected {_words(kind)}, got mixed values ({error})") from None
    if isinstance(array, pa.ChunkedArray):
        raise DataError(f"{where}: more than 2 GB in one column; write the table as parts")
    if pa.types.is_floating(array.type) and pc.any(pc.is_nan(array)).as_py():
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    if kind == VECTOR:
        kind = _vector_type(array, where)
    try:
        if not _same_family(array.type, kind):
            raise pa.ArrowInvalid("another kind of value")
        # Floats may lose digits (float64 -> float32); whole numbers and texts must survive.
        return array.cast(kind, safe=not (pa.types.is_floating(kind) or is_list(kind)))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(f"{where}: expected {_words(kind)}, got {array.type}") from None


def _as_arrow(values: Any) -> pa.Array | pa.ChunkedArray:
    """Return values as one Arrow array (chunks only when they do not fit into one)."""
    if isinstance(values, np.ndarray) and values.ndim == 2:
        return fixed_size_list(values)
    if isinstance(values, list) and any(isinstance(v, np.ndarray) and v.ndim > 1 for v in values):
        values = [None if v is None else np.asarray(v).tolist() for v in values]
    if not isinstance(values, pa.Array | pa.ChunkedArray):
        values = pa.array(values, from_pandas=isinstance(values, pd.Series))
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _same_family(given: pa.DataType, expected: pa.DataType) -> bool:
    """Say whether `given` may be cast to `expected`: numbers to numbers, text to text."""
    types = pa.types
    if types.is_null(given):
        return True
    if types.is_dictionary(given):
        given = given.value_type
    if is_list(given) and is_list(expected):
        return _same_family(given.value_type, expected.value_type)
    families = (
        lambda t: types.is_string(t) or types.is_large_string(t) or types.is_string_view(t),
        lambda t: types.is_binary(t) or types.is_large_binary(t),
        lambda t: types.is_floating(t) or types.is_integer(t),
    )
    return any(belongs(given) and belongs(expected) for belongs in families)


def is_list(kind: pa.DataType) -> bool:
    """Say whether values of this type are lists."""
    types = pa.types
    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def _words(kind: pa.DataType) -> str:
    return "fixed-size lists of float32" if kind == VECTOR else str(kind)


def _vector_type(array: pa.Array, where: str) -> pa.DataType:
    """Return the fixed-size list type that holds every row of `array`."""
    if pa.types.is_fixed_size_list(array.type):
        return list_of(pa.float32(), array.type.list_size)
    if pa.types.is_null(array.type):
        return list_of(pa.float32(), 0)
    if not is_list(array.type):
        raise DataError(f"{where}: expected {_words(VECTOR)}, got {array.type}")
    sizes = pc.unique(pc.list_value_length(array).drop_null()).to_pylist()
    if len(sizes) > 1:
        raise DataError(f"{where}: expected vectors of one size, got sizes {sorted(sizes)}")
    return list_of(pa.float32(), sizes[0] if sizes else 0)


def _sorted_by_key(rows: pa.Table, key: tuple[str, ...], name: str) -> pa.Table:
    order = pc.sort_indices(rows, sort_keys=[(column, "ascending") for column in key]).to_numpy()
    if len(order) and (np.diff(order.astype(np.int64)) != 1).any():
        rows = rows.take(pa.array(order))
    keys = rows.select(list(key))
    same = keys.to_pandas().duplicated()
    if same.any():
        first = keys.slice(int(same.argmax()), 1).to_pylist()[0]
        raise DataError(
            f"table {name}: {same.sum()} rows repeat a key; expected one row per"
            f" {', '.join(key)}; the first repeated one is {first}"
        )
    return rows


def canonical(rows: pa.Table) -> pa.Table:
    """Return the same rows with the names inside of list types that `list_of` gives."""
    return rows.cast(pa.schema([(f.name, _canonical_type(f.type)) for f in rows.schema]))


def _canonical_type(kind: pa.DataType) -> pa.DataType:
    if not is_list(kind):
        return kind
    size = kind.list_size if pa.types.is_fixed_size_list(kind) else -1
    return list_of(_canonical_type(kind.value_type), size)


def no_rows(schema: Schema) -> pa.Table:
    """Return the table without rows."""
    return conform({name: pa.array([], kind) for name, kind in schema.columns.items()}, schema)


def vectors(column: Any) -> np.ndarray:
    """Return a vector column as an array, without a detour through Python lists.

    Parameters
    ----------
    column
        Fixed-size lists: an Arrow array, a column of a `pa.Table`, or of `read_table`'s frame.

    Returns
    -------
    ndarray of shape (n_rows, d), float32
        A null row is a row of NaN.
    """
    array = column if isinstance(column, pa.Array | pa.ChunkedArray) else pa.array(column)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    size = array.type.list_size
    flat = array.values.slice(array.offset * size, len(array) * size)
    values = flat.to_numpy(zero_copy_only=False).reshape(len(array), size)
    if array.null_count:
        values = values.copy()
        values[array.is_null().to_numpy(zero_copy_only=False)] = np.nan
    return values


def fixed_size_list(values: np.ndarray, mask: np.ndarray | None = None) -> pa.FixedSizeListArray:
    """Return an array as a vector column, without a detour through Python lists.

    Parameters
    ----------
    values : ndarray of shape (n_rows, d)
        Converted to float32.
    mask : ndarray of shape (n_rows,), bool, optional
        True where the row is null.
    """
    values = np.ascontiguousarray(values, dtype=np.float32)
    nulls = None if mask is None else pa.array(np.asarray(mask, dtype=bool))
    flat = pa.array(values.reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1], mask=nulls)
