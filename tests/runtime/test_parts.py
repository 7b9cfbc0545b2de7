"""Parts of bounded size."""

import random

import pytest

from avlib.runtime import parts
from avlib.runtime.parts import bounded, part_files
from avlib.runtime.per_clip import ClipTask
from avlib.runtime.tables import part_path


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(parts, "MOST", 3)


def tasks(subject, n):
    made = [ClipTask(f"{subject}{i}", subject, "digest") for i in range(n)]
    random.Random(n).shuffle(made)
    return made


def test_a_subject_of_many_clips_has_several_parts_and_others_one():
    found = bounded(tasks("b", 8) + tasks("a", 3))
    of = {}
    for task in found:
        of.setdefault(task.part, []).append(task.clip_id)
    assert of == {
        "a": ["a0", "a1", "a2"],
        "b": ["b0", "b1", "b2"],
        "b#1": ["b3", "b4", "b5"],
        "b#2": ["b6", "b7"],
    }
    assert {task.clip_id for task in found} == {f"a{i}" for i in range(3)} | {
        f"b{i}" for i in range(8)
    }


def test_what_was_divided_before_stays_in_the_next_stage():
    once = bounded(tasks("b", 20))
    assert bounded(random.Random(0).sample(once, len(once))) == once


@pytest.mark.parametrize("subject", ["b", ".b", "b[1]", "b*", "b/c"])
def test_all_files_of_a_subject_are_found_and_no_others(tmp_path, subject):
    own = [part_path(tmp_path, name) for name in (subject, f"{subject}#1", f"{subject}#2")]
    for path in [*own, part_path(tmp_path, f"{subject}1"), part_path(tmp_path, f"x{subject}")]:
        path.touch()
    assert list(part_files(tmp_path, subject)) == own
    own[0].unlink()  # all of its clips failed
    assert list(part_files(tmp_path, subject)) == own[1:]
