"""Random streams: every subject and every clip draws from its own."""

import zlib

import numpy as np
from numpy.random import Generator

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness")


def subject_stream(seed: int, subject: str, purpose: str) -> Generator:
    """Stream of one subject; the number of subjects does not enter it."""
    return _stream(seed, purpose, subject)


def clip_stream(seed: int, subject: str, emotion: str, take: int, purpose: str) -> Generator:
    """Stream of one clip; no other clip, and no order of work, enters it."""
    return _stream(seed, purpose, subject, emotion, str(take))


def _stream(seed: int, *names: str) -> Generator:
    words = [zlib.crc32(name.encode()) for name in names]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))
