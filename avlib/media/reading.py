"""Pictures and sound of a recording, on one time axis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr

from avlib.errors import MediaError
from avlib.media.demux import (
    MAX_JUMP,
    decoded,
    first_stream,
    frame_time,
    mean_rate,
    opened,
    packets,
    stream_frames,
    trimmed_end,
)

# Audio timestamps of millisecond containers jitter; only a larger jump is a real gap.
_GAP_SECONDS = 0.05


def video_frames(path: Path | str) -> Iterator[tuple[float, np.ndarray]]:
    """Stream the frames of the first video stream, one in memory at a time.

    Interlaced frames are deinterlaced (bwdif, one frame per pair of fields, progressive frames
    untouched), the container's rotation is applied, and times come from the timestamps, so a
    variable frame rate is kept. Times strictly increase, whatever a damaged container says.

    Parameters
    ----------
    path : Path or str
        The recording.

    Yields
    ------
    time : float
        In seconds; the first frame is at 0.
    frame : numpy.ndarray of shape (height, width, 3)
        RGB, uint8.

    Raises
    ------
    MediaError
        On the first frame, when there is no file, no video stream, or no decodable frame. A
        truncated stream yields the frames that decode.
    """
    with opened(path) as container:
        stream = first_stream(container, "video")
        if stream is None:
            raise MediaError(f"{path}: holds no video stream")
        step = 1.0 / (mean_rate(stream) or 25.0)
        origin: float | None = None
        last = -step
        for frame in _deinterlaced(stream_frames(container, stream), stream):
            time = frame_time(frame)
            if origin is None:
                origin = time if time is not None else 0.0
            if time is not None and 0 < time - origin - last < MAX_JUMP:
                last = time - origin
            else:
                last += step
            image = frame.to_ndarray(format="rgb24", threads=1)
            yield last, np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90) % 4))
        if origin is None:
            raise MediaError(f"{path}: no frame of its video stream can be decoded")


def read_audio(path: Path | str, sample_rate: int = 16000) -> np.ndarray:
    """Read the first audio stream as mono, on the time axis of the clip's video.

    Channels are averaged. Resampling is libsoxr's "HQ" (linear phase, so no delay; 20-bit stop
    band), on the whole signal: FFmpeg's own default resampler aliases more near the new Nyquist
    frequency. Sound before the first video frame is cut, a later start and gaps are zeros.

    Parameters
    ----------
    path : Path or str
        The recording.
    sample_rate : int
        Of the result, in Hz.

    Returns
    -------
    numpy.ndarray of shape (n_samples,)
        float32 in [-1, 1]; sample 0 is the clip's start.

    Raises
    ------
    MediaError
        There is no file, no audio stream, no decodable sample, or a sample that is not a number.
    """
    with opened(path) as container:
        audio, video = first_stream(container, "audio"), first_stream(container, "video")
        if audio is None:
            raise MediaError(f"{path}: holds no audio stream")
        origin: float | None = None
        blocks: list[tuple[float | None, np.ndarray]] = []
        rate = 0
        for packet in packets(container, [audio] if video is None else [audio, video]):
            if packet.stream is not audio:
                if origin is None and (frames := decoded(packet)):
                    origin = frame_time(frames[0])
                continue
            for frame in decoded(packet):
                if rate not in (0, frame.sample_rate):
                    raise MediaError(
                        f"{path}: its audio changes from {rate} to {frame.sample_rate} Hz midway; "
                        "expected one sample rate, re-encode it"
                    )
                rate = frame.sample_rate
                blocks.append((frame_time(frame), _mono(frame)))
        end = trimmed_end(audio, np.inf)
    signal = _laid_out(blocks, rate, origin, end)
    if not signal.size:
        raise MediaError(f"{path}: no sample of its audio stream can be decoded")
    if not np.isfinite(signal).all():
        raise MediaError(f"{path}: its audio holds samples that are not numbers; expected PCM")
    if rate != sample_rate:
        signal = soxr.resample(signal, rate, sample_rate, quality="HQ")
    return np.clip(signal, -1.0, 1.0).astype(np.float32, copy=False)


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
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _mono(frame: Any) -> np.ndarray:
    """Return the mean over the channels, float32 of shape (n_samples,), integers scaled to 1."""
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    if values.dtype == np.uint8:
        return ((values.astype(np.float32) - 128) / 128).mean(axis=0)
    if values.dtype.kind == "i":
        full_scale = -float(np.iinfo(values.dtype).min)
        return (values.mean(axis=0, dtype=np.float64) / full_scale).astype(np.float32)
    return values.mean(axis=0, dtype=np.float32)


def _laid_out(
    blocks: list[tuple[float | None, np.ndarray]], rate: int, origin: float | None, end: float
) -> np.ndarray:
    """Lay decoded blocks on the clip's time axis.

    Parameters
    ----------
    blocks : list of (time, samples)
        Time in seconds on the container's axis, or None to follow the previous block.
    rate : int
        In Hz.
    origin : float or None
        The clip's start on the container's axis; None takes the first block's.
    end : float
        Where the audio ends on the container's axis; what lies behind is padding.
    """
    if not blocks:
        return np.empty(0, np.float32)
    start = next((time for time, _ in blocks if time is not None), 0.0)
    if origin is None or abs(start - origin) > MAX_JUMP:
        origin = start
    cursor = round((start - origin) * rate)
    places = []
    for time, samples in blocks:
        stamped = cursor if time is None else round((time - origin) * rate)
        if _GAP_SECONDS * rate < abs(stamped - cursor) < MAX_JUMP * rate:
            cursor = stamped
        places.append(cursor)
        cursor += len(samples)
    length = max(place + len(samples) for place, (_, samples) in zip(places, blocks, strict=True))
    if np.isfinite(end):
        length = min(length, round((end - origin) * rate))
    signal = np.zeros(max(length, 0), np.float32)
    for place, (_, samples) in zip(places, blocks, strict=True):
        skipped = max(-place, 0)
        target = signal[place + skipped : max(place + len(samples), 0)]
        target[:] = samples[skipped : skipped + len(target)]
    return signal
