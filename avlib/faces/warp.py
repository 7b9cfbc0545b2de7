"""A picture turned, scaled and cut out of another one, in whole numbers.

A pixel's three colours lie side by side in one 64-bit number, 16 bits each, so that one product
weighs all of them: half of the time that dlib takes, and the same bytes on any processor.
"""

import numba
import numpy as np

_FINE = 16  # bits of a place behind the point
_WEIGHT = 8  # bits of a weight: 255 times 256 fits into a colour's 16
_MOST = 16  # pixels a side of a square whose mean is taken: 256 times 255 fits likewise


def warp(image: np.ndarray, to_image: np.ndarray, size: int) -> np.ndarray:
    """Draw a square picture of what a similarity finds for its pixels in another one.

    Parameters
    ----------
    image : uint8 of shape (h, w, 3)
    to_image : (2, 3)
        Takes x, y of the result to x, y of the image, both from the middle of the first pixel.
    size : int
        Side of the result in pixels.

    Returns
    -------
    uint8 of shape (size, size, 4)
        RGB and a 0, as Pillow lays pixels out. Bilinear. An image that is larger is first reduced
        to the means of squares of pixels. Black outside of the image.
    """
    factor = min(max(1, round(float(np.hypot(*to_image[:, 0])))), _MOST)
    # Pixels of the reduced image, counted from its left and top one that is needed.
    to_reduced = to_image / factor
    to_reduced[:, 2] -= (factor - 1) / (2 * factor)
    corners = to_reduced[:, :2] @ [(0, size - 1, 0, size - 1), (0, 0, size - 1, size - 1)]
    corners += to_reduced[:, 2:]
    first = np.floor(corners.min(axis=1)).astype(int) - 1  # for rounding
    last = np.floor(corners.max(axis=1)).astype(int) + 3  # one to weigh with, one for rounding
    reduced = _reduced(image, np.concatenate([first, last]), factor)
    to_reduced[:, 2] -= first
    return _sampled(reduced, np.rint(to_reduced * 2**_FINE).astype(np.int64), size)


def _reduced(image: np.ndarray, box: np.ndarray, factor: int) -> np.ndarray:
    """Cut a box of means of squares of pixels out of an image, packed; black outside of it."""
    left, top, right, bottom = box * factor
    picture = np.zeros((bottom - top, right - left, 3), np.uint8)
    seen = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    row, column = max(0, -top), max(0, -left)
    picture[row : row + seen.shape[0], column : column + seen.shape[1]] = seen
    return _packed(picture) if factor == 1 else _means(picture, factor)


@numba.njit(cache=True)
def _packed(image):
    """Lay the colours of each pixel, (h, w, 3), into one number, (h, w)."""
    packed = np.empty(image.shape[:2], np.uint64)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            red, green, blue = image[i, j]
            packed[i, j] = red | np.uint64(green) << 16 | np.uint64(blue) << 32
    return packed


@numba.njit(cache=True)
def _means(image, factor):
    """Return the means of squares of pixels, rounded, packed: first sums of lines, then across."""
    rows, columns = image.shape[0] // factor, image.shape[1] // factor
    means, sums = np.empty((rows, columns), np.uint64), np.empty(columns, np.uint64)
    tall, packed = np.empty((columns * factor, 3), np.uint16), np.empty(columns * factor, np.uint64)
    lines, flat = image.reshape(len(image), -1), tall.ravel()
    share = np.uint64(((1 << 16) + factor * factor // 2) // (factor * factor))
    half, colour, bits = np.uint64(1 << 15), np.uint64(0xFFFF), np.uint64(16)
    for i in range(rows):
        flat[:] = 0
        for y in range(i * factor, (i + 1) * factor):
            for x in range(len(flat)):
                flat[x] += lines[y, x]
        for x in range(len(packed)):
            red, green, blue = tall[x]
            packed[x] = red | np.uint64(green) << 16 | np.uint64(blue) << 32
        sums[:] = 0
        for x in range(factor):
            for j in range(columns):
                sums[j] += packed[j * factor + x]
        for j in range(columns):
            red, green, blue = sums[j] & colour, sums[j] >> bits & colour, sums[j] >> bits + bits
            red, green, blue = red * share + half, green * share + half, blue * share + half
            means[i, j] = red >> bits | green >> bits << bits | blue >> bits << bits + bits
    return means


@numba.njit(cache=True)
def _sampled(packed, steps, size):
    """Sample packed pixels where a similarity in steps of 2^-_FINE finds them.

    A row takes three plain loops, of which the compiler makes vectors: where its pixels are found
    and what they weigh, their sums, their colours.
    """
    pixels, width = packed.ravel(), np.uint64(packed.shape[1])
    fine, bits, one = np.uint64(_FINE), np.uint64(_WEIGHT), np.uint64(1)
    whole, byte, colour = one << bits, np.uint64(255), np.uint64(16)
    half = (whole >> one) * np.uint64(1 | 1 << 16 | 1 << 32)
    places, mixed = np.empty(size, np.uint64), np.empty(size, np.uint64)
    weights = np.empty((4, size), np.uint64)
    picture = np.empty((size, size), np.uint32)
    right, down = np.uint64(steps[0, 0]), np.uint64(steps[1, 0])
    for i in range(size):
        # Rests of 2^64: a step to the left, below 0, is one far to the right.
        first_x = np.uint64(steps[0, 1] * i + steps[0, 2])
        first_y = np.uint64(steps[1, 1] * i + steps[1, 2])
        for j in range(size):
            x, y = first_x + right * np.uint64(j), first_y + down * np.uint64(j)
            places[j] = (y >> fine) * width + (x >> fine)
            across = x >> fine - bits & whole - one
            below = y >> fine - bits & whole - one
            both = across * below >> bits
            weights[0, j] = whole - across - below + both
            weights[1, j], weights[2, j], weights[3, j] = across - both, below - both, both
        for j in range(size):
            place = places[j]
            mixed[j] = (
                weights[0, j] * pixels[place]
                + weights[1, j] * pixels[place + one]
                + weights[2, j] * pixels[place + width]
                + weights[3, j] * pixels[place + width + one]
                + half
            ) >> bits
        for j in range(size):
            red, green, blue = mixed[j], mixed[j] >> colour, mixed[j] >> colour + colour
            picture[i, j] = red & byte | (green & byte) << bits | (blue & byte) << colour
    return picture.view(np.uint8).reshape(size, size, 4)
