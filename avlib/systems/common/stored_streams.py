"""A clip's streams on disk: sound in a flat file, chips as the stage ``faces`` stored them.

Chips are decoded when they are asked for, by whoever asks: of the faces of a clip a training step
of temporal aggregation looks at one in ten, and decoded a corpus's chips take ten times the room.
"""

import functools
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from avlib.runtime.errors import DataError
from avlib.runtime.tables.opened import OpenPart
from avlib.systems.common.streams import EVERY, Streams, decoded

# Bytes of chips that a process remembers decoded: all of the demo's, whose networks take less time
# than the decoder. With networks of the papers' sizes it takes a hundredth of theirs.
_REMEMBERED = 64e6


@dataclass(frozen=True)
class StoredStreams(Streams):
    """Streams in a part of table ``faces`` and in a file of samples.

    Attributes
    ----------
    frames : int array of shape (n_chips,)
        Which of the clip's frames each chip is of; -1 where no face was found.
    faces, listing : str
        The part, and its `OpenPart.listing`.
    groups : int array of shape (n_groups, 2)
        The clip's row groups there, and the first frame of each.
    sounds : str
        The file of samples.
    first_sample : int
        Place of the clip among them.
    """

    frames: np.ndarray
    faces: str
    listing: str
    groups: np.ndarray
    sounds: str
    first_sample: int

    def chips(self, places: np.ndarray | slice = EVERY) -> np.ndarray:
        """Read and decode the chips at some places; see `Streams`."""
        size = self.format.size
        frames, which = np.unique(self.frames[places], return_inverse=True)
        pixels = np.zeros((len(frames), size, size, 3), np.uint8)
        group = np.searchsorted(self.groups[:, 1], frames, side="right") - 1  # of each frame
        for number in np.unique(group[frames >= 0]):
            row_group, first = self.groups[number].tolist()
            here = (group == number) & (frames >= 0)
            place = self.faces, self.listing, row_group
            pixels[here] = _decoded_rows(place, frames[here] - first, size)
        return pixels[which]

    def sound(self) -> np.ndarray:
        """Return the sound, mapped from disk; see `Streams`."""
        if not self.samples:  # an empty file cannot be mapped
            return np.zeros(0, "<i2")
        waves = _mapped_file(self.sounds)
        return waves[self.first_sample : self.first_sample + self.samples]


def _decoded_rows(place: tuple[str, str, int], rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Return the chips in some rows of a row group, at a size."""
    path, listing, row_group = place
    keys = [(*place, row, size) for row in rows.tolist()]
    found = {key: chip for key in keys if (chip := _RECENT.get(key)) is not None}
    if len(found) < len(keys):
        jpegs = _part(path, listing).read(row_group, ["chip"])["chip"]
        for key, row in zip(keys, rows.tolist(), strict=True):
            if key not in found:
                found[key] = decoded(jpegs[row].as_py(), size)
                _RECENT.put(key, found[key])
    return [found[key] for key in keys]


class _Recent:
    """Arrays that were asked for last, as many as `most` bytes hold."""

    def __init__(self, most: float) -> None:
        self.most, self.bytes = most, 0
        self.held: OrderedDict[object, np.ndarray] = OrderedDict()

    def get(self, key: object) -> np.ndarray | None:
        if key in self.held:
            self.held.move_to_end(key)
        return self.held.get(key)

    def put(self, key: object, value: np.ndarray) -> None:
        self.held[key] = value
        self.bytes += value.nbytes
        while self.bytes > self.most:
            self.bytes -= self.held.popitem(last=False)[1].nbytes


_RECENT = _Recent(_REMEMBERED)


def forget() -> None:
    """Drop the chips that are remembered."""
    _RECENT.held.clear()
    _RECENT.bytes = 0


@functools.lru_cache(maxsize=128)  # each holds a file open
def _part(path: str, listing: str) -> OpenPart:
    """Open a part, and see that it is the one of which the clips' frames are known."""
    part = OpenPart(path)
    if part.listing != listing:
        raise DataError(
            f"{path}: other faces than when training began to read them; expected no change while"
            " it does: run the stage again"
        )
    return part


@functools.lru_cache(maxsize=128)  # likewise
def _mapped_file(path: str) -> np.ndarray:
    """Map a file once for all of its clips: a mapping costs more than what is read through it."""
    return np.memmap(path, "<i2", "r")
