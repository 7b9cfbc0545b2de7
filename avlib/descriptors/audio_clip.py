"""One clip of the audio_features stage."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from avlib.descriptors.opensmile import frame_descriptors, functionals, windowed_functionals
from avlib.descriptors.tables import AUDIO
from avlib.runtime.per_clip import ClipRows
from avlib.runtime.tables import no_rows, read_clip
from avlib.speech.clip import from_pcm


def audio_rows(payload: Mapping[str, Any], params: Mapping[str, Any]) -> ClipRows:
    """Return the rows of table `audio` of one clip.

    Parameters
    ----------
    payload
        ``path``, ``row_group`` and ``rows`` of the clip in table `speech`, and its ``status`` and
        ``reason`` there.
    params
        Section ``audio`` of params.yaml.
    """
    if not payload["rows"]:
        return ClipRows(no_rows(AUDIO), payload["status"], payload["reason"])
    speech = read_clip(payload["path"], payload["row_group"])
    signal = from_pcm(speech["pcm"][0].as_py())
    if not np.any(signal):
        return ClipRows(no_rows(AUDIO), "degraded", "silence")
    times, values = describe_sound(signal, speech["sample_rate"][0].as_py(), params)
    return ClipRows({"frame": np.arange(len(times)), "time": times, "descriptor": values})


def describe_sound(
    signal: np.ndarray, rate: int, params: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Describe a recording as section ``audio`` of params.yaml says.

    Parameters
    ----------
    signal : float array of shape (n,)
    rate : int
        In Hz.
    params
        Section ``audio``.

    Returns
    -------
    times : array of shape (n_frames,), float64
        In seconds; one frame, in the middle, where the whole clip is described.
    values : array of shape (n_frames, d), float32
    """
    names = params["feature_set"]
    if params["level"] == "frames":
        return frame_descriptors(signal, rate, names)
    if params["level"] == "windows":
        window, hop = params["window"], params["hop"]
        return windowed_functionals(signal, rate, names, window=window, hop=hop)
    values = functionals(signal, rate, names)[np.newaxis]
    return np.array([len(signal) / rate / 2]), values
