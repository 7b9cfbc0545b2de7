from collections import Counter

import builders
import pytest

from avlib.corpora.common.describe import describe
from avlib.registry import reader

CODES = ("an", "di", "fe", "ha", "sa", "su")


def put(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"something")


def recordings(folder):
    return reader("rml").recordings(folder).recordings


def test_a_whole_copy_has_120_clips_an_emotion(tmp_path):
    """Two archives; four of the subjects speak in two languages."""
    for subject in range(1, 9):
        top = f"rml-{1 if subject < 6 else 2}/s{subject}"
        places = [f"{top}/english", f"{top}/mandarin"] if subject % 2 else [top]
        for place in places:
            put(tmp_path, *(f"{place}/{c}{n}.avi" for c in CODES for n in range(1, 11)))
    found = reader("rml").recordings(tmp_path)
    assert (found.unrecognised, found.notes) == ([], [])
    assert set(Counter(r.emotion for r in found.recordings).values()) == {120}
    assert {r.subject for r in found.recordings} == {f"s{n}" for n in range(1, 9)}


@pytest.mark.parametrize(
    ("path", "clip_id", "subject"),
    [
        ("s1/an1.avi", "s1_an1", "s1"),
        ("s1/s1/an1.avi", "s1_an1", "s1"),
        ("rml-1/S3/English/AN10.AVI", "s3_english_an10", "s3"),
        ("s3_english/an1.avi", "s3_english_an1", "s3"),
        ("RML/subject 8/Mandarin Chinese/an1.avi", "s8_mandarin-chinese_an1", "s8"),
    ],
)
def test_levels_and_languages_of_copies_are_understood(tmp_path, path, clip_id, subject):
    put(tmp_path, path)
    (recording,) = recordings(tmp_path)
    assert (recording.clip_id, recording.subject) == (clip_id, subject)
    assert recording.emotion == "anger"
    assert recording.take in ("1", "10")


def test_languages_of_one_subject_stay_one_subject_with_clips_apart(tmp_path):
    put(tmp_path, "s3/english/an1.avi", "s3/punjabi/an1.avi", "s4/an1.avi")
    found = recordings(tmp_path)
    assert len({r.clip_id for r in found}) == 3
    assert Counter(r.subject for r in found) == {"s3": 2, "s4": 1}


def test_the_code_is_kept_beside_the_word(tmp_path):
    put(tmp_path, "s2/Su7.avi")
    (recording,) = recordings(tmp_path)
    assert (recording.emotion, recording.original_emotion) == ("surprise", "Su")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("an1.avi", "name subject none"),
        ("s9/an1.avi", "name subject s9"),
        ("s1/s2/an1.avi", "name subject s1 and s2"),
        ("s1/ne1.avi", "not named like an1.avi"),
        ("s1/happy clip.avi", "not named like an1.avi"),
        ("s1/an1.mp4", "found .mp4"),
    ],
)
def test_a_file_out_of_place_is_accounted_for(tmp_path, path, words):
    put(tmp_path, path, "s7/fe2.avi")
    found = reader("rml").recordings(tmp_path)
    assert [r.clip_id for r in found.recordings] == ["s7_fe2"]
    ((unrecognised, reason),) = found.unrecognised
    assert unrecognised == path
    assert words in reason


def test_extracted_sound_is_left_out_and_counted(tmp_path):
    put(tmp_path, "s7/fe2.avi", "s7/fe2.wav")
    found = reader("rml").recordings(tmp_path)
    assert len(found.recordings) == 1
    assert len(found.left_out["sound files beside videos of the same name"]) == 1


def test_generated_media_of_the_distributions_kind_are_described(tmp_path):

    builders.rml_clip(tmp_path, "s5", "sa3")
    described = describe(recordings(tmp_path)[0], tmp_path)
    assert described.status == "ok"
    assert (described.row["fps"], described.row["sample_rate"]) == (30, 22050)
