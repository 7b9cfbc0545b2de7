"""Segments of fixed length, and how much of each is speech."""

import numpy as np


def segment_times(
    duration: float,
    *,
    frames: int = 64,
    overlap: int = 30,
    window: float = 0.025,
    hop: float = 0.010,
) -> np.ndarray:
    """Cut a recording into overlapping segments of equal length.

    Ma et al. 2019 (AVEF), section 2.1.1: 64 frames of 25 ms every 10 ms are 655 ms; 30 frames
    overlap, so a segment starts every 340 ms. What is left behind the last whole segment, less
    than one step, belongs to none.

    A recording shorter than one segment has one all the same, which starts at 0 and ends behind
    the recording (``end > duration`` tells); whoever reads it fills it up.

    Parameters
    ----------
    duration : float
        Of the recording in seconds, positive.
    frames, overlap : int
        Analysis frames in a segment, and how many of them two neighbours share.
    window, hop : float
        Length of an analysis frame and distance between two in seconds.

    Returns
    -------
    array of shape (n_segments, 2), float64
        Start and end in seconds.
    """
    if not duration > 0 or not 0 <= overlap < frames:
        raise ValueError(
            f"duration {duration} s, {frames} frames, {overlap} of them shared; expected a "
            "positive duration and fewer shared frames than frames"
        )
    length = window + (frames - 1) * hop
    step = (frames - overlap) * hop
    # A nanosecond of tolerance: a recording of exactly one more step has one more segment.
    n_steps = max(0, int((duration - length) / step + 1e-9))
    starts = np.arange(n_steps + 1) * step
    return np.column_stack([starts, starts + length])


def speech_share(segments: np.ndarray, intervals: np.ndarray) -> np.ndarray:
    """Share of each segment that is speech.

    Parameters
    ----------
    segments : array of shape (n, 2)
        Start and end in seconds.
    intervals : array of shape (n_intervals, 2)
        Where somebody speaks; start and end in seconds, apart from each other.

    Returns
    -------
    array of shape (n,), float64
        Between 0 and 1.
    """
    starts = np.maximum(segments[:, None, 0], intervals[None, :, 0])
    ends = np.minimum(segments[:, None, 1], intervals[None, :, 1])
    spoken = np.maximum(ends - starts, 0).sum(axis=1)
    return np.clip(spoken / (segments[:, 1] - segments[:, 0]), 0, 1)
