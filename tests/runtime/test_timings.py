import importlib
import logging
import sys

import pytest

from avlib.runtime import progress, timings
from avlib.runtime.errors import DataError
from avlib.runtime.progress import Progress
from avlib.runtime.stage import run
from avlib.runtime.timings import Timing, Work

STAGE = """
from avlib.runtime.errors import DataError
from avlib.runtime.progress import Progress

def main():
    with Progress("faces of two", 2) as work:
        work.advance()
        work.advance()

def fails():
    raise DataError("no such table")
"""


@pytest.fixture
def stage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "looking.py").write_text(STAGE)
    monkeypatch.delitem(sys.modules, "looking", raising=False)
    return importlib.import_module("looking")


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]

    def tick():
        now[0] += 1.5
        return now[0]

    monkeypatch.setattr(progress.time, "monotonic", tick)
    return now


def test_a_stage_says_and_records_what_took_how_long(stage, clock, caplog):
    caplog.set_level(logging.INFO)
    run(stage.main)
    [found] = timings.timings()
    [work] = found.work
    assert (found.stage, work.label, work.count, work.unit) == (
        "looking",
        "faces of two",
        2,
        "clips",
    )
    assert 0 < work.seconds < found.seconds < clock[0]
    assert caplog.messages[-1] == str(found)
    assert str(found).startswith("looking: took ")


def test_the_corpus_is_noted_as_the_first_stage_checked_it(stage, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/checked.json").write_text('{"corpus": "mine"}')
    run(stage.main)
    [found] = timings.timings()
    assert found.corpus == "mine"


def test_what_a_work_took_ends_with_it(stage, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with timings.timed("faces"):
        with Progress("first", 0):
            now[0] += 2
        now[0] += 5
    [found] = timings.timings()
    assert (found.seconds, found.work[0].seconds) == (7.0, 2.0)


def test_a_stage_that_fails_leaves_its_last_record(stage):
    run(stage.main)
    before = timings.timings()
    with pytest.raises(SystemExit):
        run(stage.fails)
    assert timings.timings() == before


def test_stages_stand_in_the_order_in_which_they_ended(stage):
    ends = {"faces": "2026-01-02T10:00:00+00:00", "clips": "2026-01-02T09:59:59+00:00"}
    run(stage.main)  # makes the folder
    for name, ended in ends.items():
        (timings.FOLDER / f"{name}.json").write_text(
            f'{{"stage": "{name}", "ended": "{ended}", "seconds": 2.0, "work": []}}'
        )
    assert [timing.stage for timing in timings.timings()] == ["clips", "faces", "looking"]


@pytest.mark.parametrize("text", ["", "[]", '{"stage": "faces"}', '{"work": [{"label": "a"}]}'])
def test_a_damaged_record_is_named(stage, text):
    timings.FOLDER.mkdir(parents=True)
    (timings.FOLDER / "faces.json").write_text(text)
    with pytest.raises(DataError, match=r"faces.json is no record of a stage's time"):
        timings.timings()


@pytest.mark.parametrize(("count", "said"), [(1, "1 model"), (2, "2 models"), (0, "0 models")])
def test_one_item_is_no_several(count, said):
    assert str(Work("evaluate", count, "models", 2.0)) == f"evaluate 2 s for {said}"


def test_a_line_has_the_whole_and_its_parts():
    work = [Work("faces", 36, "clips", 38.2), Work("copies", 2, "parts", 0.4)]
    timing = Timing("faces", "2026-01-02T10:00:00+00:00", 71.0, work)
    assert str(timing) == "faces: took 1 min 11 s; faces 38 s for 36 clips; copies 0 s for 2 parts"
