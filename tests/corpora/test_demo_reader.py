import builders
import numpy as np
import pytest

from avlib.corpora.demo.labels import write_traces
from avlib.registry import reader
from avlib.runtime.errors import CorpusError

ROWS = [
    ("s01/s01_anger_1.mp4", "s01", "anger", 1, "female", 0.7, -0.5),
    ("s01/s01_neutral_1.mp4", "s01", "neutral", 1, "female", 0.0, 0.0),
]


def test_the_table_gives_recordings(tmp_path):
    builders.demo_corpus(tmp_path, ROWS, seconds=0.1)
    first, second = reader("demo").recordings(tmp_path).recordings
    assert (first.clip_id, first.subject, first.emotion) == ("s01_anger_1", "s01", "anger")
    assert (first.take, first.sex, first.arousal, first.valence) == ("1", "female", 0.7, -0.5)
    assert first.video_path == first.audio_path == "s01/s01_anger_1.mp4"
    assert second.clip_id == "s01_neutral_1"


def test_traces_are_read_where_they_are(tmp_path):
    builders.demo_corpus(tmp_path, ROWS, seconds=0.1)
    assert reader("demo").recordings(tmp_path).traces.empty
    rows = np.array([[0.0, 0.1, -0.2], [0.04, 0.3, -0.4]])
    write_traces(tmp_path, [("s01_anger_1", rows)])
    traces = reader("demo").recordings(tmp_path).traces
    assert set(traces["clip_id"]) == {"s01_anger_1"}
    assert traces[["time", "arousal", "valence"]].to_numpy().tolist() == rows.tolist()
    (tmp_path / "traces.csv").write_text("clip_id,time,arousal\na,0,1\n")
    with pytest.raises(CorpusError, match=r"traces\.csv: not a table of clip_id, time, arousal"):
        reader("demo").recordings(tmp_path)


@pytest.mark.parametrize(("place", "column"), [(1, "subject"), (2, "emotion")])
def test_a_row_without_its_person_or_emotion_is_named(tmp_path, place, column):
    second = [*ROWS[1]]
    second[place] = ""
    builders.demo_corpus(tmp_path, [ROWS[0], second], seconds=0.1)
    with pytest.raises(CorpusError, match=rf"clips\.csv line 3: has no {column}; generate"):
        reader("demo").recordings(tmp_path)


def test_a_file_that_the_table_does_not_name_is_accounted_for(tmp_path):
    builders.demo_corpus(tmp_path, ROWS, seconds=0.1)
    (tmp_path / "s01" / "renamed.mp4").write_bytes(b"")
    assert reader("demo").recordings(tmp_path).unrecognised == [
        ("s01/renamed.mp4", "clips.csv does not name it")
    ]


def test_a_file_that_the_table_names_is_listed_even_when_it_is_gone(tmp_path):
    builders.demo_corpus(tmp_path, ROWS, seconds=0.1)
    (tmp_path / ROWS[0][0]).unlink()
    assert len(reader("demo").recordings(tmp_path).recordings) == 2


def test_a_missing_demo_corpus_says_how_to_generate_it(tmp_path):
    with pytest.raises(CorpusError, match=r"no such folder.*dvc repro"):
        reader("demo").recordings(tmp_path / "demo")


def test_two_files_of_one_name_are_refused(tmp_path):
    rows = [ROWS[0], ("s02/s01_anger_1.mp4", *ROWS[0][1:])]
    builders.demo_corpus(tmp_path, rows, seconds=0.1)
    with pytest.raises(CorpusError, match=r"1 clip ids stand for several.*s01_anger_1"):
        reader("demo").recordings(tmp_path)
