"""Cross-modal denoising: only while somebody speaks, sound and pictures are kept, both alike."""

from dataclasses import dataclass

import numpy as np

from avlib.runtime.errors import MediaError
from avlib.speech.mel import SAMPLE_RATE, SEGMENT, STEP

FACES = 16  # pictures of a segment


@dataclass(frozen=True)
class Kept:
    """The parts of a clip that are kept, one behind the other: its denoised time.

    Attributes
    ----------
    parts : int array of shape (n_parts, 2)
        First sample and the one behind the last, at 16 kHz in the clip; together at least one
        segment. A short clip's parts stand here repeatedly.
    share : float
        Of the clip's time that is kept, above 0, at most 1; repetition does not count.
    rule : str
        What happened besides cutting: "" (nothing), "no speech: the whole clip is kept",
        "shorter than one segment: repeated", or both, with a semicolon between.
    """

    parts: np.ndarray
    share: float
    rule: str

    @property
    def n_samples(self) -> int:
        """Length of what is kept, repetition included."""
        return int(np.diff(self.parts).sum())

    @property
    def n_segments(self) -> int:
        """How many segments of 64 frames with 30 shared fit."""
        return (self.n_samples - SEGMENT) // STEP + 1


def keep_parts(n_samples: int, intervals: np.ndarray | None) -> Kept:
    """Choose the parts of a clip that are kept.

    Ma et al. 2019 (AVEF), section 2.1.1: what is not speech is discarded from both streams. The
    paper does not treat two cases. Resolved: a clip in which nobody speaks is kept as a whole; what
    is kept is repeated from its beginning until it fills one segment.

    Parameters
    ----------
    n_samples : int
        Of the clip at 16 kHz.
    intervals : float array of shape (n_intervals, 2), or None
        Where somebody speaks, in seconds; ascending and apart, as from `voiced_intervals`. None
        keeps everything (the paper's case 1; with intervals it is case 2).

    Raises
    ------
    MediaError
        The clip has no samples.
    ValueError
        Intervals overlap, descend or are not finite.
    """
    if n_samples < 1:
        raise MediaError("the sound of a clip has no samples; repair or remove the recording")
    whole = np.array([[0, n_samples]])
    parts, rules = whole, []
    if intervals is not None:
        parts = _in_samples(intervals, n_samples)
        if len(parts) == 0:
            parts, rules = whole, ["no speech: the whole clip is kept"]
    kept = int(np.diff(parts).sum())
    if kept < SEGMENT:
        parts = _repeated(parts)
        rules.append("shorter than one segment: repeated")
    return Kept(parts, kept / n_samples, "; ".join(rules))


def cut_signal(signal: np.ndarray, kept: Kept) -> np.ndarray:
    """Join the kept parts of a signal.

    Parameters
    ----------
    signal : array of shape (n,)
        16 kHz.

    Returns
    -------
    array of shape (n_kept,), of the signal's type
    """
    return np.concatenate([signal[start:end] for start, end in kept.parts])


def face_frames(kept: Kept, times: np.ndarray, has_face: np.ndarray) -> np.ndarray:
    """Choose the video frames that show the face of each segment.

    The frames are cut by the same parts as the sound. The segment's 655 ms are divided evenly, and
    the middle of each division is shown by the nearest frame of the segment in which there is a
    face, whatever the frame rate. (The paper drops the outer frames of 30 fps and repeats those of
    slow videos, which gives other stretches of time for other frame rates.)

    Parameters
    ----------
    kept : Kept
    times : float array of shape (n_frames,)
        Of the frames, in seconds from the clip's beginning.
    has_face : bool array of shape (n_frames,)

    Returns
    -------
    int array of shape (n_segments, 16)
        Rows of `times`; -1 all along where a segment has no frame with a face.
    """
    starts = np.arange(kept.n_segments) * STEP
    moments = starts[:, None] + (np.arange(FACES) + 0.5) * SEGMENT / FACES
    frames, places = _denoised_frames(kept, times, has_face)
    first = np.searchsorted(places, starts)[:, None]
    last = np.searchsorted(places, starts + SEGMENT)[:, None] - 1
    none = (last < first)[:, 0]
    if none.all():
        return np.full(moments.shape, -1)

    behind = np.searchsorted(places, moments)
    before = np.clip(behind - 1, first, last)
    behind = np.clip(behind, first, last)  # of a segment without frames both are any, and unused
    chosen = frames[np.where(moments - places[before] <= places[behind] - moments, before, behind)]
    chosen[none] = -1
    return chosen


def _denoised_frames(
    kept: Kept, times: np.ndarray, has_face: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Kept frames with a face, and their places in samples of denoised time, ascending."""
    with_face = np.flatnonzero(has_face)
    order = with_face[np.argsort(times[with_face], kind="stable")]
    samples = times[order] * SAMPLE_RATE
    frames, places = [], []
    for (start, end), begin in zip(kept.parts, _begins(kept), strict=True):
        inside = slice(*np.searchsorted(samples, (start, end)))
        frames.append(order[inside])
        places.append(samples[inside] - start + begin)
    return np.concatenate(frames), np.concatenate(places)


def _begins(kept: Kept) -> np.ndarray:
    """Where each part begins in denoised time, in samples."""
    lengths = np.diff(kept.parts)[:, 0]
    return np.cumsum(lengths) - lengths


def _in_samples(intervals: np.ndarray, n_samples: int) -> np.ndarray:
    edges = np.asarray(intervals, dtype=np.float64).ravel()
    if not np.isfinite(edges).all() or (np.diff(edges) < 0).any():
        raise ValueError("intervals of speech overlap, descend or are not finite")
    parts = np.clip(np.rint(edges.reshape(-1, 2) * SAMPLE_RATE).astype(int), 0, n_samples)
    return parts[parts[:, 1] > parts[:, 0]]


def _repeated(parts: np.ndarray) -> np.ndarray:
    """Repeat the parts again and again, cut off at the length of a segment."""
    length = int(np.diff(parts).sum())
    many = np.tile(parts, (-(-SEGMENT // length), 1))
    ends = np.cumsum(np.diff(many)[:, 0])
    last = int(np.searchsorted(ends, SEGMENT))
    many = many[: last + 1].copy()
    many[last, 1] -= ends[last] - SEGMENT
    return many
