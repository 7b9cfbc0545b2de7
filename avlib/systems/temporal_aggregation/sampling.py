"""Which frame and which stretch of sound stand for each segment of a clip.

Birhala et al. 2020 (temporal aggregation), section II: a clip is cut into N equal segments; each
gives one random video frame, at time t, and a window of d seconds of sound whose centre c is drawn
from [t - b, t + b] and which starts at sample floor(rate (c - d / 2)).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RATE = 16000  # Hz, of the sound


class SegmentSamples(NamedTuple):
    """What was chosen for the segments of n clips.

    Attributes
    ----------
    frame : int64 array of shape (n, n_segments)
        Index into the clip's face times; -1 in a clip without a face.
    start : int64 array of shape (n, n_segments)
        First audio sample; negative, or too late for a whole window, where the sound is to be
        filled up with silence.
    """

    frame: np.ndarray
    start: np.ndarray


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
    samples : int array of shape (n_clips,), optional
        Of each clip's sound. With them, windows are moved so far that they lie inside of it; the
        paper does not say what is heard beyond its ends, and without them it is silence, a third
        of the outer segments of clips of 3 s.

    Attributes
    ----------
    n_samples : int
        In a window.
    """

    def __init__(
        self,
        durations: np.ndarray,
        face_times: Sequence[np.ndarray],
        *,
        n_segments: int,
        window: float = 1.28,
        offset: float = 0.01,
        samples: np.ndarray | None = None,
    ):
        self.samples = samples
        self.n_segments, self.window, self.offset = n_segments, window, offset
        self.n_samples = round(RATE * window)
        self._length = durations / n_segments  # of a segment in seconds
        # 0 follows each clip's times: what frame -1 of a clip without any face stands for.
        self._times = [np.append(times, 0.0) for times in face_times]
        shape = (len(face_times), n_segments)
        self._first, self._count, self._centre = (np.zeros(shape, np.int64) for _ in range(3))
        for clip, (length, times) in enumerate(zip(self._length, face_times, strict=True)):
            self._find(clip, length, times)

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
        if not len(times):
            self._centre[clip] = -1
            return
        segments = np.arange(self.n_segments)
        segment = np.clip(times // length, 0, self.n_segments - 1)  # of each face, ascending
        first = np.searchsorted(segment, segments, "left")
        count = np.searchsorted(segment, segments, "right") - first
        distance = np.abs(times - length * (segments[:, None] + 0.5))
        # A segment that shows a face does not borrow, even a nearer one from across its border.
        strange = (segment != segments[:, None]) & (count > 0)[:, None]
        self._first[clip], self._count[clip] = first, count
        self._centre[clip] = np.where(strange, np.inf, distance).argmin(1)

    def _samples(
        self, clips: np.ndarray, frame: np.ndarray, place: np.ndarray, shift: np.ndarray
    ) -> SegmentSamples:
        """Cut windows `shift` seconds from the frames; `place` in the segment where no face is."""
        faceless = self._length[clips, None] * (np.arange(self.n_segments) + place)
        shown = [self._times[clip][frames] for clip, frames in zip(clips, frame, strict=True)]
        centre = np.where(frame < 0, faceless, np.reshape(shown, frame.shape)) + shift
        begin = RATE * (centre - self.window / 2)
        start = np.floor(begin + 1e-6).astype(np.int64)  # 1e-6: of rounding
        if self.samples is not None:
            last = np.maximum(self.samples[clips, None] - self.n_samples, 0)
            start = np.clip(start, 0, last)
        return SegmentSamples(frame, start)


def cut_windows(signals: Sequence[np.ndarray], start: np.ndarray, n_samples: int) -> np.ndarray:
    """Cut windows from signals; what lies before or after a signal is silence.

    Parameters
    ----------
    signals : sequence of n int16 arrays of shape (samples,)
    start : int array of shape (n, n_segments)
        As in `SegmentSamples`.
    n_samples : int

    Returns
    -------
    int16 array of shape (n, n_segments, n_samples)
    """
    windows = np.zeros((*start.shape, n_samples), np.int16)
    for window, signal, begin in zip(windows, signals, start, strict=True):
        for row, first in zip(window, begin, strict=True):
            heard = signal[max(first, 0) : max(first + n_samples, 0)]
            skipped = max(-first, 0)
            row[skipped : skipped + len(heard)] = heard
    return windows
