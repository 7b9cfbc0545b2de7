"""One clip of the faces stage."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from avlib.faces.tables import FACES
from avlib.faces.tracking import track_faces
from avlib.media import video_frames
from avlib.runtime.per_clip import ClipRows
from avlib.runtime.tables import no_rows


def face_rows(payload: Mapping[str, Any], params: Mapping[str, Any]) -> ClipRows:
    """Return the rows of table `faces` of one clip.

    Parameters
    ----------
    payload
        ``path``: the recording, or None when it has no video stream; ``used``: whether faces are
        wanted at all; ``start`` and ``end``: the clip's span in the recording, in seconds, where it
        is not the whole.
    params
        Section ``faces`` of params.yaml, the options of `track_faces`.
    """
    if not payload["used"]:
        return ClipRows(no_rows(FACES))
    if payload["path"] is None:
        return ClipRows(no_rows(FACES), "degraded", "no video stream")
    frames = video_frames(payload["path"], payload.get("start"), payload.get("end"))
    columns = track_faces(frames, **params)
    states = np.array([str(state) for state in columns["state"]])
    if (states == "missing").all():
        return ClipRows(columns, "degraded", f"no face found in {len(states)} frames")
    return ClipRows(columns)
