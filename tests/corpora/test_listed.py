"""A user's own corpus: a folder and a table of its clips."""

import json
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from builders import write_media
from hypothesis import given, settings
from hypothesis import strategies as st

from avlib.corpora.listed import ListedCorpus
from avlib.corpora.listed.from_names import name_pattern, table_from_names
from avlib.corpora.listed.table import read_rows
from avlib.registry import reader
from avlib.runtime.errors import CorpusError
from avlib.runtime.tables import read_table
from stages import clips, folds

ROWS = [
    {"path": "a/x.wav", "subject": "Ann", "emotion": "Wut", "sentence": "1", "mood": "calm"},
    {"path": "a/y.wav", "subject": "Bo", "emotion": "Freude", "sentence": "2", "mood": ""},
]


def corpus(folder, rows=ROWS, suffix=".csv", **options):
    """Write the table of a corpus without recordings."""
    folder.mkdir(parents=True, exist_ok=True)
    table, file = pd.DataFrame(rows), folder / f"clips{suffix}"
    if suffix == ".xlsx":
        table.to_excel(file, index=False)
    elif suffix == ".parquet":
        table.to_parquet(file)
    else:
        table.to_csv(file, index=False, sep="\t" if suffix == ".tsv" else ",", **options)
    return folder


def listed(folder):
    return ListedCorpus("mine").recordings(folder)


def problems(folder, *rows):
    """What is wrong with rows that follow a right one, by line."""
    return dict(listed(corpus(folder, [ROWS[0], *rows])).unrecognised)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".xlsx"])
def test_a_row_of_any_table_is_a_clip(tmp_path, suffix):
    first, second = listed(corpus(tmp_path, suffix=suffix)).recordings
    assert first.clip_id == "a_x"
    assert (first.subject, first.emotion, first.sentence) == ("Ann", "Wut", "1")
    assert (first.video_path, first.audio_path) == (None, "a/x.wav")
    assert json.loads(first.extra) == {"mood": "calm"}
    assert second.extra is None
    assert first.corpus == "mine"


def test_a_table_of_a_spreadsheet_in_another_language_is_read(tmp_path):
    text = '\ufeffPath;Subject;Emotion;Arousal\r\n"ä b.mp4";7;Ärger;0,5\r\n;;;\r\n'
    (tmp_path / "clips.csv").write_text(text, encoding="utf-8", newline="")
    (found,) = listed(tmp_path).recordings
    assert (found.video_path, found.audio_path, found.subject) == ("ä b.mp4", "ä b.mp4", "7")
    assert (found.emotion, found.arousal) == ("Ärger", 0.5)


def test_cells_without_names_are_an_error_and_separators_at_the_ends_of_lines_are_none(tmp_path):
    text = "path,subject,emotion\na.wav,s1,joy{more}\nb.wav,s2,joy{more}\n"
    (tmp_path / "clips.csv").write_text(text.format(more=","))
    assert [found.emotion for found in listed(tmp_path).recordings] == ["joy", "joy"]
    (tmp_path / "clips.csv").write_text(text.format(more=",left"))
    with pytest.raises(CorpusError, match="line 2 has 4 cells for 3 names"):
        listed(tmp_path)


def test_spans_of_one_file_are_clips_of_their_own(tmp_path):
    spans = [(0, 1.5), (1.5, 3), (3, "")]
    rows = [
        {"path": "long.mp4", "subject": "s", "emotion": "e", "start": start, "end": end}
        for start, end in spans
    ]
    found = listed(corpus(tmp_path, rows)).recordings
    assert [(r.start, r.end) for r in found] == [(0.0, 1.5), (1.5, 3.0), (3.0, None)]
    assert [r.clip_id for r in found] == ["long_0-1.5", "long_1.5-3", "long_3"]


def test_sound_and_picture_may_be_two_files(tmp_path):
    rows = [{"video": "v.mp4", "audio": "v.wav", "subject": "s", "emotion": "e", "clip_id": "one"}]
    (found,) = listed(corpus(tmp_path, rows)).recordings
    assert (found.clip_id, found.video_path, found.audio_path) == ("one", "v.mp4", "v.wav")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"path": ""}, "names no file"),
        ({"path": "../x.wav"}, "out of the corpus's folder"),
        ({"path": "/etc/x.wav"}, "out of the corpus's folder"),
        ({"path": "a\\..\\..\\x.wav"}, "out of the corpus's folder"),
        ({"subject": ""}, "no subject"),
        ({"path": "a/x.wav"}, "clips.csv line 2 already"),
        ({"start": "soon"}, "start is 'soon'"),
        ({"start": "nan"}, "start is 'nan'"),
        ({"start": "-1"}, "start is -1 s"),
        ({"start": "2", "end": "2"}, "end is 2 s"),
        ({"part": "training"}, "part is 'training'"),
        ({"arousal": "high"}, "arousal is 'high'"),
        ({"emotion": "#N/A"}, "emotion is '#N/A', a spreadsheet's error"),
        ({"emotion": "nan"}, "emotion is 'nan', as where a value is missing"),
        ({"subject": "None"}, "subject is 'None', as where a value is missing"),
        ({"emotion": "joy\nfear"}, "without such characters"),
        ({"emotion": "e" * 2000}, "emotion has 2,000 characters; expected 200 at most"),
        ({"subject": "ä" * 100}, "too long for names of files"),
        ({"path": "x" * 300 + ".wav"}, "longer than files are named"),
        ({"path": "a/" * 3000 + "x.wav"}, "longer than files are named"),
    ],
)
def test_a_wrong_row_is_named_by_its_line_and_costs_no_other(tmp_path, change, said):
    row = {"path": "a/z.wav", "subject": "Bo", "emotion": "Wut", **change}
    found = problems(tmp_path, row)
    assert list(found) == ["clips.csv line 3"]
    assert said in found["clips.csv line 3"]
    assert len(found["clips.csv line 3"]) < 400


def test_two_people_whose_names_become_one_are_told_apart(tmp_path):
    found = problems(
        tmp_path, {**ROWS[1], "subject": "A n"}, {**ROWS[0], "subject": "A/n", "path": "b.wav"}
    )
    assert "'A/n' and 'A n'" in found["clips.csv line 4"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,subject,emotion\nx.wav,a,b\n", "no column path or video or audio; found file"),
        ("path,emotion\nx.wav,b\n", "no column subject"),
        ("path,subject\nx.wav,a\n", "no column emotion or arousal or valence"),
        ("path,subject,emotion,Path\nx.wav,a,b,c\n", "two columns 'path'"),
        ("path,subject,emotion,emotion\nx.wav,a,b,c\n", "two columns 'emotion'"),
        ("path,subject,emotion\nx.wav,a,b\nx.wa", "its last line has 1 cells for 3 names"),
        ("path,subject,emotion\nx.wav,a,b\n\0\0\0", "it holds zeros"),
        ("", "cannot be read"),
        (
            f"path,subject,emotion\nx.wav,a,{'b' * 200_000}\n",
            "cannot be read as .csv (field larger",
        ),
        ('path,subject,emotion\nx.wav,a,"b\ny.wav,a,c\n', "unexpected end of data"),
        ('path,subject,emotion\nx.wav,"a,b\ny.wav,a",c\n', "line 2 holds whole lines"),
        ('path,subject,emotion\nx.wav,a,"b\ny.wav,a,"c\n', "expected after"),
        ("path,subject,emotion\n", "clips.csv: it has no rows"),
        ("path,subject,emotion\nx.wav,,b\n", "line 2: has no subject"),
    ],
)
def test_a_table_without_a_use_is_an_error_in_one_line(tmp_path, text, said):
    (tmp_path / "clips.csv").write_text(text)
    with pytest.raises(CorpusError) as error:
        listed(tmp_path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_table_in_another_encoding_or_two_tables_are_errors(tmp_path):
    (tmp_path / "clips.csv").write_bytes("path,subject,emotion\nä.wav,a,b\n".encode("latin-1"))
    with pytest.raises(CorpusError, match="UTF-8"):
        listed(tmp_path)
    corpus(tmp_path, suffix=".xlsx")
    with pytest.raises(CorpusError, match=r"clips\.csv and clips\.xlsx"):
        listed(tmp_path)


@pytest.mark.parametrize("path", [".", "./"])
def test_the_folder_itself_is_no_recording(tmp_path, path):
    table = f"path,subject,emotion\na.wav,s,joy\n{path},s,joy\n"
    (tmp_path / "clips.csv").write_text(table)
    ((line, reason),) = listed(tmp_path).unrecognised
    assert line == "clips.csv line 3"
    assert reason == f"{path} is the corpus's folder itself; expected a file in it"


def test_recordings_that_the_table_does_not_name_are_counted(tmp_path):
    corpus(tmp_path)
    for name in ("a/x.wav", "a/y.wav", "other.wav", "more.mp4", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (note,) = listed(tmp_path).notes
    assert note == "recordings that the table does not name left out: 2, e.g. more.mp4"


def test_an_unknown_corpus_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CorpusError, match=r"data/raw/mine with a table clips\.csv"):
        reader("mine")
    Path("data/raw/mine").mkdir(parents=True)
    (tmp_path / "data/raw/mine/x.wav").touch()
    with pytest.raises(CorpusError, match="has no table of its clips"):
        reader("mine").recordings(Path("data/raw/mine"))


@settings(max_examples=50, deadline=None)
@given(st.text("abcd", min_size=1), st.text("xyzXYZ0123-", min_size=1))
def test_fields_are_read_off_names_that_are_made_of_them(subject, emotion):
    found = name_pattern("{subject}_{emotion}_*.wav").fullmatch(f"{subject}_{emotion}_x_1.wav")
    assert found.groupdict() == {"subject": subject, "emotion": emotion}


def test_fields_may_have_widths_or_be_folders(tmp_path):
    fixed = name_pattern("{subject:2}{sentence:3}{emotion:1}?.wav").fullmatch("03a01Fa.wav")
    assert fixed.groupdict() == {"subject": "03", "sentence": "a01", "emotion": "F"}
    for name in ("x/ann/joy/1.wav", "x/bo/fear/2.mp4", "x/readme.txt", "x/3.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    table, others = table_from_names(tmp_path, "**/{subject}/{emotion}/*")
    assert table.to_dict("list") == {
        "path": ["x/ann/joy/1.wav", "x/bo/fear/2.mp4"],
        "subject": ["ann", "bo"],
        "emotion": ["joy", "fear"],
    }
    assert others == ["x/3.wav"]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("{subject}_*.wav", "lacks {emotion}"),
        ("{subject}_{emotion}_{subject}.wav", "has {subject} twice"),
        ("{subject}-{emotion}.wav", r"none of its 1 recordings, such as a_b\.wav, is named like"),
    ],
)
def test_a_pattern_without_a_use_is_an_error(tmp_path, pattern, said):
    (tmp_path / "a_b.wav").touch()
    with pytest.raises(CorpusError, match=said):
        table_from_names(tmp_path, pattern)


def test_stages_read_it_like_any_corpus_and_keep_what_else_the_table_says(tmp_path, monkeypatch):
    params = yaml.safe_load(Path("params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    params |= {"corpus": "mine", "labels": {"Wut": "anger", "Angst": None}}
    params["protocol"] = {**params["protocol"], "k": 3}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    folder = tmp_path / "data/raw/mine"
    rows = [
        {"path": f"{subject}_{n}.wav", "subject": subject, "emotion": emotion, "room": f"r{n}"}
        for subject in "abc"
        for n, emotion in enumerate(("Wut", "Freude", "Angst"))
    ]
    corpus(folder, [*rows, {**rows[0], "path": "gone.wav"}, {**rows[0], "path": "c_0.wav"}])
    for row in rows:
        write_media(folder / row["path"], seconds=0.4, sample_rate=16000)
    params["max_failed_fraction"] = 0.5
    Path("params.yaml").write_text(yaml.safe_dump(params))
    clips.main()
    table = read_table("data/clips.parquet").set_index("clip_id")
    assert len(table) == 9
    assert table.loc["a_0", ["emotion", "original_emotion", "extra"]].tolist() == [
        "anger",
        "Wut",
        '{"room": "r0"}',
    ]
    assert table["emotion"].isna().sum() == 3
    status = read_table("data/status/clips.parquet").set_index("clip_id")
    assert set(status.index[status["status"] == "failed"]) == {"gone", "clips.csv line 12"}
    folds.main()
    divided = read_table("data/folds.parquet")
    assert divided["clip_id"].nunique() == 6
    assert np.isin(divided["part"].unique(), ["train", "validation", "test"]).all()


def test_cells_of_a_workbook_are_read_as_a_spreadsheet_shows_them(tmp_path):
    folder = corpus(tmp_path, suffix=".xlsx")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["path", "subject", "emotion", "age", "room"])
    sheet.append(["a.wav", 7, "joy", 20.5, None])
    sheet.append([])
    sheet.append(["b.wav", 8.0, "#N/A", 21, True])
    book.save(folder / "clips.xlsx")
    rows = read_rows(folder / "clips.xlsx")
    assert rows.to_numpy().tolist() == [
        ["a.wav", "7", "joy", "20.5", ""],
        ["", "", "", "", ""],
        ["b.wav", "8", "#N/A", "21", "True"],
    ]
    found = listed(folder)
    assert [clip.clip_id for clip in found.recordings] == ["a"]
    assert [line for line, _ in found.unrecognised] == ["clips.xlsx line 4"]


def test_a_cell_far_outside_of_a_workbook_costs_no_memory(tmp_path):
    folder = corpus(tmp_path, suffix=".xlsx")
    book = openpyxl.load_workbook(folder / "clips.xlsx")
    book.active["XFD30000"] = "x"
    book.save(folder / "clips.xlsx")
    tracemalloc.start()
    try:
        with pytest.raises(CorpusError, match="line 30000 has 16384 cells for"):
            listed(folder)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


def test_numbers_and_bytes_of_parquet_are_their_texts(tmp_path):
    folder = corpus(tmp_path, suffix=".parquet")
    table = {
        "path": ["a.wav", "b.wav"],
        "subject": pa.array([7, 8], pa.int64()),
        "emotion": [b"joy", b"anger"],
        "take": pa.array([1, None], pa.int64()),
    }
    pq.write_table(pa.table(table), folder / "clips.parquet")
    rows = read_rows(folder / "clips.parquet")
    assert rows.to_numpy().tolist() == [["a.wav", "7", "joy", "1"], ["b.wav", "8", "anger", ""]]


def test_whatever_is_damaged_in_a_workbook_is_one_line(tmp_path):
    folder = corpus(tmp_path, suffix=".xlsx")
    table, random = folder / "clips.xlsx", np.random.default_rng(0)
    whole, told = table.read_bytes(), []
    for _ in range(30):
        data = bytearray(whole)
        place = int(random.integers(len(data)))
        data[place : place + 20] = random.bytes(len(data[place : place + 20]))
        table.write_bytes(data)
        try:
            listed(folder)
        except CorpusError as error:
            told.append(str(error))
    assert len(told) > 10
    assert not [reason for reason in told if "\n" in reason]


def test_a_line_without_its_last_cells_is_a_wrong_row_where_a_label_may_be_gone(tmp_path):
    text = "path,subject,emotion,mood\na.wav,s1,joy\nb.wav,s2\n\n,,,\nc.wav,s1,fear,calm\n"
    (tmp_path / "clips.csv").write_text(text)
    found = listed(tmp_path)
    assert [clip.clip_id for clip in found.recordings] == ["a", "c"]
    assert dict(found.unrecognised) == {
        "clips.csv line 3": "ends before emotion, as if cut short; complete it"
    }
    assert found.rows["c"] == "clips.csv line 6"


def test_lines_of_a_text_are_counted_as_an_editor_counts_them(tmp_path):
    text = 'path,subject,emotion,sentence\na.wav,s1,joy,"one\ntwo"\nb.wav,,joy,three\n'
    (tmp_path / "clips.csv").write_text(text)
    assert listed(tmp_path).unrecognised[0][0] == "clips.csv line 4"
    assert listed(tmp_path).recordings[0].sentence == "one\ntwo"


def test_marks_of_the_byte_order_and_separators_at_the_end_are_no_names(tmp_path):
    text = '\ufeff\ufeffpath,subject,emotion,,\na.wav, s1, "joy",,\n'
    (tmp_path / "clips.csv").write_text(text, encoding="utf-8")
    (found,) = listed(tmp_path).recordings
    assert (found.audio_path, found.subject, found.emotion) == ("a.wav", "s1", "joy")


def test_letters_that_look_alike_are_one_name_but_of_files(tmp_path):
    composed, apart = "é", "e\u0301"
    rows = [
        {"path": f"{e}{n}.wav", "subject": e, "emotion": e} for n, e in enumerate((composed, apart))
    ]
    first, second = sorted(
        listed(corpus(tmp_path, rows)).recordings, key=lambda r: r.audio_path[-5:]
    )
    assert (
        (first.subject, first.emotion) == (second.subject, second.emotion) == (composed, composed)
    )
    assert second.audio_path == f"{apart}1.wav"


def workbook(folder, change):
    """Write a workbook of two clips that somebody changed."""
    folder.mkdir(exist_ok=True)
    book = openpyxl.Workbook()
    for row in (["path", "subject", "emotion"], ["a.wav", "s1", "joy"], ["b.wav", "s2", "fear"]):
        book.active.append(row)
    change(book)
    book.save(folder / "clips.xlsx")
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda book: book.active.merge_cells("C2:C3"), "cells C2:C3 are merged"),
        (
            lambda book: book.active.__setitem__("C3", "=C2"),
            "cell C3 is a formula without its value",
        ),
        (
            lambda book: book.active.__setitem__("D1", "=C2"),
            "cell D1 is a formula without its value",
        ),
    ],
)
def test_what_a_sheet_shows_and_no_cell_holds_is_an_error(tmp_path, change, said):
    with pytest.raises(CorpusError, match=said):
        listed(workbook(tmp_path, change))


def test_a_formula_with_its_value_is_read_and_further_sheets_are_counted(tmp_path):
    def change(book):
        book.active["C3"] = "=C2"
        book.active["D3"] = '=IF(A1=A1,"",1)'
        book.active["D1"] = "mood"
        book.create_sheet("more")

    file = workbook(tmp_path, change) / "clips.xlsx"
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    computed = {b'r="C3"': b"joy", b'r="D3"': b""}  # as Excel keeps texts that it has computed
    for place, value in computed.items():
        before, _, behind = parts[sheet].partition(place)
        behind = behind.replace(b"<v />", b"<v>" + value + b"</v>", 1)
        parts[sheet] = before + place + b' t="str"' + behind
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    found = listed(tmp_path)
    assert [(clip.emotion, clip.extra) for clip in found.recordings] == [("joy", None)] * 2
    assert found.left_out == {"sheets of clips.xlsx behind the first": ["more"]}


def test_a_few_bytes_that_stand_for_a_huge_table_are_refused_at_once(tmp_path):
    file = workbook(tmp_path / "x", lambda book: None) / "clips.xlsx"
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/more.xml", bytes(2**27))
    with pytest.raises(CorpusError, match="its sheets have 134 MB"):
        listed(tmp_path / "x")
    (tmp_path / "p").mkdir()
    cell = pa.array(["a.wav"]).dictionary_encode().take(pa.array(np.zeros(2**19 + 1, np.int32)))
    pq.write_table(pa.table({"path": cell}), tmp_path / "p/clips.parquet")
    with pytest.raises(CorpusError, match="524,289 rows"):
        listed(tmp_path / "p")


def test_parquet_is_checked_by_its_sums_and_an_index_of_pandas_is_a_column(tmp_path):
    file = tmp_path / "clips.parquet"
    rows = pd.DataFrame(ROWS)
    rows.set_index("path").to_parquet(file)
    assert [clip.audio_path for clip in listed(tmp_path).recordings] == ["a/x.wav", "a/y.wav"]
    rows.iloc[::-1].to_parquet(file)
    assert json.loads(listed(tmp_path).recordings[0].extra) == {"mood": "calm"}
    table = pa.Table.from_pandas(rows)
    pq.write_table(table, file, write_page_checksum=True, compression="none", use_dictionary=False)
    file.write_bytes(file.read_bytes().replace(b"Freude", b"Freuen"))
    with pytest.raises(CorpusError, match="CRC"):
        listed(tmp_path)
