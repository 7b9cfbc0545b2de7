"""The table that lists the clips of a user's own corpus."""

import csv
import warnings
from pathlib import Path

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
        The file is no such table, or names a column twice.
    """
    try:
        rows = _read(path)
    except (OSError, ValueError, ImportError, csv.Error) as error:  # pandas', Arrow's, openpyxl's
        reason = " ".join(str(error).split())[:200]
        raise CorpusError(
            f"{path}: cannot be read as {path.suffix} ({reason}); expected a table with a line of"
            " names, as text in UTF-8"
        ) from error
    rows.columns = [str(column).strip().lower() for column in rows.columns]
    if rows.columns.has_duplicates:
        twice = rows.columns[rows.columns.duplicated()][0]
        raise CorpusError(f"{path}: has two columns {twice!r}; expected each name once")
    return rows


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path).map(lambda cell: "" if pd.isna(cell) else str(cell))
    if path.suffix == ".xlsx":
        try:
            return pd.read_excel(path, dtype=str, keep_default_na=False)
        except Exception as error:  # damage in its archive or XML, as whatever it meets first
            raise ValueError(f"{type(error).__name__}: {error}") from error
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = file.readline()
        separator = max(",;\t", key=names.count)
        file.seek(0)
        lines = csv.reader(file, delimiter=separator)
        n = len(next(lines, []))
        for cells in lines:
            if any(map(str.strip, cells[n:])):
                raise ValueError(f"line {lines.line_num} has {len(cells)} cells for {n} names")
    with warnings.catch_warnings():  # of separators behind the last cells, which were looked at
        warnings.simplefilter("ignore", pd.errors.ParserWarning)
        return pd.read_csv(
            path,
            sep=separator,
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            skip_blank_lines=False,  # lines keep their numbers
            index_col=False,
            skipinitialspace=True,
        )
