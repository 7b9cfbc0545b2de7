"""The first sheet of a workbook of Excel."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

# A formula whose value nobody has computed yet: neither a value nor that it is a text.
_FORMULA = re.compile(
    rb"""<(?:\w+:)?c\b(?![^>]*\bt=)[^>]*\br="(\w+)"[^>]*>\s*<(?:\w+:)?f\b[^>]*"""
    rb"""(?:/>|>[^<]*</(?:\w+:)?f>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</"""
)
_MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\b[^>]*\bref="([\w:]+)\"""")


def rows(path: Path, most_bytes: int, most_rows: int) -> list[list[Any]]:
    """Return the values of the cells, the names first, row by row; all rows are as long as they.

    One cell far outside would make a table of a billion cells of it, so its row is refused.

    Raises
    ------
    ValueError
        The sheet is empty, too large, has cells beyond the names, or shows what no cell holds: a
        value over merged cells, or that of a formula which was not computed.
    """
    with path.open("rb") as file:
        _require_size(path, most_bytes)
        book = load_workbook(file, read_only=True, data_only=True)
        sheet = book.worksheets[0]
        with sheet._get_source() as source:
            _require_values(source.read())
        sheet.reset_dimensions()
        found: list[list[Any]] = []
        for row in _trimmed(sheet):
            if found and len(row) > len(found[0]):
                raise ValueError(
                    f"line {len(found) + 1} has {len(row)} cells for {len(found[0])} names"
                )
            if len(found) > most_rows:
                raise ValueError(f"it has more than {most_rows:,} rows")
            if not row and not found:
                raise ValueError("its first line is empty")
            found.append(row)
    while found and not found[-1]:
        found.pop()
    if not found:
        raise ValueError("its first sheet is empty")
    return [row + [None] * (len(found[0]) - len(row)) for row in found]


def further_sheets(path: Path) -> list[str]:
    """Return what the sheets behind the first are called."""
    with path.open("rb") as file:
        return [sheet.title for sheet in load_workbook(file, read_only=True).worksheets[1:]]


def _trimmed(sheet: Any) -> Iterator[list[Any]]:
    for cells in sheet.iter_rows(values_only=True):
        row = list(cells)
        while row and (row[-1] is None or not str(row[-1]).strip()):
            row.pop()
        yield row


def _require_size(path: Path, most_bytes: int) -> None:
    """Refuse what would fill the memory: a few compressed bytes may stand for all of it."""
    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist() if part.filename.endswith(".xml"))
    if size > most_bytes:
        raise ValueError(f"its sheets have {size / 1e6:,.0f} MB")


def _require_values(xml: bytes) -> None:
    if found := _MERGED.search(xml):
        raise ValueError(
            f"cells {found[1].decode()} are merged, and all but the first are empty; part them, and"
            " write the value into each"
        )
    if found := _FORMULA.search(xml):
        raise ValueError(
            f"cell {found[1].decode()} is a formula without its value; open and save the workbook"
            " in a spreadsheet program, or write the value"
        )
