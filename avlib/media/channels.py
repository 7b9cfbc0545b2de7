"""From the channels of a recording to one: which are heard, and whether they cancel each other."""

from __future__ import annotations

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
        self._each = np.zeros(0)  # sums of squares of the channels
        self._apart = self._together = 0.0  # of the mean: if they had nothing in common, and as is
        self._counting = np.zeros(0, bool)
        self._n = 0

    def add(self, frame: Any, part: slice) -> None:
        """Take a part of a frame on; one with other channels than those before is left out."""
        n_channels, weights = frame.layout.nb_channels, _weights(frame.layout)
        if weights is None:
            weights = np.full(n_channels, 1 / n_channels)
        if not self._n:
            self._each, self._counting = np.zeros(n_channels), weights > 0
        if n_channels == 1 or n_channels != len(self._each):
            return
        values = _planes(frame)[:, part]
        each = np.square(values, dtype=np.float64).sum(axis=1)
        self._each += each
        self._apart += float(np.square(weights) @ each)
        self._together += float(np.square(weights @ values).sum())
        self._n += values.shape[1]

    @property
    def n_channels(self) -> int:
        """Number of channels, 0 before the first frame."""
        return len(self._each)

    @property
    def loudest(self) -> int:
        """Number of the loudest channel, of those that count in the mean."""
        return int(np.argmax(self._each * self._counting)) if self._n else 0

    @property
    def lost(self) -> float:
        """How far the mean is below the loudest channel, dB; 0 where channels do not cancel."""
        loudest = float(self._each.max(initial=0.0))
        if loudest <= _FAINT * self._n or self._together >= _CANCELLED * self._apart:
            return 0.0
        below = loudest / max(self._together, loudest * 10 ** (-_MOST_BELOW / 10))
        return float(10 * np.log10(below))
