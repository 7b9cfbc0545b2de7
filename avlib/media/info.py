"""What a recording holds, found without decoding it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from avlib.media import demux
from avlib.runtime.errors import MediaError

# A file is called truncated when this share of what its header declares is missing.
_MISSING_SHARE = 0.1


@dataclass(frozen=True)
class MediaInfo:
    """What a recording holds; figures of a stream that is absent are None.

    Attributes
    ----------
    duration : float
        Seconds that can be read, from the clip's start to the end of its last packet.
    fps : float or None
        Mean frame rate in frames per second.
    width, height : int or None
        Size of the frames that `video_frames` yields, in square pixels (rotation applied).
    sample_rate : int or None
        Of the first audio stream, in Hz.
    channels : int or None
        Number of audio channels.
    has_video, has_audio : bool
        True when at least one frame of the stream can be decoded.
    declared_duration : float or None
        Seconds that the container's header declares, None where it declares nothing.
    """

    duration: float
    fps: float | None = None
    width: int | None = None
    height: int | None = None
    sample_rate: int | None = None
    channels: int | None = None
    has_video: bool = False
    has_audio: bool = False
    declared_duration: float | None = None

    @property
    def truncated(self) -> bool:
        """True when the file ends well before what its header declares."""
        declared = self.declared_duration
        return declared is not None and self.duration < (1 - _MISSING_SHARE) * declared


def probe(path: Path | str) -> MediaInfo:
    """Describe a recording by decoding one frame per stream and reading its packets' times.

    Parameters
    ----------
    path : Path or str
        The recording.

    Returns
    -------
    MediaInfo
        A truncated file is described by what it still holds (see `MediaInfo.truncated`).

    Raises
    ------
    MediaError
        The file is missing, empty, no recording, or nothing in it can be decoded.
    """
    with demux.opened(path) as container:
        video = demux.first_stream(container, "video")
        audio = demux.first_stream(container, "audio")
        streams = [stream for stream in (video, audio) if stream is not None]
        if not streams:
            raise MediaError(f"{path}: holds neither a video nor an audio stream")
        first: dict[int, Any] = {}
        ends: dict[int, float] = {}
        for packet in demux.packets(container, streams):
            stream = packet.stream
            if stream.index not in first and (frames := demux.decoded(packet)):
                first[stream.index] = frames[0]
            end = _packet_end(packet)
            if end is not None and end - ends.setdefault(stream.index, end) < demux.MAX_JUMP:
                ends[stream.index] = max(ends[stream.index], end)
        picture, sound = (stream and first.get(stream.index) for stream in (video, audio))
        if picture is None and sound is None:
            raise MediaError(f"{path}: no frame of it can be decoded; it may be damaged")
        origin = demux.frame_time(picture or sound) or 0.0
        end = max(demux.trimmed_end(stream, ends.get(stream.index, origin)) for stream in streams)
        facts: dict[str, Any] = {"duration": max(end - origin, 0.0)}
        if picture is not None:
            size = demux.shown_width(video, picture), picture.height
            facts["width"], facts["height"] = size[::-1] if picture.rotation % 180 else size
            facts |= {"has_video": True, "fps": demux.mean_rate(video)}
        if sound is not None:
            facts |= {"has_audio": True, "sample_rate": sound.sample_rate}
            facts["channels"] = sound.layout.nb_channels
        declared = _declared_duration(Path(path), container, facts["duration"])
        return MediaInfo(**facts, declared_duration=declared)


def _packet_end(packet: Any) -> float | None:
    """Return when a packet's content ends, in seconds on the container's axis."""
    start = demux.frame_time(packet)
    if start is None:
        return None
    if packet.duration:
        length = float(packet.duration * packet.time_base)
    elif packet.stream.type == "video":
        length = 1.0 / (demux.mean_rate(packet.stream) or np.inf)
    else:
        context = packet.stream.codec_context
        length = context.frame_size / context.sample_rate if context.sample_rate else 0.0
    return start + length


def _declared_duration(path: Path, container: Any, duration: float) -> float | None:
    """Return the seconds that the header declares, None where it declares none."""
    with path.open("rb") as file:
        head = file.read(8)
    # FFmpeg takes the duration of a RIFF file (wav, avi) from what is left of it, but its header
    # states the size in bytes; all ones mean that the writer did not know.
    size = int.from_bytes(head[4:], "little") + 8
    if head[:4] == b"RIFF" and path.stat().st_size < size < 2**32 - 1:
        return duration * size / path.stat().st_size
    return None if container.duration is None else container.duration / av.time_base
