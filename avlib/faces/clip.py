"""One clip of the faces stage."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from avlib.faces.tracking import track_faces
from avlib.media import video_frames
from avlib.runtime.clip_tasks import RecordingInput
from avlib.runtime.per_clip import ClipRows


def face_rows(recording: RecordingInput, params: Mapping[str, Any]) -> ClipRows:
    """Return the rows of table `faces` of one clip.

    Parameters
    ----------
    recording
        Where its pictures are.
    params
        Section ``faces`` of params.yaml, the options of `track_faces`.
    """
    frames = video_frames(recording.path, recording.start, recording.end)
    columns = track_faces(frames, **params)
    states = np.array([str(state) for state in columns["state"]])
    if (states == "missing").all():
        return ClipRows(columns, "degraded", f"no face found in {len(states)} frames")
    return ClipRows(columns)
