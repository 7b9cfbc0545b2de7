"""Extract 16 kHz mono sound, and its voiced intervals."""

from pathlib import Path

from avlib.params import load
from avlib.runtime.clip_tasks import failed_clips, recording_tasks
from avlib.runtime.per_clip import run_per_clip
from avlib.runtime.stage import STATUS, run
from avlib.speech.clip import speech_rows
from avlib.speech.tables import SPEECH

PARAMS = ("corpus", "max_failed_fraction", "modalities", "speech")


def main() -> None:
    """Write ``data/speech`` and the status of every clip."""
    params = load(PARAMS)
    run_per_clip(
        "speech",
        speech_rows,
        recording_tasks(params.corpus, "audio", params.modalities),
        skipped=failed_clips(STATUS / "clips.parquet"),
        out=Path("data/speech"),
        status=STATUS / "speech.parquet",
        schema=SPEECH,
        params=params.speech.model_dump(),
        max_failed_fraction=params.max_failed_fraction,
    )


if __name__ == "__main__":
    run(main)
