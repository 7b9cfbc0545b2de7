"""Reasons of failed clips do not depend on where the project lies."""

from avlib.runtime.attempt import attempt
from avlib.runtime.errors import MediaError


def read(path):
    if path.suffix == ".mp4":
        raise MediaError(f"{path}: holds\nno video stream; expected one")
    return path.read_bytes()


def test_reasons_name_files_from_the_folder_that_the_work_runs_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    foreseen = attempt(read, tmp_path / "data/raw/x/a.mp4")
    assert foreseen.reason == "data/raw/x/a.mp4: holds no video stream; expected one"
    unforeseen = attempt(read, tmp_path / "data/raw/x/a.wav")
    assert unforeseen.reason.endswith("No such file or directory: 'data/raw/x/a.wav'")


def test_files_elsewhere_keep_their_whole_paths(tmp_path, monkeypatch):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    assert str(tmp_path / "a.mp4") in attempt(read, tmp_path / "a.mp4").reason
