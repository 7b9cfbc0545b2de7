"""Whether a file's parts, of which each states its length, lead to its end one after the other."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# How ASF (WMA, WMV) begins.
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
# The object in its header that states its size, and from which byte of it on its flags stand.
ASF_PROPERTIES, ASF_HEADER = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"), 2**16
_ASF_FLAGS, _BROADCAST = 72, 1
_BLOCK = 2**16
_OGG_PAGE, ASF_DATA = 27, 50  # bytes of the headers of a page, and of the object of packets
_MOST_PAGES = 2**16  # that are cut out at once; more are a number that is damaged
_LISTS = (b"RIFF", b"LIST")  # chunks of an AVI that hold others, behind four more bytes


@dataclass(frozen=True)
class Break:
    """Where a file's parts lead to no other one.

    Attributes
    ----------
    part : int
        Byte at which the last of them begins: it is damaged, or what comes behind it is.
    at : int
        Byte at which the next one is due.
    """

    part: int
    at: int


def break_in(path: Path | str) -> Break | None:
    """Return where the chain of an FLV's or AVI's parts breaks off; None where it does not.

    Of other files nothing is known.
    """
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        head = file.read(12)
        if head[:3] == b"FLV":
            return flv_tags(file, size)[1]
        if head[:4] == b"RIFF" and head[8:] == b"AVI ":
            return _chunks(file, size)
    return None


def flv_tags(file: BinaryIO, size: int) -> tuple[int, Break | None]:
    """Return where the last tag of an FLV ends, and the break, where no tag follows it.

    Then it is damaged, or something else was appended.
    """
    file.seek(5)
    last = place = int.from_bytes(file.read(4), "big") + 4  # each tag is followed by its size
    while place + 11 <= size:
        file.seek(place)
        tag = file.read(11)
        if tag[0] & 0x1F not in (8, 9, 18) or any(tag[8:]):
            return place, Break(last, place)
        last, place = place, place + 11 + int.from_bytes(tag[1:4], "big") + 4
    return place, None


def _chunks(file: BinaryIO, size: int) -> Break | None:
    last = place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(8)
        if not head[:4].replace(b" ", b"0").isalnum():
            return Break(last, place)
        length = int.from_bytes(head[4:], "little")
        last, place = place, place + (12 if head[:4] in _LISTS else 8 + length + length % 2)
    return None


def content_start(path: Path | str) -> int:
    """Return at which byte the packets of an Ogg, ASF, MP3 or AAC are due, behind its header.

    Of other files nothing is known, and it is 0.
    """
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        head = file.read(24)
        if head[:4] == b"OggS":
            return _ogg_headers(file, size)
        if head[:16] == ASF:
            return int.from_bytes(head[16:], "little") + ASF_DATA
    if head[:3] == b"ID3":
        length = 0
        for byte in head[6:10]:
            length = length << 7 | byte & 0x7F
        return 10 + length
    return 0


def counts_from_zero(path: Path | str) -> bool:
    """Tell whether a file's first packets are due at second 0 of its clock: those of an ASF are.

    One that says that it was made of a broadcast may begin at any time; so may other containers.
    """
    with Path(path).open("rb") as file:
        head = file.read(ASF_HEADER)
    _, found, said = head.partition(ASF_PROPERTIES)
    flags = int.from_bytes(said[_ASF_FLAGS : _ASF_FLAGS + 4], "little")
    return head[:16] == ASF and bool(found) and not flags & _BROADCAST


def _ogg_headers(file: BinaryIO, size: int) -> int:
    """Return where the pages end that hold no content: those of moment 0 at the start."""
    place = 0
    while place + _OGG_PAGE <= size:
        file.seek(place)
        page = file.read(_OGG_PAGE)
        if page[:4] != b"OggS" or any(page[6:14]):
            break
        place += _OGG_PAGE + page[26] + sum(file.read(page[26]))
    return place


def ogg_lost(path: Path | str, start: int, read: int) -> float:
    """Return which share of an Ogg's content is not there or was not read.

    Pages are numbered, so that those that were cut out are missed; one whose bits do not fit its
    checksum is read by nobody.

    Parameters
    ----------
    start : int
        Where its content begins; see `content_start`.
    read : int
        Bytes of the packets that were read, of all streams.
    """
    size = Path(path).stat().st_size
    headers = pages = missing = 0
    last: dict[bytes, int] = {}
    with Path(path).open("rb") as file:
        place: int | None = start
        while place is not None and place + _OGG_PAGE <= size:
            file.seek(place)
            page = file.read(_OGG_PAGE)
            if page[:4] != b"OggS":
                place = _next_page(file, place + 1)
                continue
            headers += _OGG_PAGE + page[26]
            number, stream = int.from_bytes(page[18:22], "little"), page[14:18]
            step = number - last.get(stream, number - 1)
            missing += step - 1 if 0 < step < _MOST_PAGES else 0
            pages += 1
            last[stream] = number
            place += _OGG_PAGE + page[26] + sum(file.read(page[26]))
    unread = (size - start - headers - read) / max(size - start, 1)
    return max(unread, missing / max(pages + missing, 1))


def _next_page(file: BinaryIO, place: int) -> int | None:
    """Return where the next page of an Ogg begins; None where there is none."""
    while True:
        file.seek(place)
        block = file.read(_BLOCK)
        found = block.find(b"OggS")
        if found >= 0 or len(block) < _BLOCK:
            return place + found if found >= 0 else None
        place += _BLOCK - 3


def last_byte(file: BinaryIO, size: int) -> int:
    """Return how many bytes a file has without the zeros at its end."""
    while size:
        start = max(size - _BLOCK, 0)
        file.seek(start)
        if rest := file.read(size - start).rstrip(b"\0"):
            return start + len(rest)
        size = start
    return 0
