"""Pictures of a recording."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import numpy as np

from avlib.media import demux
from avlib.runtime.errors import MediaError

_TOLERANCE = 1e-6  # seconds, of a frame's time against the ends of a span


def video_frames(
    path: Path | str, start: float | None = None, end: float | None = None
) -> Iterator[tuple[float, np.ndarray]]:
    """Stream the frames of the first video stream, one in memory at a time.

    Interlaced frames are deinterlaced (bwdif, one frame per pair of fields, progressive frames
    untouched), pixels that are not square become so by scaling the width, the container's rotation
    is applied, and times come from the timestamps, so a variable frame rate is kept. Times strictly
    increase, whatever a damaged container says.

    Parameters
    ----------
    path : Path or str
        The recording.
    start, end : float or None
        The span to read, in seconds from the recording's first frame: frames with start <= time <
        end. They are those of the whole recording, but only the span and the way to it from the
        keyframe before are decoded. None: from the beginning, to the end.

    Yields
    ------
    time : float
        In seconds from `start`; the first frame of a whole recording is at 0.
    frame : numpy.ndarray of shape (height, width, 3)
        RGB, uint8.

    Raises
    ------
    MediaError
        On the first frame, when there is no file, no video stream, no decodable frame, or none in
        the span. A truncated stream yields the frames that decode.
    """
    begin, stop = demux.span(path, start, end)
    found = False
    for time, frame, width in _timed_frames(path, begin - demux.LEAD):
        if time >= stop - _TOLERANCE:
            break
        if time >= begin - _TOLERANCE:
            found = True
            image = frame.to_ndarray(format="rgb24", width=width, threads=1)
            image = np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90) % 4))
            yield max(time - begin, 0.0), image
    if not found:
        raise MediaError(f"{path}: holds no video frame from {begin:g} to {stop:g} s")


def _timed_frames(path: Path | str, lead: float) -> Iterator[tuple[float, Any, int]]:
    """Yield times from the recording's first frame (s), decoded frames and their shown widths.

    Frames before `lead` may be left out, where the container can be sought.
    """
    with demux.opened(path) as container:
        stream = demux.first_stream(container, "video")
        if stream is None:
            raise MediaError(f"{path}: holds no video stream")
        step = 1.0 / (demux.mean_rate(stream) or 25.0)
        frames = demux.stream_frames(container, stream)
        first = next(frames, None)
        if first is None:
            raise MediaError(f"{path}: no frame of its video stream can be decoded")
        origin = demux.frame_time(first) or 0.0
        last = -step
        if lead > 0:
            moved = demux.seek_before(container, stream, origin + lead)
            frames = demux.stream_frames(container, stream)
            first = next(frames, None) if moved else None
            time = None if first is None else demux.frame_time(first)
            if time is None or time - origin > lead:
                yield from _timed_frames(path, 0.0)
                return
            last = time - origin - step
        for frame in _deinterlaced(itertools.chain([first], frames), stream):
            time = demux.frame_time(frame)
            if time is not None and 0 < time - origin - last < demux.MAX_JUMP:
                last = time - origin
            else:
                last += step
            yield last, frame, demux.shown_width(stream, frame)


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
