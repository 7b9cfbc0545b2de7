"""The 68 landmarks of a face, and whether they are a face's.

The ensemble of regression trees (Kazemi and Sullivan, CVPR 2014) starts from a mean shape in a box
and always ends in something that looks like a face. Started twice from boxes that differ a
little, it ends in the same place on a face, and in two places on anything else. The mean of the two
is also steadier than either.
"""

import numpy as np

from avlib.faces.detection import box_centre, box_width, grey_within, square
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
    width = box_width(box)
    grey, corner = grey_within(image, square(box_centre(box), MARGIN * width))
    starts = np.stack([box + shift * width - np.tile(corner, 2) for shift in STARTS])
    fits = landmark_trees().fit(grey, starts)
    mean = fits.mean(axis=0)
    disagreement = float(np.sqrt(((fits - mean) ** 2).sum(axis=2).mean())) / width
    return mean + corner, disagreement


def box_of(landmarks: np.ndarray) -> np.ndarray:
    """Return the box, of shape (4,), that the detector would draw around landmarks (68, 2)."""
    mean = landmarks.mean(axis=0)
    width = BOX_WIDTH * float(np.sqrt(((landmarks - mean) ** 2).sum(axis=1).mean()))
    return square(mean - (0.0, BOX_RISE * width), width)
