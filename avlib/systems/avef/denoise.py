"""Cross-modal denoising: only while somebody speaks, sound and pictures are kept, both alike."""

import math
from dataclasses import dataclass

import numpy as np

from avlib.speech.mel import PAPERS, SAMPLE_RATE, SegmentLength

FACES = 16  # pictures of a segment


@dataclass(frozen=True)
class SpokenParts:
    """The parts of a clip in which somebody speaks, one behind the other: its denoised time.

    Attributes
    ----------
    parts : int array of shape (n_parts, 2)
        First sample and the one behind the last, at 16 kHz in the clip; together at least one
        segment. A short clip's parts stand here repeatedly.
    share : float
        Of the clip's time, above 0, at most 1; repetition does not count.
    length : SegmentLength
        Of its segments.
    """

    parts: np.ndarray
    share: float
    length: SegmentLength = PAPERS

    @property
    def n_samples(self) -> int:
        """Length of the denoised time, repetition included."""
        return int(np.diff(self.parts).sum())

    @property
    def n_segments(self) -> int:
        """How many segments fit, each of which shares some of the one before."""
        return (self.n_samples - self.length.samples) // self.length.step + 1


def spoken_parts(
    n_samples: int, intervals: np.ndarray | None, length: SegmentLength = PAPERS
) -> SpokenParts:
    """Choose the parts of a clip that denoising leaves.

    Ma et al. 2019 (AVEF), section 2.1.1: what is not speech is discarded from both streams. The
    paper does not treat two cases. Resolved: a clip in which nobody speaks stays whole; what is
    spoken is repeated from its beginning until it fills one segment.

    Parameters
    ----------
    n_samples : int
        Of the clip at 16 kHz, at least 1.
    intervals : float array of shape (n_intervals, 2), or None
        Where somebody speaks, in seconds; ascending and apart, as from `voiced_intervals`. None
        leaves everything (the paper's case 1; with intervals it is case 2).
    length : SegmentLength, optional
        Of the segments.
    """
    parts = np.array([[0, n_samples]])
    if intervals is not None:
        spoken = np.clip(np.rint(intervals * SAMPLE_RATE).astype(int), 0, n_samples)
        spoken = spoken[spoken[:, 1] > spoken[:, 0]]
        parts = spoken if len(spoken) else parts
    left, needed = int(np.diff(parts).sum()), length.samples
    if left < needed:
        parts = np.tile(parts, (math.ceil(needed / left), 1))
        ends = np.cumsum(np.diff(parts)[:, 0])
        last = int(np.searchsorted(ends, needed))  # the part that fills the segment
        parts = parts[: last + 1]
        parts[last, 1] -= ends[last] - needed
    return SpokenParts(parts, left / n_samples, length)


def cut_signal(signal: np.ndarray, spoken: SpokenParts) -> np.ndarray:
    """Join the spoken parts of a signal.

    Parameters
    ----------
    signal : array of shape (n,)
        16 kHz.

    Returns
    -------
    array of shape (n_spoken,), of the signal's type
    """
    return np.concatenate([signal[start:end] for start, end in spoken.parts])


def face_frames(spoken: SpokenParts, times: np.ndarray, has_face: np.ndarray) -> np.ndarray:
    """Choose the video frames that show the face of each segment.

    The frames are cut by the same parts as the sound. The segment's time is divided evenly, and
    the middle of each division is shown by the nearest frame of the segment in which there is a
    face, whatever the frame rate. (The paper drops the outer frames of 30 fps and repeats those of
    slow videos, which gives other stretches of time for other frame rates.)

    Parameters
    ----------
    spoken : SpokenParts
    times : float array of shape (n_frames,)
        Of the frames, in seconds from the clip's beginning, ascending.
    has_face : bool array of shape (n_frames,)

    Returns
    -------
    int array of shape (n_segments, 16)
        Rows of `times`; -1 all along where a segment has no frame with a face.
    """
    length = spoken.length
    starts = np.arange(spoken.n_segments) * length.step
    moments = starts[:, None] + (np.arange(FACES) + 0.5) * length.samples / FACES
    frames, places = _denoised_frames(spoken, times, has_face)
    first = np.searchsorted(places, starts)[:, None]
    last = np.searchsorted(places, starts + length.samples)[:, None] - 1
    none = (last < first)[:, 0]
    if none.all():
        return np.full(moments.shape, -1)

    after = np.searchsorted(places, moments)
    before = np.clip(after - 1, first, last)
    after = np.clip(after, first, last)  # of a segment without frames both are any, and unused
    chosen = frames[np.where(moments - places[before] <= places[after] - moments, before, after)]
    chosen[none] = -1
    return chosen


def _denoised_frames(
    spoken: SpokenParts, times: np.ndarray, has_face: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return spoken frames with a face, and their places in samples of denoised time, ascending."""
    with_face = np.flatnonzero(has_face)
    samples = times[with_face] * SAMPLE_RATE
    frames, places, begin = [], [], 0
    for start, end in spoken.parts:
        inside = slice(*np.searchsorted(samples, (start, end)))
        frames.append(with_face[inside])
        places.append(samples[inside] - start + begin)
        begin += end - start
    return np.concatenate(frames), np.concatenate(places)
