"""From the channels of a recording to one: which are heard, and whether they cancel each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import av
import numpy as np

Channels = Literal["mean", "left", "right", "loudest"]

# ITU-R BS.775-3, annex 4: what a channel weighs where one loudspeaker is left. The channel of low
# frequencies holds effects, and is left out.
_WEIGHTS = {"FL": 0.7071, "FR": 0.7071, "FC": 1.0, "LFE": 0.0, "LFE2": 0.0}
_SURROUND = 0.5
_NAMED = {
    *_WEIGHTS, "BL", "BR", "BC", "SL", "SR", "FLC", "FRC", "TFL", "TFC", "TFR", "TBL", "TBC", "TBR",
    "TC", "WL", "WR", "TSL", "TSR",
}  # fmt: skip
# Share that is left of the power that channels have together, from which on they cancel: -10 dB.
_CANCELLED = 0.1
_LOUD = 0.01  # power, of the loudest second's, of those in which somebody may speak: -20 dB
_FAINT = 1e-10  # power of a channel, of full scale, in which there is nothing to lose: -100 dB
_MOST_BELOW = 120.0  # dB, that are told
_PLANES = 8


def mixed(frame: Any) -> np.ndarray:
    """Return the mean over the channels of a frame, float32 of shape (n_samples,).

    Integers are scaled to 1. Of up to two channels, and of more of which nothing says where they
    are, it is the plain mean.
    """
    weights = _weights(frame.layout)
    if weights is not None:
        return (weights @ _planes(frame)).astype(np.float32)
    values = _raw(frame)
    if values.dtype == np.uint8:
        return ((values.astype(np.float32) - 128) / 128).mean(axis=0)
    if values.dtype.kind == "i":
        return (values.mean(axis=0, dtype=np.float64) / _full_scale(values)).astype(np.float32)
    return values.mean(axis=0, dtype=np.float32)


def one_of(frame: Any, channel: int | str) -> np.ndarray:
    """Return one channel of a frame, float32 of shape (n_samples,).

    Parameters
    ----------
    channel
        Its number, left or right; of a frame that has fewer it is the last.
    """
    number = {"left": 0, "right": 1}[channel] if isinstance(channel, str) else channel
    return _planes(frame)[min(number, frame.layout.nb_channels - 1)]


def _weights(layout: Any) -> np.ndarray | None:
    """Return what each channel counts in the mean, of sum 1; None where all count alike."""
    if layout.nb_channels <= 2:
        return None
    names = [channel.name for channel in layout.channels]
    weights = np.array([_WEIGHTS.get(name, _SURROUND) for name in names])
    return weights / weights.sum() if _NAMED.issuperset(names) and weights.any() else None


def _planes(frame: Any) -> np.ndarray:
    """Return the channels of a frame, float32 of shape (n_channels, n_samples)."""
    values = _raw(frame)
    if values.dtype == np.uint8:
        return (values.astype(np.float32) - 128) / 128
    if values.dtype.kind == "i":
        return (values / _full_scale(values)).astype(np.float32)
    return values.astype(np.float32, copy=False)


def _full_scale(values: np.ndarray) -> float:
    return -float(np.iinfo(values.dtype).min)


def _raw(frame: Any) -> np.ndarray:
    """Return the samples as they are, of shape (n_channels, n_samples)."""
    frame = _packed(frame)
    values = frame.to_ndarray()
    return values if frame.format.is_planar else values.reshape(-1, frame.layout.nb_channels).T


def _packed(frame: Any) -> Any:
    """Return a frame that PyAV can convert: it knows no 64-bit integers, and crashes on 8 planes.

    PyAV looks for the end of a list of planes that has none where it is full.
    """
    if not frame.format.name.startswith("s64") and frame.layout.nb_channels < _PLANES:
        return frame
    [packed] = av.AudioResampler("dbl", frame.layout, frame.sample_rate).resample(frame)
    return packed


class Levels:
    """How loud the channels of a recording are, and their mean, as frames are added."""

    def __init__(self) -> None:
        self._counting = np.zeros(0, bool)
        self._seconds: list[_Second] = []

    def add(self, frame: Any, part: slice) -> None:
        """Take a part of a frame on; one with other channels than those before is left out."""
        n_channels, weights = frame.layout.nb_channels, _weights(frame.layout)
        if weights is None:
            weights = np.full(n_channels, 1 / n_channels)
        if not self.n_channels:
            self._counting = weights > 0
        if n_channels == 1 or n_channels != self.n_channels:
            return
        values = _planes(frame)[:, part]
        while values.shape[1]:
            if not self._seconds or self._seconds[-1].n >= frame.sample_rate:
                self._seconds.append(_Second(np.zeros(n_channels)))
            room = frame.sample_rate - self._seconds[-1].n
            self._seconds[-1].add(values[:, :room], weights)
            values = values[:, room:]

    @property
    def n_channels(self) -> int:
        """Number of channels, 0 before the first frame."""
        return len(self._counting)

    @property
    def loudest(self) -> int:
        """Number of the loudest channel, of those that count in the mean."""
        return int(np.argmax(self._whole.each * self._counting)) if self._seconds else 0

    @property
    def lost(self) -> float:
        """How far the mean is below the loudest channel, dB; 0 where channels do not cancel."""
        whole = self._whole
        return whole.below if whole.cancels else 0.0

    @property
    def cancelled(self) -> float:
        """Share of the loud seconds in which channels cancel."""
        # A rest at the end may be too short to tell.
        longest = max((second.n for second in self._seconds), default=0)
        seconds = [second for second in self._seconds if second.n >= longest / 4]
        loudest = max((second.loudest for second in seconds), default=0.0)
        loud = [second for second in seconds if second.loudest >= _LOUD * loudest]
        return sum(second.cancels for second in loud) / len(loud) if loud else 0.0

    @property
    def _whole(self) -> _Second:
        total = _Second(np.zeros(self.n_channels))
        for second in self._seconds:
            total.each = total.each + second.each
            total.apart += second.apart
            total.together += second.together
            total.n += second.n
        return total


@dataclass
class _Second:
    """Sums of squares over a second, or more of them.

    Attributes
    ----------
    each : float array of shape (n_channels,)
    apart, together : float
        Of the mean: if the channels had nothing in common, and as is.
    n : int
        Samples.
    """

    each: np.ndarray
    apart: float = 0.0
    together: float = 0.0
    n: int = 0

    def add(self, values: np.ndarray, weights: np.ndarray) -> None:
        """Take samples of shape (n_channels, n) on."""
        each = np.square(values, dtype=np.float64).sum(axis=1)
        self.each += each
        self.apart += float(np.square(weights) @ each)
        self.together += float(np.square(weights @ values).sum())
        self.n += values.shape[1]

    @property
    def loudest(self) -> float:
        """Power of the loudest channel."""
        return float(self.each.max(initial=0.0)) / max(self.n, 1)

    @property
    def cancels(self) -> bool:
        """Whether the channels take each other away."""
        return self.loudest > _FAINT and self.together < _CANCELLED * self.apart

    @property
    def below(self) -> float:
        """How far the mean is below the loudest channel, dB."""
        together = self.together / max(self.n, 1)
        least = self.loudest * 10 ** (-_MOST_BELOW / 10)
        return float(10 * np.log10(self.loudest / max(together, least)))
