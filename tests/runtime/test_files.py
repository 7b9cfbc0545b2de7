"""Files that appear whole or not at all."""

import errno

import pytest

from avlib.runtime.errors import DataError
from avlib.runtime.files import NOTHING, atomic_path, leave_empty
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


def test_a_folder_that_is_left_empty_says_so(tmp_path):
    folder = tmp_path / "models" / "off"
    folder.mkdir(parents=True)
    (folder / "old").write_text("of another run")
    leave_empty(folder)
    leave_empty(tmp_path / "new" / "one")
    for left in (folder, tmp_path / "new" / "one"):
        assert [path.name for path in left.iterdir()] == [NOTHING]
        assert (left / NOTHING).read_text().endswith("asked for.\n")
