"""Sound above what table ``speech`` holds, for networks that learned from more than 16 kHz."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from avlib.media import read_audio
from avlib.runtime.clip_tasks import RecordingInput
from avlib.speech.level import equal_loudness


def recorded_sound(recording: RecordingInput, rate: int, params: Mapping[str, Any]) -> np.ndarray:
    """Return the sound of a recording, heard as the stage ``speech`` hears it but for its rate.

    Parameters
    ----------
    recording
        Where it is.
    rate : int
        Hz.
    params
        Section ``speech`` of params.yaml: ``channels`` and ``loudness``.

    Returns
    -------
    float32 array of shape (n,)
        In [-1, 1].
    """
    span = recording.start, recording.end
    signal = read_audio(recording.path, rate, *span, channels=params["channels"])
    return equal_loudness(signal, rate, out=signal) if params["loudness"] == "equal" else signal
