"""dlib's landmark model, evaluated from several starts at once and to fractions of a pixel.

An ensemble of regression trees (Kazemi and Sullivan, CVPR 2014): in each of 15 cascades, 500 trees
compare grey levels at places that move with the shape, and each adds a small step to it. dlib's own
evaluation rounds landmarks to whole pixels, and waits for the memory most of its time: 65 MB of
steps, each a block of its own. Here they lie together as 16-bit integers, whose sums are exact, and
are asked for before they are added. Only those pixels are made grey that are looked at.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np

from avlib.faces.detection import mean_of_colours
from avlib.faces.models import LANDMARKS, model_file
from avlib.faces.prefetch import LINE, prefetch
from avlib.runtime.errors import WeightsError

_LARGEST = 2**15 - 1  # of a step, in its unit
_PADDING = 16  # bytes behind the file's, more than a number has


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

    def fit(self, image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Fit the landmarks from several boxes in one picture.

        Parameters
        ----------
        image : uint8 of shape (h, w, 3) or (h, w)
            The picture, RGB or grey; it is black outside.
        boxes : float64 of shape (b, 4)
            Where each fit starts: left, top, right, bottom in pixels.

        Returns
        -------
        (b, n, 2)
            In pixels.
        """
        parts = self.mean, self.places, self.offsets, self.splits, self.thresholds, self.leaves
        return _fit(image, boxes, *parts, self.unit)


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
    data = np.concatenate([np.fromfile(path, np.uint8), np.zeros(_PADDING, np.uint8)])
    version, at = _integer(data, 0)
    rows, at = _integer(data, at)
    n = -rows  # which dlib notes as a negative number
    if version != 1 or not 0 < n < len(data):
        raise WeightsError(f"{path}: no shape predictor of dlib's")
    begin = at = _integer(data, at)[1]
    for _ in range(2 * n):
        at = _integer(data, at)[1]
    cascades, at = _integer(data, at)
    trees, at = _integer(data, at)
    splits, _ = _integer(data, at)
    size = cascades, trees, splits
    full = splits & (splits + 1) == 0  # 2^d - 1, so that all leaves are d splits away
    if full and min(size) > 0 and cascades * trees * (splits + 1) * n < len(data):
        *parts, end = _read(data, begin, n, size)
        mean, places, offsets, pairs, thresholds, steps = parts
        right = pairs.max() < places.shape[1] and 0 <= places.min() <= places.max() < n // 2
        if right and end == len(data) - _PADDING:
            unit = float(np.abs(steps).max()) / _LARGEST
            leaves = np.rint(steps / np.float32(unit)).astype(np.int16)
            return RegressionTrees(mean, places, offsets, pairs, thresholds, leaves, unit)
    raise WeightsError(f"{path}: not a whole shape predictor of dlib's; install it again")


@numba.njit(cache=True)
def _integer(data, at):
    """Read a number as dlib packs it: how many bytes and a sign, then the bytes, lowest first."""
    if at >= len(data) - _PADDING:
        return 0, len(data)
    value = 0
    n_bytes = data[at] & 15
    for i in range(n_bytes, 0, -1):
        value = (value << 8) | data[at + i]
    return (-value if data[at] & 128 else value), at + 1 + n_bytes


@numba.njit(cache=True)
def _real(data, at):
    """Read a number that is packed as two, m and e: it is m 2^e."""
    mantissa, at = _integer(data, at)
    exponent, at = _integer(data, at)
    return mantissa * 2.0**exponent, at


@numba.njit(cache=True)
def _read(data, at, n, size):
    """Read all but the head of a model of n coordinates; the last value is where it ends."""
    cascades, trees, n_splits = size
    mean = np.empty(n)
    for i in range(n):
        mean[i], at = _real(data, at)
    _, at = _integer(data, at)
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
    n_places = max(0, min(n_places, len(data)))
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
def _fit(image, boxes, mean, places, offsets, splits, thresholds, leaves, unit):
    """See `RegressionTrees.fit`. Plain loops compile in a second, arrays' methods in six."""
    n_starts, n = boxes.shape[0], mean.shape[0]
    cascades, trees = thresholds.shape[:2]
    shapes = np.empty((n_starts, n, 2))
    for b in range(n_starts):
        for i in range(n):
            shapes[b, i, 0], shapes[b, i, 1] = mean[i, 0], mean[i, 1]
    seen = np.empty(places.shape[1], np.float32)
    ends = np.empty(trees, np.uint64)
    steps = np.empty(2 * n, np.int32)
    for c in range(cascades):
        for b in range(n_starts):
            _look(image, boxes[b], mean, shapes[b], places[c], offsets[c], seen)
            _walk(seen, splits[c], thresholds[c], ends)
            # All leaves are asked for first: memory sends some while others are added.
            for t in range(trees):
                for i in range(0, 2 * n, LINE // leaves.itemsize):
                    prefetch(leaves, (c, t, ends[t], i))
            _add(leaves[c], ends, steps)
            for i in range(n):
                shapes[b, i, 0] += unit * steps[2 * i]
                shapes[b, i, 1] += unit * steps[2 * i + 1]
    for b in range(n_starts):
        left, top, right, bottom = boxes[b, 0], boxes[b, 1], boxes[b, 2], boxes[b, 3]
        for i in range(n):
            shapes[b, i, 0] = left + shapes[b, i, 0] * (right - left)
            shapes[b, i, 1] = top + shapes[b, i, 1] * (bottom - top)
    return shapes


@numba.njit(cache=True)
def _look(image, box, mean, shape, places, offsets, seen):
    """Read the grey levels at the places of a cascade: first find all of them, then look."""
    height, width = image.shape[:2]
    cosine, sine = _turn(mean, shape)
    left, top = box[0], box[1]
    across, down = box[2] - left, box[3] - top
    columns, rows = np.empty(len(places)), np.empty(len(places))
    for f in range(len(places)):
        x, y = offsets[f, 0], offsets[f, 1]
        columns[f] = left + across * (shape[places[f], 0] + cosine * x - sine * y)
        rows[f] = top + down * (shape[places[f], 1] + sine * x + cosine * y)
    for f in range(len(places)):
        row, column = rows[f], columns[f]
        if not (0 <= row < height - 1 and 0 <= column < width - 1):
            seen[f] = 0
            continue
        i, j, one = np.uint64(row), np.uint64(column), np.uint64(1)
        lower, right = row - i, column - j
        above = (1 - right) * _grey(image, i, j) + right * _grey(image, i, j + one)
        below = (1 - right) * _grey(image, i + one, j) + right * _grey(image, i + one, j + one)
        seen[f] = (1 - lower) * above + lower * below


@numba.njit(cache=True)
def _grey(image, i, j):
    if image.ndim == 2:
        return image[i, j]
    red, green, blue = image[i, j]
    return mean_of_colours(red, green, blue)


@numba.njit(cache=True)
def _walk(seen, splits, thresholds, ends):
    """Find the leaf in which each tree ends.

    All trees go one split further, then another: no tree waits for what the last one has read.
    """
    trees, n_splits = thresholds.shape
    for t in range(trees):
        ends[t] = 0
    passed = 0
    while passed < n_splits:
        for t in range(trees):
            s = ends[t]
            brighter = seen[splits[t, s, 0]] - seen[splits[t, s, 1]] > thresholds[t, s]
            ends[t] = s + s + np.uint64(2 - brighter)
        passed += passed + 1
    for t in range(trees):
        ends[t] -= np.uint64(n_splits)


@numba.njit(cache=True)
def _add(leaves, ends, steps):
    """Sum the steps of the leaves, of four trees at a time: sums are read and written less."""
    trees, n = leaves.shape[0], leaves.shape[2]
    for i in range(n):
        steps[i] = 0
    fours = trees - trees % 4
    for t in range(0, fours, 4):
        a, b, c, d = ends[t], ends[t + 1], ends[t + 2], ends[t + 3]
        for i in range(n):
            steps[i] += (
                leaves[t, a, i] + leaves[t + 1, b, i] + leaves[t + 2, c, i] + leaves[t + 3, d, i]
            )
    for t in range(fours, trees):
        for i in range(n):
            steps[i] += leaves[t, ends[t], i]


@numba.njit(cache=True)
def _turn(mean, shape):
    """Return a cos and a sin of the similarity that brings the mean shape closest to a shape."""
    n = mean.shape[0]
    x_mean = y_mean = u_mean = v_mean = 0.0
    for i in range(n):
        x_mean += mean[i, 0] / n
        y_mean += mean[i, 1] / n
        u_mean += shape[i, 0] / n
        v_mean += shape[i, 1] / n
    along = across = spread = 0.0
    for i in range(n):
        x, y = mean[i, 0] - x_mean, mean[i, 1] - y_mean
        u, v = shape[i, 0] - u_mean, shape[i, 1] - v_mean
        along += x * u + y * v
        across += x * v - y * u
        spread += x * x + y * y
    return along / spread, across / spread
