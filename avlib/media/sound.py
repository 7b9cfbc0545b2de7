"""Sound of a recording, on the time axis of its pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr

from avlib.media import clock, demux
from avlib.media.stamps import TOLERANCE
from avlib.runtime.errors import MediaError

# Audio timestamps of millisecond containers jitter; only a larger jump is a real gap.
_GAP_SECONDS = TOLERANCE
# Hz; telephones have 8000, and nothing that people say is left below this.
_LEAST_RATE = 1000
_PLANES = 8


@dataclass(frozen=True)
class Sound:
    """What `read_sound` returns.

    Attributes
    ----------
    signal : float32 array of shape (n_samples,)
        See `read_audio`.
    there : float
        Seconds of it that were decoded; the rest is silence for what is not there.
    due : float
        Seconds that the recording has of the span, by the packets of its longer stream.
    """

    signal: np.ndarray
    there: float
    due: float


def read_audio(
    path: Path | str, sample_rate: int = 16000, start: float | None = None, end: float | None = None
) -> np.ndarray:
    """Read the first audio stream as mono, on the time axis of the clip's video.

    Channels are averaged. Resampling is libsoxr's "HQ" (linear phase, so no delay; 20-bit stop
    band), on the whole signal: FFmpeg's own default resampler aliases more near the new Nyquist
    frequency. Sound before the first video frame is cut, a later start and gaps (see
    `avlib.media.clock`) are zeros. What decodes decides how long it is, not what a header states.

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
        There is no file, no audio stream, no decodable sample (in the span), a sample that is not
        a number, or a sample rate that no sound has.
    """
    return read_sound(path, sample_rate, start, end).signal


def read_sound(
    path: Path | str, sample_rate: int = 16000, start: float | None = None, end: float | None = None
) -> Sound:
    """Read as `read_audio` does, and say how much of it was there."""
    begin, stop = demux.span(path, start, end)
    times = clock.read(path)
    # Whole seconds: there the samples of any two rates coincide, so resampling starts in phase.
    lead = max(math.floor(begin) - demux.LEAD, 0)
    laid = _decoded(path, times, lead, stop + demux.LEAD)
    if laid is None and lead:
        lead = 0
        laid = _decoded(path, times, lead, stop + demux.LEAD)
    if laid is None:
        raise MediaError(f"{path}: no sample of its audio stream can be decoded")
    signal, rate, pieces = laid
    if not np.isfinite(signal).all():
        raise MediaError(f"{path}: its audio holds samples that are not numbers; expected PCM")
    if rate != sample_rate:
        signal = soxr.resample(signal, rate, sample_rate, quality="HQ")
    last = len(signal) if math.isinf(stop) else round(stop * sample_rate) - lead * sample_rate
    signal = signal[round(begin * sample_rate) - lead * sample_rate : max(last, 0)]
    if not signal.size:
        raise MediaError(f"{path}: holds no sound from {begin:g} to {stop:g} s")
    there = _length_within(pieces, begin - lead, stop - lead)
    due = min(times.duration, stop) - begin
    signal = np.clip(signal, -1.0, 1.0).astype(np.float32, copy=False)
    return Sound(signal, there, max(due, there))


def _length_within(pieces: list[tuple[float, float]], begin: float, end: float) -> float:
    return sum(max(min(stop, end) - max(start, begin), 0.0) for start, stop in pieces)


def _decoded(
    path: Path | str, times: clock.Clock, lead: int, stop: float
) -> tuple[np.ndarray, int, list[tuple[float, float]]] | None:
    """Return the mono signal from second `lead` on, at its own rate, and that rate in Hz.

    The signal goes at least to second `stop`, where there is so much. With it come the stretches,
    in seconds from `lead`, in which something was decoded. None where no sample can be decoded, or
    where the container cannot be sought to the very sample.
    """
    with demux.opened(path) as container:
        audio = demux.first_stream(container, "audio")
        if audio is None:
            raise MediaError(f"{path}: holds no audio stream")
        if times.audio is None:
            return None
        start = times.zero("audio") + lead
        # Stamps in milliseconds (flv, webm) place a sample only by counting from the first one.
        exact = audio.time_base * (audio.rate or 0) <= 1 and times.audio.wrong is not None
        if lead and not (exact and demux.seek_before(container, audio, start)):
            return None
        blocks: list[tuple[float | None, np.ndarray]] = []
        rate, until, last = 0, start - lead + stop, None
        for frame in clock.frames(container, audio, times.audio, sought=lead > 0):
            if rate not in (0, frame.sample_rate):
                raise MediaError(
                    f"{path}: its audio changes from {rate} to {frame.sample_rate} Hz midway; "
                    "expected one sample rate, re-encode it"
                )
            time = demux.frame_time(frame)
            if lead and not rate and (time is None or time > start):
                return None
            rate = frame.sample_rate
            if rate < _LEAST_RATE:
                raise MediaError(
                    f"{path}: its audio says that it has {rate} samples a second, which is no "
                    "sound; its header is damaged"
                )
            if not lead or time is None or time > start - demux.LEAD:
                blocks.append((time, _mono(frame)))
                last = frame
            if time is not None and time > until:
                break
    if blocks:  # a stream's last frame may say that it ends before it is full
        blocks[-1] = blocks[-1][0], blocks[-1][1][: _samples(last)]
    signal, pieces = _laid_out(blocks, rate, start, until)
    return (signal, rate, pieces) if signal.size else None


def _mono(frame: Any) -> np.ndarray:
    """Return the mean over the channels, float32 of shape (n_samples,), integers scaled to 1."""
    frame = _packed(frame)
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    if values.dtype == np.uint8:
        return ((values.astype(np.float32) - 128) / 128).mean(axis=0)
    if values.dtype.kind == "i":
        full_scale = -float(np.iinfo(values.dtype).min)
        return (values.mean(axis=0, dtype=np.float64) / full_scale).astype(np.float32)
    return values.mean(axis=0, dtype=np.float32)


def _packed(frame: Any) -> Any:
    """Return a frame that PyAV can convert: it knows no 64-bit integers, and crashes on 8 planes.

    PyAV looks for the end of a list of planes that has none where it is full.
    """
    if not frame.format.name.startswith("s64") and frame.layout.nb_channels < _PLANES:
        return frame
    [packed] = av.AudioResampler("dbl", frame.layout, frame.sample_rate).resample(frame)
    return packed


def _samples(frame: Any) -> int:
    """Return how many samples of a frame are no padding."""
    if not frame.duration or not frame.time_base:
        return frame.samples
    stated = frame.duration * frame.time_base
    # A stamp is off by a tick at most: what is shorter by more is meant to be.
    shorter = Fraction(frame.samples, frame.sample_rate) - stated > frame.time_base
    return round(stated * frame.sample_rate) if shorter else frame.samples


def _laid_out(
    blocks: list[tuple[float | None, np.ndarray]], rate: int, start: float, until: float
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Lay decoded blocks on the clip's time axis.

    Parameters
    ----------
    blocks : list of (time, samples)
        Time in seconds on the container's axis, or None to follow the previous block.
    rate : int
        In Hz.
    start, until : float
        The time of sample 0, and the time up to which samples are wanted, on the same axis.

    Returns
    -------
    signal : float32 array of shape (n_samples,)
    pieces : list of (float, float)
        Where in it there is something, seconds; elsewhere it is 0.
    """
    placed: list[tuple[int, np.ndarray]] = []
    cursor = 0
    for time, samples in blocks:
        stamped = cursor if time is None else round((time - start) * rate)
        if not placed or abs(stamped - cursor) > _GAP_SECONDS * rate:
            cursor = stamped
        placed.append((cursor, samples))
        cursor += len(samples)
    length = max((place + len(samples) for place, samples in placed), default=0)
    if np.isfinite(until):
        length = min(length, math.ceil((until - start) * rate))
    signal = np.zeros(max(length, 0), np.float32)
    pieces: list[tuple[float, float]] = []
    for place, samples in placed:
        skipped = max(-place, 0)
        target = signal[place + skipped : max(place + len(samples), 0)]
        target[:] = samples[skipped : skipped + len(target)]
        begin, end = place / rate, (place + len(samples)) / rate
        if pieces and begin <= pieces[-1][1]:
            pieces[-1] = pieces[-1][0], max(end, pieces[-1][1])
        else:
            pieces.append((begin, end))
    return signal, pieces
