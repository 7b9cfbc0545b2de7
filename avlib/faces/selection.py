"""Which of several faces is followed."""

from collections.abc import Iterable

import numpy as np

from avlib.faces.detection import Detection, box_centre, box_width

# A face that was lost may have moved this far, in its widths: at once, and per second since.
REACH = 0.5
REACH_PER_SECOND = 2.0
# It has kept at least this share of its width, or else it is somebody behind it ...
LEAST_WIDTH = 0.75
# ... who is followed all the same when it stays away: the share falls by a factor e in so many s.
PATIENCE = 2.0


def most_prominent(
    hits: Iterable[Detection],
    size: tuple[int, int],
    lost: np.ndarray | None = None,
    gap: float = 0.0,
    max_gap: float = 0.0,
) -> list[Detection]:
    """Order detections by prominence, the face to follow first.

    Prominence = width x centrality x continuity x confidence. Centrality falls from 1 in the
    middle of the frame to exp(-2) in its corners; continuity is exp(-d) for a face d reaches from
    the lost one; confidence is the detector's score, 0.1 to 1, so that a weak false hit does not
    win by its size. A face much smaller than the lost one is somebody else and left out, for the
    longer the smaller it is; a face out of reach is somebody else, or in another shot, and left
    out until `max_gap` is over.

    Parameters
    ----------
    hits : iterable of Detection
        In one frame.
    size : (int, int)
        Height and width of the frame in pixels.
    lost : (4,), optional
        Last box of the face that was followed.
    gap, max_gap : float
        Seconds since then, and seconds for which nobody else is accepted.
    """
    ranked = []
    for hit in hits:
        weight = _centrality(hit.box, size) * min(1.0, max(0.1, hit.score))
        if lost is not None:
            distance = _distance(hit.box, lost, gap)
            share = box_width(hit.box) / box_width(lost)
            if share < LEAST_WIDTH * np.exp(-gap / PATIENCE) or (distance > 1 and gap <= max_gap):
                continue
            weight *= np.exp(-distance)
        ranked.append((box_width(hit.box) * weight, hit))
    return [hit for _, hit in sorted(ranked, key=lambda pair: -pair[0])]


def _centrality(box: np.ndarray, size: tuple[int, int]) -> float:
    middle = np.array([size[1] - 1, size[0] - 1]) / 2
    corner = max(float(np.hypot(*middle)), 1.0)
    return float(np.exp(-2 * (np.hypot(*(box_centre(box) - middle)) / corner) ** 2))


def _distance(box: np.ndarray, lost: np.ndarray, gap: float) -> float:
    """Distance between two boxes, 1 = as far as a face can have got in `gap` seconds."""
    moved = float(np.hypot(*(box_centre(box) - box_centre(lost)))) / box_width(lost)
    return moved / (REACH + REACH_PER_SECOND * gap)
