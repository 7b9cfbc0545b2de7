"""Sound of a recording, on the time axis of its pictures."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from avlib.media import clock, demux
from avlib.media.channels import Channels, Levels, mixed, one_of
from avlib.media.line import Line
from avlib.media.stamps import TOLERANCE
from avlib.runtime.errors import MediaError

# s; stamps jitter by less, in milliseconds or as a recorder was late: a jump further than this is a
# gap where the next frames, so many, are as late in the middle. A packet that is lost is 20 ms.
_JITTER = 0.01
_AHEAD = 16
# Hz; telephones have 8000, and nothing that people say is left below the one; no converter takes
# more than the other.
_LEAST_RATE, _MOST_RATE = 1000, 768_000
_MOST_CHANNELS = 64  # of an array of microphones


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
    refused : float
        Share of its bytes that do not decode.
    channels : int
        Channels that it was made of.
    lost : float
        How far the mean of the channels is below the loudest of them because they cancel each
        other, dB; 0 where they do not, or where the signal is no mean.
    cancelled : float
        Share of the loud seconds, those up to 20 dB below the loudest, in which they do.
    """

    signal: np.ndarray
    there: float
    due: float
    refused: float = 0.0
    channels: int = 1
    lost: float = 0.0
    cancelled: float = 0.0


def read_audio(
    path: Path | str,
    sample_rate: int = 16000,
    start: float | None = None,
    end: float | None = None,
    channels: Channels = "mean",
) -> np.ndarray:
    """Read the first audio stream as mono, on the time axis of the clip's video.

    Resampling is libsoxr's "HQ" (linear phase, so no delay; 20-bit stop band): FFmpeg's own default
    resampler aliases more near the new Nyquist frequency. Sound before the first video frame is
    cut, a later start and gaps (see `avlib.media.clock`) are zeros. What decodes decides how long
    it is, not what a header states. At its own rate no more than a minute or so is in memory.

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
    channels : {"mean", "left", "right", "loudest"}
        What is heard of several channels. Of one or two the mean is the plain one; of more, as in
        5.1, the centre counts fully, left and right 0.71, others 0.5 and the channel of low
        frequencies nothing (ITU-R BS.775). The loudest is the one with most power in the span, of
        those that count.

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
    return read_sound(path, sample_rate, start, end, channels).signal


def read_sound(
    path: Path | str,
    sample_rate: int = 16000,
    start: float | None = None,
    end: float | None = None,
    channels: Channels = "mean",
) -> Sound:
    """Read as `read_audio` does, and say how much of it was there."""
    span = demux.span(path, start, end)
    times = clock.read(path)
    # Whole seconds: there the samples of any two rates coincide, so resampling starts in phase.
    lead = max(math.floor(span[0]) - demux.LEAD, 0)
    try:
        return _read(path, times, lead, span, sample_rate, channels)
    except _NotFoundError:
        return _read(path, times, 0, span, sample_rate, channels)


class _NotFoundError(Exception):
    """The container cannot be sought to the very sample."""


def _read(
    path: Path | str,
    times: clock.Clock,
    lead: int,
    span: tuple[float, float],
    sample_rate: int,
    channels: Channels,
) -> Sound:
    """Read a span; what is decoded begins at second `lead`."""
    begin, stop = span
    line: Line | None = None
    pieces: list[tuple[float, float]] = []  # s from `lead`, in which something was decoded
    levels, tally = Levels(), demux.Tally()
    chosen = _loudest(path, times, lead, span) if channels == "loudest" else None
    for block in _placed(path, times, lead, stop + demux.LEAD, tally):
        line = line or Line(block.rate, sample_rate, block.longest)
        if channels == "mean":
            samples = mixed(block.frame)
            levels.add(block.frame, block.within(begin - lead, stop - lead))
        else:
            samples = one_of(block.frame, channels if chosen is None else chosen)
        line.lay(block.place, samples[: block.n])
        if pieces and block.start <= pieces[-1][1]:
            pieces[-1] = pieces[-1][0], max(block.end, pieces[-1][1])
        else:
            pieces.append((block.start, block.end))
    if line is None or line.empty:
        if lead:
            raise _NotFoundError
        raise MediaError(f"{path}: no sample of its audio stream can be decoded")
    signal = line.end()
    if not line.finite:
        raise MediaError(f"{path}: its audio holds samples that are not numbers; expected PCM")
    last = len(signal) if math.isinf(stop) else round(stop * sample_rate) - lead * sample_rate
    signal = signal[round(begin * sample_rate) - lead * sample_rate : max(last, 0)]
    if not signal.size:
        raise MediaError(f"{path}: holds no sound from {begin:g} to {stop:g} s")
    there = _length_within(pieces, begin - lead, stop - lead)
    # Of sound alone second 0 is the first that decodes, and what comes before is missing.
    lost = times.lost_start if times.video is None and not begin else 0.0
    due = min(times.duration, stop) - begin + lost
    np.clip(signal, -1.0, 1.0, out=signal)
    refused = tally.refused / max(tally.given, 1)
    heard = levels.n_channels, levels.lost, levels.cancelled
    return Sound(signal, there, max(due, there), refused, *heard)


def _loudest(path: Path | str, times: clock.Clock, lead: int, span: tuple[float, float]) -> int:
    """Return the number of the channel with most power in a span."""
    levels = Levels()
    for block in _placed(path, times, lead, span[1]):
        levels.add(block.frame, block.within(span[0] - lead, span[1] - lead))
    return levels.loudest


def _length_within(pieces: list[tuple[float, float]], begin: float, end: float) -> float:
    return sum(max(min(stop, end) - max(start, begin), 0.0) for start, stop in pieces)


@dataclass(frozen=True)
class _Block:
    """A decoded frame on the clip's time axis.

    Attributes
    ----------
    frame : av.AudioFrame
    place : int
        Number of its first sample; may be negative.
    n : int
        How many of its samples are no padding.
    rate : int
        Hz.
    longest : float
        Number of the sample behind the last one that is wanted.
    """

    frame: Any
    place: int
    n: int
    rate: int
    longest: float

    @property
    def start(self) -> float:
        """When it begins, s."""
        return self.place / self.rate

    @property
    def end(self) -> float:
        """When it ends, s."""
        return (self.place + self.n) / self.rate

    def within(self, begin: float, end: float) -> slice:
        """Return its samples between two times, s."""
        last = min(end * self.rate - self.place, self.n)
        return slice(max(round(begin * self.rate) - self.place, 0), max(round(last), 0))


def _placed(
    path: Path | str,
    times: clock.Clock,
    lead: int,
    stop: float,
    tally: demux.Tally | None = None,
) -> Iterator[_Block]:
    """Yield the frames from second `lead` on, at least to second `stop`, where there is so much.

    Places count from second `lead`. A frame whose stamp is near enough follows on the one before.

    Raises
    ------
    _NotFoundError
        Second `lead` cannot be found to the very sample.
    """
    cursor: int | None = None
    start = times.zero("audio") + lead
    until = start - lead + stop
    frames = _frames(path, times, lead, until, tally)
    ahead = deque(itertools.islice(frames, _AHEAD))
    while ahead:
        time, frame = ahead[0]
        rate = frame.sample_rate
        if cursor is not None:
            place = cursor + round(_late(ahead, start + cursor / rate) * rate)
        else:
            place = 0 if time is None else round((time - start) * rate)
        ahead.popleft()
        ahead.extend(itertools.islice(frames, 1))
        # A stream's last frame may say that it ends before it is full.
        n = frame.samples if ahead else _samples(frame)
        longest = math.ceil((until - start) * rate) if math.isfinite(until) else math.inf
        yield _Block(frame, place, n, rate, longest)
        cursor = place + n


def _late(ahead: Iterable[tuple[float | None, Any]], due: float) -> float:
    """Return how many s the first of some frames begins after second `due`, 0 if by jitter."""
    late = []
    for time, frame in ahead:
        if time is not None:
            late.append(time - due)
        if not late or abs(late[0]) <= _JITTER:
            return 0.0
        if abs(late[0]) > TOLERANCE:
            return late[0]
        due += frame.samples / frame.sample_rate
    usual = float(np.median(late))
    return usual if abs(usual) > _JITTER else 0.0


def _frames(
    path: Path | str, times: clock.Clock, lead: int, until: float, tally: demux.Tally | None
) -> Iterator[tuple[float | None, Any]]:
    """Yield the frames of the first audio stream, and their times on the container's axis."""
    with demux.opened(path) as container:
        audio = demux.first_stream(container, "audio")
        if audio is None:
            raise MediaError(f"{path}: holds no audio stream")
        if times.audio is None:
            raise MediaError(f"{path}: no sample of its audio stream can be decoded")
        start = times.zero("audio") + lead
        # Stamps in milliseconds (flv, webm) place a sample only by counting from the first one.
        exact = audio.time_base * (audio.rate or 0) <= 1 and times.audio.wrong is not None
        if lead and not (exact and demux.seek_before(container, audio, start)):
            raise _NotFoundError
        rate = 0
        for frame in clock.frames(container, audio, times.audio, sought=lead > 0, tally=tally):
            if rate not in (0, frame.sample_rate):
                raise MediaError(
                    f"{path}: its audio changes from {rate} to {frame.sample_rate} Hz midway; "
                    "expected one sample rate, re-encode it"
                )
            time = demux.frame_time(frame)
            if lead and not rate and (time is None or time > start):
                raise _NotFoundError
            rate = frame.sample_rate
            if not _LEAST_RATE <= rate <= _MOST_RATE:
                raise MediaError(
                    f"{path}: its audio says that it has {rate} samples a second, which is no "
                    "sound; its header is damaged"
                )
            if frame.layout.nb_channels > _MOST_CHANNELS:
                raise MediaError(
                    f"{path}: its audio says that it has {frame.layout.nb_channels} channels, which"
                    " no recording of people has; its header is damaged"
                )
            if not lead or time is None or time > start - demux.LEAD:
                yield time, frame
            if time is not None and time > until:
                break


def _samples(frame: Any) -> int:
    """Return how many samples of a frame are no padding."""
    if not frame.duration or not frame.time_base:
        return frame.samples
    stated = frame.duration * frame.time_base
    # A stamp is off by a tick at most: what is shorter by more is meant to be.
    shorter = Fraction(frame.samples, frame.sample_rate) - stated > frame.time_base
    return round(stated * frame.sample_rate) if shorter else frame.samples
