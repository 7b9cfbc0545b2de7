"""Whether a file holds all the bytes that its own headers state.

Only stated sizes count. Stated durations do not: of many containers they are guesses.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from avlib.media.chain import (
    ASF,
    ASF_DATA,
    ASF_HEADER,
    ASF_PROPERTIES,
    content_start,
    flv_tags,
    last_byte,
)

# Bytes that may be missing: writers are off by a header, or leave out a filling byte.
_SLACK = 64
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp", b"pnot")
# A size from here up is what writers put who do not know it yet (2**31 and 2**32, less a header).
_UNKNOWN_SIZES = ((2**31 - 4096, 2**31 + 4096), (2**32 - 4096, 2**32))
# Bytes in which an FLV's first tag states its size, and beyond which it is nonsense.
_FLV_METADATA, _FLV_LARGEST = 4096, 2.0**50
_WAV_HEADER, _PCM = 4096, (1, 3, 0xFFFE)  # numbers of codecs without compression
# How W64 begins.
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")


def stated_size(path: Path | str) -> int | None:
    """Return how many bytes a file has where it is whole; None where nothing in it says so.

    Read are the boxes of MP4 and MOV, the chunks of WAV, AVI, AIFF, CAF and W64, the segment of
    Matroska and WebM, the tags of FLV, and the headers of AU and of ASF (WMA, WMV).
    """
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        head = file.read(24)
        if head[4:8] in _BOXES:
            return _mp4(file, size)
        if head[:4] in (b"RIFF", b"RF64", b"FORM"):
            return _iff(file, size)
        if head[:4] == b"\x1aE\xdf\xa3":
            return _matroska(file)
        if head[:3] == b"FLV":
            return _flv(file, size)
        if head[:4] == b"caff":
            return _caf(file, size)
        if head[:4] == b".snd":
            start, length = struct.unpack(">II", head[4:12])
            return None if _is_unknown(length) else start + length
        if head[:16] == _W64:
            return int.from_bytes(head[16:], "little") or None
        if head[:16] == ASF:
            return _asf(file)
    return None


def content_end(path: Path | str) -> int | None:
    """Return how many bytes into a file its content ends, as far as it is there.

    Known of MP4, MOV, WAV, AVI and ASF (of which the last packet may be empty, and counts not).
    Behind that of an MP4, MOV or WAV, what is no box or chunk and not only zeros counts too: a hole
    in the file, or a header that is out of date, conceals it. None of another file, and where no
    box holds content.
    """
    size, end = Path(path).stat().st_size, None
    with Path(path).open("rb") as file:
        head = file.read(16)
        if head[4:8] in _BOXES:
            for kind, place, length in _boxes(file, size):
                if kind == b"mdat":
                    end = min(place + length, size) if length else size
                elif end and not length and place < last_byte(file, size):
                    end = size
        elif head[:4] == b"RIFF" and head[8:12] == b"WAVE":
            samples = _wav(file, size)
            conceals = samples is None or not _is_chunks(file, samples, last_byte(file, size))
            end = size if conceals else samples
        elif head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            end = _movie(file, size)
        elif head[:16] == ASF:
            end = _asf_end(file, content_start(path), size)
    return end


def is_cut(path: Path | str) -> bool:
    """Tell whether the last tag of an FLV is cut short; how much is missing nobody knows then."""
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        return file.read(3) == b"FLV" and flv_tags(file, size)[0] - size > _SLACK


def missing_share(path: Path | str) -> float:
    """Return which share of the bytes that a file states is not there, 0 where nothing says so."""
    size, stated = Path(path).stat().st_size, stated_size(path)
    return 0.0 if stated is None or stated - size <= _SLACK else 1 - size / stated


def doubtful_rate(path: Path | str) -> str:
    """Say which two sample rates the header of a WAV states, "" where it states one.

    It has the bytes of a second beside the samples; one damaged bit makes them differ.
    """
    with Path(path).open("rb") as file:
        head = file.read(_WAV_HEADER)
    if head[:4] not in (b"RIFF", b"RF64") or head[8:12] != b"WAVE":
        return ""
    _, found, said = head.partition(b"fmt ")
    if not found or len(said) < 20:
        return ""
    kind, _, rate, bytes_a_second, frame, _ = struct.unpack("<HHIIHH", said[4:20])
    if kind not in _PCM or not frame or bytes_a_second == rate * frame:
        return ""
    return f"{rate} and {bytes_a_second / frame:g}"


def _movie(file: BinaryIO, size: int) -> int | None:
    """Return where the last list of an AVI ends that holds content; a large one has several."""
    place, end = 0, None
    while place + 12 <= size:
        file.seek(place)
        head = file.read(12)
        length = int.from_bytes(head[4:8], "little")
        if head[:4] == b"RIFF":
            place += 12
            continue
        if not head[:4].replace(b" ", b"0").isalnum():
            break
        if head[8:] == b"movi":
            end = size if _is_unknown(length) else min(place + 8 + length, size)
        place += 8 + length + length % 2
    return end


def _asf_end(file: BinaryIO, start: int, size: int) -> int | None:
    """Return where an ASF's object of packets ends, less a packet, whose rest is filled up."""
    if start > size:
        return None
    file.seek(start - ASF_DATA + 16)
    length = int.from_bytes(file.read(8), "little")
    file.seek(0)
    _, _, said = file.read(ASF_HEADER).partition(ASF_PROPERTIES)
    packet = int.from_bytes(said[80:84], "little")  # the largest
    return min(start - ASF_DATA + length, size) - packet if length else None


def _mp4(file: BinaryIO, size: int) -> int | None:
    end = 0
    for _, place, length in _boxes(file, size):
        if not length:
            return None
        end = place + length
    return end


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, place and length of the outermost boxes.

    The length is 0 of one that goes to the end, and of what is no box: it is the last one.
    """
    place, length = 0, size
    while length and place + 8 <= size:
        file.seek(place)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if not head[4:8].replace(b" ", b"0").isalnum() or length < 8:
            length = 0
        yield head[4:8], place, length
        place += length


def _iff(file: BinaryIO, size: int) -> int | None:
    """Walk the outermost chunks, of which a large AVI has several; in a WAV its samples count."""
    file.seek(8)
    if file.read(4) == b"WAVE":
        return _wav(file, size)
    place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(8)
        length = int.from_bytes(head[4:], "big" if head[:4] == b"FORM" else "little")
        if head[:4] not in (b"RIFF", b"FORM"):
            return place  # what was appended is none of its
        if _is_unknown(length):
            return None
        place += 8 + length + length % 2
    return place


def _wav(file: BinaryIO, size: int) -> int | None:
    place, large = 12, 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(24)
        length = int.from_bytes(head[4:8], "little")
        if head[:4] == b"ds64":  # sizes of more than 32 bits: of the file, of the samples
            large = int.from_bytes(head[16:24], "little")
        if head[:4] == b"data":
            length = large or length
            return None if not large and _is_unknown(length) else place + 8 + length
        place += 8 + length + length % 2
    return None


def _is_chunks(file: BinaryIO, place: int, size: int) -> bool:
    """Tell whether a file goes on with chunks, of which none is another WAV, to its end."""
    if place >= size:
        return True
    place += place % 2
    while place + 8 <= size:
        file.seek(place)
        head = file.read(8)
        if not head[:4].isascii() or head[:4] == b"RIFF":
            return False
        length = int.from_bytes(head[4:], "little")
        place += 8 + length + length % 2
    return place <= size + _SLACK


def _caf(file: BinaryIO, size: int) -> int | None:
    place = 8
    while place + 12 <= size:
        file.seek(place)
        head = file.read(12)
        length = int.from_bytes(head[4:], "big", signed=True)
        if length < 0:
            return None
        place += 12 + length
        if head[:4] == b"data":  # what is behind it counts little, and may be damaged
            break
    return place


def _asf(file: BinaryIO) -> int | None:
    file.seek(0)
    _, found, said = file.read(ASF_HEADER).partition(ASF_PROPERTIES)
    # Behind the object's own size and the file's identity.
    return int.from_bytes(said[24:32], "little") or None if found else None


def _is_unknown(length: int) -> bool:
    return length == 0 or any(low <= length < high for low, high in _UNKNOWN_SIZES)


def _matroska(file: BinaryIO) -> int | None:
    file.seek(4)
    header = _vint(file)
    if header is None:
        return None
    file.seek(header, 1)
    if file.read(4) != b"\x18S\x80g":
        return None
    length = _vint(file)
    return None if length is None else file.tell() + length


def _vint(file: BinaryIO) -> int | None:
    """Read a number of variable length; None where it says that it is not known."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    n_bytes = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(n_bytes - 1), "big")
    bits = 7 * n_bytes
    value &= (1 << bits) - 1
    return None if value == (1 << bits) - 1 else value


def _flv(file: BinaryIO, size: int) -> int | None:
    """Return the size that the tag onMetaData states, or the end of a tag that is cut short."""
    file.seek(0)
    head = file.read(_FLV_METADATA)
    name = b"filesize\x00"
    place = head.find(name) + len(name)
    if len(name) <= place <= len(head) - 8:
        [stated] = struct.unpack(">d", head[place : place + 8])
        if size < stated < _FLV_LARGEST:
            return int(stated)
    end, broken = flv_tags(file, size)
    return None if broken else end
