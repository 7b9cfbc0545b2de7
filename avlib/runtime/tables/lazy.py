"""A column of one clip that is read as it is asked for."""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
import pyarrow as pa

from avlib.runtime.tables import ClipRef, read_clip


class LazyColumn(Sequence[Any]):
    """The values of a column of a clip, of whose row groups one is in memory.

    Parameters
    ----------
    clip
        Where its rows are.
    column
        Of the table.
    """

    def __init__(self, clip: ClipRef, column: str) -> None:
        groups = (clip.row_group,) if isinstance(clip.row_group, int) else clip.row_group
        numbers = [read_clip(clip.path, group, ["clip_id"]).num_rows for group in groups]
        self._path, self._groups, self._column = clip.path, groups, column
        self._firsts = np.cumsum([0, *numbers])
        self._held: tuple[int, pa.ChunkedArray] | None = None

    def __len__(self) -> int:
        return int(self._firsts[-1])

    @overload
    def __getitem__(self, row: int) -> Any: ...
    @overload
    def __getitem__(self, row: slice) -> list[Any]: ...
    def __getitem__(self, row: int | slice) -> Any:
        if isinstance(row, slice):
            return [self[number] for number in range(*row.indices(len(self)))]
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        place = int(np.searchsorted(self._firsts, row, side="right")) - 1
        if self._held is None or self._held[0] != place:
            self._held = None  # before the next is read
            found = read_clip(self._path, self._groups[place], [self._column])
            self._held = place, found[self._column]
        return self._held[1][int(row) - int(self._firsts[place])].as_py()
