import hashlib
import re

import builders
import pyarrow as pa
import pytest
from recordings import record, without_first_picture

from avlib.corpora.common.base import Recording
from avlib.corpora.common.describe import describe
from avlib.corpora.common.tables import CLIPS
from avlib.registry import reader
from avlib.runtime.digests import file_digest
from avlib.runtime.errors import MediaError
from avlib.runtime.tables import read_table, write_table


def clip(video=None, audio=None, **known):
    return Recording("a", "s1", "anger", video_path=video, audio_path=audio, **known)


def test_a_row_has_the_columns_of_the_clips_table_and_the_files_figures(ravdess_folder):
    recording = reader("ravdess").recordings(ravdess_folder).recordings[0]
    described = describe(recording, ravdess_folder)
    assert (described.status, described.reason) == ("ok", "")
    assert set(described.row) == set(CLIPS.columns)
    row = described.row
    assert (row["clip_id"], row["corpus"]) == (recording.clip_id, "ravdess")
    assert (row["height"], row["width"], row["fps"]) == (48, 64, 25)
    assert (row["sample_rate"], row["channels"]) == (48000, 1)
    assert row["duration"] == pytest.approx(0.4)
    data = (ravdess_folder / recording.video_path).read_bytes()
    assert row["sha256"] == hashlib.sha256(data).hexdigest()


def test_rows_with_and_without_streams_make_one_table(tmp_path, crema_d_folder):
    builders.crema_d_clip(crema_d_folder, "1003_DFA_ANG_XX", kinds=("AudioWAV",), seconds=0.1)
    listing = reader("crema_d").recordings(crema_d_folder)
    described = [describe(recording, crema_d_folder) for recording in listing.recordings]
    assert [d.status for d in described] == ["ok"] * 4 + ["degraded"]
    path = tmp_path / "clips.parquet"
    write_table(path, pa.Table.from_pylist([d.row for d in described]), CLIPS)
    table = read_table(path)
    assert table["clip_id"].tolist() == [r.clip_id for r in listing.recordings]
    assert table["fps"].isna().tolist() == [False] * 4 + [True]


def test_two_files_are_hashed_in_order_and_give_each_its_figures(crema_d_folder):
    recording = reader("crema_d").recordings(crema_d_folder).recordings[0]
    row = describe(recording, crema_d_folder).row
    files = [crema_d_folder / recording.video_path, crema_d_folder / recording.audio_path]
    joined = files[0].read_bytes() + files[1].read_bytes()
    assert row["sha256"] == hashlib.sha256(joined).hexdigest() == file_digest(*files)
    assert row["sample_rate"] == 16000  # the wav's, not the flv's
    assert row["fps"] == pytest.approx(25)


@pytest.mark.parametrize(
    ("options", "figures"),
    [
        ({"sample_rate": 8000}, {"sample_rate": 8000}),
        ({"channels": 2}, {"channels": 2}),
        ({"size": (49, 65)}, {"height": 49, "width": 65}),
        ({"n_frames": 1, "audio": False}, {"duration": 0.04, "fps": 25.0, "channels": None}),
    ],
)
def test_unusual_recordings_are_described(tmp_path, options, figures):
    path = builders.write_media(tmp_path / "clip.mp4", **options)
    row = describe(clip(path.name, path.name), tmp_path).row
    assert {key: row[key] for key in figures} == pytest.approx(figures)


def test_video_without_audio_is_degraded(tmp_path):
    builders.write_media(tmp_path / "silent.mp4", audio=False)
    described = describe(clip("silent.mp4", "silent.mp4"), tmp_path)
    assert described.status == "degraded"
    assert described.reason == "silent.mp4: no audio stream"
    assert described.row["audio_path"] is None
    assert described.row["video_path"] == "silent.mp4"
    assert described.row["sample_rate"] is None


def test_audio_without_video_is_degraded(tmp_path):
    builders.write_media(tmp_path / "dark.mp4", video=False)
    described = describe(clip("dark.mp4", "dark.mp4"), tmp_path)
    assert (described.status, described.reason) == ("degraded", "dark.mp4: no video stream")
    assert described.row["video_path"] is None
    assert described.row["fps"] is None


@pytest.mark.parametrize("broken", ["video", "audio"])
@pytest.mark.parametrize("content", [b"", builders.LFS_POINTER, b"no recording at all" * 50])
def test_a_clip_of_which_one_file_can_be_read_is_degraded(tmp_path, broken, content):
    video = builders.write_media(tmp_path / "v.flv")
    audio = builders.write_media(tmp_path / "a.wav")
    (video if broken == "video" else audio).write_bytes(content)
    described = describe(clip("v.flv", "a.wav"), tmp_path)
    assert described.status == "degraded"
    assert described.row[f"{broken}_path"] is None
    assert ("v.flv" if broken == "video" else "a.wav") in described.reason
    left = audio if broken == "video" else video
    assert described.row["sha256"] == file_digest(left)


def test_a_clip_of_which_nothing_can_be_read_names_every_file(tmp_path):
    (tmp_path / "v.flv").write_bytes(b"")
    (tmp_path / "a.wav").write_bytes(builders.LFS_POINTER)
    with pytest.raises(MediaError, match=r"v\.flv.*empty.*a\.wav.*Git LFS pointer"):
        describe(clip("v.flv", "a.wav"), tmp_path)
    with pytest.raises(MediaError, match=r"gone\.mp4.*no such file"):
        describe(clip("gone.mp4", "gone.mp4"), tmp_path)


def test_a_truncated_clip_is_degraded_and_tells_how_much_is_left(tmp_path):
    builders.truncate(builders.write_media(tmp_path / "v.flv", seconds=2.0))
    described = describe(clip("v.flv", "v.flv"), tmp_path)
    assert described.status == "degraded"
    assert "v.flv: truncated, " in described.reason
    assert 0.5 < described.row["duration"] < 1.5


def test_a_clip_most_of_which_cannot_be_read_is_degraded_and_tells_how_much_can(tmp_path):
    path = builders.write_media(tmp_path / "v.flv", seconds=4.0)
    size = path.stat().st_size
    data = bytearray(path.read_bytes())
    data[size // 3 :] = bytes(size - size // 3)
    path.write_bytes(data)
    described = describe(clip("v.flv", "v.flv"), tmp_path)
    assert described.status == "degraded"
    assert re.search(r"v\.flv: damaged, 3\d% of the file can be read", described.reason)


@pytest.mark.parametrize(
    ("kind", "by", "reason"),
    [
        ("audio", 3, "v.mkv: its sound begins 3.0 s after its picture"),
        ("video", 3, ""),
        ("audio", 900, "v.mkv: by their time stamps picture and sound are never there together"),
    ],
)
def test_why_a_clip_does_not_begin_with_both_streams_is_told(tmp_path, kind, by, reason):
    record(tmp_path / "v.mkv", 5, [4], shift=lambda of, time: time + (by if of == kind else 0))
    described = describe(clip("v.mkv", "v.mkv"), tmp_path)
    assert described.reason.startswith(reason)
    assert described.status == ("degraded" if reason else "ok")
    if by == 3:
        late = describe(clip("v.mkv", "v.mkv", start=3.5, end=5.0), tmp_path)
        assert late.status == "ok"


def test_pictures_that_do_not_decode_at_the_start_degrade_a_clip(tmp_path):
    record(tmp_path / "a.ts", 6, [1])
    without_first_picture(tmp_path / "a.ts", tmp_path / "b.ts")
    for name, reason in (("a.ts", ""), ("b.ts", "s of its pictures are lost")):
        found = describe(clip(name, name), tmp_path)
        assert reason in found.reason
        assert (found.status == "ok") == (not reason)


def test_what_the_listing_missed_is_passed_on(tmp_path):
    builders.write_media(tmp_path / "a.wav")
    described = describe(clip(None, "a.wav", missing="no video file"), tmp_path)
    assert (described.status, described.reason) == ("degraded", "no video file")


@pytest.mark.parametrize("path", ["../outside.wav", "a/../../outside.wav"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path, path):
    (tmp_path / "corpus").mkdir()
    builders.write_media(tmp_path / "outside.wav")
    with pytest.raises(MediaError, match="leaves the corpus folder"):
        describe(clip(None, path), tmp_path / "corpus")


def test_reasons_hold_paths_relative_to_the_corpus(tmp_path):
    (tmp_path / "v.flv").write_bytes(b"")
    builders.write_media(tmp_path / "a.wav")
    assert str(tmp_path) not in describe(clip("v.flv", "a.wav"), tmp_path).reason
