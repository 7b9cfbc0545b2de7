"""Open a recording and walk its packets, whatever state the file is in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

from avlib.runtime.errors import MediaError

# Seconds decoded before a span: a lossy codec, a deinterlacer and a resampler remember that long.
LEAD = 1
# Seconds from one picture to the next, at most: a camera that takes one a minute is the slowest.
SLOWEST = 60
# Pictures a second, at most: cameras for slow motion take as many.
FASTEST = 1000
# A pixel that is said to be more times as wide as high, or as high as wide, is damage.
MAX_ASPECT = 4
# Decoders whose frames begin with the same byte, 255.
_SYNCHRONISED = {"mp1float", "mp2float", "mp3float", "mp1", "mp2", "mp3"}
# Codecs whose frames hold a checksum: what does not fit it is noise.
_CHECKED = {"ac3", "eac3", "flac", "tta", "wavpack"}
# What Git LFS and git-annex leave in place of a file that was not fetched.
_POINTERS = {
    b"version https://git-lfs.github.com/spec/": "Git LFS pointer, not the recording; pull the file"
    " (git lfs pull)",
    b"/annex/objects/": "git-annex pointer, not the recording; get the file (git annex get)",
}
# How lists of recordings begin (HLS, FFmpeg's concat), which may lie anywhere.
_PLAYLISTS = (b"#EXTM3U", b"ffconcat")


@contextmanager
def opened(path: Path | str) -> Iterator[Any]:
    """Open a recording, or say in one line why it is none."""
    path = Path(path)
    if not path.is_file():
        raise MediaError(f"{path}: {_instead(path)}")
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise MediaError(f"{path}: the file is empty (0 bytes); download or copy it again")
    for mark, what in _POINTERS.items():
        if head.startswith(mark):
            raise MediaError(f"{path}: is a {what}")
    if head.startswith(_PLAYLISTS):
        raise MediaError(f"{path}: is a list of other files, not a recording; expected these")
    try:
        # "file:" keeps a colon in a name from being read as a protocol, and the whitelist keeps
        # what poses as a recording from opening anything but files.
        container = av.open(
            f"file:{path}",
            container_options={"protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise MediaError(
            f"{path}: cannot be opened as a recording ({reason}); it is no audio or video "
            "file, or its download was cut short"
        ) from error
    with container:
        for stream in (*container.streams.video, *container.streams.audio):
            if stream.codec_context is not None:
                stream.codec_context.thread_count = 1
                if stream.codec_context.name in _CHECKED:
                    stream.codec_context.options = {"err_detect": "crccheck+explode"}
        yield container


def _instead(path: Path) -> str:
    """Say what is in the place of a file."""
    if path.is_symlink() and not path.exists():
        return "is a link to a file that is not here; get the file (git annex get), or remove it"
    return "is a folder, a pipe or a device, no file" if path.exists() else "there is no such file"


def first_stream(container: Any, kind: str) -> Any | None:
    """Return the first decodable stream of a kind; a cover picture of a song is no video."""
    for stream in getattr(container.streams, kind):
        if stream.codec_context and not stream.disposition & Disposition.attached_pic:
            return stream
    return None


def first_streams(container: Any) -> dict[str, Any]:
    """Return the first decodable stream of each kind that there is."""
    found = {kind: first_stream(container, kind) for kind in ("video", "audio")}
    return {kind: stream for kind, stream in found.items() if stream is not None}


def packets(container: Any, streams: list[Any]) -> Iterator[Any]:
    """Demux to the end, or to where the file breaks off; the last packet of each stream flushes."""
    flushed = set()
    # PyAV raises IndexError at the end of a file in the middle of which another stream appears.
    with suppress(av.error.FFmpegError, IndexError):
        for packet in container.demux(*streams):
            if packet.dts is None and packet.size == 0:
                flushed.add(packet.stream.index)
            yield packet
    for stream in streams:
        if stream.index not in flushed:
            flush = av.Packet()
            flush.stream = stream
            yield flush


@dataclass
class Tally:
    """Bytes of the packets of a stream that were handed to its decoder, and that it refused."""

    given: int = 0
    refused: int = 0


def decoded(packet: Any, tally: Tally) -> list[Any]:
    """Decode a packet; a damaged one gives nothing and the next ones go on."""
    size, codec = packet.size, packet.stream.codec_context.name
    # What is none of its frames the decoder of an MP3 passes over without a word.
    refused = size > 0 and codec in _SYNCHRONISED and bytes(packet)[:1] != b"\xff"
    try:
        found = packet.decode()
    except (av.error.FFmpegError, ValueError):
        found, refused = [], True
    tally.given += size
    tally.refused += size if refused else 0
    return found


def span(path: Path | str, start: float | None, end: float | None) -> tuple[float, float]:
    """Return where a span begins and ends, in seconds; None is a recording's own start or end."""
    begin, stop = start or 0.0, math.inf if end is None else end
    if not 0 <= begin < stop:
        raise MediaError(f"{path}: the span is {start} to {end} s; expected 0 <= start < end")
    return begin, stop


def seek_before(container: Any, stream: Any, moment: float) -> bool:
    """Move to the last keyframe of a stream at or before a moment; False where that fails.

    Parameters
    ----------
    moment : float
        In seconds on the container's axis. A container without an index may still land elsewhere:
        look at the first frame that follows.
    """
    try:
        container.seek(math.floor(moment / stream.time_base), stream=stream)
    except av.error.FFmpegError:
        return False
    return True


def frame_time(frame: Any) -> float | None:
    """Return when a frame or a packet is presented, in seconds on the container's axis, or None."""
    stamp = frame.pts if frame.pts is not None else frame.dts
    return None if stamp is None or not frame.time_base else float(stamp * frame.time_base)


def shown_width(stream: Any, frame: Any) -> int:
    """Return how wide a decoded frame is in square pixels; DV, for one, stores it squeezed."""
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1
    believed = 1 / MAX_ASPECT <= aspect <= MAX_ASPECT
    return round(frame.width * aspect) if believed else frame.width


def mean_rate(stream: Any) -> float | None:
    """Return the container's mean frame rate in frames per second, None if unknown or nonsense."""
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate and 1 / SLOWEST <= rate <= FASTEST else None
