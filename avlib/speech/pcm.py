"""Sound as the table `speech` holds it: 16 kHz, mono, 16 bits."""

from typing import Any

import numpy as np

SAMPLE_RATE = 16000  # Hz
_BLOCK = 2**20  # samples converted at once: recordings may last hours


def to_pcm(signal: np.ndarray) -> bytes:
    """Return samples in [-1, 1] as 16-bit little-endian bytes, rounded to the nearest step."""
    return steps_of(signal).tobytes()


def steps_of(signal: np.ndarray) -> np.ndarray:
    """Return what `to_pcm` gives the bytes of, int16 of shape (n,)."""
    pcm = np.empty(len(signal), "<i2")
    for start in range(0, len(signal), _BLOCK):
        block = signal[start : start + _BLOCK]
        pcm[start : start + _BLOCK] = np.clip(np.rint(block * 32768.0), -32768, 32767)
    return pcm


def from_pcm(pcm: Any) -> np.ndarray:
    """Return the samples of `to_pcm`'s bytes, or of a buffer of them, float32 of shape (n,)."""
    signal = steps_in(pcm).astype(np.float32)
    signal /= 32768.0
    return signal


def steps_in(pcm: Any) -> np.ndarray:
    """Return the steps of `steps_of` in bytes, or in a buffer of them, where they lie."""
    return np.frombuffer(pcm, "<i2")
