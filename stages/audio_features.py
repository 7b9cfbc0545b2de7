"""Describe the sound with the chosen descriptor."""

from collections.abc import Callable
from typing import Any

from avlib import registry
from avlib.descriptors.audio_clip import audio_rows
from avlib.descriptors.table import Table, table_rows
from avlib.descriptors.table_clips import own_tables
from avlib.descriptors.tables import AUDIO
from avlib.params import load
from avlib.runtime import paths
from avlib.runtime.clip_tasks import failed_clips, table_tasks
from avlib.runtime.per_clip import ClipRows, run_per_clip
from avlib.runtime.stage import run

PARAMS = ("audio", "max_failed_fraction")


def main() -> None:
    """Write ``data/audio`` and the status of every clip."""
    params = load(PARAMS)
    status = paths.status("speech")
    descriptor = registry.descriptor("audio", params.audio.model_dump())
    function: Callable[[Any, Any], ClipRows] = audio_rows
    tasks, skipped = table_tasks(paths.SPEECH, status), failed_clips(status)
    if isinstance(descriptor, Table):
        function = table_rows
        descriptor, tasks, skipped = own_tables(descriptor, status)
    run_per_clip(
        "audio_features",
        function,
        tasks,
        skipped=skipped,
        out=paths.DESCRIPTORS["audio"],
        status=paths.status("audio_features"),
        schema=AUDIO,
        params=descriptor,
        code=[type(descriptor)],
        max_failed_fraction=params.max_failed_fraction,
    )


if __name__ == "__main__":
    run(main)
