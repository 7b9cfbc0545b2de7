"""Tables of numbers that other tools wrote: csv, arff, Parquet, npy."""

import csv
import io
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from avlib.runtime.errors import DataError

SUFFIXES = (".arff", ".csv", ".npy", ".parquet", ".tsv")
_MISSING = ["?"]  # arff's, beside pandas' own words for it
# "@attribute name type", the name in quotes where it holds a blank.
_ATTRIBUTE = re.compile(r"@attribute\s+(?:'([^']*)'|\"([^\"]*)\"|(\S+))\s+\S.*", re.IGNORECASE)


def read_table_file(path: Path, text_column: str | None = None) -> pd.DataFrame:
    """Read a table, whichever of the formats its ending names.

    csv is separated by commas, semicolons or tabs, with or without blanks after them, quotes and a
    line of names. Columns of a table without names are ``value_0``, ``value_1`` and so on; a single
    column without a name among named ones (the row numbers that pandas writes, or what follows a
    separator at the end of each line) is left out.

    Parameters
    ----------
    path
        Its ending is one of `SUFFIXES`.
    text_column
        A column to keep as the text that stands there ("001" is no number).

    Returns
    -------
    pandas.DataFrame
        Rows in the file's order; a column is of numbers or of text.

    Raises
    ------
    DataError
        The file is no such table.
    """
    kind = path.suffix.lower()
    try:
        if kind == ".npy":
            table = _npy(path)
        elif kind == ".parquet":
            # Without pandas' metadata, which would hide a column as the names of the rows.
            table = pq.ParquetFile(path).read().to_pandas(ignore_metadata=True)
        else:
            # A damaged letter in a comment or name must not cost the numbers.
            text = path.read_text(encoding="utf-8-sig", errors="replace")
            names, text = _arff(text) if kind == ".arff" else (None, text)
            quote = "'" if kind == ".arff" else '"'
            table = _separated(text, names, quote, text_column)
        table.columns = [str(name).strip() for name in table.columns]
        if table.columns.has_duplicates:
            twice = table.columns[table.columns.duplicated()][0]
            raise ValueError(f"two columns are called {twice}")
    except (OSError, ValueError, csv.Error, pa.ArrowException, pd.errors.ParserWarning) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path.name}: cannot be read as {kind} ({reason})") from None
    unnamed = table.columns.str.fullmatch(r"Unnamed: \d+|__index_level_\d+__|")
    return table.loc[:, ~unnamed].reset_index(drop=True)


def _npy(path: Path) -> pd.DataFrame:
    values = np.load(path, allow_pickle=False)
    if values.ndim not in (1, 2) or values.dtype.kind not in "biuf":
        raise ValueError(
            f"an array of {values.dtype} of shape {values.shape}; expected numbers, one row a frame"
        )
    rows = np.atleast_2d(values)  # a vector is the row of a clip
    return pd.DataFrame(rows, columns=_numbered(rows.shape[1]))


def _arff(text: str) -> tuple[list[str], str]:
    """Return the declared names and the lines of data."""
    names = []
    lines = text.splitlines()
    for number, line in enumerate(map(str.strip, lines)):
        if match := _ATTRIBUTE.fullmatch(line):
            names.append(next(group for group in match.groups() if group is not None))
        elif line.lower() == "@data":
            return names, "\n".join(row for row in lines[number + 1 :] if not row.startswith("%"))
    raise ValueError("it has no line @data")


def _separated(
    text: str, names: list[str] | None, quote: str, text_column: str | None
) -> pd.DataFrame:
    """Read lines of cells; `names` are those of the columns where they do not stand in the text."""
    lines = text.lstrip("\r\n")
    first = lines.partition("\n")[0].rstrip("\r")
    separator = max(",;\t", key=first.count)
    options: dict[str, Any] = {"quotechar": quote, "skipinitialspace": True}
    cells = next(csv.reader([first], delimiter=separator, **options), [])
    header = None
    if names is None:
        last = next((cell for cell in reversed(cells) if cell.strip()), "")
        if _is_number(last):
            names = _numbered(len(cells))
        else:
            header = 0
    elif cells and len(names) != len(cells):
        raise ValueError(f"declares {len(names)} columns, but its rows have {len(cells)}")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # it says that cells get lost
        return pd.read_csv(
            io.StringIO(lines),
            sep=separator,
            names=names,
            header=header,
            index_col=False,  # else the first of too many columns would become row names
            na_values=_MISSING,
            low_memory=False,  # a column has one type
            dtype={text_column: str} if text_column else None,
            **options,
        )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbered(n: int) -> list[str]:
    return [f"value_{i}" for i in range(n)]
