import builders
import pytest

from avlib import media
from avlib.corpora.common.describe import describe
from avlib.registry import reader


def listing(folder):
    return reader("ravdess").recordings(folder)


def test_a_name_is_read_field_by_field(tmp_path):
    builders.ravdess_file(tmp_path, "01-01-06-02-01-02-12")
    (recording,) = listing(tmp_path).recordings
    assert recording.clip_id == "01-06-02-01-02-12"
    assert (recording.corpus, recording.subject, recording.sex) == ("ravdess", "Actor_12", "female")
    assert (recording.emotion, recording.intensity) == ("fear", "strong")
    assert (recording.sentence, recording.take) == ("kids", "2")
    assert recording.video_path == "Actor_12/01-01-06-02-01-02-12.mp4"
    assert recording.audio_path == recording.video_path


def test_every_emotion_code_has_its_canonical_word(tmp_path):
    for code in range(1, 9):
        builders.ravdess_file(tmp_path, f"03-01-0{code}-01-01-01-03", seconds=0.05)
    found = [recording.emotion for recording in listing(tmp_path).recordings]
    assert found == [
        *("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
    ]
    assert sorted(found) == list(reader("ravdess").emotions)


@pytest.mark.parametrize(
    ("modalities", "video", "audio"),
    [
        (["01", "02", "03"], "01", "01"),
        (["01", "03"], "01", "01"),
        (["02", "03"], "02", "03"),
        (["02"], "02", None),
        (["03"], None, "03"),
    ],
)
def test_one_performance_is_one_clip_whatever_files_of_it_are_here(
    tmp_path, modalities, video, audio
):
    for modality in modalities:
        builders.ravdess_file(tmp_path, f"{modality}-01-05-01-02-01-07", seconds=0.1)
    (recording,) = listing(tmp_path).recordings
    paths = (recording.video_path, recording.audio_path)
    assert [path and path.split("/")[1][:2] for path in paths] == [video, audio]


def test_the_archives_extra_level_may_stay(tmp_path):
    builders.ravdess_file(tmp_path, "02-01-05-01-02-01-07", archive_level=True, seconds=0.1)
    builders.ravdess_file(tmp_path, "03-01-05-01-02-01-07", archive_level=True, seconds=0.1)
    (recording,) = listing(tmp_path).recordings
    assert recording.video_path == "Video_Speech_Actor_07/Actor_07/02-01-05-01-02-01-07.mp4"
    assert recording.audio_path == "Audio_Speech_Actors_01-24/Actor_07/03-01-05-01-02-01-07.wav"


def test_flac_stands_in_for_wav(tmp_path):
    builders.ravdess_file(tmp_path, "03-01-05-01-02-01-07.flac", channels=2)
    (recording,) = listing(tmp_path).recordings
    assert media.read_audio(tmp_path / recording.audio_path).shape == (6400,)


def test_song_and_second_copies_are_left_out_and_counted(tmp_path):
    builders.ravdess_file(tmp_path, "03-01-05-01-02-01-07", seconds=0.05)
    builders.ravdess_file(tmp_path, "03-01-05-01-02-01-07", archive_level=True, seconds=0.05)
    builders.ravdess_file(tmp_path, "03-02-05-01-02-01-07", seconds=0.05)
    found = listing(tmp_path)
    assert len(found.recordings) == 1
    counts = {kind: len(paths) for kind, paths in found.left_out.items()}
    assert counts == {"second copies of a file": 1, "song files": 1}


@pytest.mark.parametrize("place", ["Actor_01", "Actor_01/sound", "A_sounds"])
def test_sound_extracted_from_a_video_is_left_out(tmp_path, place):
    video = builders.ravdess_file(tmp_path, "01-01-05-01-02-01-01", seconds=0.1)
    for suffix in (".wav", ".aac"):
        builders.ravdess_file(tmp_path, "03-01-05-01-02-01-01", seconds=0.1)
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / video.with_suffix(suffix).name).write_bytes(b"sound")
    found = listing(tmp_path)
    assert not found.unrecognised
    assert len(found.left_out["sound files of videos that are here"]) == 2
    (clip,) = found.recordings
    assert clip.audio_path == clip.video_path == "Actor_01/01-01-05-01-02-01-01.mp4"


def test_files_of_one_stream_stand_in_for_a_whole_one_that_cannot_be_read(tmp_path):
    for modality in ("01", "02", "03"):
        builders.ravdess_file(tmp_path, f"{modality}-01-05-01-02-01-07", seconds=0.1)
    (tmp_path / "Actor_07/01-01-05-01-02-01-07.mp4").write_bytes(builders.LFS_POINTER)
    (clip,) = listing(tmp_path).recordings
    row = describe(clip, tmp_path).row
    assert row["video_path"] == "Actor_07/02-01-05-01-02-01-07.mp4"
    assert row["audio_path"] == "Actor_07/03-01-05-01-02-01-07.wav"


@pytest.mark.parametrize(
    "name",
    [
        "Actor_01/angry take.mp4",
        "Actor_01/01-01-09-01-01-01-01.mp4",
        "Actor_01/01-01-05-01-01-01-25.mp4",
        "Actor_01/01-01-05-01-01-01-01 (1).mp4",
        "Actor_01/03-01-05-01-01-01-01.mp4",
        "Actor_01/01-01-05-01-01-01-01.wav",
    ],
)
def test_a_renamed_file_is_accounted_for(tmp_path, name):
    builders.ravdess_file(tmp_path, "03-01-01-01-01-01-02", seconds=0.05)
    (tmp_path / "Actor_01").mkdir()
    (tmp_path / name).write_bytes(b"something")
    found = listing(tmp_path)
    assert [path for path, _ in found.unrecognised] == [name]
    assert len(found.recordings) == 1


def test_a_clip_without_the_video_that_others_have_is_marked(ravdess_folder):
    builders.ravdess_file(ravdess_folder, "03-01-08-01-01-01-02", seconds=0.05)
    missing = {r.clip_id: r.missing for r in listing(ravdess_folder).recordings}
    assert missing.pop("01-08-01-01-01-02") == "no video file"
    assert set(missing.values()) == {""}
