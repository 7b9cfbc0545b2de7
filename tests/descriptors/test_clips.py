"""One clip of the feature stages: which rows a table before gives, and what is said of none."""

import numpy as np
import pytest

from avlib.descriptors.audio_clip import audio_rows
from avlib.descriptors.opensmile import frame_descriptors, functionals
from avlib.descriptors.visual import backbone
from avlib.descriptors.visual_clip import visual_rows
from avlib.faces.alignment import decode_chips, encode_jpeg
from avlib.faces.tables import FACES
from avlib.runtime import tables
from avlib.speech.clip import from_pcm, to_pcm
from avlib.speech.tables import SPEECH

AUDIO = {"feature_set": "is10", "level": "frames", "window": 0.5, "hop": 0.25}
VISUAL = {"backbone": "dlib_resnet", "layer": "fc6", "fps": None}
NONE = {"path": "none", "row_group": 0, "rows": 0, "status": "degraded", "reason": "why"}


@pytest.fixture
def speech(tmp_path):
    """A second of noise in table `speech`; the payload of its clip."""
    pcm = to_pcm(np.random.default_rng(0).normal(0, 0.1, 16000))
    clip = {"clip_id": ["a"], "sample_rate": [16000], "pcm": [pcm], "intervals": [[]]}
    tables.write_table(tmp_path / "s.parquet", clip, SPEECH)
    payload = NONE | {"path": str(tmp_path / "s.parquet"), "rows": 1, "status": "ok", "reason": ""}
    return payload, from_pcm(pcm)


def faces_table(path, chips):
    """A `faces` table with these chips (None: missing), five frames a second."""
    n = len(chips)
    columns = {
        "clip_id": ["a"] * n,
        "frame": np.arange(n),
        "time": np.arange(n) / 5,
        "state": ["missing" if chip is None else "tracked" for chip in chips],
        "box": [None if chip is None else [0.0, 0.0, 9.0, 9.0] for chip in chips],
        "score": [None] * n,
        "landmarks": [None if chip is None else [0.0] * 136 for chip in chips],
        "chip": chips,
    }
    tables.write_table(path, columns, FACES)
    return NONE | {"path": str(path), "rows": n, "status": "ok", "reason": "", "weights": None}


@pytest.mark.parametrize("rows", [audio_rows, visual_rows])
def test_a_clip_without_rows_keeps_the_verdict_of_the_stage_before(rows):
    result = rows(NONE | {"weights": None}, AUDIO | VISUAL)
    assert (result.columns.num_rows, result.status, result.reason) == (0, "degraded", "why")


def test_frames_are_those_of_the_sound(speech):
    payload, signal = speech
    result = audio_rows(payload, AUDIO)
    times, values = frame_descriptors(signal, 16000, "is10")
    assert np.array_equal(result.columns["time"], times)
    assert np.array_equal(result.columns["descriptor"], values)


def test_levels_differ_in_their_rows(speech):
    payload, signal = speech
    clip = audio_rows(payload, AUDIO | {"level": "clip"}).columns
    assert np.array_equal(clip["descriptor"], functionals(signal, 16000, "is10")[np.newaxis])
    assert clip["time"].tolist() == [0.5]
    windows = audio_rows(payload, AUDIO | {"level": "windows"}).columns
    assert windows["time"].tolist() == [0.25, 0.5, 0.75]


def test_silence_has_no_descriptors(tmp_path):
    clip = {
        "clip_id": ["a"], "sample_rate": [16000], "pcm": [to_pcm(np.zeros(160))], "intervals": [[]],
    }  # fmt: skip
    tables.write_table(tmp_path / "s.parquet", clip, SPEECH)
    result = audio_rows(NONE | {"path": str(tmp_path / "s.parquet"), "rows": 1}, AUDIO)
    assert (result.columns.num_rows, result.status, result.reason) == (0, "degraded", "silence")


def test_missing_frames_are_left_out_and_the_rest_keep_their_times(tmp_path):
    random = np.random.default_rng(0)
    chips = [encode_jpeg(random.integers(0, 256, (224, 224, 3), np.uint8)) for _ in range(3)]
    payload = faces_table(tmp_path / "f.parquet", [chips[0], None, chips[1], chips[2]])
    result = visual_rows(payload, VISUAL)
    assert result.columns["frame"].tolist() == [0, 2, 3]
    assert result.columns["time"] == pytest.approx([0.0, 0.4, 0.6])
    expected = backbone("dlib_resnet").describe(decode_chips(chips))
    np.testing.assert_allclose(result.columns["descriptor"], expected, atol=1e-5)


def test_a_clip_without_any_face_is_degraded(tmp_path):
    payload = faces_table(tmp_path / "f.parquet", [None, None])
    result = visual_rows(payload, VISUAL)
    assert (result.status, result.reason) == ("degraded", "no face found in 2 frames")


def test_frames_without_a_face_do_not_hide_their_neighbours(tmp_path):
    chip = encode_jpeg(np.full((224, 224, 3), 120, np.uint8))
    payload = faces_table(tmp_path / "f.parquet", [None, chip, chip, None, chip, chip])
    result = visual_rows(payload, VISUAL | {"fps": 5 / 3})
    assert result.columns["frame"].tolist() == [1, 4]
