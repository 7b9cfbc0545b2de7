import json
import re

import pytest
from typer.testing import CliRunner

from avlib.cli.main import app
from avlib.runtime.errors import DataError
from avlib.runtime.timings import FOLDER


@pytest.fixture
def record(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FOLDER.mkdir(parents=True)

    def write(stage, ended, seconds, did=(), **more):
        facts = {"stage": stage, "ended": ended, "seconds": seconds, "work": list(did), **more}
        (FOLDER / f"{stage}.json").write_text(json.dumps(facts))

    return write


def timings():
    return CliRunner().invoke(app, ["timings"])


def rows_of(said):
    lines = [line for line in said.splitlines() if line.startswith("|")]
    return [re.split(r" *\| *", line)[1:-1] for line in lines]


def test_stages_and_what_they_took_add_up(record):
    work = {"label": "faces", "count": 36, "unit": "clips", "seconds": 80.0}
    record("faces", "2026-01-31T12:01:30+00:00", 90.0, [work])
    record("clips", "2026-01-31T12:00:00+00:00", 30.0)
    head, _, *rows = rows_of(timings().stdout)
    assert head == ["stage", "took", "share", "ended", "timed within it"]
    faces = "faces 1 min 20 s for 36 clips"
    assert rows == [
        ["clips", "30 s", "25%", "2026-01-31 12:00:00", ""],
        ["faces", "1 min 30 s", "75%", "2026-01-31 12:01:30", faces],
        ["all", "2 min 0 s", "", "", ""],
    ]


def test_stages_that_last_ran_for_another_corpus_are_no_part_of_the_sum(record):
    record("train_cnn", "2026-01-31T12:00:00+00:00", 500.0, corpus="demo")
    record("train_svm", "2026-01-31T13:00:00+00:00", 50.0)  # before it was noted
    record("clips", "2026-02-01T12:00:00+00:00", 30.0, corpus="mine")
    record("faces", "2026-02-01T12:01:30+00:00", 90.0, corpus="mine")
    said = timings().stdout
    assert [row[:2] for row in rows_of(said)[2:]] == [
        ["clips", "30 s"],
        ["faces", "1 min 30 s"],
        ["all", "2 min 0 s"],
    ]
    assert "Left out: train_cnn, train_svm, which last ran for another corpus" in said


def test_where_nothing_was_computed_it_is_said_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"computed on this machine.*pulled.*dvc repro"):
        raise timings().exception
