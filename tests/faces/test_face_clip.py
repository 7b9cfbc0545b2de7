"""One clip of the faces stage: what is said of a clip without a face or without pictures."""

import re

import av
import builders
import numpy as np
import pyarrow as pa
import pytest
from recordings import flv_tags, record

from avlib import media
from avlib.faces.clip import face_rows
from avlib.runtime.clip_tasks import RecordingInput

SETTINGS = {"fps": None, "detect_every": 0.2, "max_gap": 0.5, "min_score": 0.0, "jpeg_quality": 95}


def test_a_clip_without_any_face_is_degraded_and_keeps_its_frames(tmp_path):
    grey = [np.full((120, 160, 3), 90, np.uint8)] * 7
    media.write_clip(tmp_path / "a.mp4", grey, 25, None, None)
    rows = face_rows(RecordingInput(str(tmp_path / "a.mp4")), SETTINGS)
    assert (rows.status, rows.reason) == ("degraded", "no face found in 7 frames")
    assert len(rows.columns["frame"]) == 7


def test_frames_that_were_passed_over_are_not_among_those_without_a_face(tmp_path):
    grey = [np.full((120, 160, 3), 90, np.uint8)] * 7
    media.write_clip(tmp_path / "a.mp4", grey, 25, None, None)
    rows = face_rows(RecordingInput(str(tmp_path / "a.mp4")), SETTINGS | {"fps": 12.5})
    assert rows.reason == "no face found in 4 frames"


def test_a_clip_cut_out_of_a_recording_has_the_frames_of_its_span(tmp_path):
    grey = [np.full((120, 160, 3), 90, np.uint8)] * 50
    media.write_clip(tmp_path / "a.mp4", grey, 25, None, None)
    recording = RecordingInput(str(tmp_path / "a.mp4"), start=1.5, end=1.8)
    columns = face_rows(recording, SETTINGS).columns
    assert columns["time"] == pytest.approx(np.arange(7) * 0.04 + 0.02)


def test_a_long_clip_comes_in_pieces_that_hold_the_same_rows(tmp_path, monkeypatch):
    path = RecordingInput(str(builders.write_media(tmp_path / "a.mp4", n_frames=50)))
    whole = face_rows(path, SETTINGS)
    monkeypatch.setattr("avlib.faces.tracking.PIECE", 4)
    found = face_rows(path, SETTINGS)
    pieces = list(found.columns)
    assert max(map(len, pieces)) < 25  # half a second without a face is held
    assert pa.concat_tables(pieces).equals(whole.columns)
    assert (found.status, found.reason) == (whole.status, whole.reason)


def test_a_clip_most_of_whose_pictures_do_not_decode_is_degraded_and_says_how_many(tmp_path):
    path = builders.write_media(tmp_path / "a.mp4", n_frames=50)
    assert "decoded" not in face_rows(RecordingInput(str(path)), SETTINGS).reason
    builders.blank(path, "video", 0.6)
    rows = face_rows(RecordingInput(str(path)), SETTINGS)
    n = len(rows.columns["frame"])
    assert n < 40
    assert rows.status == "degraded"
    assert f"{n} of 50 pictures can be decoded" in rows.reason
    later = face_rows(RecordingInput(str(path), 1.6, 2.0), SETTINGS)
    assert "decoded" not in later.reason


def damaged(path, numbers):
    """Damage some of what packets of pictures hold, as a failing disk does; a keyframe a second."""
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    for place, size in [packets[number] for number in numbers]:
        part = slice(place + size // 2, place + size // 2 + size // 3)
        data[part] = bytes(byte ^ 0x5A for byte in data[part])
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("numbers", "found"),
    [(range(10, 40), "30"), ([10], "10"), ([10, 30], "20")],  # others refer to the keyframe
)
def test_pictures_that_are_damaged_or_refer_to_such_are_told(tmp_path, numbers, found):
    path = record(tmp_path / "a.mov", 4, [])
    assert "damaged" not in face_rows(RecordingInput(str(path)), SETTINGS).reason
    recording = str(damaged(path, numbers))
    rows = face_rows(RecordingInput(recording), SETTINGS)
    assert rows.status == "degraded"
    assert f"{found} of 40 pictures are damaged" in rows.reason
    assert "damaged" not in face_rows(RecordingInput(recording, 0.0, 1.0), SETTINGS).reason


def test_pictures_after_a_hole_in_an_flv_are_damaged_up_to_the_next_keyframe(tmp_path):
    """Flash's own codecs say nothing of it; the chain of the file's parts does."""
    path = record(tmp_path / "a.flv", 4, [])
    data = path.read_bytes()
    pictures = [place for kind, place in flv_tags(data) if kind == 9]
    hole = pictures[12] + 20
    path.write_bytes(data[:hole] + data[hole + 3 :])
    rows = face_rows(RecordingInput(str(path)), SETTINGS)
    found = re.search(r"(\d+) of (\d+) pictures are damaged", rows.reason)
    assert found
    assert 7 <= int(found[1]) <= 9
    path.write_bytes(data + bytes(3000))
    assert "damaged" not in face_rows(RecordingInput(str(path)), SETTINGS).reason


def test_a_camera_that_was_off_for_long_is_told(tmp_path):
    def off(kind, time):
        return None if kind == "video" and 2 <= time < 8 else time

    path = record(tmp_path / "a.mp4", 12, [1, 10], shift=off)
    reason = face_rows(RecordingInput(str(path)), SETTINGS).reason
    assert re.match(r"(6\.\d|7\.0) of 12\.0 s hold pictures", reason)
    assert "hold" not in face_rows(RecordingInput(str(path), 8.5, 12.0), SETTINGS).reason


def test_a_hole_of_less_than_a_second_is_one(tmp_path):
    """Of a short clip it is much; whatever else steps by as much is no hole."""

    def off(kind, time):
        return None if kind == "video" and 1 <= time < 1.8 else time

    path = record(tmp_path / "a.mp4", 3, [2.2], shift=off)
    assert "2.2 of 3.0 s hold pictures" in face_rows(RecordingInput(str(path)), SETTINGS).reason

    def slower(kind, time):  # from 10 pictures a second to 1.25
        return None if kind == "video" and time > 1 and round(10 * time) % 8 else time

    path = record(tmp_path / "b.mp4", 8, [2.2], shift=slower)
    assert "hold pictures" not in face_rows(RecordingInput(str(path)), SETTINGS).reason


def test_slow_pictures_are_not_missing(tmp_path):
    grey = [np.full((48, 64, 3), 90, np.uint8)] * 4
    media.write_clip(tmp_path / "a.mp4", grey, 0.5, None, None)
    assert "hold" not in face_rows(RecordingInput(str(tmp_path / "a.mp4")), SETTINGS).reason


def test_a_clip_with_others_in_it_is_degraded_and_says_when_they_are_most(tmp_path, studio):
    alone, two = studio.frame((80, 110, 90)), studio.frame((80, 110, 90), (230, 120, 90))
    media.write_clip(tmp_path / "a.mp4", [alone] * 30 + [two] * 30, 10, None, None)
    rows = face_rows(RecordingInput(str(tmp_path / "a.mp4")), SETTINGS)
    assert rows.status == "degraded"
    assert rows.reason.startswith("2 faces at 4.0 s, of which the most prominent is followed")
    media.write_clip(tmp_path / "b.mp4", [alone] * 60, 10, None, None)
    assert face_rows(RecordingInput(str(tmp_path / "b.mp4")), SETTINGS).status == "ok"


@pytest.mark.parametrize(("fps", "every"), [(25.0, 1), (12.5, 2), (5.0, 5), (60.0, 1)])
def test_so_many_pictures_a_second_are_looked_at_and_all_of_them_counted(tmp_path, fps, every):
    path = builders.write_media(tmp_path / "a.mp4", n_frames=50)
    whole = face_rows(RecordingInput(str(path)), SETTINGS)
    rows = face_rows(RecordingInput(str(path)), SETTINGS | {"fps": fps})
    assert rows.columns["time"].to_pylist() == whole.columns["time"].to_pylist()[::every]
    assert rows.columns["thumbnail"].to_pylist() == whole.columns["thumbnail"].to_pylist()[::every]
    assert "decoded" not in rows.reason
