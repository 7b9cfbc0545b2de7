"""How a picture is to be turned and mirrored before it is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.sidedata.sidedata import SideDataContainer

_Matrix = tuple[float, float, float, float]


def matrix(frame: Any) -> _Matrix:
    """Return what takes a stored pixel (x, y) to where it is shown, row by row.

    A picture without a display matrix is shown as it is stored.
    """
    try:
        # Not `frame.side_data`: frame and container would hold each other, and so the pixels, until
        # Python looks for such garbage, which of few large things it seldom does.
        everything = SideDataContainer(frame)  # type: ignore[call-arg]  # its stub forgets the frame
    except ValueError:  # beside it is something that PyAV has no name for, such as EXIF
        turn = np.deg2rad(frame.rotation)  # counterclockwise; a mirror cannot be told then
        return np.cos(turn), np.sin(turn), -np.sin(turn), np.cos(turn)
    for data in everything:
        if data.type.name == "DISPLAYMATRIX":
            # Three rows of the transposed matrix; only signs and sizes matter here.
            values = np.frombuffer(bytes(data), np.int32).astype(float)
            return values[0], values[3], values[1], values[4]
    return 1.0, 0.0, 0.0, 1.0


def swaps_sides(frame: Any) -> bool:
    """Tell whether a picture's width is shown as its height."""
    xx, xy, yx, yy = matrix(frame)
    return abs(xy) + abs(yx) > abs(xx) + abs(yy)


def is_mirrored(frame: Any) -> bool:
    """Tell whether left and right are exchanged, besides any turn."""
    xx, xy, yx, yy = matrix(frame)
    return xx * yy - xy * yx < 0


def upright(image: np.ndarray, frame: Any) -> np.ndarray:
    """Return the pixels of a frame, shape (height, width, 3), as they are to be shown.

    All eight ways in which right angles and a mirror combine; another angle is rounded to them.
    """
    xx, xy, yx, yy = matrix(frame)
    if swaps_sides(frame):
        image = image.transpose(1, 0, 2)
        xx, yy = xy, yx
    if xx < 0:
        image = image[:, ::-1]
    if yy < 0:
        image = image[::-1]
    return np.ascontiguousarray(image)
