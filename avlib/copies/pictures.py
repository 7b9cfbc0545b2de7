"""A fingerprint of a clip's pictures that survives encoding, scaling, mirroring, a short trim.

What moves, when and where, in the first four seconds: how thumbnails of 16 x 16 grey cells change
from one moment to the next. What stands still says who and where it is, and that is the same in all
clips of one sitting.
"""

import numpy as np

from avlib.copies.search import moved
from avlib.copies.sound import quantised

SIDE = 16  # cells, as of `avlib.faces.thumbnail`
MOMENTS = 24
STEP = 0.16  # s from moment to moment
# Cosine of two fingerprints from which on they are of copies (see `avlib.copies.sound`).
ALIKE = 0.65
_LEAST_MOMENTS = 6.0
# Grey levels by which the cells change at a moment, root mean square: below, a codec's noise is as
# large as what moves.
_LEAST_CHANGE = 0.1


def picture_fingerprint(times: np.ndarray, thumbnails: np.ndarray) -> np.ndarray | None:
    """Describe what moves in a clip.

    Parameters
    ----------
    times : array of shape (n_frames,)
        Increasing, s.
    thumbnails : array of shape (n_frames, 256)
        Of the frames, in grey levels.

    Returns
    -------
    ndarray of shape (MOMENTS * 256,), int8, or None
        Steps as of `sound_fingerprint`; None where there is too little motion to tell by.
    """
    if len(times) < 2:
        return None
    edges = times[0] + np.arange(MOMENTS + 2) * STEP
    # The picture that is shown behind the last edge says when the one before ends.
    n = int(np.searchsorted(times, edges[-1])) + 1
    times, thumbnails = times[:n], thumbnails[:n]
    # A flash, or a picture that fades, changes all cells alike.
    cells = thumbnails - thumbnails.mean(axis=1, keepdims=True)
    changes = np.diff(_means(times, cells, edges), axis=0)
    strength = np.sqrt((changes**2).mean(axis=1, keepdims=True))
    if strength.mean() < _LEAST_CHANGE:
        return None
    # One blink, which is like every other, is not to outweigh all that moves besides.
    return quantised(changes / np.sqrt(strength + _LEAST_CHANGE), _LEAST_MOMENTS)


def mirrored(rows: np.ndarray) -> np.ndarray:
    """Return fingerprints, (n, MOMENTS * 256), of the pictures with left and right exchanged."""
    return rows.reshape(-1, SIDE)[:, ::-1].reshape(rows.shape)


def variants(rows: np.ndarray) -> list[np.ndarray]:
    """Return what copies of pictures look like: mirrored, or half a step earlier or later."""
    either = [rows.astype(np.float32), mirrored(rows).astype(np.float32)]
    return either + [seen + moved(seen, MOMENTS, by) for seen in either for by in (-1, 1)]


def _means(times: np.ndarray, values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return means over time between edges, (n_edges - 1, d); a frame is shown until the next."""
    area = np.cumsum(values[:-1] * np.diff(times)[:, None], axis=0)
    area = np.concatenate([np.zeros((1, values.shape[1])), area])
    at = np.clip(edges, times[0], times[-1])
    frame = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 1)
    until = area[frame] + (at - times[frame])[:, None] * values[frame]
    until += (edges - at)[:, None] * values[-1]
    return np.diff(until, axis=0) / np.diff(edges)[:, None]
