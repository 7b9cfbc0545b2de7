"""One measured command of the benchmark ``scale``: ``python -m benchmarks.scale_step STEP N``.

Works in the current folder, where ``recordings/`` holds a few generated clips. The steps are
``audio`` (the stages speech and audio_features of N clips on two workers) and ``fisher`` (one fold
of the stage fisher, in this process, from what ``audio`` left).
"""

import os
import sys
from pathlib import Path

from avlib.descriptors.tables import AUDIO
from avlib.params import load
from avlib.protocols import FOLDS
from avlib.runtime.tables.schema import TEXT, Schema
from avlib.speech.tables import SPEECH
from benchmarks import ROOT

CLIPS_PER_SUBJECT = 10
_COLUMNS = ("clip_id", "subject", "emotion")
LABELS = Schema("labels", _COLUMNS[:1], dict.fromkeys(_COLUMNS, TEXT))


def audio(n_clips: int) -> None:
    """Read and describe the sound of N clips; they share a few recordings."""
    from avlib.descriptors.audio_clip import audio_rows
    from avlib.descriptors.opensmile import IS10
    from avlib.runtime.clip_tasks import RecordingInput, table_tasks
    from avlib.runtime.per_clip import ClipTask, run_per_clip
    from avlib.speech.clip import speech_rows

    os.environ["AVLIB_WORKERS"] = "2"
    params = load(("speech",), ROOT / "params.yaml")
    recordings = sorted(str(path.absolute()) for path in Path("recordings").rglob("*.mp4"))
    tasks = [
        ClipTask(
            f"clip-{number:05d}",
            f"subject-{number // CLIPS_PER_SUBJECT:04d}",
            str(number),
            RecordingInput(recordings[number % len(recordings)]),
        )
        for number in range(n_clips)
    ]
    data, status = Path("data"), Path("data/status")
    run_per_clip(
        "speech",
        speech_rows,
        tasks,
        out=data / "speech",
        status=status / "speech.parquet",
        schema=SPEECH,
        params=params.speech.model_dump(),
        max_failed_fraction=0,
    )
    run_per_clip(
        "audio_features",
        audio_rows,
        table_tasks(data / "speech", status / "speech.parquet"),
        out=data / "audio",
        status=status / "audio_features.parquet",
        schema=AUDIO,
        params=IS10(),
        code=[IS10],
        max_failed_fraction=0,
    )


def fisher(n_clips: int) -> None:
    """Fit on three of four clips and encode all of them, audio alone."""
    from avlib.fisher.fold import FisherTask, encode_fold
    from avlib.fisher.view import View
    from avlib.runtime.tables import clip_refs, write_table

    clip_ids = [ref.clip_id for ref in clip_refs(Path("data/audio"))]
    assert len(clip_ids) == n_clips
    parts = ["test" if number % 4 == 0 else "train" for number in range(n_clips)]
    folds = {"clip_id": clip_ids, "fold": [0] * n_clips, "part": parts}
    write_table(Path("data/folds.parquet"), folds, FOLDS)
    labels = {"clip_id": clip_ids, "subject": ["s"] * n_clips, "emotion": ["anger"] * n_clips}
    write_table(Path("data/clips.parquet"), labels, LABELS)
    out = Path("fold-0")
    out.mkdir()
    params = load(("fisher", "pooling", "speakers"), ROOT / "params.yaml")
    task = FisherTask(
        0,
        {"audio": [View("audio.is10_frames", Path("data/audio"), "frames")]},
        params.pooling.model_dump(),
        params.speakers.model_dump(),
        params.fisher.model_dump(),
    )
    encode_fold(task, out)


if __name__ == "__main__":
    {"audio": audio, "fisher": fisher}[sys.argv[1]](int(sys.argv[2]))
