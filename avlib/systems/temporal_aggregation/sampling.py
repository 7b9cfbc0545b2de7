"""Which frame and which stretch of sound stand for each segment of a clip.

Birhala et al. 2020 (temporal aggregation), section II: a clip is cut into N equal segments; each
gives one random video frame, at time t, and a window of d seconds of sound whose centre c is drawn
from [t - b, t + b] and which starts at sample floor(rate (c - d / 2)).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SegmentSamples:
    """What was chosen for the segments of n clips; every array is of shape (n, n_segments).

    Parameters
    ----------
    frame : int64
        Index into the clip's face times; -1 in a clip without a face.
    start : int64
        First audio sample; negative, or too late for a whole window, where the sound is to be
        filled up with silence.
    borrowed : bool
        The frame lies in another segment, because this one shows no face.
    """

    frame: np.ndarray
    start: np.ndarray
    borrowed: np.ndarray


class SegmentSampler:
    """The sampling rule for a collection of clips, of which it knows the times alone.

    The paper leaves open what follows. Only frames that show a face can be chosen; a segment
    without any takes the one nearest to its middle (the earlier of two), so that a clip of fewer
    frames than segments repeats frames. Without any face in the clip, t is drawn from the segment.
    All windows hold the same number of samples, round(rate d), wherever floor(rate (c + d / 2))
    would end them. In testing the frame is the one nearest to the segment's middle and c = t.

    Parameters
    ----------
    durations : array of shape (n_clips,)
        In seconds, positive.
    face_times : sequence of arrays of shape (n_faces,)
        For each clip, when its frames that show a face are shown, in seconds, ascending; empty
        where there is none. A frame from before 0 counts into the first segment, one from after
        the end into the last.
    n_segments : int
    window : float
        d in seconds.
    offset : float
        b in seconds.
    sample_rate : int
        Of the sound in Hz.

    Attributes
    ----------
    n_samples : int
        In a window.

    Raises
    ------
    ValueError
        A duration is not positive, or times are no ascending finite numbers.
    """

    def __init__(
        self,
        durations: np.ndarray,
        face_times: Sequence[np.ndarray],
        *,
        n_segments: int,
        window: float = 1.28,
        offset: float = 0.01,
        sample_rate: int = 16000,
    ):
        self.n_segments, self.window, self.offset = n_segments, window, offset
        self.sample_rate = sample_rate
        self.n_samples = round(sample_rate * window)
        self._length = np.asarray(durations, np.float64) / n_segments  # of a segment in seconds
        if not (np.isfinite(self._length) & (self._length > 0)).all():
            raise ValueError(f"durations {durations}; expected positive numbers of seconds")
        # All clips' times in a row, each clip's from its own place on; 0 follows for no face.
        counts = [len(times) for times in face_times]
        self._place = np.cumsum([0, *counts])[:-1]
        self._times = np.concatenate([*face_times, [0.0]])
        shape = (len(counts), n_segments)
        self._first, self._count, self._centre = (np.zeros(shape, np.int64) for _ in range(3))
        for clip, (length, times) in enumerate(zip(self._length, face_times, strict=True)):
            self._find(clip, length, np.asarray(times, np.float64))

    def draw(self, clips: np.ndarray, generator: np.random.Generator) -> SegmentSamples:
        """Draw frames and windows for training.

        Parameters
        ----------
        clips : int array of shape (n,)
            Which clips; one may stand there more than once.
        generator : numpy.random.Generator

        Returns
        -------
        SegmentSamples of n clips
        """
        place, shift = generator.random((2, len(clips), self.n_segments))
        drawn = self._first[clips] + (place * self._count[clips]).astype(np.int64)
        frame = np.where(self._count[clips] > 0, drawn, self._centre[clips])
        return self._samples(clips, frame, place, self.offset * (2 * shift - 1))

    def centre(self, clips: np.ndarray) -> SegmentSamples:
        """Return the frames and windows of the segments' middles, for testing.

        Parameters
        ----------
        clips : int array of shape (n,)

        Returns
        -------
        SegmentSamples of n clips
        """
        middle = np.full((len(clips), self.n_segments), 0.5)
        return self._samples(clips, self._centre[clips], middle, np.zeros_like(middle))

    def _find(self, clip: int, length: float, times: np.ndarray) -> None:
        """Note the faces of each segment of a clip, and the one nearest to its middle."""
        if not np.isfinite(times).all() or (np.diff(times) < 0).any():
            raise ValueError(f"face times of clip {clip} are {times}; expected ascending seconds")
        if not len(times):
            self._centre[clip] = -1
            return
        segments = np.arange(self.n_segments)
        segment = np.clip(times // length, 0, self.n_segments - 1)
        first = np.searchsorted(segment, segments, "left")
        count = np.searchsorted(segment, segments, "right") - first
        distance = np.abs(times - length * (segments[:, None] + 0.5))
        strange = (segment != segments[:, None]) & (count > 0)[:, None]
        self._first[clip], self._count[clip] = first, count
        self._centre[clip] = np.where(strange, np.inf, distance).argmin(1)

    def _samples(
        self, clips: np.ndarray, frame: np.ndarray, place: np.ndarray, shift: np.ndarray
    ) -> SegmentSamples:
        """Cut windows `shift` seconds from the frames; `place` in the segment where no face is."""
        unseen = self._length[clips, None] * (np.arange(self.n_segments) + place)
        shown = self._times[np.where(frame < 0, -1, self._place[clips, None] + frame)]
        centre = np.where(frame < 0, unseen, shown) + shift
        begin = self.sample_rate * (centre - self.window / 2)
        start = np.floor(begin + 1e-6).astype(np.int64)  # rounding takes no whole sample away
        return SegmentSamples(frame, start, (self._count[clips] == 0) & (frame >= 0))


def cut_windows(signals: Sequence[np.ndarray], start: np.ndarray, n_samples: int) -> np.ndarray:
    """Cut windows from signals; what lies before or after a signal is silence.

    Parameters
    ----------
    signals : sequence of n arrays of shape (samples,), all of one type
    start : int array of shape (n, n_segments)
        As in `SegmentSamples`.
    n_samples : int

    Returns
    -------
    array of shape (n, n_segments, n_samples), of the signals' type
    """
    windows = np.zeros((*start.shape, n_samples), signals[0].dtype if len(signals) else np.float32)
    for window, signal, begin in zip(windows, signals, start, strict=True):
        for row, first in zip(window, begin, strict=True):
            heard = signal[max(first, 0) : max(first + n_samples, 0)]
            skipped = max(-first, 0)
            row[skipped : skipped + len(heard)] = heard
    return windows
