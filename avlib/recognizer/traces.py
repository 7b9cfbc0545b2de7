"""What a picture of a recording shows: loudness, voice, faces, a few of them as pictures."""

import numpy as np

from avlib.faces.alignment import decode_chips
from avlib.recognizer.observe import Span, part_of_faces, part_of_sound
from avlib.speech.pcm import SAMPLE_RATE
from avlib.systems.common.streams import holes

RATE = 50  # values of the envelope per second
PICTURES = 12  # faces shown of a recording
SMALL = 2  # of this many pixels of a face, one is kept
_LEAST = 1e-3  # s that a gap is long


class Traces:
    """Gathered span by span; small however long the recording is.

    Parameters
    ----------
    duration : float
        Of the recording, s.

    Attributes
    ----------
    envelope : list of (float, array)
        Of each span: its start, s, and the largest sample in every 1 / `RATE` s.
    voiced : list of (float, float)
        Where somebody speaks, s.
    seen : list of (float, float)
        Where a face is seen, s.
    faces : list of (float, uint8 array of shape (h, w, 3))
        Times, s, and pictures.
    heard, looked : bool
        Whether there is sound, and whether there are pictures.
    """

    def __init__(self, duration: float) -> None:
        self.duration = duration
        self.envelope: list[tuple[float, np.ndarray]] = []
        self.voiced: list[tuple[float, float]] = []
        self.seen: list[tuple[float, float]] = []
        self.faces: list[tuple[float, np.ndarray]] = []
        self.heard = self.looked = False

    def add(self, span: Span) -> None:
        """Take on the part of a span that no other has."""
        start, end = span.own or (0.0, self.duration + 1.0)  # sound may end a little later
        offset = span.start + start
        if span.sound is not None:
            self.heard = True
            sound = np.abs(part_of_sound(span, start, end))
            step = SAMPLE_RATE // RATE
            whole = np.pad(sound, (0, -len(sound) % step)).reshape(-1, step)
            self.envelope.append((offset, whole.max(axis=1)))
            self.voiced += [
                (span.start + max(a, start), span.start + min(b, end))
                for a, b in span.voiced.tolist()
                if b > start and a < end
            ]
        if span.faces is not None:
            self.looked = True
            self._add_faces(span, start, end, offset)

    def unseen(self) -> list[tuple[float, float]]:
        """Return where no face is seen, s."""
        starts = [0.0, *(stop for _, stop in self.seen)]
        ends = [*(start for start, _ in self.seen), self.duration]
        return [(a, b) for a, b in zip(starts, ends, strict=True) if b - a > _LEAST]

    def _add_faces(self, span: Span, start: float, end: float, offset: float) -> None:
        assert span.faces is not None
        faces = part_of_faces(span.faces, start, end)
        there = np.array([jpeg is not None for jpeg in faces.jpegs], bool)
        if not there.any():
            return
        steps, usual = np.diff(faces.times), _usual_step(faces.times)
        missing = holes(steps)
        until = faces.times + np.append(np.where(missing, usual, steps), usual)
        firsts = np.flatnonzero(there & ~np.append(False, there[:-1] & ~missing))
        lasts = np.flatnonzero(there & ~np.append(there[1:] & ~missing, False))
        self.seen += [
            (offset + float(faces.times[a]), offset + float(until[b]))
            for a, b in zip(firsts, lasts, strict=True)
        ]
        wanted = (np.arange(PICTURES) + 0.5) / PICTURES * self.duration - offset
        seen = np.flatnonzero(there)
        reach = self.duration / PICTURES / 2
        for time in wanted[(wanted >= 0) & (wanted < end - start)]:
            nearest = seen[np.abs(faces.times[seen] - time).argmin()]
            if abs(faces.times[nearest] - time) <= reach:
                [chip] = decode_chips([faces.jpegs[nearest]])
                self.faces.append((offset + float(time), chip[::SMALL, ::SMALL]))


def _usual_step(times: np.ndarray) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.04
