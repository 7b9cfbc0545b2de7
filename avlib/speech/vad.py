"""Voice activity: when somebody speaks, by WebRTC's detector."""

import numpy as np
import webrtcvad

from avlib.speech.preprocess import check_signal

# The detector compares energies with fixed thresholds, so it hears a copy brought to this peak.
# On 720 RAVDESS clips, whose levels differ by a factor of 200, mode 2 finds 97 to 99 % of the
# frames that stand out of their clip's own noise in every quarter by loudness, and 87 % of them
# in the quietest quarter when it hears the recordings as they are. A higher peak finds no more
# speech and takes more pauses for it (11 to 15 % here, 25 to 30 % at 0.9).
PEAK = 0.25
# A recording that never gets louder than this holds no voice but noise, which is not raised: the
# quietest of those clips peaks at 0.006.
SILENT_PEAK = 0.002


def voiced_intervals(
    signal: np.ndarray,
    sample_rate: int,
    *,
    mode: int = 2,
    frame: float = 0.03,
    hangover: float = 0.15,
    min_speech: float = 0.09,
) -> np.ndarray:
    """Find the stretches in which somebody speaks.

    Stands in for the detector of Ma et al. 2019 (AVEF), section 2.1.1, which is a network whose
    weights are not public.

    Parameters
    ----------
    signal : float array of shape (n,)
        Mono, in [-1, 1]; what lies outside is clipped.
    sample_rate : int
        In Hz: 8000, 16000, 32000 or 48000.
    mode : int
        0 (takes nearly everything for speech) to 3 (rejects most).
    frame : float
        Length of one decision in seconds: 0.01, 0.02 or 0.03.
    hangover : float
        Seconds that speech is held after its last frame; shorter pauses vanish.
    min_speech : float
        Seconds; shorter bursts are dropped before the hangover is added.

    Returns
    -------
    array of shape (n_intervals, 2), float64
        Start and end in seconds, ascending, apart from each other and within the signal. Empty,
        of shape (0, 2), where nobody speaks.

    Raises
    ------
    MediaError
        A sample is NaN or infinite.
    """
    voiced = _decisions(check_signal(signal), sample_rate, mode, frame)
    edges = np.flatnonzero(np.diff(voiced, prepend=False, append=False))
    starts, ends = edges[::2] * frame, edges[1::2] * frame

    long_enough = ends - starts > min_speech - frame / 2
    starts, ends = starts[long_enough], ends[long_enough] + hangover
    if len(starts) == 0:
        return np.empty((0, 2))

    # Intervals that the hangover lets touch become one.
    apart = starts[1:] > ends[:-1]
    duration = len(signal) / sample_rate
    starts = np.concatenate([starts[:1], starts[1:][apart]])
    ends = np.concatenate([ends[:-1][apart], ends[-1:]])
    return np.column_stack([starts, np.minimum(ends, duration)])


def within(times: np.ndarray, intervals: np.ndarray) -> np.ndarray:
    """Which times lie in one of the intervals.

    Parameters
    ----------
    times : array of shape (n,)
        In seconds.
    intervals : array of shape (n_intervals, 2)
        Ascending and apart, as from `voiced_intervals`; the start belongs to it, the end not.

    Returns
    -------
    bool array of shape (n,)
    """
    # The intervals' edges in turn: an odd number of them behind us means inside.
    return np.searchsorted(intervals.ravel(), times, side="right") % 2 == 1


def _decisions(signal: np.ndarray, sample_rate: int, mode: int, frame: float) -> np.ndarray:
    """One bool per frame; the last frame is filled up with silence."""
    peak = max(signal.max(initial=0.0), -signal.min(initial=0.0))
    gain = PEAK / peak if peak > SILENT_PEAK else 1.0
    length = round(frame * sample_rate)
    detector = webrtcvad.Vad(mode)
    found = []
    for start in range(0, len(signal), length):
        samples = signal[start : start + length]  # a frame at a time: recordings may last hours
        pcm = np.zeros(length, "<i2")
        pcm[: len(samples)] = np.rint(np.clip(samples * gain, -1, 1) * 32767)
        found.append(detector.is_speech(pcm.tobytes(), sample_rate))
    return np.array(found, dtype=bool)
