"""Coordinates and pixel helpers of the face painter.

Shapes are computed in float64 and kept as float32. Exponentials, sines and powers end on other bits
on another processor; rounded to float32 they are the same, and so are all pictures.
"""

import numpy as np

SCALE = 56.0  # canvas pixels per unit; one unit is the distance between the eyes
LEFT, RIGHT, TOP, BOTTOM = -1.72, 1.72, -2.0, 2.3  # canvas edges in units; (0, 0) between the eyes

U = np.arange(LEFT, RIGHT, 1.0 / SCALE)[None, :]
V = np.arange(TOP, BOTTOM, 1.0 / SCALE)[:, None]
SHAPE = (V.shape[0], U.shape[1])


class Window:
    """A rectangle of the canvas, given in units, and its coordinates."""

    def __init__(self, left: float, right: float, top: float, bottom: float) -> None:
        columns = slice(round((left - LEFT) * SCALE), round((right - LEFT) * SCALE))
        rows = slice(round((top - TOP) * SCALE), round((bottom - TOP) * SCALE))
        self.place = (rows, columns)
        self.u = U[:, columns]
        self.v = V[rows]
        self.shape = (self.v.shape[0], self.u.shape[1])


def soft(distance: np.ndarray) -> np.ndarray:
    """Coverage 0..1 of a shape from the signed distance to its edge, in units, inside positive."""
    return np.clip(distance * np.float32(SCALE) + np.float32(0.5), 0.0, 1.0)


def bump(u: np.ndarray, v: np.ndarray, at: tuple[float, float], size: tuple[float, float]):
    """Gaussian of height 1 around ``at`` with standard deviations ``size`` / sqrt(2), in units."""
    return np.exp(-(((u - at[0]) / size[0]) ** 2) - ((v - at[1]) / size[1]) ** 2)


def smooth_step(x: np.ndarray, start: float, end: float) -> np.ndarray:
    """0 before ``start``, 1 after ``end``, smooth between."""
    share = np.clip((x - start) / (end - start), 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def bell(x: np.ndarray, width: float) -> np.ndarray:
    """Gaussian of height 1 around 0 with standard deviation ``width`` / sqrt(2)."""
    return np.exp(-((x / width) ** 2))


def plateau(x: np.ndarray, start: float, top: float, edge: float, end: float) -> np.ndarray:
    """0 before ``start``, 1 from ``top`` to ``edge``, 0 after ``end``, smooth between."""
    return smooth_step(x, start, top) * (1.0 - smooth_step(x, edge, end))


def blend(picture: np.ndarray, mask: np.ndarray, colour: np.ndarray) -> None:
    """Lay a colour ``(3,)`` or picture ``(3, h, w)`` over ``picture`` in place, by ``mask``."""
    part = picture[:3]
    colour = np.asarray(colour, dtype=np.float32)
    if colour.ndim == 1:
        colour = colour[:, None, None]
    part += mask * (colour - part)


def sample(texture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear look-up.

    Parameters
    ----------
    texture
        ``(c, h, w)`` float32; planes first, for numpy is slow on a last axis of 3 or 4.
    x, y
        ``(m, n)`` float32, column and row in pixels; clipped to the texture.

    Returns
    -------
    ``(c, m, n)`` float32.
    """
    channels, height, width = texture.shape
    x = np.clip(x, 0.0, width - 1.001)
    column = np.floor(x)
    x -= column
    y = np.clip(y, 0.0, height - 1.001)
    row = np.floor(y)
    y -= row
    index = (row * width + column).astype(np.intp)  # below 2**24: exact in float32

    def along_row(values: np.ndarray) -> np.ndarray:
        left, right = (part.take(index, mode="clip") for part in (values, values[1:]))
        right -= left  # in place: painting spends most of its time here
        right *= x
        right += left
        return right

    result = np.empty((channels, *x.shape), dtype=np.float32)
    for plane, values in zip(result, texture.reshape(channels, -1), strict=True):
        upper, lower = along_row(values), along_row(values[width:])
        lower -= upper
        lower *= y
        np.add(upper, lower, out=plane)
    return result


def cloud(rng: np.random.Generator, shape: tuple[int, int], cell: int) -> np.ndarray:
    """Smooth noise ``shape`` in about -1..1 whose blobs are ``cell`` pixels wide."""
    rows, columns = shape[0] // cell + 3, shape[1] // cell + 3
    coarse = rng.uniform(-1.0, 1.0, (1, rows, columns)).astype(np.float32)
    y, x = np.indices(shape, dtype=np.float32)
    return sample(coarse, x / cell, y / cell)[0]
