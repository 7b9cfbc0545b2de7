"""The 68 landmarks of a face, and whether they are a face's.

The ensemble of regression trees (Kazemi and Sullivan, CVPR 2014) starts from a mean shape in a box
and always ends in something that looks like a face. Started twice from boxes that differ a
little, it ends in the same place on a face, and in two places on anything else. The mean of the two
is also steadier than either, and so is a fit in an enlarged picture of the face, since dlib rounds
landmarks to whole pixels.
"""

import dlib
import numpy as np

from avlib.faces.detection import box_centre, box_width, resample, square
from avlib.faces.models import landmark_predictor

N_POINTS = 68
# How far the starts are moved from the box, right and down, in its widths.
STARTS = (0.04, -0.04)
# The enlarged picture: width of the face in pixels, and the picture's side in faces.
FACE = 200
MARGIN = 1.5
# dlib's box of a face from its landmarks: the width in standard distances of the landmarks from
# their mean, and the rise of the box above that mean in widths.
BOX_WIDTH = 2.86
BOX_RISE = 0.03
# Largest disagreement of the starts on a face, in widths of the box.
AGREEMENT = 0.02


def fit_landmarks(grey: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit the 68 landmarks to the face in a box.

    Parameters
    ----------
    grey : uint8 of shape (h, w)
        The frame.
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
    width = box_width(box)
    region = square(box_centre(box), MARGIN * width)
    picture, step = resample(grey, region, FACE / width)
    middle = (picture.shape[0] - 1) / 2
    fits = np.stack([_fit(picture, middle + shift * FACE) for shift in STARTS])
    mean = fits.mean(axis=0)
    disagreement = float(np.sqrt(((fits - mean) ** 2).sum(axis=2).mean())) / FACE
    return region[:2] + mean * step, disagreement


def box_of(landmarks: np.ndarray) -> np.ndarray:
    """Return the box, of shape (4,), that the detector would draw around landmarks (68, 2)."""
    mean = landmarks.mean(axis=0)
    width = BOX_WIDTH * float(np.sqrt(((landmarks - mean) ** 2).sum(axis=1).mean()))
    return square(mean - (0.0, BOX_RISE * width), width)


def _fit(picture: np.ndarray, middle: float) -> np.ndarray:
    start, end = round(middle - FACE / 2), round(middle + FACE / 2)
    shape = landmark_predictor()(picture, dlib.rectangle(start, start, end, end))
    return np.array([(point.x, point.y) for point in shape.parts()], dtype=float)
