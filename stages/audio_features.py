"""Describe the sound with the chosen descriptor."""

from avlib import registry
from avlib.descriptors.audio_clip import audio_rows
from avlib.descriptors.tables import AUDIO
from avlib.params import load
from avlib.runtime import paths
from avlib.runtime.clip_tasks import failed_clips, table_tasks
from avlib.runtime.per_clip import run_per_clip
from avlib.runtime.stage import run

PARAMS = ("audio", "max_failed_fraction")


def main() -> None:
    """Write ``data/audio`` and the status of every clip."""
    params = load(PARAMS)
    status = paths.status("speech")
    descriptor = registry.descriptor("audio", params.audio.model_dump())
    run_per_clip(
        "audio_features",
        audio_rows,
        table_tasks(paths.SPEECH, status),
        skipped=failed_clips(status),
        out=paths.DESCRIPTORS["audio"],
        status=paths.status("audio_features"),
        schema=AUDIO,
        params=descriptor,
        code=[type(descriptor)],
        max_failed_fraction=params.max_failed_fraction,
    )


if __name__ == "__main__":
    run(main)
