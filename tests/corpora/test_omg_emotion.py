import builders
import pytest

from avlib.corpora.common.describe import describe
from avlib.registry import reader
from avlib.runtime.errors import CorpusError, MediaError

# One YouTube video in two pieces, one in train and one in validation, as in the real corpus.
TRAIN = [
    (builders.youtube("_rQlbCjboJ4"), 0.4, 1.0, "f1f277e5d_1", "utterance_2.mp4", 0.86, 0.47, 4),
    (builders.youtube("_rQlbCjboJ4"), 1.0, 1.6, "f1f277e5d_1", "utterance_3.mp4", 0.86, 0.28, 1),
    (builders.youtube("CROcsl0lIec"), 0.2, 0.9, "5b44393ed", "utterance_4.mp4", 0.17, -0.02, 0),
]
BLANK = [("", "", "", "", "", 0.1, 0.1, 4), (builders.youtube("x"), 1, 2, "", "", "", "", "")]
VALIDATION = [
    (builders.youtube("_rQlbCjboJ4"), 1.2, 1.8, "f1f277e5d_6", "utterance_44.mp4", 0.46, 0.17, 6)
]
TEST = [(builders.youtube("OkaSYwLonOc"), 0.3, 0.8, "82d392e7a_1", "utterance_1.mp4", 0.5, 0.1, 3)]


def tables(folder, train=TRAIN, test="omg_TestVideos_WithLabels.csv"):
    builders.omg_table(folder, "omg_TrainVideos.csv", train + BLANK)
    builders.omg_table(folder, "omg_ValidationVideos.csv", VALIDATION)
    builders.omg_table(folder, test, TEST, labels="Without" not in test)


def video(folder, name, seconds=2.0):
    return builders.write_media(folder / name, seconds=seconds, sample_rate=16000)


def listing(folder):
    return reader("omg_emotion").recordings(folder)


def by_id(folder):
    return {recording.clip_id: recording for recording in listing(folder).recordings}


def test_a_row_is_a_span_of_its_video_with_the_labels_of_the_row(tmp_path):
    tables(tmp_path)
    video(tmp_path, "videos/5b44393ed.mp4")
    (clip,) = listing(tmp_path).recordings
    assert (clip.clip_id, clip.subject) == ("5b44393ed_utterance_4", "CROcsl0lIec")
    assert (clip.start, clip.end, clip.partition) == (0.2, 0.9, "train")
    assert (clip.emotion, clip.arousal, clip.valence) == ("anger", 0.17, -0.02)
    assert clip.video_path == clip.audio_path == "videos/5b44393ed.mp4"


@pytest.mark.parametrize(
    "name",
    [
        "youtube_videos_temp/f1f277e5d_1.mp4",
        "videos/_rQlbCjboJ4.mp4",
        "Monologue [_rQlbCjboJ4].mp4",
        "Monologue-_rQlbCjboJ4.mp4",
    ],
)
def test_every_piece_of_a_youtube_video_is_found_in_one_file_and_is_one_subject(tmp_path, name):
    tables(tmp_path)
    video(tmp_path, name)
    found = by_id(tmp_path)
    assert {clip.video_path for clip in found.values()} == {name}
    assert {clip.subject for clip in found.values()} == {"_rQlbCjboJ4"}
    assert {clip.partition for clip in found.values()} == {"train", "validation"}
    assert not listing(tmp_path).unrecognised


def test_clips_whose_video_is_gone_are_missing_and_counted(tmp_path):
    tables(tmp_path)
    video(tmp_path, "5b44393ed.mp4")
    found = listing(tmp_path)
    assert found.missing == [
        ("82d392e7a_1_utterance_1", "video not downloaded"),
        ("f1f277e5d_1_utterance_2", "video not downloaded"),
        ("f1f277e5d_1_utterance_3", "video not downloaded"),
        ("f1f277e5d_6_utterance_44", "video not downloaded"),
    ]
    notes = "\n".join(found.notes)
    assert "1 of 3 train clips, 0 of 1 validation clips, 0 of 1 test clips have their" in notes
    assert "1 of the 5,288 clips of OMG-Emotion are here" in notes


def test_rows_with_blank_ids_are_left_out_and_noted(tmp_path):
    tables(tmp_path)
    video(tmp_path, "5b44393ed.mp4")
    left_out = listing(tmp_path).left_out
    assert len(left_out["rows of omg_TrainVideos.csv without video or utterance"]) == 2


def test_test_clips_without_published_labels_have_none(tmp_path):
    tables(tmp_path, test="omg_TestVideos_WithoutLabels.csv")
    video(tmp_path, "OkaSYwLonOc.mp4")
    (clip,) = listing(tmp_path).recordings
    assert (clip.partition, clip.emotion, clip.arousal, clip.valence) == ("test", None, None, None)


def test_labels_are_taken_where_both_test_tables_are_here(tmp_path):
    tables(tmp_path, test="omg_TestVideos_WithoutLabels.csv")
    tables(tmp_path, test="omg_TestVideos_WithLabels.csv")
    video(tmp_path, "OkaSYwLonOc.mp4")
    (clip,) = listing(tmp_path).recordings
    assert clip.emotion == "happiness"


def test_all_seven_votes_have_their_canonical_word(tmp_path):
    rows = [(*TRAIN[0][:4], f"utterance_{vote}.mp4", 0, 0, vote) for vote in range(7)]
    builders.omg_table(tmp_path, "omg_TrainVideos.csv", rows)
    video(tmp_path, "f1f277e5d_1.mp4")
    assert [clip.emotion for clip in listing(tmp_path).recordings] == [
        *("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    ]


def test_clips_that_the_authors_script_cut_stand_in_for_their_video(tmp_path):
    tables(tmp_path)
    video(tmp_path, "f1f277e5d_1/utterance_2.mp4", seconds=0.6)
    (clip,) = listing(tmp_path).recordings
    assert (clip.video_path, clip.start) == ("f1f277e5d_1/utterance_2.mp4", None)


def test_a_whole_video_is_preferred_to_clips_cut_from_it(tmp_path):
    tables(tmp_path)
    video(tmp_path, "f1f277e5d_1/utterance_2.mp4", seconds=0.6)
    video(tmp_path, "youtube_videos_temp/f1f277e5d_1.mp4")
    found = listing(tmp_path)
    assert {clip.video_path for clip in found.recordings} == {"youtube_videos_temp/f1f277e5d_1.mp4"}
    assert len(found.left_out["further copies of videos and clips cut from them"]) == 1
    assert not found.unrecognised


@pytest.mark.parametrize("place", ["", "sounds/", "a/"])
@pytest.mark.parametrize("suffix", [".flac", ".m4a", ".wav"])
def test_sound_kept_of_a_video_is_not_the_video(tmp_path, place, suffix):
    tables(tmp_path)
    path = video(tmp_path, "videos/f1f277e5d_1.mp4")
    sound = tmp_path / "videos" / place / f"f1f277e5d_1{suffix}"
    sound.parent.mkdir(exist_ok=True)
    builders.write_media(path.with_suffix(".wav"), seconds=0.1).rename(sound)
    found = listing(tmp_path)
    for clip in found.recordings:
        assert clip.video_path == clip.audio_path == "videos/f1f277e5d_1.mp4"
        assert describe(clip, tmp_path).status == "ok"
    assert not found.unrecognised
    assert sum(len(paths) for paths in found.left_out.values()) == 2 + 1  # rows, and the sound


def test_sound_alone_is_no_video(tmp_path):
    tables(tmp_path)
    builders.write_media(tmp_path / "5b44393ed.wav", seconds=2.0)
    (clip,) = listing(tmp_path).recordings
    assert (clip.video_path, clip.audio_path) == (None, "5b44393ed.wav")


def test_a_file_that_no_row_means_is_accounted_for(tmp_path):
    tables(tmp_path)
    video(tmp_path, "5b44393ed.mp4")
    video(tmp_path, "holiday.mp4", seconds=0.1)
    assert [path for path, _ in listing(tmp_path).unrecognised] == ["holiday.mp4"]


@pytest.mark.parametrize(
    ("start", "end"),
    [(1.0, 0.5), (1.0, 1.0), (-1, 2), ("soon", 2), ("", 2), (1, "inf"), ("nan", 1)],
)
def test_a_row_with_impossible_times_costs_its_clip_alone(tmp_path, start, end):
    row = (TRAIN[2][0], start, end, "5b44393ed", "utterance_5.mp4", 0.1, 0.1, 4)
    tables(tmp_path, train=[*TRAIN, row])
    video(tmp_path, "5b44393ed.mp4")
    found = listing(tmp_path)
    assert [clip.clip_id for clip in found.recordings] == ["5b44393ed_utterance_4"]
    ((clip_id, reason),) = found.unrecognised
    assert clip_id == "5b44393ed_utterance_5"
    assert "omg_TrainVideos.csv: start is" in reason
    assert "expected 0 <= start < end" in reason


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        (7, 7, r"5b44393ed, utterance_4: EmotionMaxVote is 7, expected 0 to 6"),
        (7, "happy", r"EmotionMaxVote is 'happy', expected a number"),
        (7, 1.5, r"EmotionMaxVote is 1.5, expected 0 to 6"),
        (5, "high", r"arousal is 'high', expected a number"),
        (6, "inf", r"valence is 'inf', expected a number"),
    ],
)
def test_an_impossible_label_is_named(tmp_path, column, value, words):
    row = [*TRAIN[2]]
    row[column] = value
    tables(tmp_path, train=[row])
    video(tmp_path, "5b44393ed.mp4")
    with pytest.raises(CorpusError, match=words):
        listing(tmp_path)


def test_a_broken_table_is_one_clear_line(tmp_path):
    tables(tmp_path)
    video(tmp_path, "5b44393ed.mp4")
    (tmp_path / "omg_TrainVideos.csv").write_text("<html>not found</html>\n")
    with pytest.raises(CorpusError, match=r"omg_TrainVideos\.csv: has no column 'link'"):
        listing(tmp_path)
    (tmp_path / "omg_TrainVideos.csv").write_bytes(b"")
    with pytest.raises(CorpusError, match=r"omg_TrainVideos\.csv: is no csv table"):
        listing(tmp_path)


def test_a_folder_without_tables_or_without_videos_says_what_is_expected(tmp_path):
    video(tmp_path, "5b44393ed.mp4", seconds=0.1)
    with pytest.raises(CorpusError, match=r"none of the corpus's tables.*omg_TrainVideos\.csv"):
        listing(tmp_path)
    (tmp_path / "5b44393ed.mp4").unlink()
    tables(tmp_path)
    with pytest.raises(CorpusError, match=r"name 5 clips, but none of their videos is here"):
        listing(tmp_path)


def test_two_spans_of_one_video_are_two_recordings_and_one_span_twice_is_one(tmp_path):
    tables(tmp_path)
    video(tmp_path, "f1f277e5d_1.mp4")
    rows = [describe(clip, tmp_path).row for clip in by_id(tmp_path).values()]
    assert len({row["sha256"] for row in rows}) == len(rows) == 3
    assert [row["duration"] for row in rows] == pytest.approx([0.6] * 3)
    again = [describe(clip, tmp_path).row["sha256"] for clip in by_id(tmp_path).values()]
    assert again == [row["sha256"] for row in rows]


def test_another_video_of_the_same_name_gives_other_digests(tmp_path):
    tables(tmp_path)
    path = video(tmp_path, "5b44393ed.mp4")
    (clip,) = listing(tmp_path).recordings
    before = describe(clip, tmp_path).row["sha256"]
    path.unlink()
    builders.write_media(path, seconds=2.0, seed=1)
    assert describe(clip, tmp_path).row["sha256"] != before


def test_a_clip_that_its_video_cuts_short_is_degraded_and_one_behind_its_end_fails(tmp_path):
    late = (TRAIN[2][0], 1.5, 9.0, "5b44393ed", "utterance_5.mp4", 0.1, 0.1, 4)
    gone = (TRAIN[2][0], 8.0, 9.0, "5b44393ed", "utterance_6.mp4", 0.1, 0.1, 4)
    tables(tmp_path, train=[late, gone])
    video(tmp_path, "5b44393ed.mp4")
    found = by_id(tmp_path)
    described = describe(found["5b44393ed_utterance_5"], tmp_path)
    assert described.status == "degraded"
    assert "ends at 9.00 s, but 2.0" in described.reason
    assert described.row["duration"] == pytest.approx(0.5, abs=0.05)
    with pytest.raises(MediaError, match=r"starts at 8\.00 s, but 2\.0"):
        describe(found["5b44393ed_utterance_6"], tmp_path)
