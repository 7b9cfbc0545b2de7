"""Describe the faces with the chosen descriptor."""

from collections.abc import Callable
from typing import Any

from avlib import registry
from avlib.descriptors.face_network import network_weights
from avlib.descriptors.table import Table, table_rows
from avlib.descriptors.table_clips import own_tables
from avlib.descriptors.tables import VIDEO
from avlib.descriptors.video_clip import video_rows
from avlib.params import load
from avlib.runtime import paths
from avlib.runtime.clip_tasks import failed_clips, table_tasks
from avlib.runtime.per_clip import ClipRows, run_per_clip
from avlib.runtime.stage import run

PARAMS = ("max_failed_fraction", "video")


def main() -> None:
    """Write ``data/video`` and the status of every clip."""
    params = load(PARAMS)
    status = paths.status("faces")
    network = network_weights(paths.FACE_MODEL)
    descriptor = registry.descriptor("video", params.video.model_dump() | network)
    function: Callable[[Any, Any], ClipRows] = video_rows
    tasks, skipped = table_tasks(paths.FACES, status), failed_clips(status)
    if isinstance(descriptor, Table):
        function = table_rows
        descriptor, tasks, skipped = own_tables(descriptor, status)
    run_per_clip(
        "video_features",
        function,
        tasks,
        skipped=skipped,
        out=paths.DESCRIPTORS["video"],
        status=paths.status("video_features"),
        schema=VIDEO,
        params=descriptor,
        code=[type(descriptor)],
        max_failed_fraction=params.max_failed_fraction,
    )


if __name__ == "__main__":
    run(main)
