"""A fingerprint of a sound that survives encoding, resampling, another level and a short trim.

After Haitsma and Kalker (A Highly Robust Audio Fingerprinting System, ISMIR 2002): how the
differences between neighbouring narrow bands change from one moment to the next. They keep the
signs of these changes; here the changes themselves are kept, so that pauses, in which there is
nothing but what a codec makes up, hardly count.

The moments are counted from the centre of the sound's energy, which stays where it is when silence
is cut off, when a codec puts some before it, or when the sound lags behind its pictures.
"""

import numpy as np
import scipy.fft

from avlib.copies.search import moved

RATE = 16000  # Hz
MOMENTS = 64
HOP = 640  # samples from moment to moment, 40 ms; all are 2.6 s
WINDOW = 4096  # samples, 256 ms: tells the harmonics of a voice apart
BANDS = 64
# Cosine of two fingerprints from which on they are of copies; docs/architecture.md has what was
# measured, and the command.
ALIKE = 0.75
_LOWEST, _HIGHEST = 300.0, 2000.0  # Hz, as in the paper: what telephones and all codecs keep
_PIECE = 2**22  # samples whose energy is looked at at once, 4 minutes
_FLOOR = 1e-3  # of the loudest band: what is 30 dB below it counts as silence
# Moments in which something changes, at least (of a word of half a second): a tone, a click and
# silence have fewer, and say nothing of what recording they are.
_LEAST_MOMENTS = 10.0
# Root mean square of the changes, natural logarithms of energies: a voice has ten times as much,
# a tone none.
_LEAST_CHANGE = 0.05


def sound_fingerprint(signal: np.ndarray) -> np.ndarray | None:
    """Describe a sound.

    Parameters
    ----------
    signal : float array of shape (n_samples,)
        16 kHz, mono.

    Returns
    -------
    ndarray of shape (MOMENTS * BANDS,), int8, or None
        Steps of a 32nd of their root mean square; None where there is too little to tell by.
    """
    if not signal.size or not np.ptp(signal) > 0:
        return None
    levels = _band_levels(signal, _centre(signal))
    changes = np.diff(np.diff(levels, axis=1), axis=0)
    if np.sqrt((changes**2).mean()) < _LEAST_CHANGE:
        return None
    return quantised(changes, _LEAST_MOMENTS)


def variants(rows: np.ndarray) -> list[np.ndarray]:
    """Return what copies of sounds look like: their centre displaced, where some was cut off."""
    return [moved(rows, MOMENTS, by) for by in range(-3, 4)]


def quantised(changes: np.ndarray, least_moments: float) -> np.ndarray | None:
    """Return changes of shape (moments, places) as int8, or None where few moments have any."""
    strength = (changes**2).sum(axis=1)
    total = strength.sum()
    # As many moments of equal strength would have the same sum of squares.
    if total == 0 or total**2 / (strength**2).sum() < least_moments:
        return None
    steps = np.rint(changes / np.sqrt(total / changes.size) * 32)
    return np.clip(steps, -127, 127).astype(np.int8).ravel()


def _centre(signal: np.ndarray) -> int:
    """Return the sample at the centre of the energy, of what all codecs and rates keep alone."""
    total = moment = 0.0
    for start in range(0, len(signal), _PIECE):
        piece = signal[start : start + _PIECE].astype(np.float64)
        n = scipy.fft.next_fast_len(len(piece), real=True)
        spectrum = scipy.fft.rfft(piece, n)
        frequency = scipy.fft.rfftfreq(n, 1 / RATE)
        spectrum[(frequency < _LOWEST) | (frequency > _HIGHEST)] = 0
        energy = scipy.fft.irfft(spectrum, n)[: len(piece)] ** 2
        total += float(energy.sum())
        moment += float(np.arange(start, start + len(piece)) @ energy)
    return round(moment / total) if total > 0 else 0


def _band_levels(signal: np.ndarray, centre: int) -> np.ndarray:
    """Return natural logarithms of energies, (MOMENTS + 1, BANDS + 1)."""
    first = centre - (MOMENTS * HOP + WINDOW) // 2
    length = MOMENTS * HOP + WINDOW
    inside = signal[max(first, 0) : max(first + length, 0)].astype(np.float64)
    padded = np.zeros(length)
    padded[max(-first, 0) : max(-first, 0) + len(inside)] = inside
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW))) ** 2
    edges = np.geomspace(_LOWEST, _HIGHEST, BANDS + 2) * WINDOW / RATE
    energies = np.add.reduceat(power, np.rint(edges).astype(int), axis=1)[:, :-1]
    return np.log(energies + _FLOOR * energies.max() + np.finfo(float).tiny)
