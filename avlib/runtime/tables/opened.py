"""A part of a table that stays open."""

import hashlib
from collections.abc import Sequence

import pyarrow as pa

from avlib.runtime.tables import _CLIPS_KEY, _open, _read_groups


class OpenPart:
    """A part of which many clips are read: to find where everything is in it takes longer than one.

    Parameters
    ----------
    path
        The part.

    Raises
    ------
    DataError
        It is damaged; in `read`, too.
    """

    def __init__(self, path: str) -> None:
        self._path, self._file = path, _open(path)

    @property
    def listing(self) -> str:
        """What tells the part from one of other rows: a digest of its list of clips."""
        return hashlib.sha256((self._file.metadata.metadata or {}).get(_CLIPS_KEY, b"")).hexdigest()

    def read(self, row_group: int, columns: Sequence[str]) -> pa.Table:
        """Read some columns of a row group."""
        return _read_groups(self._file, self._path, row_group, columns)
