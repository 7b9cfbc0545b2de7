"""Tasks of the per-clip stages: one for every clip, whatever it lacks."""

from pathlib import Path

import pytest

from avlib.corpora.common.tables import CLIPS
from avlib.runtime import tables
from avlib.runtime.clip_tasks import failed_clips, recording_tasks, table_tasks
from avlib.runtime.per_clip import CLIP_STATUS
from avlib.speech.tables import SPEECH


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A project with two clips, one of them without sound."""
    monkeypatch.chdir(tmp_path)
    row = dict.fromkeys(CLIPS.columns)
    clips = [
        row | {"clip_id": name, "corpus": "c", "subject": "s", "sha256": f"sum-{name}",
               "video_path": f"{name}.mp4", "audio_path": sound,
              "start": 1.5 if sound else None, "end": 2.25 if sound else None}
        for name, sound in (("a", "a.wav"), ("b", None))
    ]  # fmt: skip
    columns = {key: [clip[key] for clip in clips] for key in row}
    tables.write_table(Path("data/clips.parquet"), columns, CLIPS)


def test_every_clip_has_a_task_and_missing_sound_is_nothing_to_compute():
    tasks = {t.clip_id: t for t in recording_tasks("audio", ["audio", "video"])}
    assert tasks["a"].payload.path == str(Path("data/raw/c/a.wav").absolute())
    assert tasks["a"].without is None
    assert tasks["b"].without == ("degraded", "no audio stream")
    assert tasks["a"].digest == "sum-a"


def test_a_task_says_which_span_of_its_recording_is_the_clip():
    spans = {
        t.clip_id: (t.payload.start, t.payload.end) for t in recording_tasks("video", ["video"])
    }
    assert spans == {"a": (1.5, 2.25), "b": (None, None)}


def test_a_modality_that_is_not_used_depends_on_no_recording():
    tasks = recording_tasks("audio", ["video"])
    assert {t.digest for t in tasks} == {""}
    assert {t.without for t in tasks} == {("ok", "")}


def test_table_tasks_carry_rows_and_verdicts():
    row = {"clip_id": ["a"], "sample_rate": [16000], "pcm": [b"00"], "intervals": [[]]}
    tables.write_part(
        tables.part_path("speech", "s"),
        [("a", tables.conform(row, SPEECH)), ("b", tables.no_rows(SPEECH))],
        SPEECH,
    )
    status = {
        "clip_id": ["a", "b", "c"],
        "stage": ["speech"] * 3,
        "status": ["ok", "degraded", "failed"],
        "reason": ["", "no audio stream", "crashed the worker"],
    }
    tables.write_table(Path("status.parquet"), status, CLIP_STATUS)
    tasks = {t.clip_id: t for t in table_tasks(Path("speech"), Path("status.parquet"))}
    assert set(tasks) == {"a", "b"}
    assert tasks["a"].payload == tables.clip_refs(Path("speech"))[0]
    assert tasks["a"].payload.path == tables.part_path(Path("speech"), "s")
    assert tasks["a"].without is None
    assert tasks["b"].without == ("degraded", "no audio stream")
    assert failed_clips(Path("status.parquet")) == {"c": "failed in speech: crashed the worker"}
