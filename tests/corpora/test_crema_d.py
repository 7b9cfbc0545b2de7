import os
import shutil
from pathlib import Path

import builders
import numpy as np
import pytest

from avlib import media
from avlib.corpora.common.describe import describe
from avlib.registry import reader
from avlib.runtime.errors import CorpusError


def recordings(folder):
    return {r.clip_id: r for r in reader("crema_d").recordings(folder).recordings}


def test_names_people_and_votes_come_together(crema_d_folder):
    found = recordings(crema_d_folder)
    clip = found["1001_DFA_ANG_XX"]
    assert (clip.subject, clip.emotion, clip.sentence) == ("1001", "anger", "DFA")
    assert (clip.intensity, clip.age, clip.sex) == (None, 51.0, "male")
    assert (clip.vote_voice, clip.vote_face) == ("anger", "anger:disgust")
    assert clip.vote_multimodal == "anger"
    assert found["1001_IEO_HAP_LO"].intensity == "low"
    assert found["1002_DFA_SAD_XX"].vote_voice == "neutral:sadness"
    assert found["1002_IEO_FEA_HI"].intensity == "high"
    assert found["1002_IEO_FEA_HI"].vote_face is None  # nobody's votes are tabulated
    assert {clip.sex for clip in found.values()} == {"male", "female"}


def test_the_label_is_the_intended_emotion_not_the_vote(crema_d_folder):
    assert recordings(crema_d_folder)["1001_IEO_HAP_LO"].emotion == "happiness"
    assert recordings(crema_d_folder)["1001_IEO_HAP_LO"].vote_voice == "neutral"


def test_tables_are_optional(tmp_path):
    builders.crema_d_clip(tmp_path, "1091_WSI_NEU_XX", seconds=0.1)
    (clip,) = recordings(tmp_path).values()
    assert (clip.age, clip.sex, clip.vote_voice) == (None, None, None)


def test_the_sound_is_the_wav_then_the_mp3_then_the_videos_own(tmp_path):
    for number, kinds in enumerate((("wav", "mp3"), ("mp3",), ()), start=1001):
        name = f"{number}_DFA_ANG_XX"
        builders.crema_d_clip(tmp_path, name, kinds=("VideoFlash",), seconds=0.1)
        for kind in kinds:
            path = tmp_path / f"Audio{kind.upper()}" / f"{name}.{kind}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"sound")
    found = [clip.audio_path.split("/")[0] for clip in recordings(tmp_path).values()]
    assert found == ["AudioWAV", "AudioMP3", "VideoFlash"]


SOUND = builders.CODECS[".flv"]
ANNEX_POINTER = b"/annex/objects/SHA256E-s12345--00.wav\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (builders.LFS_POINTER, ".wav: is a Git LFS pointer"),
        (ANNEX_POINTER, ".wav: is a git-annex pointer"),
        (b"", ".wav: the file is empty"),
        (bytes(4096), ".wav: cannot be opened"),
        (None, ".wav: is a link to a file that is not here"),
    ],
)
@pytest.mark.parametrize("mp3_is", ["whole", "no recording", "silent"])
def test_the_next_sound_is_taken_where_one_cannot_be_read(tmp_path, content, words, mp3_is):
    reasons = set()
    for name in ("1001_DFA_ANG_XX", "1002_DFA_HAP_XX"):
        builders.crema_d_clip(tmp_path, name, seconds=0.2)
        flv, wav = tmp_path / f"VideoFlash/{name}.flv", tmp_path / f"AudioWAV/{name}.wav"
        mp3 = tmp_path / f"AudioMP3/{name}.mp3"
        mp3.parent.mkdir(exist_ok=True)
        shutil.copy(flv, mp3)  # what is in it tells what a file is
        wav.unlink()
        if mp3_is == "no recording":
            mp3.write_bytes(bytes(1000))
        elif mp3_is == "silent":
            signal = np.zeros(8820, np.float32)
            media.write_clip(mp3.with_suffix(".flv"), None, None, signal, 44100, **SOUND)
            mp3.with_suffix(".flv").rename(mp3)
        if content is None:
            wav.symlink_to("nowhere")
        else:
            wav.write_bytes(content)
        described = describe(recordings(tmp_path)[name], tmp_path)
        expected = mp3 if mp3_is == "whole" else flv
        assert described.row["audio_path"] == expected.relative_to(tmp_path).as_posix()
        assert described.row["sample_rate"] == 44100
        assert described.status == "degraded"
        reasons.add(described.reason)
    (reason,) = reasons  # of all clips alike, so that they are counted as one
    assert reason.startswith(f"sound taken from another file ({expected.suffix}); {words}")
    assert name not in reason


def test_sound_that_can_be_had_nowhere_is_said_as_before(tmp_path):
    builders.crema_d_clip(tmp_path, "1001_DFA_ANG_XX", audio=False, kinds=["VideoFlash"])
    (tmp_path / "AudioWAV").mkdir()
    (tmp_path / "AudioWAV/1001_DFA_ANG_XX.wav").write_bytes(b"")
    described = describe(recordings(tmp_path)["1001_DFA_ANG_XX"], tmp_path)
    assert described.row["audio_path"] is None
    assert described.reason.startswith("AudioWAV/1001_DFA_ANG_XX.wav: the file is empty")


def test_a_clip_with_sound_alone_among_videos_is_marked(crema_d_folder):
    builders.crema_d_clip(crema_d_folder, "1003_DFA_ANG_XX", kinds=("AudioWAV",), seconds=0.1)
    assert recordings(crema_d_folder)["1003_DFA_ANG_XX"].missing == "no video file"


def test_sound_alone_everywhere_is_a_whole_corpus(tmp_path):
    builders.crema_d_clip(tmp_path, "1003_DFA_ANG_XX", kinds=("AudioWAV",), seconds=0.1)
    (clip,) = recordings(tmp_path).values()
    assert (clip.video_path, clip.missing) == (None, "")


def test_the_name_with_a_short_level_finds_its_votes(tmp_path):
    builders.crema_d_clip(tmp_path, "1040_ITH_SAD_X", seconds=0.1)
    builders.crema_d_tables(tmp_path, [], [("1040_ITH_SAD_XX", "N", "N", "F")])
    clip = recordings(tmp_path)["1040_ITH_SAD_X"]
    assert (clip.intensity, clip.vote_multimodal) == (None, "fear")


@pytest.mark.parametrize(
    "name",
    [
        "VideoFlash/1001_DFA_ANGRY_XX.flv",
        "VideoFlash/1092_DFA_ANG_XX.flv",
        "VideoFlash/1001_DFA_ANG_XX_copy.flv",
        "VideoFlash/1001_DFA_ANG_XX.mp4",
        "Elsewhere/1001_DFA_ANG_XX.flv",
        "1001_DFA_ANG_XX.flv",
    ],
)
def test_a_renamed_or_displaced_file_is_accounted_for(crema_d_folder, name):
    (crema_d_folder / name).parent.mkdir(exist_ok=True)
    (crema_d_folder / name).write_bytes(b"something")
    found = reader("crema_d").recordings(crema_d_folder)
    assert [path for path, _ in found.unrecognised] == [name]
    assert len(found.recordings) == 4


DEMOGRAPHICS, SUMMARY = "VideoDemographics.csv", "processedResults/summaryTable.csv"


@pytest.mark.parametrize(
    ("table", "content", "words"),
    [
        (DEMOGRAPHICS, b"", "no csv table"),
        (DEMOGRAPHICS, b"ActorID,Sex\n1001,Male\n", "no column 'Age'"),
        (DEMOGRAPHICS, b"ActorID,Age,Sex\n1001,old,Male\n", "'Age' holds 'old' for actor 1001"),
        (DEMOGRAPHICS, b"ActorID,Age,Sex\n1001,51,12\n", "'Sex' holds '12' for actor 1001"),
        (DEMOGRAPHICS, b"\xff\xfe\x00\x01binary", "no csv table"),
        (SUMMARY, builders.LFS_POINTER, "no column 'FileName'"),
        (SUMMARY, b"FileName,VoiceVote\n1001_DFA_ANG_XX,A\n", "no column 'FaceVote'"),
        (
            SUMMARY,
            b"FileName,VoiceVote,FaceVote,MultiModalVote\n1001_DFA_ANG_XX,A,Q,A\n",
            "'FaceVote' holds 'Q'",
        ),
        (SUMMARY, b'FileName,VoiceVote\n"1001_DFA', "no csv table|no column"),
    ],
)
def test_a_broken_table_is_named_with_its_column(crema_d_folder, table, content, words):
    (crema_d_folder / table).write_bytes(content)
    with pytest.raises(CorpusError, match=words) as caught:
        reader("crema_d").recordings(crema_d_folder)
    assert str(caught.value).startswith(str(crema_d_folder / table))
    assert "\n" not in str(caught.value)


ANGRY, HAPPY = "1001_DFA_ANG_XX", "1001_IEO_HAP_LO"
RATINGS = [
    (100001, ANGRY, (7, 1, 0, 0, 2, 0)),
    (100002, HAPPY, (0, 0, 0, 1, 9, 0)),
    (200001, ANGRY, (6, 4, 0, 0, 0, 0)),
    (300001, ANGRY, (9, 0, 0, 0, 0, 0)),
    (300003, "1003_TIE_NEU_XX", (0, 0, 0, 0, 8, 0)),
]


def test_ratings_are_counted_by_what_the_raters_were_given(crema_d_folder):
    builders.crema_d_ratings(crema_d_folder, RATINGS)
    votes = reader("crema_d").recordings(crema_d_folder).votes
    given = votes[votes["ratings"] > 0].groupby(["clip_id", "modality"])
    named = {key: dict(zip(v["emotion"], v["ratings"], strict=True)) for key, v in given}
    assert named == {
        (ANGRY, "audio"): {"anger": 7, "disgust": 1, "neutral": 2},
        (HAPPY, "audio"): {"happiness": 1, "neutral": 9},
        (ANGRY, "video"): {"anger": 6, "disgust": 4},
        (ANGRY, "audio+video"): {"anger": 9},
    }  # and none of the clip that is not here
    emotions = votes.groupby(["clip_id", "modality"])["emotion"].agg(tuple)
    assert all(sorted(choices) == list(reader("crema_d").emotions) for choices in emotions)


def test_ratings_are_optional(crema_d_folder):
    assert reader("crema_d").recordings(crema_d_folder).votes.empty


def test_the_name_with_a_short_level_finds_its_ratings(tmp_path):
    builders.crema_d_clip(tmp_path, "1040_ITH_SAD_X", kinds=("AudioWAV",), seconds=0.1)
    builders.crema_d_ratings(tmp_path, [(100001, "1040_ITH_SAD_XX", (0, 0, 0, 0, 3, 6))])
    votes = reader("crema_d").recordings(tmp_path).votes.set_index("emotion")
    assert votes.loc["sadness", ["clip_id", "ratings"]].tolist() == ["1040_ITH_SAD_X", 6]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"fileName"', '"file"', "no column 'fileName'"),
        ('"",', '"row",', "no column 'Unnamed: 0'"),
        ('"H"', '"J"', "no column 'H'"),
        ("7,1,0", "7,x,0", "'D' holds 'x' for clip 1001_DFA_ANG_XX, expected a number of raters"),
        ("7,1,0", "7,-1,0", "'D' holds '-1'"),
        ("7,1,0", "7,,0", "'D' holds ''"),
        ("7,1,0", "7,1.5,0", "'D' holds '1.5'"),
        ('"200001"', '"400001"', "holds '400001' for clip 1001_DFA_ANG_XX, expected 100001 to"),
        ('"200001"', '"100003"', "tabulates 1001_DFA_ANG_XX twice for audio"),
    ],
)
def test_broken_ratings_are_named_with_clip_and_column(crema_d_folder, old, new, words):
    path = builders.crema_d_ratings(crema_d_folder, RATINGS)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(CorpusError, match=words) as caught:
        reader("crema_d").recordings(crema_d_folder)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", builders.LFS_POINTER, b"\xff\xfe\x00\x01binary"])
def test_ratings_that_are_no_table_are_one_clear_line(crema_d_folder, content):
    path = builders.crema_d_ratings(crema_d_folder, RATINGS)
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=r"no csv table|no column") as caught:
        reader("crema_d").recordings(crema_d_folder)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.skipif("AVLIB_REAL" not in os.environ, reason="AVLIB_REAL names no real recordings")
def test_every_real_clip_was_rated_three_ways():
    folder = Path(os.environ["AVLIB_REAL"], "crema_d")
    if not (folder / "processedResults" / "tabulatedVotes.csv").exists():
        pytest.skip("no CREMA-D votes there")
    listing = reader("crema_d").recordings(folder)
    rated = set(zip(listing.votes["clip_id"], listing.votes["modality"], strict=True))
    given = ("audio", "video", "audio+video")
    assert rated == {(r.clip_id, modality) for r in listing.recordings for modality in given}
