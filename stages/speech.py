"""Extract 16 kHz mono sound, and its voiced intervals."""

from avlib.params import load
from avlib.runtime import paths
from avlib.runtime.clip_tasks import failed_clips, recording_tasks
from avlib.runtime.per_clip import run_per_clip
from avlib.runtime.stage import run
from avlib.speech.clip import speech_rows
from avlib.speech.tables import SPEECH

PARAMS = ("limits", "max_failed_fraction", "modalities", "speech")


def main() -> None:
    """Write ``data/speech`` and the status of every clip."""
    params = load(PARAMS)
    run_per_clip(
        "speech",
        speech_rows,
        recording_tasks("audio", params.modalities),
        skipped=failed_clips(paths.status("clips")),
        out=paths.SPEECH,
        status=paths.status("speech"),
        keys_file=paths.keys_file("speech"),
        schema=SPEECH,
        params=params.speech.model_dump(),
        max_failed_fraction=params.max_failed_fraction,
        limits=params.limits,
    )


if __name__ == "__main__":
    run(main)
