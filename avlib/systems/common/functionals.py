"""Mean and standard deviation of frame features over a sliding window (EmoBed, section 4.1).

The paper's windows are 8 s long and 40 ms apart. They are centred on the moment that they describe,
as the AVEC baselines match labels to the middle of a window. Near the ends of a recording, and
where frames are missing, a window holds fewer frames; what it holds is described.
"""

import numpy as np

WINDOW = 8.0  # s
STEP = 0.04  # s
_SAME = 1e-9  # s; times closer than this are equal


def moments(duration: float, step: float = STEP) -> np.ndarray:
    """Return the moments of a recording that are described, in s: 0, step, ... below `duration`."""
    return np.arange(np.ceil(duration / step - _SAME).astype(int)) * step


def sliding_functionals(
    values: np.ndarray, times: np.ndarray, at: np.ndarray, window: float = WINDOW
) -> tuple[np.ndarray, np.ndarray]:
    """Describe a recording around each of many moments.

    Takes time in proportion to frames plus moments, whatever the window.

    Parameters
    ----------
    values : float array of shape (n_frames, d)
        Only frames that have features; one without a face, say, is left out.
    times : float array of shape (n_frames,)
        Of these frames, in s, increasing; any rate, and gaps.
    at : float array of shape (n_moments,)
        In s.
    window : float
        In s; frames within half of it of the moment count, both ends included.

    Returns
    -------
    functionals : float64 array of shape (n_moments, 2 d)
        The d means, then the d standard deviations (divided by n, so 0 for one frame). Zeros where
        a window holds no frame.
    counted : int64 array of shape (n_moments,)
        Frames in each window.

    Raises
    ------
    ValueError
        Values and times are not of one length, times do not increase, or a value is not finite.
    """
    values = np.asarray(values, float)
    if values.ndim != 2 or len(values) != len(times):
        raise ValueError(
            f"values of shape {values.shape} at {len(times)} times; expected (n_frames, d) and one "
            "time for each frame"
        )
    if not np.isfinite(values).all() or not (np.diff(times) > 0).all():
        raise ValueError("expected finite values at increasing times; leave frames without out")
    first = np.searchsorted(times, np.asarray(at) - window / 2 - _SAME, side="left")
    last = np.searchsorted(times, np.asarray(at) + window / 2 + _SAME, side="right")
    counted = last - first
    n = np.maximum(counted, 1)[:, None]
    # About the recording's mean, or squares of large values would cancel.
    middle = values.mean(axis=0) if len(values) else np.zeros(values.shape[1])
    sums = _cumulative(values - middle)
    squares = _cumulative((values - middle) ** 2)
    mean = (sums[last] - sums[first]) / n
    variance = np.maximum((squares[last] - squares[first]) / n - mean**2, 0.0)
    variance[counted == 1] = 0.0  # not what rounding leaves, which standardising would make large
    functionals = np.concatenate([middle + mean, np.sqrt(variance)], axis=1)
    functionals[counted == 0] = 0.0
    return functionals, counted


def _cumulative(values: np.ndarray) -> np.ndarray:
    """Return the sums of the first 0, 1, ... n rows, shape (n + 1, d)."""
    return np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
