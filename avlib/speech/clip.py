"""One clip of the speech stage."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from avlib.media import LEAST_SHARE, read_sound
from avlib.runtime.clip_tasks import RecordingInput
from avlib.runtime.per_clip import ClipRows
from avlib.speech.level import equal_loudness
from avlib.speech.pcm import SAMPLE_RATE, to_pcm
from avlib.speech.vad import voiced_intervals


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
        signal = equal_loudness(signal, SAMPLE_RATE)
    timing = {"hangover": params["hangover"], "min_speech": params["min_speech"]}
    intervals = voiced_intervals(signal, SAMPLE_RATE, mode=params["vad_mode"], **timing).tolist()
    row = {"sample_rate": [SAMPLE_RATE], "pcm": [to_pcm(signal)], "intervals": [intervals]}
    reasons = []
    if sound.there < LEAST_SHARE * sound.due:
        reasons.append(f"{sound.there:.1f} of {sound.due:.1f} s hold sound")
    if sound.lost:
        reasons.append(
            f"channels cancel: the mean of {sound.channels} channels is {sound.lost:.0f} dB below"
            " the loudest; set speech.channels"
        )
    if not intervals:
        reasons.append("no voice found" if np.any(signal) else "silence")
    return ClipRows(row, "degraded" if reasons else "ok", "; ".join(reasons))
