"""openSMILE's descriptors of the voice: per frame, per recording and per window.

openSMILE is free for research and education; commercial use needs a licence of audEERING.
"""

import functools
from dataclasses import dataclass

import numpy as np
import opensmile

from avlib.speech.preprocess import check_signal

SAMPLE_RATE = 16000
# Anything shorter is filled up with silence: openSMILE answers IS10 below 70 ms with NaN.
MIN_DURATION = 0.1
# openSMILE multiplies by 32768 and stores 16 bits: a sample of 1.0 would become -1.0.
LARGEST_SAMPLE = 32767 / 32768


@dataclass(frozen=True)
class AudioFeatures:
    """What openSMILE computes under one name.

    Attributes
    ----------
    feature_set : opensmile.FeatureSet
    frame_level : str
        Level of openSMILE's data memory that holds the frame descriptors. "lld;lld_de" are the
        low-level descriptors and their deltas read side by side, so that a row holds both for
        the same time; as two streams they differ in length by two frames.
    frame_dim, functionals_dim : int
        Values per frame, and per recording or window.
    window : float
        Length of an analysis frame in seconds; there is one every 10 ms.
    """

    feature_set: opensmile.FeatureSet
    frame_level: str
    frame_dim: int
    functionals_dim: int
    window: float


FEATURE_SETS = {
    # INTERSPEECH 2010 paralinguistic challenge: 38 descriptors + 38 deltas.
    "is10": AudioFeatures(opensmile.FeatureSet.IS10, "lld;lld_de", 76, 1582, 0.025),
    # Extended Geneva minimalistic acoustic parameter set, without deltas.
    "egemaps": AudioFeatures(opensmile.FeatureSet.eGeMAPSv02, "lld", 25, 88, 0.020),
}


def frame_descriptors(
    signal: np.ndarray, sample_rate: int, feature_set: str
) -> tuple[np.ndarray, np.ndarray]:
    """Describe every 10 ms of a recording.

    For "is10" these are the frames of Ghaleb et al. 2019 (MERML), section 4, which does not say
    whether deltas are among them: here they are.

    Parameters
    ----------
    signal : float array of shape (n,)
        Mono, in [-1, 1]; what lies outside is clipped. Less than `MIN_DURATION` is filled up
        with silence.
    sample_rate : int
        16000 Hz.
    feature_set : str
        One of `FEATURE_SETS`.

    Returns
    -------
    times : array of shape (n_frames,), float64
        Middle of each analysis frame in seconds.
    values : array of shape (n_frames, frame_dim), float32

    Raises
    ------
    MediaError
        A sample is NaN or infinite.
    ValueError
        Another sample rate, or an unknown feature set.
    """
    features = _features(feature_set)
    prepared = _prepare(signal, sample_rate)
    frame = _extractor(features.feature_set, features.frame_level).process_signal(
        prepared, SAMPLE_RATE
    )
    starts = frame.index.get_level_values("start").total_seconds().to_numpy()
    return starts + features.window / 2, frame.to_numpy(dtype=np.float32)


def functionals(signal: np.ndarray, sample_rate: int, feature_set: str) -> np.ndarray:
    """Describe a whole recording by statistics of its frames.

    Parameters, short recordings and errors as in `frame_descriptors`.

    Returns
    -------
    array of shape (functionals_dim,), float32
    """
    features = _features(feature_set)
    prepared = _prepare(signal, sample_rate)
    extractor = _extractor(features.feature_set, opensmile.FeatureLevel.Functionals.value)
    return extractor.process_signal(prepared, SAMPLE_RATE).to_numpy(dtype=np.float32)[0]


def windowed_functionals(
    signal: np.ndarray, sample_rate: int, feature_set: str, *, window: float, hop: float
) -> tuple[np.ndarray, np.ndarray]:
    """Describe sliding windows by statistics of their frames.

    The other reading of what the MERML paper Fisher-encodes. Each window is analysed by itself.

    Parameters
    ----------
    signal, sample_rate, feature_set
        As in `frame_descriptors`.
    window, hop : float
        Length of a window, at least `MIN_DURATION`, and distance between two, in seconds. A
        recording shorter than one window is one window.

    Returns
    -------
    times : array of shape (n_windows,), float64
        Middle of each window in seconds.
    values : array of shape (n_windows, functionals_dim), float32
    """
    if window < MIN_DURATION or hop <= 0:
        raise ValueError(
            f"window {window} s, hop {hop} s; expected a window of at least {MIN_DURATION} s and "
            "a positive hop"
        )
    length, step = round(window * sample_rate), round(hop * sample_rate)
    starts = np.arange(0, max(len(signal) - length, 0) + 1, step)
    values = [functionals(signal[i : i + length], sample_rate, feature_set) for i in starts]
    times = (starts + min(length, len(signal)) / 2) / sample_rate
    return times, np.stack(values)


def _features(feature_set: str) -> AudioFeatures:
    if feature_set not in FEATURE_SETS:
        raise ValueError(f"feature set {feature_set!r}; expected one of {sorted(FEATURE_SETS)}")
    return FEATURE_SETS[feature_set]


@functools.cache
def _extractor(feature_set: opensmile.FeatureSet, level: str) -> opensmile.Smile:
    """One extractor per process. Pairs that are not in `FEATURE_SETS` can end the process."""
    return opensmile.Smile(feature_set, level, num_workers=1)


def _prepare(signal: np.ndarray, sample_rate: int) -> np.ndarray:
    if sample_rate != SAMPLE_RATE:
        raise ValueError(f"a sample rate of {sample_rate} Hz; expected {SAMPLE_RATE} Hz")
    clipped = np.clip(check_signal(signal), -1.0, LARGEST_SAMPLE)
    missing = round(MIN_DURATION * SAMPLE_RATE) - len(clipped)
    return np.pad(clipped, (0, max(0, missing)))
