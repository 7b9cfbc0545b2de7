"""The table that lists the clips of a user's own corpus."""

import csv
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from avlib.runtime.errors import CorpusError

SUFFIXES = (".csv", ".tsv", ".parquet", ".xlsx")
NAME = "clips"


def find_table(folder: Path) -> Path | None:
    """Return the corpus's table ``clips.csv``, .tsv, .parquet or .xlsx; None without one.

    Raises
    ------
    CorpusError
        There are several.
    """
    found = [p for suffix in SUFFIXES if (p := folder / f"{NAME}{suffix}").is_file()]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise CorpusError(f"{folder}: has {names}; expected one table of the clips, remove another")
    return found[0] if found else None


def read_rows(path: Path) -> pd.DataFrame:
    """Read a table as text, "" where a cell is empty; names of columns in small letters.

    Cells of a csv are separated by commas, semicolons or tabs.

    Raises
    ------
    CorpusError
        The file is no such table, is cut short, or names a column twice.
    """
    try:
        rows = _READERS[path.suffix](path)
    except Exception as error:  # pandas', Arrow's, openpyxl's: what a damaged file meets first
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise CorpusError(
            f"{path}: cannot be read as {path.suffix} ({reason}); expected a table with a line of"
            " names, as text in UTF-8"
        ) from error
    rows.columns = [str(column).strip().lower() for column in rows.columns]
    if rows.columns.has_duplicates:
        twice = rows.columns[rows.columns.duplicated()][0]
        raise CorpusError(f"{path}: has two columns {twice!r}; expected each name once")
    return rows


def _from_parquet(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path, dtype_backend="pyarrow").map(_text)


def _from_workbook(path: Path) -> pd.DataFrame:
    """Read the first sheet row by row: one cell far outside would make it a billion cells."""
    from openpyxl import load_workbook

    with path.open("rb") as file:
        book = load_workbook(file, read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        rows: list[list[str]] = []
        n = 0
        for cells in sheet.iter_rows(values_only=True):
            row = [_text(cell) for cell in cells]
            while row and not row[-1].strip():
                row.pop()
            n = n or len(row)
            if len(row) > n:
                raise ValueError(f"line {len(rows) + 1} has {len(row)} cells for {n} names")
            rows.append(row)
    if not n:
        raise ValueError("its first sheet is empty")
    while not rows[-1]:
        rows.pop()
    if not rows[0]:
        raise ValueError("its first line is empty")
    return pd.DataFrame([row + [""] * (n - len(row)) for row in rows[1:]], columns=rows[0])


def _text(cell: Any) -> str:
    if isinstance(cell, bytes):
        return cell.decode()
    if isinstance(cell, float) and cell.is_integer():  # as spreadsheets keep whole numbers
        return f"{cell:.0f}"
    return "" if pd.isna(cell) else str(cell)


def _from_text(path: Path) -> pd.DataFrame:
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = file.readline()
        separator = max(",;\t", key=names.count)
        file.seek(0)
        lines = csv.reader(file, delimiter=separator)
        last = first = next(lines, [])
        for cells in lines:
            if any(map(str.strip, cells[len(first) :])):
                raise ValueError(
                    f"line {lines.line_num} has {len(cells)} cells for {len(first)} names"
                )
            last = cells
    data = path.read_bytes()
    if b"\0" in data:
        raise ValueError("it holds zeros, which no text does: it is damaged")
    if len(last) < len(first) and not data.endswith((b"\n", b"\r")):
        raise ValueError(
            f"its last line has {len(last)} cells for {len(first)} names and no end, as if cut off"
        )
    with warnings.catch_warnings():  # of separators behind the last cells, which were looked at
        warnings.simplefilter("ignore", pd.errors.ParserWarning)
        rows = pd.read_csv(
            path,
            sep=separator,
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            skip_blank_lines=False,  # lines keep their numbers
            index_col=False,
            skipinitialspace=True,
        )
    return rows.set_axis([name.strip() for name in first[: len(rows.columns)]], axis="columns")


_READERS = {
    ".csv": _from_text,
    ".tsv": _from_text,
    ".parquet": _from_parquet,
    ".xlsx": _from_workbook,
}
