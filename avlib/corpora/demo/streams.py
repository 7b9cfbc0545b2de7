"""Random streams: every subject and every clip draws from its own."""

import zlib

import numpy as np

from avlib.runtime.errors import ParamsError

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness")


def subject_name(number: int) -> str:
    """Name of the subject with a 1-based number: S01, S02, ..."""
    return f"S{number:02d}"


def subject_stream(seed: int, subject: str, purpose: str) -> np.random.Generator:
    """Stream of one subject; the number of subjects does not enter it."""
    return _stream(seed, purpose, subject)


def clip_stream(
    seed: int, subject: str, emotion: str, take: int, purpose: str
) -> np.random.Generator:
    """Stream of one clip; no other clip, and no order of work, enters it."""
    return _stream(seed, purpose, subject, emotion, str(take))


def _stream(seed: int, *names: str) -> np.random.Generator:
    if seed < 0:
        raise ParamsError(f"demo seed: found {seed}, expected an integer >= 0")
    words = [zlib.crc32(name.encode()) for name in names]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))
