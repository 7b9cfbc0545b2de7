import re
from functools import partial

import numpy as np
import pytest
from rich.console import Console

from avlib.runtime import progress
from avlib.runtime.progress import Progress, watched


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_log_gets_one_line_every_ten_seconds(clock, capsys):
    with Progress("faces", 100) as shown:
        for _ in range(50):
            clock[0] += 1
            shown.advance()
    assert capsys.readouterr().err.splitlines() == [
        "faces: 10/100 clips, 1 clips/s, 1 min 30 s left",
        "faces: 20/100 clips, 1 clips/s, 1 min 20 s left",
        "faces: 30/100 clips, 1 clips/s, 1 min 10 s left",
        "faces: 40/100 clips, 1 clips/s, 1 min 0 s left",
        "faces: 50/100 clips, 1 clips/s, 50 s left",
    ]


def test_first_failures_are_shown_and_all_are_counted(clock, capsys):
    with Progress("faces", 10) as shown:
        for i in range(8):
            clock[0] += 0.5
            shown.fail(f"c{i}", "no frame")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"faces: c{i} failed: no frame" for i in range(5)]
    assert shown.summary() == "8/10 clips, 2 clips/s, 1 s left, 8 failed"


def test_finished_work_shows_no_remaining_time(clock):
    shown = Progress("epochs", 1, "epochs")
    clock[0] = 0.01
    shown.advance()
    assert shown.summary() == "1/1 epochs, 100 epochs/s"


def test_long_work_is_told_in_hours(clock):
    shown = Progress("faces", 7442)
    for _ in range(30):
        clock[0] += 10
        shown.advance()
    assert shown.summary() == "30/7442 clips, 0.1 clips/s, 20 h 35 min left"


@pytest.mark.parametrize("total", [10, 36, 2000])
def test_from_the_second_tenth_on_the_rest_is_told_within_a_factor_of_two(clock, total):
    durations = np.random.default_rng(total).uniform(0.5, 1.5, total)
    start = 0.8 * durations.sum() if total < 100 else 60  # what starting workers may cost
    ends = start + np.cumsum(durations)
    shown = Progress("faces", total)
    for n, end in enumerate(ends[:-1], start=1):
        clock[0] = end
        shown.advance()
        if n < total / 10 and n < 20:
            assert shown.left() is None
        if n > max(total / 5, 10):
            assert 0.5 < shown.left() / (ends[-1] - end) < 2


@pytest.mark.parametrize(("total", "at_once"), [(3, 3), (6, 2), (9, 2), (9, 3), (10, 4), (30, 2)])
def test_of_few_items_at_once_the_rest_is_told_within_a_factor_of_two(clock, total, at_once):
    durations = np.random.default_rng(total).uniform(0.9, 1.1, total) * 20
    free, ends = [0.0] * at_once, []
    for duration in durations:  # each goes to the worker that is free first
        worker = int(np.argmin(free))
        free[worker] += duration
        ends.append(free[worker])
    ends.sort()
    shown = Progress("train", total, "folds")
    shown.at_once = at_once
    for n, end in enumerate(ends[:-1], start=1):
        clock[0] = end
        shown.advance()
        told, true = shown.left(), ends[-1] - end
        if n >= total / 5 and true > 20:  # another round comes
            assert 0.5 < told / true < 2
        if told is not None:
            assert told < max(2 * true, 4)


def test_whoever_watches_is_told_of_work_that_ends_and_of_no_other(clock):
    told = []
    with watched(told.append), Progress("faces", 2) as work:
        clock[0] = 3
        work.advance()
    with Progress("speech", 1):
        pass
    assert told == [work]
    assert (work.done, work.seconds) == (1, 3)


def test_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Progress("faces", 2) as shown:
        shown.advance()
        shown.fail("c1", "[bold] is not markup")
    text = capsys.readouterr().err
    assert "2/2 clips" in text
    assert "[bold] is not markup" in text


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (120, "train_temporal_aggregation ━━━.* 170/300 clips, 11 clips/s, 12 s left"),
        (80, "train_temporal_aggregation ━━━.* 170/300 clips, 11 clips/s, 12 s left"),
        (40, "train_tempora… +170/300 clips, 12 s left"),
    ],
)
def test_a_terminal_gets_one_row_however_narrow(clock, monkeypatch, capsys, columns, said):
    terminal = partial(Console, force_terminal=True, width=columns, color_system=None)
    monkeypatch.setattr(progress, "Console", terminal)
    shown = Progress("train_temporal_aggregation", 300)
    for _ in range(170):
        clock[0] += 0.0943
        shown.advance()
    shown._bar.console.print(shown._bar.get_renderable())
    [row] = capsys.readouterr().err.splitlines()
    assert re.fullmatch(said, row.rstrip())
