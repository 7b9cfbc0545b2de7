"""What a DVC that was killed as it wrote leaves half-written is removed, or restored from Git."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts/mend_dvc.py"
WHOLE = "schema: '2.0'\nstages:\n  a:\n    cmd: run a\n    outs:\n    - path: b\n      md5: 'c'\n"


@pytest.fixture
def project(tmp_path):
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / ".dvc/tmp/rwlock").write_text(json.dumps({"read": {}, "write": {}}))
    (tmp_path / "dvc.lock").write_text(WHOLE)
    return tmp_path


def mend(folder):
    done = subprocess.run(
        [sys.executable, SCRIPT], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def committed(folder):
    who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "-q"], ["add", "dvc.lock"], [*who, "commit", "-qm", "lock"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def test_what_is_whole_stays(project):
    assert mend(project) == []
    assert (project / "dvc.lock").read_text() == WHOLE
    assert (project / ".dvc/tmp/rwlock").is_file()


@pytest.mark.parametrize("left", ["", '{"read": {"data/a": [{"pi'])
def test_a_half_written_list_of_locks_is_removed(project, left):
    (project / ".dvc/tmp/rwlock").write_text(left)
    assert [line.partition(":")[0] for line in mend(project)] == [".dvc/tmp/rwlock"]
    assert not (project / ".dvc/tmp/rwlock").exists()


@pytest.mark.parametrize("left", ["", "schema: '2.0'\n", WHOLE[:-2], WHOLE[:30] + "\n  a: ["])
def test_a_half_written_lock_comes_back_from_git_or_is_removed(project, left):
    (project / "dvc.lock").write_text(left)
    assert "removed" in mend(project)[0]
    assert not (project / "dvc.lock").exists()
    (project / "dvc.lock").write_text(WHOLE)
    committed(project)
    (project / "dvc.lock").write_text(left)
    assert "committed" in mend(project)[0]
    assert (project / "dvc.lock").read_text() == WHOLE


def test_make_demo_begins_with_it():
    makefile = (SCRIPT.parents[1] / "Makefile").read_text()
    assert makefile.index("scripts/mend_dvc.py") < makefile.index("@dvc repro")
