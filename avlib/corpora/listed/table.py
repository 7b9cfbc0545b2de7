"""The table that lists the clips of a user's own corpus."""

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from avlib.corpora.listed import workbook
from avlib.runtime.errors import CorpusError

SUFFIXES = (".csv", ".tsv", ".parquet", ".xlsx")
NAME = "clips"
# More text or rows than any corpus has; a few damaged bytes or a bomb may stand for as much.
_MOST_BYTES, _MOST_ROWS = 2**27, 2**19
_INDEX = "__index_level_"  # how pandas names a column of a Parquet that had no name
_INVISIBLE = "\ufeff"  # marks of the byte order, of which some programs write several


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


# The line at which each row begins, and the rows, of which the first is the names.
_Rows = tuple[list[int], list[list[str | None]]]


def read_rows(path: Path) -> pd.DataFrame:
    """Read a table as text, "" where a cell is empty; names of columns in small letters.

    Cells of a csv are separated by commas, semicolons or tabs. The index is the line at which a row
    begins. A cell that the row of a csv lacks is None: its line is cut short.

    Raises
    ------
    CorpusError
        The file is no such table, is cut short, is larger than any corpus, or names a column twice.
    """
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise ValueError(f"it has {size / 1e6:,.0f} MB")
        lines, rows = _READERS[path.suffix](path)
    except Exception as error:  # csv's, Arrow's, openpyxl's: what a damaged file meets first
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise CorpusError(
            f"{path}: cannot be read as {path.suffix} ({reason}); expected a table with a line of"
            " names, as text in UTF-8"
        ) from error
    names = [(name or "").strip().strip(_INVISIBLE).strip().lower() for name in rows[0]]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise CorpusError(f"{path}: has two columns {twice[0]!r}; expected each name once")
    return pd.DataFrame(rows[1:], columns=names, index=lines[1:], dtype=object)


def further_sheets(path: Path) -> list[str]:
    """Return what a workbook's sheets behind the first are called; no other table has any."""
    return workbook.further_sheets(path) if path.suffix == ".xlsx" else []


# The readers raise ValueError, and whatever their libraries do.


def _from_parquet(path: Path) -> _Rows:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        facts = file.metadata
        size = sum(facts.row_group(n).total_byte_size for n in range(facts.num_row_groups))
        if facts.num_rows > _MOST_ROWS or size > _MOST_BYTES:
            raise ValueError(f"it has {facts.num_rows:,} rows of {size / 1e6:,.0f} MB")
        table = file.read()
    places = [n for n, name in enumerate(table.column_names) if not name.startswith(_INDEX)]
    columns = [[_text(cell) for cell in table.column(n).to_pylist()] for n in places]
    names: list[str | None] = [table.column_names[n] for n in places]
    rows = [names, *map(list, zip(*columns, strict=True))]
    return list(range(1, len(rows) + 1)), rows


def _from_workbook(path: Path) -> _Rows:
    rows: list[list[str | None]] = [
        [_text(cell) for cell in row] for row in workbook.rows(path, _MOST_BYTES, _MOST_ROWS)
    ]
    return list(range(1, len(rows) + 1)), rows


def _text(cell: Any) -> str:
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, bytes):
        return cell.decode()
    if isinstance(cell, float) and cell.is_integer():  # as spreadsheets keep whole numbers
        return f"{cell:.0f}"
    return str(cell)


def _from_text(path: Path) -> _Rows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        separator = max(",;\t", key=file.readline().count)
        file.seek(0)
        reader = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
        names: list[str] = []
        lines: list[int] = []
        rows: list[list[str | None]] = []
        line, last = 1, []
        for cells in reader:
            names = names or _trimmed(cells)
            if any(map(str.strip, cells[len(names) :])):
                raise ValueError(f"line {line} has {len(cells)} cells for {len(names)} names")
            if any(_swallows(cell, separator, len(names)) for cell in cells):
                raise ValueError(f"a cell of line {line} holds whole lines; are its quotes closed?")
            if len(rows) > _MOST_ROWS:
                raise ValueError(f"it has more than {_MOST_ROWS:,} rows")
            if any(map(str.strip, cells)):
                lines.append(line)
                rows.append([*cells[: len(names)], *[None] * (len(names) - len(cells))])
            line, last = reader.line_num + 1, cells
    data = path.read_bytes()
    if not rows:
        raise ValueError("it is empty")
    if b"\0" in data:
        raise ValueError("it holds zeros, which no text does: it is damaged")
    if len(last) < len(names) and not data.endswith((b"\n", b"\r")):
        raise ValueError(
            f"its last line has {len(last)} cells for {len(names)} names and no end, as if cut off"
        )
    return lines, rows


def _trimmed(cells: list[str]) -> list[str]:
    """Return names without the empty ones at the end, of columns that hold nothing."""
    n = max((n for n, cell in enumerate(cells, start=1) if cell.strip()), default=0)
    return cells[:n]


def _swallows(cell: str, separator: str, names: int) -> bool:
    """Tell whether a cell goes on over lines of the table: two quotes too many are around them."""
    breaks = len(cell.splitlines()) - 1
    return names > 1 and breaks > 0 and cell.count(separator) >= breaks * (names - 1)


_READERS: dict[str, Callable[[Path], _Rows]] = {
    ".csv": _from_text,
    ".tsv": _from_text,
    ".parquet": _from_parquet,
    ".xlsx": _from_workbook,
}
