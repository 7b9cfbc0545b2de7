"""Loudness of a clip: as it was recorded, or the same for all."""

import numpy as np

LOUD = 0.1  # root mean square of the loud frames afterwards, of full scale: -20 dB
_FRAME = 0.025  # s
_PERCENTILE = 95  # of the frames' levels: pauses, however long, and a single click change nothing
_BLOCK = 2**12  # frames measured at once: recordings may last hours
_SILENT = 1e-4  # a level below is no voice, and stays as it is


def equal_loudness(signal: np.ndarray, rate: int, out: np.ndarray | None = None) -> np.ndarray:
    """Scale a clip so that its loud frames have a root mean square of `LOUD`.

    The level of a recording tells of microphone and distance before it tells of emotion: a model
    that learned from quiet recordings takes loud ones for anger.

    Parameters
    ----------
    signal : float array of shape (n,)
        In [-1, 1].
    rate : int
        Hz.
    out : array of shape (n,), optional
        Where to put the result, which may be the signal itself.

    Returns
    -------
    array of shape (n,), of the signal's type
        In [-1, 1]: what would lie beyond is clipped, a click at most.
    """
    gain = _gain(signal, rate)
    scaled = np.multiply(signal, signal.dtype.type(gain), out=out)
    return np.clip(scaled, -1, 1, out=scaled)


def _gain(signal: np.ndarray, rate: int) -> float:
    size = min(round(_FRAME * rate), len(signal))
    if not size:
        return 1.0
    frames = signal[: len(signal) // size * size].reshape(-1, size)
    blocks = [frames[start : start + _BLOCK] for start in range(0, len(frames), _BLOCK)]
    powers = [np.mean(np.square(block, dtype=np.float64), 1) for block in blocks]
    level = float(np.percentile(np.sqrt(np.concatenate(powers)), _PERCENTILE))
    return 1.0 if level < _SILENT else LOUD / level
