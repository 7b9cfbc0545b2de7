"""``avlib predict`` and ``avlib export``: tables, pictures, exit status."""

import json
import os
from functools import partial

import pandas as pd
import pytest
from kept_models import buzz, keep_by_hand, write_sound
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from avlib.cli import predict as command
from avlib.cli.main import app
from avlib.recognizer import recognizer, worker
from avlib.runtime.errors import DataError, ParamsError


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A kept model, and a folder of two recordings of one name, a false one and a text."""
    folder = tmp_path_factory.mktemp("predict")
    keep_by_hand(folder / "data/final/svm_concat", "svm_concat")
    for name in ("a.wav", "more/a.wav"):
        write_sound(folder / "in" / name, buzz("anger", 1, 1.0))
    (folder / "in/fake.mp4").write_text("no recording")
    (folder / "in/notes.txt").write_text("not tried")
    return folder


@pytest.fixture
def avlib(project, monkeypatch):
    """Run a command in the project, all in one process."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    return lambda *arguments: CliRunner().invoke(app, [str(a) for a in arguments])


def test_a_folder_is_recognised_and_each_file_that_cannot_be_has_a_line(avlib, tmp_path):
    done = avlib("predict", "in", "--every", "0.5", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "in/fake.mp4: nothing can be said: cannot be opened as a recording" in done.stderr
    assert "left out: 1 file (.txt)" in done.stderr
    table = pd.read_csv(tmp_path / "out/predictions.csv")
    assert table["clip"].tolist() == ["in/a.wav", "in/fake.mp4", "in/more/a.wav"]
    assert table["emotion"].isna().tolist() == [False, True, False]
    assert table["prob_anger"][0] == table["prob_anger"][2]
    moments = pd.read_csv(tmp_path / "out/moments.csv")
    assert moments["time"].tolist() == [0.0, 0.5, 0.0, 0.5]
    facts = json.loads((tmp_path / "out/predictions.json").read_text())
    assert facts["model"] == "svm_concat"
    assert facts["every"] == 0.5
    first, false, _ = facts["clips"]
    assert first["probabilities"]["anger"] == pytest.approx(table["prob_anger"][0])
    assert len(first["moments"]) == 2
    assert false["probabilities"] is None
    assert false["moments"] == []
    pictures = sorted(path.name for path in (tmp_path / "out/pictures").iterdir())
    assert pictures == ["a-2.png", "a.png"]


def test_one_recording_has_a_page_of_a_second_apart(avlib, tmp_path):
    page = tmp_path / "a.html"
    done = avlib("predict", "in/a.wav", "--html", page, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert f"{page}: written" in done.stdout
    assert '"every": 1.0' in page.read_text()
    assert pd.read_csv(tmp_path / "moments.csv")["time"].tolist() == [0.0]


def test_several_recordings_have_pages_and_an_index(avlib, tmp_path):
    done = avlib("predict", "in", "--html", tmp_path / "pages", "--every", "0.5")
    assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (tmp_path / "pages").iterdir())
    assert names == ["a-2.html", "a.html", "index.html"]
    listed = (tmp_path / "pages/index.html").read_text()
    assert 'href="a.html"' in listed
    assert 'href="a-2.html"' in listed
    assert "cannot be opened as a recording" in listed


def test_a_recording_that_cannot_be_read_has_no_page(avlib, tmp_path):
    assert avlib("predict", "in/fake.mp4", "--html", tmp_path / "a.html").exit_code == 1
    assert not list(tmp_path.iterdir())


def test_other_versions_of_libraries_are_said(avlib, project):
    facts = project / "data/final/svm_concat/final.json"
    before = facts.read_text()
    changed = json.loads(before)
    changed["versions"]["opensmile"] = "0.1"
    facts.write_text(json.dumps(changed))
    try:
        said = avlib("predict", "in/a.wav").stderr
    finally:
        facts.write_text(before)
    assert "trained with other libraries: opensmile 0.1 (here " in said


def test_without_a_kept_model_the_one_in_the_box_is_asked(avlib, tmp_path, monkeypatch):
    write_sound(tmp_path / "a.wav", buzz("anger", 1, 1.0))
    monkeypatch.chdir(tmp_path)
    done = avlib("predict", "a.wav")
    assert done.exit_code == 0, done.output
    assert "the one in the box is asked" in done.stderr
    assert "docs/box.md" in done.stderr
    assert "learned from ravdess" not in done.stderr  # said in other words already
    assert "audio" in done.stdout


def test_a_kept_model_and_what_it_learned_from_are_said(avlib, project, tmp_path):
    file = tmp_path / "m.zip"
    assert avlib("export", "svm_concat", file).exit_code == 0
    said = avlib("predict", "in/a.wav").stderr
    assert said.splitlines()[0] == "model svm_concat (data/final/svm_concat), learned from none"
    said = avlib("predict", "in/a.wav", "--model", file).stderr
    assert said.splitlines()[0] == f"model svm_concat ({file}), learned from none"
    facts = project / "data/final/svm_concat/final.json"
    before = facts.read_text()
    facts.write_text(json.dumps(json.loads(before) | {"corpus": "demo"}))
    try:
        said = avlib("predict", "in/a.wav").stderr
    finally:
        facts.write_text(before)
    assert "learned from demo: generated, drawn faces and synthetic voices" in said
    assert "nothing it says is about people" in said


def test_only_gates_can_be_followed(avlib):
    with pytest.raises(ParamsError, match="svm_concat does not decide window by window"):
        raise avlib("predict", "in/a.wav", "--live").exception
    with pytest.raises(ParamsError, match="--live prints and writes nothing"):
        raise avlib("predict", "in/a.wav", "--live", "--every", "1").exception


def test_without_any_result_the_exit_status_is_1(avlib):
    done = avlib("predict", "in/fake.mp4", "not_there.wav")
    assert done.exit_code == 1
    assert "not_there.wav: nothing can be said: there is no such file" in done.stderr


def test_a_file_of_export_says_the_same_as_the_folder(avlib, tmp_path):
    assert avlib("export", "svm_concat", tmp_path / "m.zip").exit_code == 0
    said = [
        avlib("predict", "in/a.wav", *model).stdout
        for model in ((), ("--model", tmp_path / "m.zip"))
    ]
    assert "audio" in said[0]
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("predict", "in", "--model", "data/none"), DataError, "there is no such model"),
        (("predict", "in", "--model", "in"), DataError, "final.json is missing"),
        (("predict", "in", "--html", "a.html"), DataError, "is one page, for 3 recordings"),
        (("predict", "in", "--html", "in/a.wav"), DataError, r"in/a\.wav: is a file; expected"),
        (("predict", "in/a.wav", "--every", "0"), ParamsError, r"expected 0\.01 s or more"),
        (("predict", "in/a.wav", "--every", "1e-9"), ParamsError, r"expected 0\.01 s or more"),
        (("predict", "in/a.wav", "--out", "in/a.wav"), DataError, r"a\.wav: is no folder to write"),
        (("predict", "in/a.wav", "--html", "in/a.wav/p.html"), DataError, "is no folder to write"),
        (("export", "merml", "m.zip"), DataError, "merml: final.json is missing"),
    ],
)
def test_what_cannot_be_done_is_one_line(avlib, arguments, error, said):
    with pytest.raises(error, match=said):
        raise avlib(*arguments).exception


def test_a_folder_without_recordings_is_one_line(avlib, tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(DataError, match=r"no recording found; left out: 1 file \(\.txt\)"):
        raise avlib("predict", tmp_path).exception


def test_of_several_kept_models_one_must_be_named(avlib, project):
    (project / "data/final/other").mkdir()
    try:
        with pytest.raises(DataError, match="several models are kept: give one of data/final/oth"):
            raise avlib("predict", "in").exception
    finally:
        (project / "data/final/other").rmdir()


def test_pictures_have_names_that_every_system_can_write(tmp_path):
    files = [tmp_path / name for name in ("a b?.wav", "A_B_.mp4", "...mp4", "x" * 300 + ".wav")]
    names = [path.name for path in command.own_files(files, tmp_path, "png")]
    assert names[:3] == ["a_b_.png", "A_B_-2.png", "recording.png"]
    assert len(names[3]) == 104


def test_a_defect_of_ours_or_a_crash_costs_no_other_recording(avlib, project, monkeypatch):
    """What `map_clips` gives for both is a failure; that it survives crashes is tested there."""
    right = worker.recognise

    def broken(task):
        if task.path.endswith("fake.mp4"):
            raise ZeroDivisionError("a defect")
        return right(task)

    monkeypatch.setattr(worker, "recognise", broken)
    model = str((project / "data/final/svm_concat").absolute())
    tasks = [worker.Task(path, model) for path in ("in/fake.mp4", "in/a.wav")]
    failed, fine = worker.recognise_all(tasks)
    assert failed.whole["reason"] == "ZeroDivisionError: a defect"
    assert failed.whole["emotion"] is None
    assert fine.whole["emotion"] in ("anger", "calm")


@pytest.mark.parametrize("columns", [60, 200])
def test_a_long_path_keeps_its_end_on_a_terminal_and_all_of_it_elsewhere(
    monkeypatch, capsys, columns
):
    names = ["/home/" + "very/" * 20 + "deep/声音/[take] 12.wav", "short.wav"]
    said = {"emotion": "anger", "probability": 0.5, "used": "audio, video", "reason": ""}
    rows = [worker.Rows({"clip": name, **said}, []) for name in names]
    terminal = partial(Console, width=columns, force_terminal=True, color_system=None)
    monkeypatch.setattr(command, "Console", terminal)
    command.show(rows)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6  # a line a recording, one for names, and three of the frame
    assert {cell_len(line) for line in lines} == {cell_len(lines[0])}
    assert cell_len(lines[0]) <= columns
    assert "[take] 12.wav" in lines[3]
    assert (names[0] in lines[3]) == (columns == 200)
    assert "│ short.wav " in lines[4]
    monkeypatch.setattr(command, "Console", partial(Console, width=columns))
    command.show(rows)
    text = capsys.readouterr().out
    assert "…" not in text
    cells = (line.split("│")[1].strip() for line in text.splitlines() if "│" in line)
    assert names[0].replace(" ", "") in "".join(cells).replace(" ", "")


def test_ctrl_c_is_one_line_and_its_exit_status(avlib, monkeypatch):
    def interrupted(tasks):
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "recognise_all", interrupted)
    done = avlib("predict", "in/a.wav")
    assert done.exit_code == 130
    assert done.stderr.splitlines()[1:] == ["interrupted"]  # after the line of the model


def test_a_name_that_is_no_text_can_be_printed():
    name = os.fsdecode(b"\xff.wav")
    assert recognizer.printable(name) == "\\udcff.wav"
