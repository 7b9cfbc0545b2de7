"""One clip of the speech stage."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from avlib.media import LEAST_SHARE, read_sound
from avlib.runtime.clip_tasks import RecordingInput
from avlib.runtime.errors import MediaError
from avlib.runtime.per_clip import ClipRows
from avlib.speech.level import equal_loudness
from avlib.speech.pcm import SAMPLE_RATE, steps_of
from avlib.speech.vad import voiced_intervals

_CANCELLED = 0.05  # share of the loud seconds
_LONGEST = 2**30 - 1  # samples: a cell of a table holds 2 GB


def speech_rows(recording: RecordingInput, params: Mapping[str, Any]) -> ClipRows:
    """Return the row of table `speech` of one clip.

    Parameters
    ----------
    recording
        Where its sound is.
    params
        Section ``speech`` of params.yaml.
    """
    span = recording.start, recording.end
    sound = read_sound(recording.path, SAMPLE_RATE, *span, channels=params["channels"])
    signal = sound.signal
    if params["loudness"] == "equal":
        equal_loudness(signal, SAMPLE_RATE, out=signal)
    timing = {"hangover": params["hangover"], "min_speech": params["min_speech"]}
    intervals = voiced_intervals(signal, SAMPLE_RATE, mode=params["vad_mode"], **timing).tolist()
    row = {"sample_rate": [SAMPLE_RATE], "pcm": [_cell(signal)], "intervals": [intervals]}
    reasons = []
    if sound.there < LEAST_SHARE * sound.due:
        reasons.append(f"{sound.there:.1f} of {sound.due:.1f} s hold sound")
    elif sound.refused > 1 - LEAST_SHARE:
        reasons.append(f"{sound.refused:.0%} of its sound cannot be decoded")
    if sound.lost:
        reasons.append(
            f"channels cancel: the mean of {sound.channels} channels is {sound.lost:.0f} dB below"
            " the loudest; set speech.channels"
        )
    elif sound.cancelled > _CANCELLED:
        reasons.append(
            f"channels cancel in {sound.cancelled:.0%} of the loud seconds; set speech.channels"
        )
    if not intervals:
        reasons.append("no voice found" if np.any(signal) else "silence")
    return ClipRows(row, "degraded" if reasons else "ok", "; ".join(reasons))


def _cell(signal: np.ndarray) -> memoryview:
    """Return a signal as bytes that the table takes as they lie in memory."""
    if len(signal) > _LONGEST:
        raise MediaError(
            f"{len(signal) / SAMPLE_RATE / 3600:.1f} h of sound; a clip may have"
            f" {_LONGEST / SAMPLE_RATE / 3600:.1f} h: cut the recording, or list spans of it"
        )
    return steps_of(signal).data.cast("B")
