"""Describe the sound with the chosen descriptor."""

from pathlib import Path

from avlib import registry
from avlib.descriptors.audio_clip import audio_rows
from avlib.descriptors.tables import AUDIO
from avlib.params import load
from avlib.runtime.clip_tasks import failed_clips, table_tasks
from avlib.runtime.per_clip import run_per_clip
from avlib.runtime.stage import STATUS, run

PARAMS = ("audio", "max_failed_fraction")


def main() -> None:
    """Write ``data/audio`` and the status of every clip."""
    params = load(PARAMS)
    status = STATUS / "speech.parquet"
    descriptor = registry.descriptor("audio", params.audio.model_dump())
    run_per_clip(
        "audio_features",
        audio_rows,
        table_tasks(Path("data/speech"), status),
        skipped=failed_clips(status),
        out=Path("data/audio"),
        status=STATUS / "audio_features.parquet",
        schema=AUDIO,
        params=descriptor,
        code=[type(descriptor)],
        max_failed_fraction=params.max_failed_fraction,
    )


if __name__ == "__main__":
    run(main)
