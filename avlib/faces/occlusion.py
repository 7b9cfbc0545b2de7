"""Aligned faces with a part covered."""

import numpy as np

GREY = 127  # of the block: neither darker nor lighter than faces are


def block(share: float, place: tuple[float, float], size: int) -> tuple[slice, slice]:
    """Find the square block that covers a share of a chip.

    Parameters
    ----------
    share : float
        Of the chip's area, 0 to 1; met as closely as whole pixels allow, within 0.25 % of the chip.
    place : tuple of float
        Down and to the right, 0 to 1: from where the block touches the upper (left) edge to where
        it touches the lower (right) one. Larger blocks at one place hold the smaller ones.
    size : int
        Side of the chip in pixels.

    Returns
    -------
    rows, columns : slice
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a block on {share} of a face; expected a share from 0 to 1")
    width = round(size * share**0.5)
    height = min(size, round(share * size * size / width)) if width else 0
    top, left = round(place[0] * (size - height)), round(place[1] * (size - width))
    return slice(top, top + height), slice(left, left + width)


def occlude(chips: np.ndarray, share: float, place: tuple[float, float]) -> np.ndarray:
    """Cover a share of every chip with one grey block, at the same place in all of them.

    Parameters
    ----------
    chips : uint8 array of shape (n, size, size, 3) or (n, size, size)
        Aligned faces, RGB or grey; they are left as they are.
    share, place
        See `block`.

    Returns
    -------
    uint8 array of the same shape
    """
    covered = chips.copy()
    rows, columns = block(share, place, chips.shape[1])
    covered[:, rows, columns] = GREY
    return covered
