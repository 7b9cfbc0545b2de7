"""Extract 16 kHz mono sound, its voiced intervals and its segments."""

from pathlib import Path

from avlib.clipwise import run_clipwise
from avlib.params import load
from avlib.speech.clip import speech_rows, write_segments
from avlib.stage import STATUS, run
from avlib.tasks import failed_clips, recording_tasks

PARAMS = ("corpus", "max_failed_fraction", "modalities", "speech")


def main() -> None:
    """Write ``data/speech``, ``data/segments.parquet`` and the status of every clip."""
    params = load(PARAMS)
    settings = params.speech
    run_clipwise(
        "speech",
        speech_rows,
        recording_tasks(params.corpus, "audio", params.modalities),
        skipped=failed_clips(STATUS / "clips.parquet"),
        out=Path("data/speech"),
        status=STATUS / "speech.parquet",
        schema_name="speech",
        params=settings.model_dump(include={"vad_mode", "hangover", "min_speech"}),
        max_failed_fraction=params.max_failed_fraction,
    )
    write_segments(
        Path("data/speech"),
        Path("data/segments.parquet"),
        frames=settings.segment_frames,
        overlap=settings.segment_overlap,
    )


if __name__ == "__main__":
    run(main)
