"""One clip of the feature stages: which rows a table before gives, and what is said of none."""

import numpy as np
import pyarrow as pa
import pytest

from avlib.descriptors.audio_clip import audio_rows
from avlib.descriptors.dlib_resnet import DlibResNetDescriptor
from avlib.descriptors.opensmile import IS10, EGeMAPS
from avlib.descriptors.video_clip import read_faces, video_rows
from avlib.faces.alignment import decode_chips, encode_jpeg
from avlib.faces.tables import FACES
from avlib.runtime import tables
from avlib.speech.pcm import from_pcm, to_pcm
from avlib.speech.tables import SPEECH


@pytest.fixture
def speech(tmp_path):
    """A second of noise in table `speech`: where it is, and its signal."""
    pcm = to_pcm(np.random.default_rng(0).normal(0, 0.1, 16000))
    clip = {"clip_id": ["a"], "sample_rate": [16000], "pcm": [pcm], "intervals": [[]]}
    tables.write_table(tmp_path / "s.parquet", clip, SPEECH)
    return tables.clip_refs(tmp_path / "s.parquet")[0], from_pcm(pcm)


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
        "thumbnail": [b""] * n,
    }
    tables.write_table(path, columns, FACES)
    return tables.clip_refs(path)[0]


def test_frames_are_those_of_the_sound(speech):
    clip, signal = speech
    result = audio_rows(clip, IS10())
    times, values = IS10().describe(signal, 16000)
    assert np.array_equal(result.columns["time"], times)
    assert np.array_equal(result.columns["descriptor"], values)


@pytest.mark.parametrize("kind", [IS10, EGeMAPS])
def test_frames_of_long_sound_come_in_pieces_and_are_the_same(kind, speech, monkeypatch):
    clip, _ = speech
    whole = audio_rows(clip, kind()).columns
    monkeypatch.setattr("avlib.descriptors.opensmile.AT_ONCE", 0.5)
    monkeypatch.setattr("avlib.descriptors.opensmile_stream._ROWS", 30)
    pieces = list(audio_rows(clip, kind()).columns)
    assert [len(piece) for piece in pieces] == [30, 30, 30, len(whole["time"]) - 90]
    rows = pa.concat_tables(pieces)
    for name in ("frame", "time"):
        assert np.array_equal(rows[name].to_numpy(), whole[name])
    assert np.array_equal(tables.vectors(rows["descriptor"]), whole["descriptor"])


def test_levels_differ_in_their_rows(speech):
    clip, _ = speech
    whole = audio_rows(clip, IS10("clip")).columns
    assert whole["descriptor"].shape == (1, 1582)
    assert whole["time"].tolist() == [0.5]
    windows = audio_rows(clip, IS10("windows", 0.5, 0.25)).columns
    assert windows["time"].tolist() == [0.25, 0.5, 0.75]


def test_silence_has_no_descriptors(tmp_path):
    clip = {
        "clip_id": ["a"], "sample_rate": [16000], "pcm": [to_pcm(np.zeros(160))], "intervals": [[]],
    }  # fmt: skip
    tables.write_table(tmp_path / "s.parquet", clip, SPEECH)
    result = audio_rows(tables.clip_refs(tmp_path / "s.parquet")[0], IS10())
    assert (result.columns.num_rows, result.status, result.reason) == (0, "degraded", "silence")


def test_missing_frames_are_left_out_and_the_rest_keep_their_times(tmp_path):
    random = np.random.default_rng(0)
    chips = [encode_jpeg(random.integers(0, 256, (224, 224, 3), np.uint8)) for _ in range(3)]
    clip = faces_table(tmp_path / "f.parquet", [chips[0], None, chips[1], chips[2]])
    result = video_rows(clip, DlibResNetDescriptor())
    assert result.columns["frame"].tolist() == [0, 2, 3]
    assert result.columns["time"] == pytest.approx([0.0, 0.4, 0.6])
    expected = DlibResNetDescriptor().describe_chips(decode_chips(chips))
    np.testing.assert_allclose(result.columns["descriptor"], expected, atol=1e-5)


def test_a_clip_without_any_face_is_degraded(tmp_path):
    clip = faces_table(tmp_path / "f.parquet", [None, None])
    result = video_rows(clip, DlibResNetDescriptor())
    assert (result.status, result.reason) == ("degraded", "no face found in 2 frames")


def test_frames_without_a_face_do_not_hide_their_neighbours(tmp_path):
    chip = encode_jpeg(np.full((224, 224, 3), 120, np.uint8))
    clip = faces_table(tmp_path / "f.parquet", [None, chip, chip, None, chip, chip])
    result = video_rows(clip, DlibResNetDescriptor(5 / 3))
    assert result.columns["frame"].tolist() == [1, 4]


def test_chips_of_a_clip_in_several_row_groups_are_read_as_they_are_asked_for(tmp_path):
    chips = [None, b"1", b"2", None, b"4", b"5", b"6"]
    faces_table(tmp_path / "whole.parquet", chips)
    rows = tables.read_clip(tmp_path / "whole.parquet", 0)
    pieces = [rows.slice(0, 3), rows.slice(3, 1), rows.slice(4)]
    tables.write_part(tmp_path / "f.parquet", [("a", pieces)], FACES)
    [clip] = tables.clip_refs(tmp_path / "f.parquet")
    assert clip.rows == 7
    faces, frames = read_faces(clip)
    assert list(faces.jpegs) == chips
    assert faces.jpegs[-3:] == chips[-3:]
    assert faces.jpegs[5] == b"5"
    assert faces.jpegs[0] is None
    assert frames.tolist() == list(range(7))
    assert faces.sampled(None).tolist() == [1, 2, 4, 5, 6]
    assert np.isnan(faces.landmarks[:, 0, 0]).tolist() == [chip is None for chip in chips]
