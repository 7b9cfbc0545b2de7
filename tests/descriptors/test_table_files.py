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
    "comments.csv": "# OpenFace 2.2, f=500\n\n#,;\n" + lines(",", NAMES, *CELLS),
    "decimal_commas.csv": lines(";", NAMES, *([c.replace(".", ",") for c in row] for row in CELLS)),
    "decimal_commas.tsv": lines("\t", NAMES, *([c.replace(".", ",") for c in r] for r in CELLS)),
    "blanks.csv": lines(";", [f" {name} " for name in NAMES], *CELLS),
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


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_text_of_two_bytes_a_letter_as_excel_writes_it(encoding, tmp_path):
    mark = "" if encoding == "utf-16" else "\ufeff"
    text = mark + lines("\t", NAMES, *CELLS, end="\r\n")
    (tmp_path / "t.csv").write_text(text, encoding=encoding, newline="")
    table = read_table_file(tmp_path / "t.csv")
    assert list(table) == NAMES
    np.testing.assert_array_equal(table.to_numpy(float), VALUES)


def test_decimal_commas_are_numbers_only_where_the_whole_column_has_them(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("clip;a;b;c;d\n1,5;0,25;0.5;2;1,5,2\n001;-1e-2;0,5;3;1\n")
    table = read_table_file(path, "clip")
    assert table["clip"].tolist() == ["1,5", "001"]
    assert table["a"].tolist() == [0.25, -0.01]
    assert table["b"].tolist() == ["0.5", "0,5"], "which is the thousand's?"
    assert table["c"].tolist() == [2, 3]
    assert table["d"].tolist() == ["1,5,2", "1"]
    path.write_text("0,5;0,7;1,1\n0,1;0,2;2,2\n")
    assert read_table_file(path).to_numpy().tolist() == [[0.5, 0.7, 1.1], [0.1, 0.2, 2.2]]
    path.write_text('"a;b;c","d"\n1,2\n')
    assert read_table_file(path).to_numpy().tolist() == [[1, 2]]


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("n_columns", [1, 2, 3, 12])
@pytest.mark.parametrize("n_rows", [1, 4])
def test_columns_that_pandas_numbers_for_want_of_names(n_rows, n_columns, index, tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(n_rows, n_columns)))
    frame.to_csv(tmp_path / "t.csv", index=index)
    table = read_table_file(tmp_path / "t.csv")
    np.testing.assert_array_equal(table.to_numpy()[:, -n_columns:], frame.to_numpy())
    assert list(table)[-n_columns:] == [str(column) for column in range(n_columns)]
    assert table.shape == (n_rows, n_columns)


@pytest.mark.parametrize("place", [0, 1, 3])
@pytest.mark.parametrize("dtype", [int, float])
def test_numbered_columns_beside_the_one_of_clips(dtype, place, tmp_path):
    frame = pd.DataFrame(np.arange(6).reshape(2, 3).astype(dtype))
    frame.insert(place, "clip", ["001", "002"])
    frame.to_csv(tmp_path / "t.csv", index=False)
    table = read_table_file(tmp_path / "t.csv", "clip")
    assert table["clip"].tolist() == ["001", "002"]
    np.testing.assert_array_equal(table[["0", "1", "2"]], frame[[0, 1, 2]])
    frame[["clip", 0]].to_csv(tmp_path / "t.csv", index=False)
    assert list(read_table_file(tmp_path / "t.csv", "clip")) == ["clip", "0"]


@pytest.mark.parametrize(
    "rows",
    [
        [[0, 1], [1, 0], [0, 1]],
        [["0", "1"], ["0.04", "1"], ["0.08", "0.9"]],  # a time and a confidence, as %g writes them
        [["0.0", "1.0", "2.0"], ["0.5", "0.5", "0.5"]],
        [[0, 1, 3], [0, 1, 4]],
        [[1, 2, 3], [4, 5, 6]],
        [[0, 1]],
        [[0], [1]],
    ],
)
def test_a_row_of_numbers_is_not_taken_for_names(rows, tmp_path):
    (tmp_path / "t.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    table = read_table_file(tmp_path / "t.csv")
    assert table.to_numpy(float).tolist() == [[float(cell) for cell in row] for row in rows]


def test_the_column_of_clips_is_text_though_blanks_stand_around_its_name(tmp_path):
    (tmp_path / "t.csv").write_text(' "clip" , a\n001,1\n002,2\n')
    table = read_table_file(tmp_path / "t.csv", "clip")
    assert table["clip"].tolist() == ["001", "002"]


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


def zipped(path):
    np.savez(path.with_suffix(".npz"), a=np.zeros((2, 3)))
    path.with_suffix(".npz").rename(path)


def with_header(text):
    """Write an array whose header says something else than its 24 bytes hold."""
    line = text.encode() + b"\n"
    start = b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line
    return lambda path: path.write_bytes(start + bytes(24))


HEADER = "{'descr': '<f8', 'fortran_order': False, 'shape': %s}"


def cube(path):
    np.save(path, np.zeros((2, 3, 4)))


BROKEN = {
    "objects.npy": no_numbers,
    "pickle.npy": pickled,
    "cube.npy": cube,
    "no_bytes.npy": lambda path: path.write_bytes(b""),
    "zipped.npy": zipped,
    "petabytes.npy": with_header(HEADER % "(10000000, 1000000)"),
    "overflow.npy": with_header(HEADER % f"({10**30}, 2)"),
    "negative.npy": with_header(HEADER % "(-1, 3)"),
    "bracket.npy": with_header(HEADER % "(3,"),
    "zeros.npy": with_header(HEADER % "(03,)"),
    "text.npy": lambda path: np.save(path, np.array(["a"])),
    "empty.csv": lambda path: path.write_text(""),
    "more_cells.csv": lambda path: path.write_text("a,b\n1,2\n1,2,3\n"),
    "more_from_the_start.csv": lambda path: path.write_text("a,b\n1,2,3\n1,2,3\n"),
    "no_data.arff": lambda path: path.write_text("@relation a\n@attribute b numeric\n"),
    "names.arff": lambda path: path.write_text("@attribute b numeric\n@data\n1,2\n"),
    "cut.parquet": lambda path: path.write_bytes(b"PAR1"),
    "twice.parquet": lambda path: pd.DataFrame([[1, 2]], columns=["a", "a "]).to_parquet(path),
    "long_cell.csv": lambda path: path.write_text("a" * 200_000 + ",b\n1,2\n"),
    "twice.csv": lambda path: path.write_text("a,b,a \n1,2,3\n"),
    "twice.arff": lambda path: path.write_text(
        "@attribute a numeric\n@attribute a numeric\n@data\n1,2\n"
    ),
    "sparse.arff": lambda path: path.write_text(
        "@attribute a numeric\n@attribute b numeric\n@data\n{0 1, 1 2}\n"
    ),
    "gone.csv": lambda path: None,
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_table_is_one_line_that_names_the_file(name, tmp_path):
    BROKEN[name](tmp_path / name)
    with pytest.raises(DataError, match=name) as caught:
        read_table_file(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_what_to_do_about_a_sparse_table_is_said(tmp_path):
    BROKEN["sparse.arff"](tmp_path / "t.arff")
    with pytest.raises(DataError, match=r"sparse rows.* are not supported; .*SparseToNonSparse"):
        read_table_file(tmp_path / "t.arff")
    for name in ("twice.csv", "twice.arff", "twice.parquet"):
        BROKEN[name](tmp_path / name)
        with pytest.raises(DataError, match="two columns are called a"):
            read_table_file(tmp_path / name)
