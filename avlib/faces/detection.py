"""Where the faces of one frame are: dlib's HOG detector, in the whole frame or around a place.

The detector costs in proportion to the pixels it scans and finds faces of about 80 pixels and
more. So a whole frame is scanned at a working size, and the surroundings of a known face are
resampled until the face has the size that the detector likes best, whatever it has in the frame.

Pixel coordinates are those of pixel centres: (0, 0) is the middle of the top left pixel. Boxes
are (left, top, right, bottom).
"""

import math
from dataclasses import dataclass

import dlib
import numba
import numpy as np

from avlib.faces.models import detector

# The shorter side of a frame as scanned, in pixels: faces of a sixth of it and more are found.
WORKING_SIDE = 480
# A finer scan, for clips in which the first one finds nobody: four times the cost, half the size.
FINE = 2.0
# Near a known face: its size in the resampled picture (pixels), and the picture's side in faces,
# and where landmarks say where the face is. Of such a picture one of the detector's windows, which
# are 8 pixels apart, lies on the face: its scores are higher than with 1.3 or 1.5.
NEAR_FACE = 85
NEAR_MARGIN = 1.75
CLOSE_MARGIN = 1.4
# A hit near a known face is that face when they overlap by this much (intersection over union).
SAME_FACE = 0.3


@dataclass(frozen=True, slots=True)
class Detection:
    """One hit of the detector: box of shape (4,) in pixels, and score (0 is dlib's threshold)."""

    box: np.ndarray
    score: float


def to_grey(image: np.ndarray) -> np.ndarray:
    """Return a frame of shape (h, w, 3), RGB, or (h, w), grey, as uint8 grey of shape (h, w)."""
    # dlib misreads arrays whose rows are padded, which is how decoders hand out odd widths.
    return np.ascontiguousarray(image) if image.ndim == 2 else _means_of_colours(image)


@numba.njit(cache=True)
def _means_of_colours(image):
    """Return what ``dlib.as_grayscale`` does in half the time."""
    grey = np.empty(image.shape[:2], np.uint8)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            red, green, blue = image[i, j]
            grey[i, j] = mean_of_colours(red, green, blue)
    return grey


@numba.njit(cache=True)
def mean_of_colours(red, green, blue):
    """Return the grey level of a pixel: the third of the sum."""
    return (np.uint32(red) + np.uint32(green) + np.uint32(blue)) // np.uint32(3)


def within(image: np.ndarray, region: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of a frame in a box, and its corner, x and y: at least one pixel."""
    height, width = image.shape[:2]
    left = min(max(math.floor(region[0]), 0), width - 1)
    top = min(max(math.floor(region[1]), 0), height - 1)
    right = min(max(math.ceil(region[2]) + 1, left + 1), width)
    bottom = min(max(math.ceil(region[3]) + 1, top + 1), height)
    return image[top:bottom, left:right], np.array([left, top])


def find_faces(image: np.ndarray, *, fine: bool = False) -> list[Detection]:
    """Find the faces in a whole frame.

    Parameters
    ----------
    image : uint8 of shape (h, w, 3) or (h, w)
        The frame, RGB or grey.
    fine : bool
        Look for faces of half the usual size.

    Returns
    -------
    list of Detection
        With scores above 0, best first.
    """
    height, width = image.shape[:2]
    scale = min(1.0, WORKING_SIDE / min(height, width)) * (FINE if fine else 1.0)
    whole = np.array([0.0, 0.0, width - 1.0, height - 1.0])
    return _scan(to_grey(image), whole, scale)


def find_near(image: np.ndarray, box: np.ndarray, margin: float = NEAR_MARGIN) -> Detection | None:
    """Find the face that overlaps `box` most, looking nowhere else.

    Parameters
    ----------
    image : uint8 of shape (h, w, 3) or (h, w)
        The frame, RGB or grey.
    box : (4,)
        Where the face is thought to be.
    margin : float
        Side of the picture that is searched, in faces.
    """
    region = square(box_centre(box), margin * box_width(box))
    # A little more than the region, as what lies beside a pixel counts when it is made smaller.
    part, corner = within(image, square(box_centre(box), 1.1 * margin * box_width(box)))
    hits = _scan(to_grey(part), region - np.tile(corner, 2), NEAR_FACE / box_width(box), corner)
    best = max(hits, key=lambda hit: overlap(hit.box, box), default=None)
    return best if best is not None and overlap(best.box, box) >= SAME_FACE else None


def resample(grey: np.ndarray, region: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Cut a region out of a frame, `scale` pixels for each of its pixels; outside is black.

    Returns
    -------
    picture : uint8 of shape (rows, columns)
    step : (2,)
        Pixels of the frame per pixel of the picture, horizontally and vertically:
        a point p of the picture is at ``region[:2] + p * step`` in the frame.
    """
    size = np.maximum(region[2:] - region[:2], 1.0)
    columns, rows = np.maximum(np.rint(size * scale), 1).astype(int) + 1
    details = dlib.chip_details(
        dlib.drectangle(region[0], region[1], *(region[:2] + size)),
        dlib.chip_dims(int(rows), int(columns)),
    )
    picture = dlib.extract_image_chip(grey, details)
    return picture, size / (columns - 1, rows - 1)


def square(centre: np.ndarray, side: float) -> np.ndarray:
    """Return a square as a box, given its middle, x and y."""
    return np.concatenate([centre - side / 2, centre + side / 2])


def box_centre(box: np.ndarray) -> np.ndarray:
    """Return the middle of a box, x and y."""
    return (box[:2] + box[2:]) / 2


def box_width(box: np.ndarray) -> float:
    """Return the size of a (square) box in pixels."""
    return float(box[2] - box[0])


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Return the intersection over the union of two boxes, 0 to 1."""
    shared = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0.0))
    union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared
    return float(shared / union) if union > 0 else 0.0


def _scan(
    grey: np.ndarray, region: np.ndarray, scale: float, corner: np.ndarray | float = 0.0
) -> list[Detection]:
    """Run the detector on a region of a picture whose corner is there in the frame."""
    picture, step = resample(grey, region, scale)
    boxes, scores, _ = detector().run(picture, 0, 0.0)
    corners = np.array([(b.left(), b.top(), b.right(), b.bottom()) for b in boxes]).reshape(-1, 4)
    placed = np.tile(region[:2] + corner, 2) + corners * np.tile(step, 2)
    hits = [Detection(box, float(score)) for box, score in zip(placed, scores, strict=True)]
    return sorted(hits, key=lambda hit: -hit.score)
