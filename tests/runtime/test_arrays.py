import zipfile

import numpy as np
import pytest

from avlib.runtime.arrays import save_arrays

ARRAYS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "part/b": np.asfortranarray(np.arange(600.0).reshape(20, 30)),
    "names": np.array(["anger", "für"]),
    "none": np.zeros((0, 3), np.int64),
    "one": np.array(2.5),
}


@pytest.mark.parametrize("limit", [zipfile.ZIP64_LIMIT, 6000])
def test_arrays_come_back_as_they_were_also_where_sizes_need_more_room(
    tmp_path, monkeypatch, limit
):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    save_arrays(tmp_path / "all.npz", ARRAYS)
    with np.load(tmp_path / "all.npz") as found:
        assert found.files == list(ARRAYS)
        for name, array in ARRAYS.items():
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)
            assert found[name].flags.f_contiguous == array.flags.f_contiguous


def test_nothing_in_the_file_tells_when_or_by_which_python_it_was_made(tmp_path):
    save_arrays(tmp_path / "all.npz", ARRAYS)
    with zipfile.ZipFile(tmp_path / "all.npz") as archive:
        for entry in archive.infolist():
            # 2.0 of the format: what it takes without room for more than 4 GB.
            assert (entry.create_version, entry.extract_version, entry.extra) == (20, 20, b"")
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)


def test_objects_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Object"):
        save_arrays(tmp_path / "all.npz", {"a": np.array([{}], object)})
