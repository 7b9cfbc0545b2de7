"""Files of other tools: the values that a test wrote come back, whatever the format."""

import pickle

import numpy as np
import pandas as pd
import pytest

from avlib.descriptors.table_files import read_table_file
from avlib.runtime.errors import DataError

NAMES = ["AU01_r", "AU12_r", "timestamp"]
VALUES = np.array([[0.25, 1.5, 0.0], [np.nan, -3e-5, 0.04], [5.0, 0.0, 0.08]])
CELLS = [["" if np.isnan(v) else repr(float(v)) for v in row] for row in VALUES]


def lines(separator, *rows, end="\n"):
    return end.join(separator.join(row) for row in rows) + end


FILES = {
    "comma.csv": lines(",", NAMES, *CELLS),
    "openface.csv": lines(", ", NAMES, *CELLS),
    "semicolon.csv": lines(";", NAMES, *CELLS),
    "tab.tsv": lines("\t", NAMES, *CELLS),
    "tab.csv": lines("\t", NAMES, *CELLS),
    "windows.csv": "\ufeff" + lines(",", NAMES, *CELLS, end="\r\n"),
    "quoted.csv": lines(",", [f'"{name}"' for name in NAMES], *CELLS),
    "row_numbers.csv": lines(",", ["", *NAMES], *([str(i), *row] for i, row in enumerate(CELLS))),
    "ends.csv": lines(",", [*NAMES, ""], *([*row, ""] for row in CELLS)),
    "blank_line.csv": "\n" + lines(",", NAMES, *CELLS) + "\n\n",
    "question.csv": lines(",", NAMES, *([cell or "?" for cell in row] for row in CELLS)),
    "text.ARFF": "@relation 'a b'\n\n"
    + "".join(f"@attribute {name} numeric\n" for name in NAMES)
    + "\n@data\n% a comment\n"
    + lines(",", *([cell or "?" for cell in row] for row in CELLS)),
}


@pytest.mark.parametrize("name", FILES)
def test_text_in_every_dress(name, tmp_path):
    (tmp_path / name).write_text(FILES[name], newline="")
    table = read_table_file(tmp_path / name)
    assert list(table) == NAMES
    np.testing.assert_array_equal(table.to_numpy(float), VALUES)


def test_parquet_keeps_a_column_that_pandas_took_for_the_names_of_rows(tmp_path):
    frame = pd.DataFrame(VALUES, columns=NAMES)
    frame.assign(clip=["a", "b", "c"]).set_index("clip").to_parquet(tmp_path / "t.parquet")
    table = read_table_file(tmp_path / "t.parquet")
    np.testing.assert_array_equal(table[NAMES], VALUES)
    assert table["clip"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("dtype", ["f2", "f4", "<f8", ">f8", "i4"])
def test_npy_has_numbered_columns(dtype, tmp_path):
    values = np.arange(12).reshape(4, 3).astype(dtype)
    np.save(tmp_path / "t.npy", values)
    table = read_table_file(tmp_path / "t.npy")
    assert list(table) == ["value_0", "value_1", "value_2"]
    np.testing.assert_array_equal(table, values)


def test_a_vector_is_one_row(tmp_path):
    np.save(tmp_path / "t.npy", np.arange(5.0))
    assert read_table_file(tmp_path / "t.npy").to_numpy().tolist() == [[0, 1, 2, 3, 4]]


def test_numbers_without_names_are_numbered(tmp_path):
    np.savetxt(tmp_path / "t.csv", VALUES[[0, 2]], delimiter=";")
    table = read_table_file(tmp_path / "t.csv")
    assert list(table) == ["value_0", "value_1", "value_2"]
    np.testing.assert_array_equal(table, VALUES[[0, 2]])


def test_opensmiles_arff_and_names_that_look_like_numbers(tmp_path):
    (tmp_path / "t.arff").write_text(
        "@relation openSMILE_features\n@attribute name string\n@attribute 'F0 final' numeric\n"
        "@attribute class {anger,joy}\n@data\n'001',0.5,?\n'a, b',1.5,?\n"
    )
    table = read_table_file(tmp_path / "t.arff", "name")
    assert table["name"].tolist() == ["001", "a, b"]
    assert table["F0 final"].tolist() == [0.5, 1.5]
    assert table["class"].isna().all()


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("unpickled",)


def no_numbers(path):
    np.save(path, np.array([Bomb()], dtype=object), allow_pickle=True)


def pickled(path):
    path.write_bytes(pickle.dumps(Bomb()))


def cube(path):
    np.save(path, np.zeros((2, 3, 4)))


BROKEN = {
    "objects.npy": no_numbers,
    "pickle.npy": pickled,
    "cube.npy": cube,
    "text.npy": lambda path: np.save(path, np.array(["a"])),
    "empty.csv": lambda path: path.write_text(""),
    "more_cells.csv": lambda path: path.write_text("a,b\n1,2\n1,2,3\n"),
    "more_from_the_start.csv": lambda path: path.write_text("a,b\n1,2,3\n1,2,3\n"),
    "no_data.arff": lambda path: path.write_text("@relation a\n@attribute b numeric\n"),
    "names.arff": lambda path: path.write_text("@attribute b numeric\n@data\n1,2\n"),
    "cut.parquet": lambda path: path.write_bytes(b"PAR1"),
    "twice.parquet": lambda path: pd.DataFrame([[1, 2]], columns=["a", "a "]).to_parquet(path),
    "long_cell.csv": lambda path: path.write_text("a" * 200_000 + ",b\n1,2\n"),
    "gone.csv": lambda path: None,
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_table_is_one_line_that_names_the_file(name, tmp_path):
    BROKEN[name](tmp_path / name)
    with pytest.raises(DataError, match=name) as caught:
        read_table_file(tmp_path / name)
    assert "\n" not in str(caught.value)
