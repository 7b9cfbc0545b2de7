"""A recording as a browser can play it, in the page itself."""

import base64
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from avlib.media import Channels, MediaInfo, demux, read_audio, video_frames, write_clip
from avlib.recognizer.recognizer import said_of
from avlib.runtime.errors import MediaError

LARGEST = 20 * 2**20  # bytes: base64 adds a third, and Firefox takes addresses of up to 32 MiB
LONGEST = {"video": 600.0, "audio": 2400.0}  # s that are encoded anew to fit into that
_HEIGHT, _FPS = 360, 25.0  # at most, of what is encoded anew
_RATE, _BIT_RATE = 24_000, 64_000  # of its sound, Hz and bits per second

# What Chromium, Firefox and Safari play of each container, under FFmpeg's names. MP3 is left out:
# of one with a variable bit rate they guess where a moment is.
_PLAYED: dict[str, tuple[str, set[str], set[str]]] = {
    "mov,mp4,m4a,3gp,3g2,mj2": ("mp4", {"h264"}, {"aac"}),
    "matroska,webm": ("webm", {"vp8", "vp9"}, {"opus", "vorbis"}),
    "wav": ("wav", set(), {"pcm_s16le"}),
    "flac": ("flac", set(), {"flac"}),
}
_PIXELS = {"yuv420p", "yuvj420p"}  # other ones are not decoded everywhere
_OFFSET = 0.1  # s that a browser's time may differ from ours


@dataclass(frozen=True)
class Playable:
    """What a page plays.

    Attributes
    ----------
    kind : str
        video or audio: the element that plays it.
    address : str
        A ``data:`` address that holds it; "" where it is not in the page.
    said : str
        How it was encoded anew, or why it is not in the page; "" where it is as it was.
    """

    kind: str
    address: str
    said: str = ""


def playable(path: Path | str, info: MediaInfo, channels: Channels = "mean") -> Playable:
    """Return a recording for a page: as it is, encoded anew, or not at all where it is too large.

    Parameters
    ----------
    path, info
        The recording, and what `probe` says of it.
    channels
        What is heard of several where it is encoded anew, as of `read_audio`.
    """
    kind = "video" if info.has_video else "audio"
    size = Path(path).stat().st_size
    if size <= LARGEST and (mime := _played_as_it_is(path, info)):
        return Playable(kind, _address(f"{kind}/{mime}", Path(path).read_bytes()))
    too_large = f"{info.duration / 60:.0f} minutes in {size / 1e6:,.0f} MB are too much for a page"
    if info.duration > LONGEST[kind]:
        return Playable(kind, "", too_large)
    try:
        encoded = _encoded(path, info, channels)
    except MediaError as error:
        return Playable(kind, "", said_of(path, error))
    except av.error.FFmpegError as error:
        return Playable(kind, "", f"it cannot be encoded anew ({error.strerror})")
    if len(encoded) > LARGEST:
        return Playable(kind, "", too_large)
    return Playable(kind, _address(f"{kind}/mp4", encoded), "encoded anew, as browsers play it")


def _address(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def _played_as_it_is(path: Path | str, info: MediaInfo) -> str:
    """Return the subtype of a recording that browsers play, with our times; "" of another."""
    with demux.opened(path) as container:
        mime, pictures, sounds = _PLAYED.get(container.format.name, ("", set(), set()))
        video = demux.first_stream(container, "video") if info.has_video else None
        audio = demux.first_stream(container, "audio") if info.has_audio else None
        if not mime or len(container.streams.video) > (video is not None):
            return ""
        # Where a browser cannot go by time, has other times, or does not mirror.
        if info.truncated or info.declared_duration is None or info.restamped or info.mirrored:
            return ""
        if video and (
            video.codec_context.name not in pictures or video.codec_context.pix_fmt not in _PIXELS
        ):
            return ""
        if audio and audio.codec_context.name not in sounds:
            return ""
        # A browser counts from the container's start, we from the first picture.
        start = _seconds(video or audio) - (container.start_time or 0) / 1e6
        return mime if abs(start) < _OFFSET else ""


def _seconds(stream: Any) -> float:
    return float((stream.start_time or 0) * stream.time_base)


def _encoded(path: Path | str, info: MediaInfo, channels: Channels) -> bytes:
    """Return the recording as H.264 and AAC in MP4, both counted from its first picture."""
    frames, fps, sound = None, None, None
    if info.has_video:
        fps = min(max(info.fps or _FPS, 1.0), _FPS)
        frames = _small(_at_rate(video_frames(path), fps))
    if info.has_audio:
        try:
            sound = read_audio(path, _RATE, 0.0, info.duration, channels)
        except MediaError:
            if not info.has_video:
                raise
    with tempfile.TemporaryDirectory(prefix="avlib-") as folder:
        file = Path(folder) / "clip.mp4"
        write_clip(file, frames, fps, sound, _RATE, audio_bitrate=_BIT_RATE)
        return file.read_bytes()


def _at_rate(frames: Iterable[tuple[float, np.ndarray]], fps: float) -> Iterator[np.ndarray]:
    """Yield the picture that is shown at every 1 / fps s."""
    shown, held = 0, None
    for time, image in frames:
        while held is not None and shown < round(time * fps):
            yield held
            shown += 1
        held = image
    if held is not None:
        yield held


def _small(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Scale pictures down, to even sizes, which 4:2:0 needs; all to that of the first."""
    size = None
    for image in frames:
        if size is None:
            height, width = image.shape[:2]
            scale = min(1.0, _HEIGHT / height)
            size = tuple(max(2, 2 * round(side * scale / 2)) for side in (width, height))
        yield np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
