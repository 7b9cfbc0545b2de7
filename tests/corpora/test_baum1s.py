from collections import Counter

import builders
import pytest
from openpyxl import load_workbook

from avlib.registry import reader
from avlib.runtime.errors import CorpusError

PLACE = "BAUM1s_MP4 - All"


def put(folder, *names, part=PLACE):
    for name in names:
        path = folder / part / name[:4].lower() / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"something")


def listing(folder, subset=None):
    return reader("baum1s").recordings(folder, subset)


@pytest.fixture
def folder(tmp_path):
    """Every one of the 13 states once, by two subjects."""
    rows = [(f"S00{1 + n % 2}_{n:03}", word) for n, word in enumerate(builders.BAUM1S_CODES)]
    put(tmp_path, *(clip for clip, _ in rows))
    builders.baum1s_workbook(tmp_path, rows)
    return tmp_path


def test_the_six_basic_emotions_are_taken_unless_all_are_asked_for(folder):
    found = listing(folder)
    assert {r.emotion for r in found.recordings} == {
        *("anger", "disgust", "fear", "happiness", "sadness", "surprise")
    }
    assert "clips outside of subset basic left out: 7, e.g. S001_002" in found.notes
    everything = listing(folder, "all").recordings
    assert sorted(r.emotion for r in everything) == list(reader("baum1s").emotions)


def test_names_words_and_sexes_come_together(folder):
    clip = {r.clip_id: r for r in listing(folder, "all").recordings}["S001_002"]
    assert (clip.subject, clip.sex) == ("S001", "female")
    assert (clip.emotion, clip.original_emotion) == ("bothered", "Bothered")
    assert clip.video_path == clip.audio_path == f"{PLACE}/s001/S001_002.mp4"


def test_the_acted_part_has_the_same_names_and_is_left_out(folder):
    put(folder, "S001_000", "S001_002", part="BAUM1a_MP4_all")
    found = listing(folder)
    assert all(r.video_path.startswith(PLACE) for r in found.recordings)
    assert len(found.left_out["files of the acted BAUM-1a"]) == 2


def test_columns_are_told_by_what_they_hold(tmp_path):
    put(tmp_path, "S001_001")
    titles = ("a", "b", "sex of the person", "c", "d", "e")
    builders.baum1s_workbook(tmp_path, [("S001_001", "Sadness")], titles)
    (clip,) = listing(tmp_path).recordings
    assert (clip.emotion, clip.sex) == ("sadness", "female")


def test_a_word_among_remarks_makes_no_column_of_emotions(tmp_path):
    clips = [f"S001_00{n}" for n in range(4)]
    put(tmp_path, *clips)
    titles = ("remarks", "No", "Gender", "Clip", "Label", "Number")
    builders.baum1s_workbook(tmp_path, [(clip, "Sadness") for clip in clips], titles)
    book = load_workbook(tmp_path / "Annotations_BAUM1s.xlsx")
    book.active["A2"] = "ha"
    book.save(tmp_path / "Annotations_BAUM1s.xlsx")
    assert {r.emotion for r in listing(tmp_path).recordings} == {"sadness"}


def test_a_code_stands_in_for_a_word_that_is_not_there(tmp_path):
    put(tmp_path, "S001_001", "S001_002")
    builders.baum1s_workbook(tmp_path, [("S001_001", None, 8), ("S001_002", "Fear", 7)])
    found = {r.clip_id: (r.emotion, r.original_emotion) for r in listing(tmp_path).recordings}
    assert found == {"S001_001": ("happiness", "8"), "S001_002": ("fear", "Fear")}


def test_contradictions_of_the_workbook_are_reported(tmp_path):
    put(tmp_path, "S001_001", "S001_002", "S001_003", "S001_004")
    rows = [
        *(("S001_001", "Happiness", 9), ("S001_002", "Fear"), ("S001_002", "Anger")),
        *(("S001_003", "Rage", 99), ("S001_004", "Anger")),
    ]
    builders.baum1s_workbook(tmp_path, rows)
    found = listing(tmp_path, "all")
    emotions = {r.clip_id: r.emotion for r in found.recordings}
    assert emotions == {
        "S001_001": "happiness",
        "S001_002": None,
        "S001_003": None,
        "S001_004": "anger",
    }
    text = "; ".join(found.notes)
    assert "another emotion than their word, e.g. S001_001" in text
    assert "stand in the workbook with different emotions, e.g. S001_002" in text
    assert "an emotion that is not known, e.g. S001_003" in text


def test_clips_without_a_row_and_rows_without_a_clip_are_reported(folder):
    put(folder, "S030_001")
    (folder / PLACE / "s001" / "S001_000.mp4").unlink()
    found = listing(folder)
    assert "1 clips have no row in the workbook, e.g. S030_001" in found.notes
    assert "1 clips of the workbook are not here, e.g. S001_000" in found.notes
    unlabelled = [r.clip_id for r in listing(folder, "all").recordings if r.emotion is None]
    assert unlabelled == ["S030_001"]


def test_other_files_are_accounted_for_and_subtitles_passed_over(folder):
    place = folder / PLACE / "s001"
    (place / "S001_000.srt").write_text("1")
    (place / "S001_000.wav").write_bytes(b"extracted")
    (place / "my favourite.mp4").write_bytes(b"something")
    found = listing(folder)
    assert [path for path, _ in found.unrecognised] == [f"{PLACE}/s001/my favourite.mp4"]
    assert len(found.left_out["sound files beside videos of the same name"]) == 1


def test_formulas_are_read_as_their_stored_values_and_never_computed(tmp_path):
    put(tmp_path, "S001_001", "S001_002")
    builders.baum1s_workbook(tmp_path, [("S001_001", '="Fe"&"ar"', 7), ("S001_002", "Anger")])
    found = {r.clip_id: r.original_emotion for r in listing(tmp_path).recordings}
    assert found == {"S001_001": "7", "S001_002": "Anger"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "Annotations_BAUM1s.xlsx is missing"),
        (b"", "is no xlsx workbook; download it again"),
        (builders.LFS_POINTER, "is no xlsx workbook"),
        (b"PK\x05\x06" + bytes(18), "is no xlsx workbook"),
    ],
)
def test_a_missing_or_broken_workbook_is_one_line(folder, content, words):
    path = folder / "Annotations_BAUM1s.xlsx"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(CorpusError, match=words) as caught:
        listing(folder)
    assert str(caught.value).startswith(str(folder))
    assert "\n" not in str(caught.value)


def test_a_cut_workbook_is_one_line(folder):
    builders.truncate(folder / "Annotations_BAUM1s.xlsx")
    with pytest.raises(CorpusError, match="is no xlsx workbook"):
        listing(folder)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "names no clips like S001_001"),
        ([("S001_000", "?", "?")], "expected one column of emotions"),
    ],
)
def test_a_workbook_without_labels_is_one_line(folder, rows, words):
    builders.baum1s_workbook(folder, rows, titles=("", "No", "Gender", "Clip", "State", "Number"))
    with pytest.raises(CorpusError, match=words):
        listing(folder)


def test_one_of_several_columns_of_emotions_is_chosen_by_its_title_alone(tmp_path):
    put(tmp_path, "S001_001")
    titles = ("first annotator", "No", "Gender", "Clip", "Emotion", "Code")
    builders.baum1s_workbook(tmp_path, [("S001_001", "Sadness")], titles)
    book = load_workbook(tmp_path / "Annotations_BAUM1s.xlsx")
    book.active["A2"] = "Fear"
    book.save(tmp_path / "Annotations_BAUM1s.xlsx")
    assert Counter(r.emotion for r in listing(tmp_path).recordings) == {"sadness": 1}
