from collections import Counter

import builders
import pytest

from avlib.registry import reader
from avlib.runtime.errors import CorpusError


def listing(folder, subset=None):
    return reader("enterface05").recordings(folder, subset)


def put(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"something")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("enterface05")
    put(folder / "enterface database", *builders.enterface05_paths())
    return folder


def test_the_whole_distribution_is_known_clip_by_clip(whole):
    found = listing(whole)
    assert not found.unrecognised
    assert len(found.recordings) == 1293
    assert Counter(r.emotion for r in found.recordings) == {
        **dict.fromkeys(("anger", "disgust", "fear", "sadness", "surprise"), 216),
        "happiness": 213,
    }
    clips = Counter(r.subject for r in found.recordings)
    assert len(clips) == 44
    assert (clips.pop("subject_06"), clips.pop("subject_23")) == (6, 27)
    assert set(clips.values()) == {30}


def test_the_42_subjects_of_merml_have_all_their_30_clips(whole):
    found = listing(whole, "merml_42")
    assert len(found.recordings) == 1260
    assert set(Counter(r.subject for r in found.recordings).values()) == {30}
    assert len(found.left_out["clips outside of subset merml_42"]) == 33


def test_an_unknown_subset_is_answered_with_the_known_ones(whole):
    with pytest.raises(CorpusError, match=r"'merml' is unknown; enterface05 has all, merml_42"):
        listing(whole, "merml")
    with pytest.raises(CorpusError, match=r"'merml_42' is unknown; rml has none"):
        reader("rml").recordings(whole, "merml_42")


def test_a_subset_of_which_nothing_is_here_says_so(tmp_path):
    put(tmp_path, builders.enterface05_path(23, "anger", 1))
    with pytest.raises(CorpusError, match="none of its 1 clips belongs to subset merml_42"):
        listing(tmp_path, "merml_42")


def test_the_folder_tells_the_subject_where_the_name_tells_another(tmp_path):
    """Subject 11's files are named like subject 12's: by name they would be one person."""
    names = ("subject 11/anger/sentence 1", "subject 12/anger/sentence 1")
    put(tmp_path, *(f"{place}/s12_an_1.avi" for place in names))
    found = listing(tmp_path)
    assert [(r.clip_id, r.subject) for r in found.recordings] == [
        ("s11_an_1", "subject_11"),
        ("s12_an_1", "subject_12"),
    ]
    assert any(f"{names[0]}/s12_an_1.avi: the folders are followed" in n for n in found.notes)


def test_uncut_recordings_are_read_and_reported(tmp_path):
    put(tmp_path, builders.enterface05_path(6, "fear", None))
    put(tmp_path, builders.enterface05_path(7, "fear", 2))
    found = listing(tmp_path)
    assert [(r.clip_id, r.sentence) for r in found.recordings] == [
        ("s6_fe", None),
        ("s7_fe_2", "2"),
    ]
    assert "1 recordings are not cut into sentences (subject_06)" in found.notes


@pytest.mark.parametrize(
    ("path", "clip_id"),
    [
        ("subject 3/happiness/sentence 4/s_3_ha_4.avi", "s3_ha_4"),
        ("subject 16/surprise/sentence 3/s16_su_3avi.avi", "s16_su_3"),
        ("Subject-08/Happy/Sentence-2/S8_HA_2.AVI", "s8_ha_2"),
        ("subject 44/ Sadness /sentence 5/whatever.avi", "s44_sa_5"),
        ("SUBJECT_9/disgust/s9_di_3.avi", "s9_di_3"),
        ("subject 9/s9_di_3.avi", "s9_di_3"),
        ("a/b/subject 1/anger/sentence 1/raw/s1_an_1.avi", "s1_an_1"),
    ],
)
def test_slips_and_spellings_of_copies_are_understood(tmp_path, path, clip_id):
    put(tmp_path, path)
    (recording,) = listing(tmp_path).recordings
    assert recording.clip_id == clip_id
    assert recording.video_path == recording.audio_path == path


def test_the_copys_own_word_is_kept_beside_the_common_one(tmp_path):
    put(tmp_path, "subject 8/Happy/sentence 2/s8_ha_2.avi")
    (recording,) = listing(tmp_path).recordings
    assert (recording.emotion, recording.original_emotion) == ("happiness", "Happy")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("s1_an_1.avi", "no folder 'subject 1'"),
        ("subject 45/anger/sentence 1/s45_an_1.avi", "no folder 'subject 1' to 'subject 44'"),
        ("subject 1/joyful/sentence 1/clip.avi", "names an emotion"),
        ("subject 1/anger/sentence 1/s1_an_1.mp4", "found .mp4"),
    ],
)
def test_a_file_out_of_place_is_accounted_for(tmp_path, path, words):
    put(tmp_path, path, builders.enterface05_path(2, "anger", 1))
    found = listing(tmp_path)
    assert len(found.recordings) == 1
    ((unrecognised, reason),) = found.unrecognised
    assert unrecognised == path
    assert words in reason


def test_sound_that_a_user_extracted_beside_the_video_is_left_out_and_counted(tmp_path):
    video = builders.enterface05_path(2, "anger", 1)
    put(tmp_path, video, video.replace(".avi", ".wav"))
    found = listing(tmp_path)
    assert [r.audio_path for r in found.recordings] == [video]
    assert not found.unrecognised
    assert len(found.left_out["sound files beside videos of the same name"]) == 1


def test_two_copies_of_a_clip_are_an_error(tmp_path):
    for top in ("one", "two"):
        put(tmp_path / top, builders.enterface05_path(2, "anger", 1))
    with pytest.raises(CorpusError, match=r"e\.g\. s2_an_1; expected each once"):
        listing(tmp_path)
