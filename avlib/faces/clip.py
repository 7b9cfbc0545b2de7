"""One clip of the faces stage."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from avlib.faces.company import Company
from avlib.faces.tracking import faces_in_pieces
from avlib.media import LEAST_SHARE, held, video_frames
from avlib.runtime.clip_tasks import RecordingInput
from avlib.runtime.per_clip import ClipRows
from avlib.runtime.spooled import Spooled

_LONGEST_STEP = 1.0  # s; pictures further apart have none between them
# s, and times the steps beside it: a longer step is a hole.
_HOLE, _STANDS_OUT = 0.5, 2.5


def face_rows(recording: RecordingInput, params: Mapping[str, Any]) -> ClipRows:
    """Return the rows of table `faces` of one clip.

    Parameters
    ----------
    recording
        Where its pictures are.
    params
        Section ``faces`` of params.yaml: the options of `track_faces`, and how many pictures a
        second are looked at.
    """
    settings = dict(params)
    decoded = _Decoded(settings.pop("fps"))
    frames = video_frames(recording.path, recording.start, recording.end, decoded.wanted)
    company = Company()
    kept, states, looked = Spooled(), set(), 0
    for rows in faces_in_pieces(frames, company, **settings):
        kept.add(rows)
        looked += rows.num_rows
        states.update(rows["state"].unique().to_pylist())
    n = len(decoded.times)
    reasons = []
    there = held(recording.path, recording.start, recording.end)
    shown = _shown(np.array(decoded.times))
    if n < LEAST_SHARE * there.pictures:
        reasons.append(f"{n} of {there.pictures} pictures can be decoded")
    elif shown < LEAST_SHARE * there.length:
        reasons.append(f"{shown:.1f} of {there.length:.1f} s hold pictures")
    if decoded.damaged > (1 - LEAST_SHARE) * n:
        reasons.append(f"{decoded.damaged} of {n} pictures are damaged")
    if states <= {"missing"}:
        reasons.append(f"no face found in {looked} frames")
    elif company.told:
        reasons.append(company.told)
    return ClipRows(kept.tables(), "degraded" if reasons else "ok", "; ".join(reasons))


class _Decoded:
    """The times of all pictures, how many are damaged, and which of them are looked at.

    Looked at is the first in each 1 / fps s.
    """

    def __init__(self, fps: float | None) -> None:
        self.times: list[float] = []
        self.damaged = 0
        self._fps, self._slot = fps, -1

    def wanted(self, time: float, damaged: bool) -> bool:
        self.times.append(time)
        self.damaged += damaged
        if self._fps is None:
            return True
        # A picture that rounding puts just before its slot belongs to it.
        slot = int((time - self.times[0]) * self._fps + 1e-6)
        new, self._slot = slot > self._slot, slot
        return new


def _shown(times: np.ndarray) -> float:
    """Return for how many seconds there are pictures, a slow one counted until the next.

    A step that is much longer than those beside it is a hole, as where deep systems see black.
    """
    steps = np.diff(times)
    usual = float(np.median(steps)) if len(steps) else 0.0
    beside = np.maximum(np.r_[0.0, steps[:-1]], np.r_[steps[1:], 0.0]) if len(steps) else steps
    steps = np.where((steps > _HOLE) & (steps > _STANDS_OUT * beside), usual, steps)
    longest = max(_LONGEST_STEP, 3 * usual)
    # Of the last picture, and of one alone, nothing says how long it is shown.
    return float(np.minimum(steps, longest).sum()) + (usual or longest)
