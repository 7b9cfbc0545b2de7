"""The concordance correlation coefficient (CCC) of two series (Lin 1989; EmoBed, eq. 9)."""

import numpy as np

ROUNDING = 1e-12  # a series that varies less than this share of its size is constant


def labelled(truth: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both series, as float64, where there is a label.

    Parameters
    ----------
    truth : ndarray of shape (n,)
        NaN where there is no label; those places count nowhere.
    predicted : ndarray of shape (n,)
        Finite.

    Raises
    ------
    ValueError
        The series are not of one length, or a prediction is not a finite number.
    """
    truth, predicted = np.asarray(truth, float), np.asarray(predicted, float)
    if truth.shape != predicted.shape or truth.ndim != 1:
        raise ValueError(
            f"labels of shape {truth.shape} and predictions of shape {predicted.shape}; expected "
            "two series of one length"
        )
    if not np.isfinite(predicted).all():
        place = int(np.flatnonzero(~np.isfinite(predicted))[0])
        raise ValueError(f"prediction {place} is {predicted[place]}; expected a finite number")
    known = np.isfinite(truth)
    return truth[known], predicted[known]


def is_constant(values: np.ndarray) -> bool:
    """Say whether a series, of shape (n,), varies by no more than rounding, or has no values."""
    return not len(values) or bool(np.ptp(values) <= ROUNDING * max(1.0, np.abs(values).max()))


def ccc(truth: np.ndarray, predicted: np.ndarray) -> float | None:
    """Return 2 cov / (var_x + var_y + (mean_x - mean_y)^2), in [-1, 1].

    Variances and covariance divide by n, as Lin's do.

    Parameters
    ----------
    truth, predicted : ndarray of shape (n,)
        As in `labelled`.

    Returns
    -------
    float or None
        None where the labels are constant or absent: then no prediction, however good, could
        follow them, and the formula gives 0 or 0/0. Constant predictions of labels that vary
        score 0.
    """
    x, y = labelled(truth, predicted)
    if is_constant(x):
        return None
    if is_constant(y):
        return 0.0
    covariance = np.mean((x - x.mean()) * (y - y.mean()))
    return float(2 * covariance / (x.var() + y.var() + (x.mean() - y.mean()) ** 2))
