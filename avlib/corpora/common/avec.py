"""Tables of the AVEC challenges: one recording over time, as arff or csv."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd

from avlib.runtime.errors import CorpusError

# "@attribute name type", the name in quotes where it holds a blank.
_ATTRIBUTE = re.compile(r"@attribute\s+(?:'([^']*)'|\"([^\"]*)\"|(\S+))\s+(.+)", re.IGNORECASE)
_MOST = float(np.finfo(np.float32).max)
_TIMES = ("frametime", "time", "timestamp")


def read_frames(path: Path) -> pd.DataFrame:
    """Read a gold standard or a feature file of one recording.

    An arff file declares its columns (``Instance_name string``, ``frameTime numeric``, then one
    column per value). A csv file has the same columns, separated by commas or semicolons, with or
    without a header. Text columns, the recording's name, are dropped.

    Parameters
    ----------
    path : Path
        Suffix ``.arff`` or ``.csv``.

    Returns
    -------
    pandas.DataFrame
        float64; ``time`` in seconds, strictly increasing, then the values by name (in a csv without
        header ``value_1`` and so on), NaN where the file has "?" or nothing.

    Raises
    ------
    CorpusError
        The file cannot be read, has no rows or no values, a value that is none, or its times are
        missing, negative or do not increase.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from None
    names: list[str] = []
    lines = [line.strip() for line in text.splitlines()]
    if path.suffix.lower() == ".arff":
        names, lines = _arff(path, lines)
    lines = [line for line in lines if line]
    try:
        cells = list(csv.reader(lines, delimiter=";" if ";" in "".join(lines[:1]) else ","))
    except csv.Error as error:
        raise _broken(path, f"is no table of numbers ({error})") from None
    if not names and cells and _number(cells[0][-1]) is None:
        names = [name.strip(" '\"") for name in cells.pop(0)]
    if not cells:
        raise _broken(path, "holds no rows")
    width = len(cells[0])
    for number, row in enumerate(cells, start=1):
        if len(row) != width:
            found = f"row {number} of its data has {len(row)} cells, the first has {width}"
            raise _broken(path, found)
    if names and len(names) != width:
        raise _broken(path, f"declares {len(names)} columns, but its rows have {width}")
    return _numbers(path, names, cells)


def _broken(path: Path, found: str) -> CorpusError:
    return CorpusError(f"{path}: {found}; unpack or download it again")


def _arff(path: Path, lines: list[str]) -> tuple[list[str], list[str]]:
    """Return the declared names and the lines of data."""
    names = []
    for number, line in enumerate(lines):
        if match := _ATTRIBUTE.fullmatch(line):
            names.append(next(group for group in match.groups()[:3] if group is not None))
        elif line.lower() == "@data":
            return names, [row for row in lines[number + 1 :] if not row.startswith("%")]
    raise _broken(path, "is no arff file, it has no line @data")


def _number(cell: str) -> float | None:
    """Return the number in a cell, NaN where there is nothing or "?"; None of another text.

    What no float32 holds is infinite: sums of such numbers would be.
    """
    cell = cell.strip()
    try:
        number = np.nan if cell in ("", "?") else float(cell)
    except ValueError:
        return None
    return np.inf if abs(number) > _MOST else number


def _numbers(path: Path, names: list[str], cells: list[list[str]]) -> pd.DataFrame:
    """Return the columns of numbers, the time first."""
    columns: dict[str, np.ndarray] = {}
    for place, column in enumerate(zip(*cells, strict=True)):
        numbers = [_number(cell) for cell in column]
        if numbers[0] is None:
            continue
        wrong = [row for row, number in enumerate(numbers) if number in (None, np.inf)]
        if wrong:
            row = wrong[0]
            text = column[row].strip()[:40]
            raise _broken(path, f"row {row + 1} of its data holds {text!r}, expected a number")
        columns[names[place] if names else f"value_{len(columns)}"] = np.array(numbers, float)
    if len(columns) < 2:
        found = f"has {len(columns)} columns of numbers, expected a time and a value at least"
        raise _broken(path, found)
    first = next((name for name in columns if name.lower() in _TIMES), next(iter(columns)))
    table = pd.DataFrame({"time": columns.pop(first), **columns})
    times = table["time"]
    increase = np.isfinite(times) & (times >= 0) & ~(times.diff() <= 0)
    if not increase.all():
        row = int(increase.argmin())
        before = f" after {times[row - 1]:g}" if row else ""
        raise _broken(
            path,
            f"row {row + 1} of its data holds the time ({first}) {times[row]:g}{before}; "
            "expected seconds that begin at 0 or later and increase from row to row, every 0.04 s",
        )
    return table
