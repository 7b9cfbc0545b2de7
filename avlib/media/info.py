"""What a recording holds, found without decoding it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from avlib.media import clock, demux, orientation
from avlib.media.chain import content_start, ogg_lost
from avlib.media.edits import is_trimmed
from avlib.media.whole import content_end, doubtful_rate, is_cut, missing_share
from avlib.runtime.errors import MediaError

# Share of what a container holds that is to be decoded, for a clip to count as whole.
LEAST_SHARE = 0.8
# A file is called truncated when more than this share of its bytes is missing.
_MISSING_SHARE = 0.01
# Containers that state no size, but whose duration is a count of samples and no guess.
_COUNTED = {"flac", "tta", "wv"}
_PACKETS_TO_THE_END = {"flv", "matroska,webm", "mpeg", "mpegts"}
# Of these there is nothing between the packets, and none has a time.
_PACKETS_ALONE = {"aac", "ac3", "eac3", "mp3"}


@dataclass(frozen=True)
class MediaInfo:
    """What a recording holds; figures of a stream that is absent are None.

    Attributes
    ----------
    duration : float
        Seconds that can be read, from the clip's start to the end of its last packet, on the
        recording's clock (see `avlib.media.clock`).
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
        Seconds that the container's header declares, None where it declares nothing. Many
        containers guess: it says how long a truncated file was, and nothing of a whole one.
    truncated : bool
        True when bytes are missing that the file's headers state; where they state no size, nobody
        can tell.
    unread : float
        Share of the file that cannot be read: what lies behind the last packet of a container that
        goes on with packets to its end, and before its content's end of an MP4, MOV, WAV, AVI or
        ASF; where an FLV, AVI or Matroska has a hole, or an ASF before its first packet; of an Ogg
        all that is no page that was read, and pages that are missing by their numbers; between the
        packets of an AAC, AC-3 or MP3; 0 of others.
    sound_start : float or None
        When sound begins, in seconds from the clip's start; negative where it begins before.
    lost_start : float
        Seconds of pictures, or of sound alone, before the clip's start, that do not decode or, as
        an ASF tells, are lost.
    clock_shared : bool
        False when picture and sound are never there together by their time stamps, so that each
        counts from its own start.
    restamped : bool
        True when some time stamps are damaged, or start anew midway, so that the clip's times are
        not the container's.
    mirrored : bool
        True when the container has its pictures mirrored, besides any turn.
    rates : str
        The two sample rates that a damaged header of a WAV states; "" of any other.
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
    truncated: bool = False
    unread: float = 0.0
    sound_start: float | None = None
    lost_start: float = 0.0
    clock_shared: bool = True
    restamped: bool = False
    mirrored: bool = False
    rates: str = ""

    @property
    def cut_short(self) -> str:
        """What is missing at the end of a truncated file, and what to do; "" of another."""
        if not self.truncated:
            return ""
        there = f"{self.duration:.2f} of {self.declared_duration:.2f} s"
        return f"truncated, {there} can be read; download or copy it again"

    @property
    def damage(self) -> str:
        """What is wrong with a file that is damaged in its middle or its header; "" of another."""
        if self.rates:
            return f"damaged, its header states {self.rates} samples a second; copy it again"
        if self.unread <= 1 - LEAST_SHARE:
            return ""
        return f"damaged, {1 - self.unread:.0%} of the file can be read; download or copy it again"


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
    times = clock.read(path)
    tracks = {kind: getattr(times, kind) for kind in _FACTS if getattr(times, kind) is not None}
    facts: dict[str, Any] = {
        "duration": times.duration,
        "sound_start": times.sound_start,
        "lost_start": times.lost_start,
        "clock_shared": times.shared,
        "restamped": any(track.repairs for track in tracks.values()),
    }
    for kind, track in tracks.items():
        with demux.opened(path) as container:
            stream = demux.first_stream(container, kind)
            facts |= _FACTS[kind](stream, next(clock.frames(container, stream, track)))
    with demux.opened(path) as container:
        if not demux.first_streams(container):
            raise MediaError(f"{path}: holds neither a video nor an audio stream")
        if not tracks:
            raise MediaError(
                f"{path}: no frame of it can be decoded: 0 s long or damaged; expected sound"
                " or pictures: record or copy it again"
            )
        declared = None if container.duration is None else container.duration / av.time_base
        counted = declared if container.format.name in _COUNTED else None
        facts["rates"] = doubtful_rate(path)
        whole = len(demux.first_streams(container)) == len(container.streams)
        facts["unread"] = _unread(path, container.format.name, times.contents, whole)
    missing = 1 - times.duration / counted if counted else missing_share(path)
    shorter = declared is not None and times.duration < declared * (1 - _MISSING_SHARE)
    if missing > _MISSING_SHARE or (shorter and is_cut(path)):
        facts["truncated"] = True
        # FFmpeg takes the duration of some files from what is left of them.
        if declared is None or declared * (1 - missing / 2) < times.duration:
            declared = times.duration / (1 - missing)
    return MediaInfo(**facts, declared_duration=declared)


def _unread(path: Path | str, kind: str, contents: clock.Contents, whole: bool) -> float:
    """Return which share of a file was not read; `whole` where it has no other streams."""
    size, start = Path(path).stat().st_size, content_start(path)
    if kind == "ogg" and whole:
        return min(max(ogg_lost(path, start, contents.size), 0.0), 1.0)
    lost = contents.skipped + (max(contents.first - start, 0) if start else 0)
    if kind in _PACKETS_TO_THE_END:
        lost = max(lost, size - contents.reached)
        if kind == "matroska,webm" and whole:
            lost += contents.between
    elif kind in _PACKETS_ALONE:
        size -= start
        lost = size - contents.size
    elif (end := content_end(path)) and not (kind.startswith("mov,") and is_trimmed(path)):
        size, lost = end, max(lost, end - contents.reached)
    return min(max(lost / max(size, 1), 0.0), 1.0)


def _picture_facts(stream: Any, frame: Any) -> dict[str, Any]:
    size = demux.shown_width(stream, frame), frame.height
    width, height = size[::-1] if orientation.swaps_sides(frame) else size
    return {
        "has_video": True,
        "fps": demux.mean_rate(stream),
        "width": width,
        "height": height,
        "mirrored": orientation.is_mirrored(frame),
    }


def _sound_facts(stream: Any, frame: Any) -> dict[str, Any]:
    return {
        "has_audio": True,
        "sample_rate": frame.sample_rate,
        "channels": frame.layout.nb_channels,
    }


_FACTS = {"video": _picture_facts, "audio": _sound_facts}
