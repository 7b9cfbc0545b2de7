from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from avef_clips import FORMAT, sequences, spoken_clips, unseen

from avlib.corpora.common.tables import CLIPS
from avlib.runtime.tables import (
    conform,
    no_rows,
    part_path,
    write_part,
    write_table,
)
from avlib.speech.pcm import to_pcm
from avlib.speech.tables import SPEECH
from avlib.systems.avef.binary import binary_codes
from avlib.systems.avef.denoise import face_frames, spoken_parts
from avlib.systems.avef.spoken import cut_clips, spoken_intervals


def test_what_is_not_spoken_is_cut_from_both_streams(tmp_path):
    clips = spoken_clips(tmp_path, 1, (3.0,), {"c00": np.array([[0.5, 1.0], [2.0, 3.0]])})
    assert clips.spoken[0].parts.tolist() == [[8000, 16000], [32000, 48000]]
    assert clips.spoken[1].parts.tolist() == [[0, 48000]]
    times = clips.frames(0) / FORMAT.fps
    assert ((times >= 0.5) & (times < 1.0) | (times >= 2.0)).all()
    assert len(clips.frames(0)) == clips.spoken[0].n_segments == 3
    assert clips.spoken_share() == pytest.approx(0.75)


def test_nobody_speaking_keeps_the_clip_and_a_short_one_is_repeated(tmp_path):
    clips = spoken_clips(tmp_path, 1, (2.0, 0.3), {"c00": np.zeros((0, 2))})
    assert clips.spoken[1].n_segments == 1
    assert clips.has(("audio", "video")).all()


def test_a_clip_without_sound_is_kept_as_long_as_its_chips_are(tmp_path):
    clips = spoken_clips(tmp_path, 1, (2.0,), {"c00": np.array([[0.0, 0.1]])}, audio=[0])
    assert clips.spoken[0].n_samples == 32000
    assert clips.present["audio"].tolist() == [False, True]
    assert clips.present["video"].all()


def test_video_is_missing_where_no_spoken_moment_shows_a_face(tmp_path):
    whole = sequences(tmp_path, 1, (3.0,))
    unseen(whole, 0, range(12, 24))  # from 1.5 s
    silent_after, silent_before = np.array([[0.0, 1.4]]), np.array([[1.6, 3.0]])
    assert cut_clips(whole, {"c00": silent_after}).present["video"].all()
    assert cut_clips(whole, {"c00": silent_before}).present["video"].tolist() == [False, True]


def test_a_clip_without_anything_has_no_modality(tmp_path):
    clips = spoken_clips(tmp_path, 1, (2.0,), audio=[0], video=[0])
    assert not clips.has(("audio",))[0]
    assert not clips.has(("video",))[0]
    assert (clips.frames(0) == -1).all()


def test_chips_of_segments_are_those_of_the_denoised_times(tmp_path):
    clips = spoken_clips(tmp_path, 1, (2.5,), {"c01": np.array([[0.2, 1.9]])})
    spoken = spoken_parts(40000, np.array([[0.2, 1.9]]))
    expected = face_frames(spoken, np.arange(20) / 8.0, np.ones(20, bool))
    np.testing.assert_array_equal(clips.frames(1), expected)


def test_intervals_are_read_for_the_clips_that_have_sound(tmp_path):
    pcm = to_pcm(np.zeros(1600, np.float32))
    row = {"clip_id": ["a"], "sample_rate": [16000], "pcm": [pcm], "intervals": [[[0.0, 0.05]]]}
    rows = [("a", conform(row, SPEECH)), ("b", no_rows(SPEECH))]
    write_part(part_path(tmp_path, "S"), rows, SPEECH)
    found = spoken_intervals(tmp_path)
    assert list(found) == ["a"]
    assert found["a"].tolist() == [[0.0, 0.05]]


def test_binary_labels_are_the_tables_and_clips_without_one_are_left_out(tmp_path):
    words = {
        "c00": ("low", "negative"),
        "c01": ("high", "positive"),
        "c02": (None, None),
        "c03": ("high", "negative"),
    }
    columns = dict.fromkeys(CLIPS.columns)
    rows = pd.DataFrame(
        [
            columns
            | {"clip_id": name, "corpus": "x", "subject": "s", "emotion": "e", "sha256": "x"}
            | {"binary_arousal": arousal, "binary_valence": valence}
            for name, (arousal, valence) in words.items()
        ]
    )
    write_table(tmp_path / "clips.parquet", rows, CLIPS)
    codes = binary_codes(np.array(["c03", "c02", "c01", "c00"]), tmp_path / "clips.parquet")
    assert {task: found.tolist() for task, found in codes.items()} == {
        "arousal": [0, -1, 0, 1],
        "valence": [0, -1, 1, 0],
    }
    clips = spoken_clips(tmp_path, 2)
    labelled = replace(clips, binary={t: v[::-1] for t, v in codes.items()}).of_task("arousal")
    assert labelled.clip_id.tolist() == ["c00", "c01", "c03"]
    assert labelled.emotion.tolist() == [1, 0, 0]
