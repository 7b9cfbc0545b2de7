"""Sound of a recording, on the time axis of its pictures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from avlib.media import demux
from avlib.runtime.errors import MediaError

# Audio timestamps of millisecond containers jitter; only a larger jump is a real gap.
_GAP_SECONDS = 0.05


def read_audio(
    path: Path | str, sample_rate: int = 16000, start: float | None = None, end: float | None = None
) -> np.ndarray:
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
    start, end : float or None
        The span to read, in seconds on the recording's time axis: its samples from ``start *
        sample_rate`` up to ``end * sample_rate``, both rounded. Only the span and about a second
        around it are decoded, and the samples are those of the whole recording (but for what a
        codec fills with noise of its own). None: from the beginning, to the end.

    Returns
    -------
    numpy.ndarray of shape (n_samples,)
        float32 in [-1, 1]; sample 0 is the clip's start.

    Raises
    ------
    MediaError
        There is no file, no audio stream, no decodable sample (in the span), or a sample that is
        not a number.
    """
    begin, stop = demux.span(path, start, end)
    origin = _origin(path)
    # Whole seconds: there the samples of any two rates coincide, so resampling starts in phase.
    lead = max(math.floor(begin) - demux.LEAD, 0)
    sound = _decoded(path, origin, lead, stop + demux.LEAD)
    if sound is None and lead:
        lead = 0
        sound = _decoded(path, origin, lead, stop + demux.LEAD)
    if sound is None:
        raise MediaError(f"{path}: no sample of its audio stream can be decoded")
    signal, rate = sound
    if not np.isfinite(signal).all():
        raise MediaError(f"{path}: its audio holds samples that are not numbers; expected PCM")
    if rate != sample_rate:
        signal = soxr.resample(signal, rate, sample_rate, quality="HQ")
    last = len(signal) if math.isinf(stop) else round(stop * sample_rate) - lead * sample_rate
    signal = signal[round(begin * sample_rate) - lead * sample_rate : max(last, 0)]
    if not signal.size:
        raise MediaError(f"{path}: holds no sound from {begin:g} to {stop:g} s")
    return np.clip(signal, -1.0, 1.0).astype(np.float32, copy=False)


def _origin(path: Path | str) -> float | None:
    """Return where the clip's time axis starts on the container's, in seconds.

    That is its first picture, or its first sound where there is none or where the two lie apart by
    more than a gap can be; None where nothing says.
    """
    with demux.opened(path) as container:
        audio = demux.first_stream(container, "audio")
        video = demux.first_stream(container, "video")
        if audio is None:
            raise MediaError(f"{path}: holds no audio stream")
        first: dict[Any, float | None] = {}
        streams = [audio] if video is None else [audio, video]
        for packet in demux.packets(container, streams):
            if packet.stream not in first and (frames := demux.decoded(packet)):
                first[packet.stream] = demux.frame_time(frames[0])
                if len(first) == len(streams):
                    break
    sound, picture = first.get(audio), first.get(video)
    if picture is None or (sound is not None and abs(sound - picture) > demux.MAX_JUMP):
        return sound
    return picture


def _decoded(
    path: Path | str, origin: float | None, lead: int, stop: float
) -> tuple[np.ndarray, int] | None:
    """Return the mono signal from second `lead` on, at its own rate, and that rate in Hz.

    The signal goes at least to second `stop`, where there is so much. None where no sample can be
    decoded, or where the container cannot be sought to the very sample.
    """
    start = (origin or 0.0) + lead
    with demux.opened(path) as container:
        audio: Any = demux.first_stream(container, "audio")  # `_origin` has found it
        # Stamps in milliseconds (flv, webm) place a sample only by counting from the first one.
        exact = audio.time_base * (audio.rate or 0) <= 1
        if lead and not (exact and demux.seek_before(container, audio, start)):
            return None
        blocks: list[tuple[float | None, np.ndarray]] = []
        rate = 0
        for frame in demux.stream_frames(container, audio):
            if rate not in (0, frame.sample_rate):
                raise MediaError(
                    f"{path}: its audio changes from {rate} to {frame.sample_rate} Hz midway; "
                    "expected one sample rate, re-encode it"
                )
            time = demux.frame_time(frame)
            if lead and not rate and (time is None or time > start):
                return None
            rate = frame.sample_rate
            if not lead or time is None or time > start - demux.LEAD:
                blocks.append((time, _mono(frame)))
            if (time or 0.0) > (origin or 0.0) + stop:
                break
        end = demux.trimmed_end(audio, np.inf)
    signal = _laid_out(blocks, rate, None if origin is None else start, end)
    return (signal, rate) if signal.size else None


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
    if origin is None or abs(start - origin) > demux.MAX_JUMP:
        origin = start
    cursor = round((start - origin) * rate)
    placed = []
    for time, samples in blocks:
        stamped = cursor if time is None else round((time - origin) * rate)
        if _GAP_SECONDS * rate < abs(stamped - cursor) < demux.MAX_JUMP * rate:
            cursor = stamped
        placed.append((cursor, samples))
        cursor += len(samples)
    length = max(place + len(samples) for place, samples in placed)
    if np.isfinite(end):
        length = min(length, round((end - origin) * rate))
    signal = np.zeros(max(length, 0), np.float32)
    for place, samples in placed:
        skipped = max(-place, 0)
        target = signal[place + skipped : max(place + len(samples), 0)]
        target[:] = samples[skipped : skipped + len(target)]
    return signal
