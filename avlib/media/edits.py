"""What the edit lists of an MP4 or MOV keep from being shown."""

import struct
from collections.abc import Iterator
from pathlib import Path

# Share of a stream that is shown, below which it was trimmed; encoders hide less of their own.
_WHOLE = 0.95
_LARGEST = 2**26  # bytes of an index that are read; of a day of pictures it has fewer


def is_trimmed(path: Path | str) -> bool:
    """Tell whether an edit list hides a part of some stream, as where nobody encoded it anew."""
    moov = _index(Path(path))
    try:
        (header,) = _below(moov, b"mvhd")
        scale, _ = _scale_and_length(header)
        for track in _below(moov, b"trak"):
            for edits in _below(track, b"edts", b"elst"):
                (media,) = _below(track, b"mdia", b"mdhd")
                media_scale, length = _scale_and_length(media)
                shown = _shown(edits) / scale
                if 0 < shown < _WHOLE * length / media_scale:
                    return True
    except (ValueError, struct.error, ZeroDivisionError):
        return False  # it is damaged, which others see
    return False


def _index(path: Path) -> bytes:
    """Return what is in the box of the index."""
    size, place = path.stat().st_size, 0
    with path.open("rb") as file:
        while place + 8 <= size:
            file.seek(place)
            head = file.read(16)
            length, start = int.from_bytes(head[:4], "big"), 8
            if length == 1:
                length, start = int.from_bytes(head[8:], "big"), 16
            if head[4:8] == b"moov":
                file.seek(place + start)
                return file.read(min(max(length - start, 0), _LARGEST))
            if length < start:
                break
            place += length
    return b""


def _below(data: bytes, *kinds: bytes) -> Iterator[bytes]:
    """Yield what is in the boxes of a kind, below others of these kinds."""
    place = 0
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        if data[place + 4 : place + 8] == kinds[0]:
            found = data[place + 8 : place + length]
            yield from _below(found, *kinds[1:]) if kinds[1:] else (found,)
        if length < 8:
            return
        place += length


def _scale_and_length(header: bytes) -> tuple[int, int]:
    """Return ticks a second, and the length in ticks."""
    if header[0]:
        scale, length = struct.unpack(">IQ", header[20:32])
    else:
        scale, length = struct.unpack(">II", header[12:20])
    return scale, length


def _shown(edits: bytes) -> int:
    """Return how long all edits are together, in ticks of the movie; 0: nothing says."""
    entry = struct.Struct(">QqI" if edits[0] else ">IiI")
    count = int.from_bytes(edits[4:8], "big")
    found = entry.iter_unpack(edits[8 : 8 + count * entry.size])
    lengths = [length for length, start, _ in found if start >= 0]  # others are empty
    return sum(lengths) if all(lengths) else 0
