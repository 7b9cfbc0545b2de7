"""Mel images: a segment's frames by 64 bands, with their first and second differences."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft
from scipy.sparse import csr_array

SAMPLE_RATE = 16000
WINDOW, HOP = 400, 160  # samples: 25 ms every 10 ms
N_FFT = 512  # 31 Hz between bins; a window's own 40 Hz would leave the lowest bands one bin each
N_BANDS, TOP = 64, 8000.0  # Hz
FLOOR = 0.01
TINIEST = 1e-20  # power below any sound of 16 bits
FRAMES, OVERLAP = 64, 30
SEGMENT = WINDOW + (FRAMES - 1) * HOP  # samples: 655 ms
BLOCK = 512  # frames transformed at once: their spectra stay in the cache


@dataclass(frozen=True)
class SegmentLength:
    """How long segments are, and how far apart they start.

    Segments of any length share as much of it as the paper's of 64 frames, which share 30.

    Attributes
    ----------
    frames : int
        At least 2.
    """

    frames: int = FRAMES

    @classmethod
    def nearest(cls, seconds: float) -> "SegmentLength":
        """Return the length of whole frames next to one in seconds: of 0.255, 24 frames."""
        return cls(1 + round((seconds * SAMPLE_RATE - WINDOW) / HOP))

    @property
    def samples(self) -> int:
        """Of a segment: 10480 of 64 frames, 655 ms."""
        return WINDOW + (self.frames - 1) * HOP

    @property
    def hop(self) -> int:
        """Frames from the start of a segment to the next one's: 34 of 64."""
        return round(self.frames * (FRAMES - OVERLAP) / FRAMES)

    @property
    def step(self) -> int:
        """`hop` in samples."""
        return self.hop * HOP


PAPERS = SegmentLength()


def mel_images(
    signal: np.ndarray,
    spectrogram: Callable[[np.ndarray], np.ndarray] | None = None,
    length: SegmentLength = PAPERS,
) -> np.ndarray:
    """Cut a signal into segments and draw each as an image of three channels.

    Ma et al. 2019 (AVEF), section 2.1.1. Channel 0 is the log mel spectrogram, channels 1 and 2 are
    its first and second differences; a row is a band, from low to high, and a column a frame.
    A segment starts every 340 ms (of other lengths see `SegmentLength`), as long as a whole one is
    left.

    The paper takes differences of "all frames in each segment" and says nothing of edges. Resolved:
    they are taken over the whole signal, so a segment's outer frames see their real neighbours;
    only at the signal's two ends the last frame counts again in place of those that are missing.

    Parameters
    ----------
    signal : float array of shape (n,)
        16 kHz in [-1, 1], after pre-emphasis, at least a segment long (see `spoken_parts`).
    spectrogram : callable, optional
        What draws channel 0, such as `standard_log_mel`; by default `log_mel`, as the paper has it.
    length : SegmentLength, optional
        By default the paper's.

    Returns
    -------
    array of shape (n_segments, 3, 64, length.frames), float32

    Raises
    ------
    ValueError
        The signal is shorter than one segment.
    """
    if len(signal) < length.samples:
        raise ValueError(f"a signal of {len(signal)} samples; a segment needs {length.samples}")
    static = (spectrogram or log_mel)(signal)
    first = differences(static)
    channels = np.stack([static, first, differences(first)])
    # (3, n_segments, 64 bands, frames), without a copy until the channels move behind.
    segments = sliding_window_view(channels, length.frames, axis=1)[:, :: length.hop]
    return np.ascontiguousarray(segments.swapaxes(0, 1))


def log_mel(signal: np.ndarray) -> np.ndarray:
    """Return the log mel spectrogram of a signal.

    Equation 2.1: ``log(melbank |rfft(frame)|^2 + 0.01)``, every frame under a Hamming window.

    Parameters
    ----------
    signal : float array of shape (n,)
        16 kHz in [-1, 1], at least 25 ms.

    Returns
    -------
    array of shape (n_frames, 64), float32
        A frame every 10 ms, whole frames only.
    """
    bands = mel_powers(signal)
    bands += np.float32(FLOOR)
    return np.log(bands, out=bands)


def relative_log_mel(signal: np.ndarray) -> np.ndarray:
    """Return mel levels of a signal as of `log_mel`, but in dB below its loudest cell, -80 to 0.

    The level of a recording is not left, what colours all of it is. Cells more than 80 dB below
    count as that: what is fainter is noise or digital silence. The floor of `log_mel`, whose
    signals are louder, blanks most of a soft voice.
    """
    powers = mel_powers(signal)
    return 10 * np.log10(np.maximum(powers / max(float(powers.max()), TINIEST), 1e-8))


def standard_log_mel(signal: np.ndarray) -> np.ndarray:
    """Return `relative_log_mel` with each band of mean 0 and deviation 1 over the signal.

    A band that does not vary is 0. Neither the level of a recording nor what colours all of it
    (microphone, room, the long-term spectrum of a voice) is left. Without the floor, what is
    fainter would have a deviation of its own.
    """
    return standardised(relative_log_mel(signal))[0]


def standardised(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standardise each band over a signal.

    Parameters
    ----------
    levels : float32 array of shape (n_frames, 64)
        dB, of `relative_log_mel`.

    Returns
    -------
    array of shape (n_frames, 64), float32
        See `standard_log_mel`.
    array of shape (2, 64), float32
        What was taken off: the mean and the deviation of each band, dB.
    """
    mean = levels.mean(axis=0)
    left = levels - mean
    spread = left.std(axis=0)
    varies = spread > 1e-3  # dB; less is of rounding
    left = np.where(varies, left / np.where(varies, spread, np.float32(1)), np.float32(0))
    return left, np.stack([mean, spread])


def mel_powers(signal: np.ndarray) -> np.ndarray:
    """Return what `log_mel` takes the logarithm of, without its floor."""
    frames = sliding_window_view(signal.astype(np.float32, copy=False), WINDOW)[::HOP]
    window, bank = np.hamming(WINDOW).astype(np.float32), _sparse_bank()
    bands = np.empty((len(frames), N_BANDS), np.float32)
    for start in range(0, len(frames), BLOCK):
        spectrum = fft.rfft(frames[start : start + BLOCK] * window, N_FFT, axis=1)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        bands[start : start + BLOCK] = power @ bank
    return bands


def differences(values: np.ndarray) -> np.ndarray:
    """Return the slope over the two frames before and behind each frame.

    Equation 2.2 with N = 2. Before the first frame and behind the last one stand their copies.

    Parameters
    ----------
    values : array of shape (n_frames, d)

    Returns
    -------
    array of shape (n_frames, d), of the values' type
    """
    c = np.pad(values, ((2, 2), (0, 0)), mode="edge")
    return (c[3:-1] - c[1:-3] + 2 * (c[4:] - c[:-4])) / 10


@cache
def mel_bank() -> np.ndarray:
    """Return the bands' weights on the bins of a spectrum, of shape (64, 257).

    Triangles of height 1 whose corners lie evenly on the mel scale 2595 log10(1 + f / 700) from 0
    to 8000 Hz (the HTK book, to which the paper refers for pre-emphasis; it names no bank).
    """
    mel_top = 2595 * np.log10(1 + TOP / 700)
    corners = 700 * (10 ** (np.linspace(0, mel_top, N_BANDS + 2) / 2595) - 1)
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    bins = np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return np.maximum(0, np.minimum(rising, falling))


@cache
def _sparse_bank() -> csr_array:
    """Return the bank as (257, 64): a bin lies in two bands.

    A product with all of it goes through BLAS, whose rounding depends on the number of threads and
    on the processor, so that a clip would have one description here and another one there.
    """
    return csr_array(mel_bank().T.astype(np.float32))
