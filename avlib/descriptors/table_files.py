"""Tables of numbers that other tools wrote: csv, arff, Parquet, npy."""

import codecs
import csv
import io
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.lib.format import open_memmap

from avlib.runtime.errors import DataError

SUFFIXES = (".arff", ".csv", ".npy", ".parquet", ".tsv")
_MISSING = ["?"]  # arff's, beside pandas' own words for it
# "@attribute name type", the name in quotes where it holds a blank.
_ATTRIBUTE = re.compile(r"@attribute\s+(?:'([^']*)'|\"([^\"]*)\"|(\S+))\s+\S.*", re.IGNORECASE)
_COMMENTS = re.compile(r"(?:#.*(?:\n|\Z)|[\r\n])*")  # and empty lines
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+(?:,\d+)?(?:[eE][+-]?\d+)?\s*")
_WHOLE = re.compile(r"\s*[+-]?\d+\s*")


def read_table_file(path: Path, text_column: str | None = None) -> pd.DataFrame:
    """Read a table, whichever of the formats its ending names.

    csv is in UTF-8 or UTF-16, separated by commas, semicolons or tabs, with or without blanks after
    them, quotes and a line of names; lines above that begin with ``#`` are skipped. Where no comma
    separates, a column whose every cell is like ``0,5`` is of numbers. Columns of a table without
    names are ``value_0``, ``value_1`` and so on; a single column without a name among named ones
    (the row numbers that pandas writes, or what follows a separator at the end of each line) is
    left out.

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
            table.columns = _distinct(table.columns)
        elif kind == ".arff":
            names, text = _arff(_text(path))
            table = _separated(text, names, "'", text_column)
        else:
            table = _separated(_text(path), None, '"', text_column)
    except (OSError, ValueError, csv.Error, pa.ArrowException, pd.errors.ParserWarning) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path.name}: cannot be read as {kind} ({reason})") from None
    unnamed = table.columns.str.fullmatch(r"Unnamed: \d+|__index_level_\d+__|")
    return table.loc[:, ~unnamed].reset_index(drop=True)


def _npy(path: Path) -> pd.DataFrame:
    try:
        # Neither unpickles, nor takes memory for an array that the file does not hold.
        values = np.array(open_memmap(path, mode="r"))
    except OSError:
        raise
    except Exception as error:  # the header is parsed as Python: SyntaxError, TokenError, ...
        raise ValueError(f"no array that numpy wrote: {error}") from None
    if values.ndim not in (1, 2) or values.dtype.kind not in "biuf":
        raise ValueError(
            f"an array of {values.dtype} of shape {values.shape}; expected numbers, one row a frame"
        )
    rows = np.atleast_2d(values)  # a vector is the row of a clip
    return pd.DataFrame(rows, columns=_numbered(rows.shape[1]))


def _text(path: Path) -> str:
    with path.open("rb") as file:
        wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    # A damaged letter in a comment or name must not cost the numbers.
    return path.read_text(encoding="utf-16" if wide else "utf-8-sig", errors="replace")


def _distinct(names: Iterable[Any]) -> list[str]:
    """Return the names of columns without blanks around; none may stand there twice."""
    stripped = [str(name).strip() for name in names]
    named = pd.Index([name for name in stripped if name])
    if named.has_duplicates:
        raise ValueError(f"two columns are called {named[named.duplicated()][0]}")
    return stripped


def _arff(text: str) -> tuple[list[str], str]:
    """Return the declared names and the lines of data."""
    names = []
    lines = text.splitlines()
    for number, line in enumerate(map(str.strip, lines)):
        if match := _ATTRIBUTE.fullmatch(line):
            names.append(next(group for group in match.groups() if group is not None))
        elif line.lower() == "@data":
            rows = [row for row in lines[number + 1 :] if not row.startswith("%")]
            if any(row.lstrip().startswith("{") for row in rows):
                raise ValueError(
                    "sparse rows, {number value, ...}, are not supported; expected every value:"
                    " WEKA's filter SparseToNonSparse writes them"
                )
            return _distinct(names), "\n".join(rows)
    raise ValueError("it has no line @data")


def _separated(
    text: str, names: list[str] | None, quote: str, text_column: str | None
) -> pd.DataFrame:
    """Read lines of cells; `names` are those of the columns where they do not stand in the text."""
    top = _COMMENTS.match(text) if names is None else None
    lines = text[top.end() :] if top else text.lstrip("\r\n")
    separator = _separator(lines.partition("\n")[0], quote)
    options: dict[str, Any] = {"quotechar": quote, "skipinitialspace": True}
    rows = csv.reader(io.StringIO(lines), delimiter=separator, **options)
    cells = [cell.strip() for cell in next(rows, [])]
    header = None
    if names is not None:
        if cells and len(names) != len(cells):
            raise ValueError(f"declares {len(names)} columns, but its rows have {len(cells)}")
    elif _are_names(cells, rows, text_column):
        header = 0
        names = [name or f"Unnamed: {i}" for i, name in enumerate(_distinct(cells))]
    else:
        names = _numbered(len(cells))
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # it says that cells get lost
        table = pd.read_csv(
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
    if separator != ",":
        for name in table.columns.drop(text_column or [], errors="ignore"):
            table[name] = _with_points(table[name])
    return table


def _separator(line: str, quote: str) -> str:
    """Tell what separates the cells of a line: ``0,5;0,7`` has more decimal commas."""
    line = re.sub(f"{quote}[^{quote}]*{quote}", "", line)
    for separator in ";\t":
        commas = [cell for cell in line.split(separator) if "," in cell]
        if separator in line and commas and all(map(_DECIMAL_COMMA.fullmatch, commas)):
            return separator
    return max(",;\t", key=line.count)


def _are_names(cells: Sequence[str], below: Iterator[list[str]], text_column: str | None) -> bool:
    """Tell whether the first line holds the names of columns.

    pandas and numpy's users number columns that have no names: 0, 1, 2, ... behind those that have.
    Three or more such cells are names. One or two may as well be a row of numbers, such as the time
    0 and a confidence of 1; they are names if no cell below is a whole number: a tool that writes
    1.0 there would have written 0.0 above, and one that writes 1 also writes numbers like it.

    Parameters
    ----------
    cells
        Of the first line, without blanks around.
    below
        The rows under it; read if need be.
    text_column
        A column that there should be.
    """
    last = next((cell for cell in reversed(cells) if cell), "")
    if not _is_number(last) or text_column in cells:
        return True
    places = [place for place, cell in enumerate(cells) if _is_number(cell)]
    if [cells[place] for place in places] != [str(number) for number in range(len(places))]:
        return False
    if len(places) > 2:
        return True
    values = [row[place] for row in below for place in places if place < len(row)]
    return bool(values) and not any(map(_WHOLE.fullmatch, values))


def _with_points(column: pd.Series) -> pd.Series:
    """Return numbers where every cell is one with a decimal comma, else the column."""
    there = column.dropna()
    if pd.api.types.is_numeric_dtype(column) or not len(there):
        return column
    if not there.astype(str).str.fullmatch(_DECIMAL_COMMA).all():
        return column
    return pd.to_numeric(column.str.replace(",", "."))


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _numbered(n: int) -> list[str]:
    return [f"value_{i}" for i in range(n)]
