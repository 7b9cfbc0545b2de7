"""One clip of the video_features stage."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from avlib.descriptors.tables import VIDEO
from avlib.descriptors.video import Faces, VideoDescriptor
from avlib.runtime.per_clip import ClipRows
from avlib.runtime.tables import ClipRef, no_rows, read_clip, vectors
from avlib.runtime.tables.lazy import LazyColumn


def video_rows(clip: ClipRef, descriptor: VideoDescriptor) -> ClipRows:
    """Return the rows of table `video` of one clip.

    Parameters
    ----------
    clip
        Its rows in table `faces`.
    descriptor
        What describes the faces.
    """
    faces, frames = read_faces(clip)
    times, values = descriptor.describe(faces)
    if not len(times):
        return ClipRows(no_rows(VIDEO), "degraded", f"no face found in {clip.rows} frames")
    # A row has the number of the frame at its time.
    numbers = frames[np.searchsorted(faces.times, times)]
    return ClipRows({"frame": numbers, "time": times, "descriptor": values})


def read_faces(clip: ClipRef) -> tuple[Faces, np.ndarray]:
    """Read a clip of table `faces`; return its faces and the numbers of their frames."""
    columns = ["frame", "time", "landmarks"]
    if isinstance(clip.row_group, int):
        rows = read_clip(clip.path, clip.row_group, [*columns, "chip"])
        return faces_of(rows), rows["frame"].to_numpy()
    rows = read_clip(clip.path, clip.row_group, columns)
    return _faces(rows, LazyColumn(clip, "chip")), rows["frame"].to_numpy()


def faces_of(rows: pa.Table) -> Faces:
    """Return the faces of a clip's rows of table `faces`."""
    return _faces(rows, rows["chip"].to_pylist())


def _faces(rows: pa.Table, jpegs: Sequence[bytes | None]) -> Faces:
    landmarks = vectors(rows["landmarks"]).reshape(rows.num_rows, -1, 2)
    return Faces(rows["time"].to_numpy(), landmarks, jpegs)
