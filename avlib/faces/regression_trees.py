"""dlib's landmark model, evaluated from several starts at once and to fractions of a pixel.

An ensemble of regression trees (Kazemi and Sullivan, CVPR 2014): in each of 15 cascades, 500 trees
compare grey levels at places that move with the shape, and each adds a small step to it. dlib's own
evaluation rounds landmarks to whole pixels, and waits for the memory most of its time: 65 MB of
steps, each a block of its own. Here they lie together as 16-bit integers, whose sums are exact, and
all starts walk through a tree together, as they mostly end in the same leaf.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np

from avlib.faces.models import LANDMARKS, model_file
from avlib.runtime.errors import WeightsError

_LARGEST = 2**15 - 1  # of a step, in its unit


@dataclass(frozen=True)
class RegressionTrees:
    """A model of n landmarks: c cascades of t trees, each of s splits, that look at f places.

    Attributes
    ----------
    mean : float64 array of shape (n, 2)
        The shape that a fit starts from; the box of the face is (0, 0) to (1, 1).
    places : int64 array of shape (c, f)
        The landmark that each place moves with.
    offsets : float64 array of shape (c, f, 2)
        Of the places from their landmarks, in the mean shape.
    splits : uint16 array of shape (c, t, s, 2)
        The two places that are compared; split i is followed by 2 i + 1 where the first is the
        brighter one by more than the threshold, else by 2 i + 2; behind the splits are the leaves.
    thresholds : float32 array of shape (c, t, s)
    leaves : int16 array of shape (c, t, s + 1, 2 n)
        Steps of the landmarks, x and y in turn.
    unit : float
        Of the steps.
    """

    mean: np.ndarray
    places: np.ndarray
    offsets: np.ndarray
    splits: np.ndarray
    thresholds: np.ndarray
    leaves: np.ndarray
    unit: float

    def fit(self, grey: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Fit the landmarks from several boxes in one picture.

        Parameters
        ----------
        grey : uint8 of shape (h, w)
            The picture; it is black outside.
        boxes : float64 of shape (b, 4)
            Where each fit starts: left, top, right, bottom in pixels.

        Returns
        -------
        (b, n, 2)
            In pixels.
        """
        parts = self.mean, self.places, self.offsets, self.splits, self.thresholds, self.leaves
        return _fit(grey, boxes, *parts, self.unit)


@functools.cache
def landmark_trees() -> RegressionTrees:
    """Return the 68-point model of the environment, read once per process."""
    return load(model_file(LANDMARKS))


def load(path: Path) -> RegressionTrees:
    """Read a shape predictor in dlib's format.

    Raises
    ------
    WeightsError
        The file is not such a model, or not a whole one.
    """
    data = np.concatenate([np.fromfile(path, np.uint8), np.zeros(16, np.uint8)])
    version, rows, at = _integer(data, 0)[0], *_integer(data, _integer(data, 0)[1])
    if version != 1 or rows >= 0:
        raise WeightsError(f"{path}: no shape predictor of dlib's")
    *parts, end = _read(data, at, -rows)
    if end != len(data) - 16:
        raise WeightsError(f"{path}: not a whole shape predictor of dlib's; install it again")
    mean, places, offsets, splits, thresholds, steps = parts
    unit = float(np.abs(steps).max()) / _LARGEST
    leaves = np.rint(steps / np.float32(unit)).astype(np.int16)
    return RegressionTrees(mean, places, offsets, splits, thresholds, leaves, unit)


@numba.njit(cache=True)
def _integer(data, at):
    """Read a number as dlib packs it: how many bytes and a sign, then the bytes, lowest first."""
    value = 0
    n_bytes = data[at] & 15
    for i in range(n_bytes, 0, -1):
        value = (value << 8) | data[min(at + i, len(data) - 1)]
    return (-value if data[at] & 128 else value), at + 1 + n_bytes


@numba.njit(cache=True)
def _real(data, at):
    """Read a number that is packed as two, m and e: it is m 2^e."""
    mantissa, at = _integer(data, at)
    exponent, at = _integer(data, at)
    return mantissa * 2.0**exponent, at


@numba.njit(cache=True)
def _read(data, at, n):
    """Read all but the head of a model of n coordinates; the last value is where it ends."""
    _, at = _integer(data, at)
    mean = np.empty(n)
    for i in range(n):
        mean[i], at = _real(data, at)
    cascades, at = _integer(data, at)
    trees, after = _integer(data, at)
    n_splits, _ = _integer(data, after)
    splits = np.empty((cascades, trees, n_splits, 2), np.uint16)
    thresholds = np.empty((cascades, trees, n_splits), np.float32)
    leaves = np.empty((cascades, trees, n_splits + 1, n), np.float32)
    for c in range(cascades):
        _, at = _integer(data, at)
        for t in range(trees):
            _, at = _integer(data, at)
            for s in range(n_splits):
                splits[c, t, s, 0], at = _integer(data, at)
                splits[c, t, s, 1], at = _integer(data, at)
                thresholds[c, t, s], at = _real(data, at)
            _, at = _integer(data, at)
            for s in range(n_splits + 1):
                _, at = _integer(data, at)
                _, at = _integer(data, at)
                for i in range(n):
                    leaves[c, t, s, i], at = _real(data, at)
    _, at = _integer(data, at)
    n_places, _ = _integer(data, at)
    places = np.empty((cascades, n_places), np.int64)
    for c in range(cascades):
        _, at = _integer(data, at)
        for f in range(n_places):
            places[c, f], at = _integer(data, at)
    _, at = _integer(data, at)
    offsets = np.empty((cascades, n_places, 2))
    for c in range(cascades):
        _, at = _integer(data, at)
        for f in range(n_places):
            offsets[c, f, 0], at = _real(data, at)
            offsets[c, f, 1], at = _real(data, at)
    return mean.reshape(-1, 2), places, offsets, splits, thresholds, leaves, at


@numba.njit(cache=True)
def _fit(grey, boxes, mean, places, offsets, splits, thresholds, leaves, unit):
    """See `RegressionTrees.fit`."""
    n_starts, n = len(boxes), len(mean)
    cascades, trees, n_splits = thresholds.shape
    depth = int(np.log2(n_splits + 1))
    shapes = np.empty((n_starts, n, 2))
    shapes[:] = mean
    seen = np.empty((n_starts, places.shape[1]), np.float32)
    steps = np.empty((n_starts, 2 * n), np.int32)
    for c in range(cascades):
        for b in range(n_starts):
            _look(grey, boxes[b], mean, shapes[b], places[c], offsets[c], seen[b])
        steps[:] = 0
        for t in range(trees):
            for b in range(n_starts):
                s = np.uint64(0)
                for _ in range(depth):
                    difference = seen[b, splits[c, t, s, 0]] - seen[b, splits[c, t, s, 1]]
                    s = s + s + np.uint64(2 - (difference > thresholds[c, t, s]))
                leaf = leaves[c, t, s - np.uint64(n_splits)]
                for i in range(2 * n):
                    steps[b, i] += leaf[i]
        for b in range(n_starts):
            for i in range(n):
                shapes[b, i, 0] += unit * steps[b, 2 * i]
                shapes[b, i, 1] += unit * steps[b, 2 * i + 1]
    for b in range(n_starts):
        left, top, right, bottom = boxes[b]
        for i in range(n):
            shapes[b, i, 0] = left + shapes[b, i, 0] * (right - left)
            shapes[b, i, 1] = top + shapes[b, i, 1] * (bottom - top)
    return shapes


@numba.njit(cache=True)
def _look(grey, box, mean, shape, places, offsets, seen):
    """Read the grey levels at the places of a cascade."""
    height, width = grey.shape
    cosine, sine = _turn(mean, shape)
    left, top, right, bottom = box
    for f in range(len(places)):
        x, y = offsets[f]
        place = shape[places[f]]
        column = left + (place[0] + cosine * x - sine * y) * (right - left)
        row = top + (place[1] + sine * x + cosine * y) * (bottom - top)
        i, j = int(np.floor(row)), int(np.floor(column))
        if i < 0 or j < 0 or i > height - 2 or j > width - 2:
            seen[f] = 0.0
            continue
        down, along = row - i, column - j
        upper = (1 - along) * grey[i, j] + along * grey[i, j + 1]
        lower = (1 - along) * grey[i + 1, j] + along * grey[i + 1, j + 1]
        seen[f] = (1 - down) * upper + down * lower


@numba.njit(cache=True)
def _turn(mean, shape):
    """Return how the mean shape is turned and scaled in the least-squares sense, as a cos, a sin."""
    x, y = mean[:, 0] - mean[:, 0].mean(), mean[:, 1] - mean[:, 1].mean()
    u, v = shape[:, 0] - shape[:, 0].mean(), shape[:, 1] - shape[:, 1].mean()
    spread = (x * x + y * y).sum()
    return (x * u + y * v).sum() / spread, (x * v - y * u).sum() / spread
