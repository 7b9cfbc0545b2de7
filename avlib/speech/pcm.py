"""Sound as the table `speech` holds it: 16 kHz, mono, 16 bits."""

import numpy as np

SAMPLE_RATE = 16000  # Hz
_BLOCK = 2**20  # samples converted at once: recordings may last hours


def to_pcm(signal: np.ndarray) -> bytes:
    """Return samples in [-1, 1] as 16-bit little-endian bytes, rounded to the nearest step."""
    pcm = np.empty(len(signal), "<i2")
    for start in range(0, len(signal), _BLOCK):
        block = signal[start : start + _BLOCK]
        pcm[start : start + _BLOCK] = np.clip(np.rint(block * 32768.0), -32768, 32767)
    return pcm.tobytes()


def from_pcm(pcm: bytes) -> np.ndarray:
    """Return the samples of `to_pcm`'s bytes, float32 of shape (n,)."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32768.0
