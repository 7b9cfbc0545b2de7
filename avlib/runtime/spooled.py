"""Tables that are too large to be in memory together, kept in a file until they are asked for."""

import tempfile
from collections.abc import Iterator
from typing import IO

import pyarrow as pa

from avlib.runtime import paths


def nameless_file() -> IO[bytes]:
    """Open a file to write and read that is gone when it is closed.

    It lies in the project's memory where there is one to write to: the system's temporary folder
    may be in the computer's memory.
    """
    try:
        return tempfile.TemporaryFile(dir=paths.MEMO)
    except OSError:  # none here, or a project that others only read
        return tempfile.TemporaryFile()


class Spooled:
    """Tables of one schema in the order in which they were added; the last one is in memory.

    The others lie in a file (see `nameless_file`) that is gone with the object.
    """

    def __init__(self) -> None:
        self._last: pa.Table | None = None
        self._file = nameless_file()
        self._places: list[int] = []

    def add(self, table: pa.Table) -> None:
        """Keep a table behind those that were added before."""
        if self._last is not None:
            self._places.append(self._file.tell())
            with pa.ipc.new_stream(pa.PythonFile(self._file, "w"), self._last.schema) as writer:
                writer.write_table(self._last)
        self._last = table

    def tables(self) -> pa.Table | Iterator[pa.Table]:
        """Return the one table, or read several one by one."""
        return self._each() if self._places or self._last is None else self._last

    def _each(self) -> Iterator[pa.Table]:
        for place in self._places:
            self._file.seek(place)
            with pa.ipc.open_stream(pa.PythonFile(self._file, "r")) as reader:
                yield reader.read_all()
        if self._last is not None:
            yield self._last
