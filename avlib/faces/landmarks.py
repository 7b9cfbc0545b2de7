"""The 68 landmarks of a face, and whether they are a face's.

The ensemble of regression trees (Kazemi and Sullivan, CVPR 2014) starts from a mean shape in a box
and always ends in something that looks like a face. Started twice from boxes that differ a
little, it ends in the same place on a face, and in two places on anything else. The mean of the two
is also steadier than either. A face that was in the frame before is started once, see
`follow_landmarks`.
"""

import math
from collections.abc import Sequence

import numba
import numpy as np

from avlib.faces.detection import box_centre, box_width, square, within
from avlib.faces.regression_trees import landmark_trees

N_POINTS = 68
# How far the starts are moved from the box, right and down, in its widths.
STARTS = (0.04, -0.04)
# Side of what is looked at, in faces.
MARGIN = 1.5
# dlib's box of a face from its landmarks: the width in standard distances of the landmarks from
# their mean, and the rise of the box above that mean in widths.
BOX_WIDTH = 2.86
BOX_RISE = 0.03
# Largest disagreement of the starts on a face, in widths of the box.
AGREEMENT = 0.02


def fit_landmarks(image: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit the 68 landmarks to the face in a box.

    Parameters
    ----------
    image : uint8 of shape (h, w, 3) or (h, w)
        The frame, RGB or grey.
    box : (4,)
        As the detector would draw it.

    Returns
    -------
    landmarks : (68, 2)
        x and y in pixels of the frame, the mean over the starts.
    disagreement : float
        Root mean square distance of the starts' landmarks from their mean, in widths of the box;
        on a face at most `AGREEMENT`.
    """
    fits = _fits(image, box, STARTS)
    mean = fits.sum(axis=0) / len(fits)
    return mean, _distance(fits, mean) / box_width(box)


def follow_landmarks(image: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit the 68 landmarks to a face whose landmarks in a neighbouring frame are known.

    A face that has hardly moved takes the place of the second start: what one start finds within
    `AGREEMENT` of the landmarks before is the face that was there.

    Parameters
    ----------
    image
        See `fit_landmarks`.
    before : (68, 2)
        In pixels of the frame.

    Returns
    -------
    landmarks, disagreement
        See `fit_landmarks`.
    """
    box = box_of(before)
    [landmarks] = _fits(image, box, (0.0,))
    moved = _distance(landmarks, before) / box_width(box)
    return (landmarks, moved) if moved <= AGREEMENT else fit_landmarks(image, box)


@numba.njit(cache=True)
def box_of(landmarks):
    """Return the box, of shape (4,), that the detector would draw around landmarks (68, 2)."""
    x_mean = y_mean = spread = 0.0
    for x, y in landmarks:
        x_mean += x
        y_mean += y
    x_mean, y_mean = x_mean / N_POINTS, y_mean / N_POINTS
    for x, y in landmarks:
        spread += (x - x_mean) ** 2 + (y - y_mean) ** 2
    width = BOX_WIDTH * math.sqrt(spread / N_POINTS)
    left, top = x_mean - width / 2, y_mean - BOX_RISE * width - width / 2
    return np.array([left, top, left + width, top + width])


def _fits(image: np.ndarray, box: np.ndarray, shifts: Sequence[float]) -> np.ndarray:
    """Return the landmarks, (n, 68, 2), from starts beside a box, by so many of its widths."""
    width = box_width(box)
    part, corner = within(image, square(box_centre(box), MARGIN * width))
    starts = box + width * np.array(shifts)[:, None]
    starts[:, :2] -= corner
    starts[:, 2:] -= corner
    return landmark_trees().fit(part, starts) + corner


def _distance(points: np.ndarray, others: np.ndarray) -> float:
    """Return the root mean square distance of points, (..., 2), from others."""
    between = (points - others).ravel()
    return math.sqrt(2 * np.dot(between, between) / len(between))
