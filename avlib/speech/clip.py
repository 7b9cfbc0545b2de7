"""One clip of the speech stage."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from avlib.media import read_audio
from avlib.runtime.per_clip import ClipRows
from avlib.runtime.tables import no_rows
from avlib.speech.tables import SPEECH
from avlib.speech.vad import voiced_intervals

SAMPLE_RATE = 16000


def speech_rows(payload: Mapping[str, Any], params: Mapping[str, Any]) -> ClipRows:
    """Return the row of table `speech` of one clip.

    Parameters
    ----------
    payload
        ``path``: the recording, or None when it has no audio stream; ``used``: whether sound is
        wanted at all; ``start`` and ``end``: the clip's span in the recording, in seconds, where it
        is not the whole.
    params
        ``vad_mode``, ``hangover`` and ``min_speech`` of section ``speech`` of params.yaml.
    """
    if not payload["used"]:
        return ClipRows(no_rows(SPEECH))
    if payload["path"] is None:
        return ClipRows(no_rows(SPEECH), "degraded", "no audio stream")
    signal = read_audio(payload["path"], SAMPLE_RATE, payload.get("start"), payload.get("end"))
    intervals = voiced_intervals(
        signal,
        SAMPLE_RATE,
        mode=params["vad_mode"],
        hangover=params["hangover"],
        min_speech=params["min_speech"],
    )
    row = {
        "sample_rate": [SAMPLE_RATE],
        "pcm": [to_pcm(signal)],
        "intervals": [intervals.tolist()],
    }
    if not len(intervals):
        silent = not np.any(signal)
        return ClipRows(row, "degraded", "silence" if silent else "no voice found")
    return ClipRows(row)


def to_pcm(signal: np.ndarray) -> bytes:
    """Return samples in [-1, 1] as 16-bit little-endian bytes, rounded to the nearest step."""
    return np.clip(np.rint(signal * 32768.0), -32768, 32767).astype("<i2").tobytes()


def from_pcm(pcm: bytes) -> np.ndarray:
    """Return the samples of `to_pcm`'s bytes, float32 of shape (n,)."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32768.0
