"""A frame as 16 x 16 grey cells: what the leak check tells copies of pictures by."""

import functools

import numpy as np

from avlib.faces.detection import to_grey

SIDE = 16
_LINES = 128  # of a frame that are looked at, about
_STEPS = 256  # of a grey level: what moves changes a cell by a third of a level


def thumbnail(picture: np.ndarray) -> bytes:
    """Return the means of 16 x 16 equal parts of a picture.

    Parameters
    ----------
    picture : uint8 array of shape (h, w, 3) or (h, w)
        RGB or grey.
    """
    every = max(1, round(min(picture.shape[:2]) / _LINES))
    seen = to_grey(picture[every // 2 :: every, every // 2 :: every]).astype(np.float32)
    height, width = seen.shape
    cells = _shares(height) @ seen @ _shares(width).T
    return np.rint(cells * _STEPS).astype("<u2").tobytes()


def cells_of(thumbnail: bytes) -> np.ndarray:
    """Return grey levels, float32 of shape (256,), row by row."""
    return np.frombuffer(thumbnail, "<u2").astype(np.float32) / _STEPS


@functools.lru_cache(maxsize=8)
def _shares(lines: int) -> np.ndarray:
    """Return how much of each part every line is, (16, lines): one may lie in two parts."""
    edges = np.arange(SIDE + 1) * lines / SIDE
    line = np.arange(lines)
    inside = np.minimum(edges[1:, None], line + 1) - np.maximum(edges[:-1, None], line)
    return (inside.clip(0) * SIDE / lines).astype(np.float32)
