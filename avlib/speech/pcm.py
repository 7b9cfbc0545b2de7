"""Sound as the table `speech` holds it: 16 kHz, mono, 16 bits."""

import numpy as np

SAMPLE_RATE = 16000  # Hz


def to_pcm(signal: np.ndarray) -> bytes:
    """Return samples in [-1, 1] as 16-bit little-endian bytes, rounded to the nearest step."""
    return np.clip(np.rint(signal * 32768.0), -32768, 32767).astype("<i2").tobytes()


def from_pcm(pcm: bytes) -> np.ndarray:
    """Return the samples of `to_pcm`'s bytes, float32 of shape (n,)."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32768.0
