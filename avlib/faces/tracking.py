"""One face followed through a clip: a row for every decoded frame, whatever is in it.

While a face is followed, the landmarks of one frame say where to start them in the next; that they
have hardly moved, or that two starts agree (see `landmarks`), is the check that it is still a face,
and every `detect_every` seconds the detector must agree too. Where either disagrees the detector
looks around the place, then in the whole frame. While nobody is followed the whole frame is
searched as often, or every `SEARCH_EVERY` seconds where that is less, and a face that is found is
followed back into the frames between.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from avlib.faces.alignment import encode_jpeg, extract_chip
from avlib.faces.company import SURE_SCORE, Company
from avlib.faces.detection import CLOSE_MARGIN, Detection, find_faces, find_near
from avlib.faces.landmarks import AGREEMENT, box_of, fit_landmarks, follow_landmarks
from avlib.faces.selection import most_prominent
from avlib.faces.tables import FACES
from avlib.faces.thumbnail import thumbnail

# Bytes of frames without a face that are held: 0.5 s of 4K at 30 frames per second, and some.
HELD_BYTES = 512 * 2**20
# Rows of a piece: those of 160 s at 25 frames a second, 60 MB of chips.
PIECE = 2**12
# A frame that rounding puts so much before its time, in s, is in time.
SOON = 1e-6
# Seconds between two searches for somebody, at most: whoever comes later, near the end, is missed.
SEARCH_EVERY = 0.2
# As long as a clip has shown nobody, one search in so many looks for small faces.
FINE_SEARCH_EVERY = 5


@dataclass(frozen=True, slots=True)
class Face:
    """A face in one frame; the score is None where landmarks alone carry it."""

    box: np.ndarray
    landmarks: np.ndarray
    score: float | None


def track_faces(frames: Iterable[tuple[float, np.ndarray]], **settings: Any) -> pa.Table:
    """Follow the main face through a clip and cut it out, aligned.

    Parameters
    ----------
    frames : iterable of (time, image)
        Times in seconds, increasing; images RGB uint8 of shape (h, w, 3). Read once; at most
        `max_gap` seconds of frames, and `HELD_BYTES`, are held.
    detect_every : float
        In seconds, between two runs of the detector; 0: in every frame. No more than `max_gap`
        counts.
    max_gap : float
        In seconds. A gap with the face on both sides, at most this far apart, is bridged; a face
        that the detector does not confirm is carried by its landmarks for at most this long; and
        a face that appears is looked for in the frames this far back.
    min_score : float
        Least score of a detection, at least 0 (dlib's own threshold).
    jpeg_quality : int
        Of the chips, 1 to 95.

    Returns
    -------
    pa.Table
        The table `faces` without clip_id, one row per frame, in their order:

        - frame, time (s)
        - state: "detected" (by the detector, in this frame), "tracked" (by its landmarks),
          "bridged" (interpolated between two faces; the chip is cut from the real frame), "missing"
        - box (left, top, right, bottom) and landmarks (x0, y0, x1, ...) in pixels, null if missing
        - score of the detector, null unless detected
        - chip, JPEG, null if missing
        - thumbnail of the whole frame, see `avlib.faces.thumbnail`
    """
    return pa.concat_tables(faces_in_pieces(frames, **settings))


def faces_in_pieces(
    frames: Iterable[tuple[float, np.ndarray]], company: Company | None = None, **settings: Any
) -> Iterator[pa.Table]:
    """Yield what `track_faces` returns as tables of about `PIECE` rows, the last one of fewer.

    Where `company` is given, it counts the faces meanwhile.
    """
    follower = _Follower(company, **settings)
    for time, image in frames:
        follower.step(time, image)
        if len(follower.rows) - len(follower.gap) >= PIECE:
            yield _table(follower.settled())
    yield _table(list(follower.rows.values()))


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, pa.schema(FACES.columns).remove(0))


@dataclass
class _Follower:
    """The state between two frames."""

    company: Company | None = None
    detect_every: float = 0.4
    max_gap: float = 0.5
    min_score: float = 0.0
    jpeg_quality: int = 95
    times: list[float] = field(default_factory=list)  # of all frames, s
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)  # by frame; those not yet packed
    face: Face | None = None  # in the frame before, None when it was missing there
    confirmed: int = 0  # index of the last frame in which the detector saw the face
    seen: tuple[float, Face] | None = None  # the last face, and when
    turn: int = 0  # searches for somebody since then
    due: float = -np.inf  # when the next one is, s
    searched: list[Detection] | None = None  # what the company found in the whole frame
    gap: deque[tuple[int, np.ndarray]] = field(default_factory=deque)  # recent ones without a face

    def step(self, time: float, image: np.ndarray) -> None:
        """Take the next frame."""
        index = len(self.times)
        self.times.append(time)
        row = {"frame": index, "time": time, "state": "missing", "thumbnail": thumbnail(image)}
        self.rows[index] = row
        self.searched = self.company.look(time, image) if self.company is not None else None
        if self.face is not None:
            self.face = self._follow_on(image, self.face, index)
            if self.face is None:
                self.turn, self.due = 0, time
        if self.face is None:
            self.face = self._search(image, index)
            if self.face is not None:
                self._fill_gap(self.face, index)
        if self.face is None:
            self._wait(index, image)
            return
        if self.face.score is not None:
            self.confirmed = index
        self.seen = time, self.face
        self._note(index, image, self.face)

    def settled(self) -> list[dict[str, Any]]:
        """Take out the rows of the frames that are no longer held."""
        held = self.gap[0][0] if self.gap else len(self.times)
        return [self.rows.pop(frame) for frame in list(self.rows) if frame < held]

    def _follow_on(self, image: np.ndarray, before: Face, index: int) -> Face | None:
        unconfirmed = self.times[index] - self.times[self.confirmed]
        # Before the landmarks have carried a face for too long the detector has its say.
        due = unconfirmed >= min(self.detect_every, self.max_gap) - SOON
        face = self._follow(image, before, detect=due)
        carried_too_long = face is not None and face.score is None and unconfirmed > self.max_gap
        return None if carried_too_long else face

    def _follow(self, image: np.ndarray, before: Face, *, detect: bool) -> Face | None:
        """Find in a frame the face of its neighbour: by its landmarks, else by the detector."""
        landmarks, disagreement = follow_landmarks(image, before.landmarks)
        box = box_of(landmarks)
        agreed = disagreement <= AGREEMENT
        tracked = Face(box, landmarks, None) if agreed else None
        if tracked is not None and not detect:
            return tracked
        hit = find_near(image, box, CLOSE_MARGIN) if agreed else find_near(image, before.box)
        if hit is None or hit.score < self.min_score:
            return tracked
        return Face(hit.box, landmarks, hit.score) if agreed else self._accept(image, hit)

    def _search(self, image: np.ndarray, index: int) -> Face | None:
        """Find somebody to follow in the whole frame, when it is time to."""
        if self.times[index] < self.due - SOON:
            return None
        hits = self._hits(image)
        if not hits and self.seen is None and self.turn % FINE_SEARCH_EVERY == 0:
            hits = self._hits(image, fine=True)
        self.turn, self.due = (
            self.turn + 1,
            self.times[index] + min(self.detect_every, SEARCH_EVERY),
        )
        time, lost = (0.0, None) if self.seen is None else (self.seen[0], self.seen[1].box)
        gap = self.times[index] - time
        ranked = most_prominent(hits, image.shape[:2], lost, gap, self.max_gap)
        accepted = (self._accept(image, hit) for hit in ranked)
        return next((face for face in accepted if face is not None), None)

    def _hits(self, image: np.ndarray, *, fine: bool = False) -> list[Detection]:
        if fine or self.searched is None:
            hits = find_faces(image, fine=fine)
        else:
            hits = self.searched
        return [hit for hit in hits if hit.score >= self.min_score]

    def _accept(self, image: np.ndarray, hit: Detection) -> Face | None:
        """Make a face of a detection, unless it is a false hit."""
        landmarks, disagreement = fit_landmarks(image, hit.box)
        if hit.score < SURE_SCORE and disagreement > AGREEMENT:
            return None
        return Face(hit.box, landmarks, hit.score)

    def _wait(self, index: int, image: np.ndarray) -> None:
        """Keep a frame without a face for as long as one may still be found in it."""
        self.gap.append((index, image))
        while self.times[self.gap[0][0]] < self.times[index] - self.max_gap:
            self.gap.popleft()
        # Time stamps may say that any number of frames lies within `max_gap`.
        while len(self.gap) * image.nbytes > HELD_BYTES and len(self.gap) > 1:
            self.gap.popleft()

    def _fill_gap(self, found: Face, index: int) -> None:
        """Follow a new face back through the gap, and bridge what remains between two faces."""
        face, first = found, index
        while self.gap:
            at, image = self.gap[-1]
            earlier = self._follow(image, face, detect=True)
            if earlier is None or self.times[index] - self.times[at] > self.max_gap:
                break
            self._note(at, image, earlier)
            self.gap.pop()
            face, first = earlier, at
        if self.seen is not None:
            start, before = self.seen
            length = self.times[first] - start
            if length <= self.max_gap:
                for at, image in self.gap:
                    between = _between(before, face, (self.times[at] - start) / length)
                    self._note(at, image, between, "bridged")
        self.gap.clear()

    def _note(self, index: int, image: np.ndarray, face: Face, state: str | None = None) -> None:
        """Write a face and its chip into the row of a frame."""
        self.rows[index] |= {
            "state": state or ("tracked" if face.score is None else "detected"),
            "box": face.box,
            "score": face.score,
            "landmarks": face.landmarks.ravel(),
            "chip": encode_jpeg(extract_chip(image, face.landmarks), self.jpeg_quality),
        }


def _between(before: Face, after: Face, share: float) -> Face:
    """Interpolate linearly from one face (share 0) to another (share 1)."""
    box = (1 - share) * before.box + share * after.box
    landmarks = (1 - share) * before.landmarks + share * after.landmarks
    return Face(box, landmarks, None)
