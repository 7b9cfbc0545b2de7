"""Pictures of a recording."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import PictureType

from avlib.media import clock, demux, orientation
from avlib.runtime.errors import MediaError

_TOLERANCE = 1e-6  # seconds, of a frame's time against the ends of a span
_LEAST_STEP = 1e-3  # seconds from one frame to the next, where the stamps do not increase


def video_frames(
    path: Path | str,
    start: float | None = None,
    end: float | None = None,
    wanted: Callable[[float, bool], bool] | None = None,
) -> Iterator[tuple[float, np.ndarray]]:
    """Stream the frames of the first video stream, one in memory at a time.

    Interlaced frames are deinterlaced (bwdif, one frame per pair of fields, progressive frames
    untouched), pixels that are not square become so by scaling the width, the container's display
    matrix is applied (turned and mirrored), and times are those of the recording's clock (see
    `avlib.media.clock`), so a variable frame rate and gaps are kept. Times strictly increase,
    whatever a damaged container says.

    Parameters
    ----------
    path : Path or str
        The recording.
    start, end : float or None
        The span to read, in seconds from the recording's first frame: frames with start <= time <
        end. They are those of the whole recording, but only the span and the way to it from the
        keyframe before are decoded. None: from the beginning, to the end.
    wanted : callable, optional
        Asked of each decoded frame whether to convert and to yield it, by its time and whether it
        is known to be damaged, or to refer to one that is.

    Yields
    ------
    time : float
        In seconds from `start`; the first frame of a whole recording is at 0.
    frame : numpy.ndarray of shape (height, width, 3)
        RGB, uint8.

    Raises
    ------
    MediaError
        On the first frame, when there is no file, no video stream, no decodable frame, none in the
        span, or more than 1000 a second. A truncated stream yields the frames that decode.
    """
    begin, stop = demux.span(path, start, end)
    found = False
    for time, frame, width, damaged in _timed_frames(path, begin - demux.LEAD):
        if time >= stop - _TOLERANCE:
            break
        if time >= begin - _TOLERANCE:
            found = True
            time = max(time - begin, 0.0)
            if wanted is not None and not wanted(time, damaged):
                continue
            image = frame.to_ndarray(format="rgb24", width=width, threads=1)
            yield time, orientation.upright(image, frame)
    if not found:
        raise MediaError(f"{path}: holds no video frame from {begin:g} to {stop:g} s")


@dataclass(frozen=True)
class Held:
    """What a container holds of a span, whether it decodes or not.

    Attributes
    ----------
    pictures : int
    length : float
        Of the longer of picture and sound, s.
    """

    pictures: int
    length: float


def held(path: Path | str, start: float | None = None, end: float | None = None) -> Held:
    """Return what the container says of a span, from the stamps of its packets."""
    begin, stop = demux.span(path, start, end)
    times = clock.read(path)
    stamps = np.empty(0) if times.video is None else times.video.times - times.zero("video")
    first, after = np.searchsorted(stamps, [begin - _TOLERANCE, stop - _TOLERANCE])
    if not begin:
        first = 0  # pictures before second 0 are those that do not decode
    return Held(int(after - first), max(min(stop, times.duration) - begin, 0.0))


def _timed_frames(path: Path | str, lead: float) -> Iterator[tuple[float, Any, int, bool]]:
    """Yield times from the recording's first frame (s), decoded frames and their shown widths.

    Last comes whether a frame is damaged, or one that it refers to: one since the last keyframe.
    Frames before `lead` may be left out, where the container can be sought.
    """
    times = clock.read(path)
    track, zero = times.video, times.zero("video")
    with demux.opened(path) as container:
        stream = demux.first_stream(container, "video")
        if stream is None:
            raise MediaError(f"{path}: holds no video stream")
        if track is None:
            raise MediaError(f"{path}: no frame of its video stream can be decoded")
        n, length = len(track.times), float(track.times[-1] - track.times[0])
        if 0 < length * demux.FASTEST < n - 1:
            raise MediaError(
                f"{path}: its {n} pictures are within {length:.2g} s by their time stamps, which"
                " is no video; they or the header are damaged"
            )
        tally = demux.Tally()
        frames = clock.frames(container, stream, track, tally=tally)
        if lead > 0:
            sought = _sought(container, stream, track, zero + lead, tally)
            if sought is None:
                yield from _timed_frames(path, 0.0)
                return
            frames = sought
        step = 1.0 / (demux.mean_rate(stream) or 25.0)
        last: float | None = None
        refused: int | None = None  # before the first frame there is nothing to refer to
        damaged = False
        for frame in _deinterlaced(frames, stream):
            time = demux.frame_time(frame)
            if time is None:
                time = zero if last is None else zero + last + step
            last = time - zero if last is None else max(time - zero, last + _LEAST_STEP)
            damaged = damaged and not frame.key_frame
            damaged = damaged or (refused is not None and tally.refused > refused)
            refused = tally.refused
            if frame.is_corrupt and frame.pict_type != PictureType.B:
                damaged = True
            known = damaged or frame.is_corrupt or track.is_damaged(zero + last)
            yield last, frame, demux.shown_width(stream, frame), known


def _sought(
    container: Any, stream: Any, track: clock.Track, moment: float, tally: demux.Tally
) -> Iterator[Any] | None:
    """Return the frames from a keyframe at or before a moment on; None where it is not found."""
    if track.wrong is None or not demux.seek_before(container, stream, moment):
        return None
    frames = clock.frames(container, stream, track, sought=True, tally=tally)
    first = next(frames, None)
    time = None if first is None else demux.frame_time(first)
    return None if time is None or time > moment else itertools.chain([first], frames)


def _deinterlaced(frames: Iterator[Any], stream: Any) -> Iterator[Any]:
    """Pass frames on, through a deinterlacer from the first interlaced one."""
    graph = None
    for frame in frames:
        if graph is None:
            if not frame.interlaced_frame:
                yield frame
                continue
            graph = av.filter.Graph()
            graph.threads = 1
            source = graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base or stream.time_base,
            )
            filtered = graph.add("bwdif", "mode=send_frame:deint=interlaced")
            graph.link_nodes(source, filtered, graph.add("buffersink")).configure()
        graph.vpush(frame)
        yield from _pulled(graph)
    if graph is not None:
        graph.vpush(None)
        yield from _pulled(graph)


def _pulled(graph: Any) -> Iterator[Any]:
    with suppress(av.error.BlockingIOError, av.error.EOFError):
        while True:
            yield graph.vpull()
