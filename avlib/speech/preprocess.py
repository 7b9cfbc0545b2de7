"""What happens to a signal before anything is measured on it."""

import numpy as np

from avlib.runtime.errors import MediaError

PRE_EMPHASIS = 0.97


def check_signal(signal: np.ndarray) -> np.ndarray:
    """Return the signal as float32 of shape (n,) if it is mono and finite.

    openSMILE and WebRTC turn NaN into garbage without a word, so it stops here.

    Raises
    ------
    MediaError
        A sample is NaN or infinite.
    ValueError
        The signal is not one-dimensional, or not of a floating type.
    """
    if signal.ndim != 1 or not np.issubdtype(signal.dtype, np.floating):
        raise ValueError(
            f"a mono signal of floats was expected, of shape (n,), got {signal.dtype} of shape "
            f"{signal.shape}"
        )
    # The sum of hours takes no memory; where it is a number, so are all samples.
    if np.isfinite(signal.sum(dtype=np.float64)):
        broken = np.empty(0, int)
    else:
        broken = np.flatnonzero(~np.isfinite(signal))
    if len(broken):
        raise MediaError(
            f"{len(broken)} of {len(signal)} audio samples are NaN or infinite, the first at "
            f"sample {broken[0]}; repair or remove the recording"
        )
    return signal.astype(np.float32, copy=False)


def pre_emphasis(signal: np.ndarray, coefficient: float = PRE_EMPHASIS) -> np.ndarray:
    """Raise the high frequencies: ``y(t) = x(t) - coefficient * x(t - 1)``.

    Ma et al. 2019 (AVEF), section 2.1.1. The sample before the first one counts as zero.

    Parameters
    ----------
    signal : array of shape (n,)
    coefficient : float
        Between 0 (none) and 1 (strongest).

    Returns
    -------
    array of shape (n,), of the signal's type
    """
    emphasised = signal.copy()
    emphasised[1:] -= np.asarray(coefficient, dtype=signal.dtype) * signal[:-1]
    return emphasised
