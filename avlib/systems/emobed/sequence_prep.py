"""Sequences of features and labels before training: delay and lengths.

EmoBed, section 4.2: labels are shifted back against the features, because annotators need time.
"""

import numpy as np

from avlib.runtime.errors import DataError


def frames_of(seconds: float, step: float) -> int:
    """Return how many steps of `step` seconds make `seconds`, to the nearest."""
    return round(seconds / step)


def advance_labels(labels: np.ndarray, delay: int) -> np.ndarray:
    """Move labels back in time, so that each stands beside what it was given for.

    The last `delay` frames have no label then: they are NaN and take part in no loss and no score.
    That drops them as the AVEC baselines do, and keeps the length. A recording no longer than the
    delay has no label left.

    Parameters
    ----------
    labels : float array of shape (n_frames,) or (n_frames, n_dimensions)
    delay : int
        Of the annotators, in frames; 60 are the paper's 2.4 s at 40 ms.
    """
    advanced = np.full_like(labels, np.nan, dtype=float)
    advanced[: max(len(labels) - delay, 0)] = labels[delay:]
    return advanced


def delayed(predictions: np.ndarray, delay: int) -> np.ndarray:
    """Move predictions forward in time, back to where the labels as given stand.

    Parameters
    ----------
    predictions : array of shape (n_frames,) or (n_frames, n_dimensions)
    delay : int
        In frames, at least 0. The first `delay` frames repeat the first prediction.
    """
    return predictions[np.maximum(np.arange(len(predictions)) - delay, 0)]


def matched(
    features: np.ndarray, labels: np.ndarray, tolerance: int, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Cut features or labels, whichever are longer, to one length.

    Both start at time 0 and have the same step, so what is cut is at the end; RECOLA has 7,501
    labels and 7,500 frames.

    Parameters
    ----------
    features : array of shape (n_frames, d)
    labels : array of shape (n_labels, ...)
    tolerance : int
        Largest difference in frames that is taken for a matter of rounding.
    name : str
        Of the recording.

    Raises
    ------
    DataError
        The lengths differ by more, or one of them is 0.
    """
    shorter = min(len(features), len(labels))
    if not shorter or abs(len(features) - len(labels)) > tolerance:
        raise DataError(
            f"{name}: {len(features)} frames of features and {len(labels)} of labels; expected "
            f"some of both and a difference of {tolerance} at most: extract the features with the "
            "labels' step"
        )
    return features[:shorter], labels[:shorter]
