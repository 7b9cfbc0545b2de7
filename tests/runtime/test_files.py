"""Files that appear whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from avlib.runtime.errors import DataError
from avlib.runtime.files import NOTHING, atomic_path, leave_empty, make_folder
from avlib.runtime.stage import run


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_names_the_file_and_what_to_do_and_leaves_the_old_one(tmp_path, number):
    path = tmp_path / "clips.parquet"
    path.write_text("old")

    def fail():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise OSError(number, "no room")  # as write() does: it knows no name

    with pytest.raises(DataError, match=r"clips\.parquet: cannot be written.*full; make room"):
        fail()
    assert [file.name for file in tmp_path.iterdir()] == ["clips.parquet"]
    assert path.read_text() == "old"


def test_other_troubles_of_the_system_are_passed_on(tmp_path):
    def fail():
        with atomic_path(tmp_path / "a"):
            raise PermissionError(errno.EACCES, "not yours")

    with pytest.raises(PermissionError):
        fail()


def test_a_stage_on_a_full_disk_ends_in_one_line(capsys):
    def stage():
        raise OSError(errno.ENOSPC, "no room", "data/clips.parquet")

    with pytest.raises(SystemExit) as ended:
        run(stage)
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: data/clips.parquet: cannot be written")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOTDIR])
def test_a_stage_that_may_not_write_ends_in_one_line(capsys, number):
    def stage():
        raise OSError(number, os.strerror(number), "data/clips.parquet")

    with pytest.raises(SystemExit) as ended:
        run(stage)
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"error: data/clips.parquet: cannot be read or written ({os.strerror(number)})"
    )


def test_a_file_that_is_missing_is_a_defect_of_ours():
    def stage():
        raise FileNotFoundError(errno.ENOENT, "no such file", "avlib/words.yaml")

    with pytest.raises(FileNotFoundError):
        run(stage)


def test_a_folder_is_made_or_refused_before_anything_is_computed(tmp_path):
    for _ in range(2):
        make_folder(tmp_path / "a" / "b")
        assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/avlib")):
        with pytest.raises(DataError, match=r"is no folder to write to \(.*name another one"):
            make_folder(folder)


def test_a_folder_that_is_left_empty_says_so(tmp_path):
    folder = tmp_path / "models" / "off"
    folder.mkdir(parents=True)
    (folder / "old").write_text("of another run")
    leave_empty(folder)
    leave_empty(tmp_path / "new" / "one")
    for left in (folder, tmp_path / "new" / "one"):
        assert [path.name for path in left.iterdir()] == [NOTHING]
        assert (left / NOTHING).read_text().endswith("asked for.\n")
