"""One clip of the faces stage."""

from collections.abc import Mapping
from typing import Any

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
    rows = track_faces(frames, **params)
    if set(rows["state"].to_pylist()) <= {"missing"}:
        return ClipRows(rows, "degraded", f"no face found in {rows.num_rows} frames")
    return ClipRows(rows)
