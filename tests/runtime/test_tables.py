import hashlib
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from avlib.descriptors.tables import VIDEO
from avlib.faces.tables import FACES
from avlib.protocols import FOLDS
from avlib.runtime import tables
from avlib.runtime.errors import DataError
from avlib.runtime.tables import (
    clip_refs,
    conform,
    iter_clips,
    part_path,
    read_clip,
    read_table,
    vectors,
    write_part,
    write_table,
)
from avlib.runtime.tables.schema import fixed_size_list
from avlib.speech.tables import SPEECH
from avlib.systems.common.tables import PREDICTIONS


def descriptors(clip_id, frames=3, dim=5, seed=0):
    values = np.random.default_rng(seed).normal(size=(frames, dim))
    return {
        "clip_id": [clip_id] * frames,
        "frame": np.arange(frames),
        "time": np.arange(frames) / 25,
        "descriptor": values,
    }


def faces(clip_id, frames=4):
    missing = np.arange(frames) == 1
    return {
        "clip_id": [clip_id] * frames,
        "frame": np.arange(frames),
        "time": np.arange(frames) / 25,
        "state": ["missing" if m else "detected" for m in missing],
        "box": fixed_size_list(np.ones((frames, 4)), missing),
        "score": np.where(missing, np.nan, 0.5),
        "landmarks": fixed_size_list(np.ones((frames, 136)), missing),
        "chip": [None if m else b"jpeg%d" % i for i, m in enumerate(missing)],
        "thumbnail": [b"cells"] * frames,
    }


def folds():
    return pd.DataFrame({"clip_id": ["b", "a", "a"], "fold": [0, 1, 0], "part": ["test"] * 3})


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_same_rows_in_any_order_give_the_same_bytes(tmp_path):
    frame = folds()
    write_table(tmp_path / "a", frame, FOLDS)
    write_table(tmp_path / "b", frame.iloc[::-1][["part", "fold", "clip_id"]], FOLDS)
    write_table(tmp_path / "c", pa.Table.from_pandas(frame), FOLDS)
    assert sha(tmp_path / "a") == sha(tmp_path / "b") == sha(tmp_path / "c")
    assert read_table(tmp_path / "a")[["clip_id", "fold"]].values.tolist() == [
        ["a", 0], ["a", 1], ["b", 0]]  # fmt: skip


def test_bytes_of_a_part_do_not_depend_on_the_memory_layout(tmp_path):
    rows = conform(faces("a"), FACES)
    chunks = pa.concat_tables([rows.slice(0, 1), rows.slice(1)])
    longer = conform(pa.concat_tables([conform(faces("0"), FACES), rows]), FACES).slice(4)
    for name, table in {"whole": rows, "chunks": chunks, "slice": longer}.items():
        write_part(tmp_path / f"{name}.parquet", [("a", table)], FACES)
        assert tables.digest_rows(table) == tables.digest_rows(rows)
    assert sha(tmp_path / "whole.parquet") == sha(tmp_path / "chunks.parquet")
    assert sha(tmp_path / "whole.parquet") == sha(tmp_path / "slice.parquet")


def test_rows_read_back_and_written_again_give_the_same_bytes(tmp_path):
    for schema, rows in ((FACES, faces("a")), (VIDEO, descriptors("a"))):
        name = schema.name
        first, second = tmp_path / f"{name}1.parquet", tmp_path / f"{name}2.parquet"
        write_table(first, rows, schema)
        write_part(second, iter_clips(first), schema)
        assert sha(first) == sha(second)
        write_table(second, read_table(first), schema)
        assert sha(first) == sha(second)
        assert clip_refs(first)[0].digest == tables.digest_rows(read_clip(first, 0))


def test_file_holds_no_pandas_metadata(tmp_path):
    write_table(tmp_path / "folds.parquet", folds(), FOLDS)
    assert set(pq.read_metadata(tmp_path / "folds.parquet").metadata) == {b"ARROW:schema"}
    assert pq.read_schema(tmp_path / "folds.parquet").metadata is None


def test_facts_about_a_table_are_kept_in_the_file(tmp_path):
    write_table(tmp_path / "folds.parquet", folds(), FOLDS, {"backend": "torch"})
    facts = pq.read_metadata(tmp_path / "folds.parquet").metadata
    assert facts[b"avlib.backend"] == b"torch"


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "folds.parquet"
    write_table(path, folds(), FOLDS)
    before = sha(path)

    def interrupted():
        yield "a", conform(descriptors("a"), VIDEO)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_part(path, interrupted(), VIDEO)
    assert sha(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_write_replaces_a_read_only_hard_link_without_touching_its_twin(tmp_path):
    path, twin = tmp_path / "folds.parquet", tmp_path / "twin"
    write_table(path, folds(), FOLDS)
    twin.hardlink_to(path)
    path.chmod(0o444)
    before = sha(twin)
    write_table(path, folds().iloc[:1], FOLDS)
    assert sha(twin) == before
    assert len(read_table(path)) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="part"), "table folds: column part is missing"),
        (lambda f: f.assign(emotion="anger"), "table folds: unknown column emotion"),
        (lambda f: f.assign(fold=["0", "1", "2"]), "column fold: expected int32, got"),
        (lambda f: f.assign(fold=[0.5, 1, 2]), "column fold: expected int32, got double"),
        (lambda f: f.assign(part=[1, 2, 3]), "column part: expected string, got int64"),
        (lambda f: f.assign(part=["test", None, "train"]), "column part: 1 of 3 values are null"),
        (lambda f: f.assign(fold=0), "1 rows repeat a key; expected one row per clip_id, fold"),
    ],
)
def test_rows_that_break_the_schema_are_named(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        write_table(tmp_path / "folds.parquet", change(folds()), FOLDS)
    assert not list(tmp_path.iterdir())


def test_vectors_of_different_sizes_are_an_error(tmp_path):
    rows = {**descriptors("a", frames=2), "descriptor": [[1.0, 2.0], [1.0]]}
    with pytest.raises(DataError, match=r"column descriptor: expected vectors of one size"):
        conform(rows, VIDEO)
    clips = [(c, conform(descriptors(c, dim=d), VIDEO)) for c, d in (("a", 3), ("b", 4))]
    with pytest.raises(DataError, match="clip b has column descriptor"):
        write_part(tmp_path / "x.parquet", clips, VIDEO)


def test_columns_of_different_lengths_are_an_error():
    with pytest.raises(DataError, match="columns differ in length"):
        conform({**descriptors("a"), "frame": np.arange(2)}, VIDEO)


def test_nullable_values_come_back_as_they_went(tmp_path):
    write_table(tmp_path / "x.parquet", faces("a"), FACES)
    frame = read_table(tmp_path / "x.parquet")
    assert frame["chip"].isna().tolist() == [False, True, False, False]
    assert np.isnan(frame["score"]).tolist() == [False, True, False, False]
    boxes = vectors(frame["box"])
    assert boxes.shape == (4, 4)
    assert np.isnan(boxes).all(axis=1).tolist() == [False, True, False, False]


@pytest.mark.parametrize("box", [[[1, 2, 3, 4], None], [np.ones(4), None]])
def test_fixed_size_columns_accept_plain_lists(box):
    rows = {k: v[:2] for k, v in faces("a").items()} | {"box": box}
    assert conform(rows, FACES)["box"].null_count == 1


@pytest.mark.parametrize("intervals", [np.zeros((0, 2)), np.array([[0.1, 0.5], [0.75, 1.0]])])
def test_speech_intervals_survive(tmp_path, intervals):
    rows = {"clip_id": ["a"], "sample_rate": [16000], "pcm": [b"\0\1"], "intervals": [intervals]}
    write_table(tmp_path / "s.parquet", rows, SPEECH)
    ((_, table),) = iter_clips(tmp_path / "s.parquet")
    back = np.asarray(table["intervals"][0].as_py(), dtype=float).reshape(-1, 2)
    np.testing.assert_array_equal(back, intervals)


def test_vectors_of_a_slice_are_the_rows_of_the_slice():
    values = np.arange(20, dtype=np.float32).reshape(5, 4)
    mask = np.array([False, True, False, False, True])
    column = fixed_size_list(values, mask)
    expected = np.where(mask[:, None], np.nan, values)
    np.testing.assert_array_equal(vectors(column), expected)
    np.testing.assert_array_equal(vectors(column.slice(1, 3)), expected[1:4])
    np.testing.assert_array_equal(vectors(pa.chunked_array([column, column])), [*expected] * 2)


def test_vector_column_is_read_without_copying():
    column = fixed_size_list(np.ones((5, 4)))
    assert vectors(column).ctypes.data == column.values.buffers()[1].address


def test_clips_are_listed_from_metadata_and_read_one_by_one(tmp_path):
    folder = tmp_path / "video"
    for subject, ids in {"s/1": ["b", "a"], "s0": ["c"]}.items():
        rows = pd.concat(pd.DataFrame({**d, "descriptor": list(d["descriptor"])})
                         for d in map(descriptors, ids))  # fmt: skip
        write_table(part_path(folder, subject), rows, VIDEO)
    refs = clip_refs(folder)
    assert [(r.part, r.clip_id, r.row_group) for r in refs] == [
        ("s/1", "a", 0), ("s/1", "b", 1), ("s0", "c", 0)]  # fmt: skip
    assert [clip_id for clip_id, _ in iter_clips(folder)] == ["a", "b", "c"]
    one = read_clip(refs[1].path, refs[1].row_group, ["clip_id", "frame"])
    assert one.to_pydict() == {"clip_id": ["b"] * 3, "frame": [0, 1, 2]}
    assert read_table(folder)["clip_id"].tolist() == ["a"] * 3 + ["b"] * 3 + ["c"] * 3


def test_digest_follows_the_values_of_the_clip_alone(tmp_path):
    def digest(subject, *clips):
        pairs = [(c, conform(descriptors(c, seed=s), VIDEO)) for c, s in clips]
        write_part(part_path(tmp_path, subject), pairs, VIDEO)
        return {r.clip_id: r.digest for r in clip_refs(part_path(tmp_path, subject))}

    alone, among, changed = (
        digest("x", ("b", 1)), digest("y", ("a", 0), ("b", 1)), digest("z", ("b", 2)))  # fmt: skip
    assert alone["b"] == among["b"] != changed["b"]


@pytest.mark.parametrize("subject", ["Actor_01", "a b/c", "..", ".hidden", "é%2F", "S1.parquet"])
def test_any_subject_name_makes_a_safe_file_name(tmp_path, subject):
    path = part_path(tmp_path, subject)
    write_part(path, [("a", conform(descriptors("a"), VIDEO))], VIDEO)
    assert path.parent == tmp_path
    assert not path.name.startswith(".")
    assert clip_refs(tmp_path)[0].part == subject


def test_clip_without_rows_keeps_its_place(tmp_path):
    empty = conform(descriptors("b", frames=0), VIDEO)
    pairs = [("a", conform(descriptors("a"), VIDEO)), ("b", empty)]
    write_part(tmp_path / "x.parquet", pairs, VIDEO)
    assert [r.clip_id for r in clip_refs(tmp_path)] == ["a", "b"]
    assert read_clip(tmp_path / "x.parquet", 1).num_rows == 0


def test_clips_without_rows_may_come_before_the_size_of_vectors_is_known(tmp_path):
    empty = conform({**descriptors("a", frames=0), "descriptor": []}, VIDEO)
    full = conform(descriptors("b"), VIDEO)
    write_part(tmp_path / "1.parquet", [("a", empty), ("b", full), ("c", empty)], VIDEO)
    write_part(tmp_path / "2.parquet", [("a", empty)], VIDEO)
    assert [read_clip(tmp_path / "1.parquet", i).num_rows for i in range(3)] == [0, 3, 0]
    one, two = clip_refs(tmp_path / "1.parquet"), clip_refs(tmp_path / "2.parquet")
    assert [r.clip_id for r in one] == ["a", "b", "c"]
    assert one[0].digest == two[0].digest
    assert len(read_table(tmp_path)) == 3


def test_empty_folder_is_a_table_without_rows(tmp_path):
    folder = tmp_path / "video"
    folder.mkdir()
    assert len(read_table(folder)) == 0
    rows = read_table(folder, ["clip_id", "time"])
    assert (rows.columns.tolist(), len(rows)) == (["clip_id", "time"], 0)
    assert clip_refs(folder) == []


def test_part_without_clips_is_legal(tmp_path):
    write_part(tmp_path / "x.parquet", [], VIDEO)
    write_part(tmp_path / "y.parquet", [("a", conform(descriptors("a"), VIDEO))], VIDEO)
    assert len(read_table(tmp_path)) == 3
    assert [r.clip_id for r in clip_refs(tmp_path)] == ["a"]


def test_missing_or_broken_files_are_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: no such table"):
        read_table(tmp_path / "nowhere")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1")
    for read in (read_table, clip_refs):
        with pytest.raises(DataError, match=r"broken.parquet: not a whole Parquet file"):
            read(broken)


def test_damage_in_the_middle_of_a_table_is_one_line(tmp_path, schemas):
    path = tmp_path / "a.parquet"
    texts = [f"reason {i % 7}" for i in range(1000)]
    rows = {"clip_id": [str(i) for i in range(1000)], "stage": texts, "status": texts,
            "reason": texts}  # fmt: skip
    write_table(path, rows, schemas["status"])
    data = bytearray(path.read_bytes())
    data[4:400] = bytes(396)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"^\S*a.parquet: not a whole Parquet file.*\)$"):
        read_table(path)


def test_predictions_accept_one_probability_per_class(tmp_path):
    rows = {
        "clip_id": ["a"], "fold": [0], "model": ["merml"], "condition": ["default"],
        "modalities": ["audio+video"],
        "emotion": ["anger"], "predicted": ["anger"], "prob_sadness": [0.25], "prob_anger": [0.75],
    }  # fmt: skip
    assert conform(rows, PREDICTIONS).column_names[-2:] == ["prob_anger", "prob_sadness"]
    with pytest.raises(DataError, match="prob_anger"):
        conform({**rows, "prob_anger": [np.nan]}, PREDICTIONS)


def test_every_schema_names_its_key_and_writes_an_empty_table(tmp_path, schemas):
    assert {"clips", "folds", "faces", "speech", "fisher", "predictions", "status"} <= set(schemas)
    for name, schema in schemas.items():
        assert set(schema.key) <= set(schema.columns) - schema.nullable
        write_table(tmp_path / f"{name}.parquet", tables.no_rows(schema), schema)
        assert len(read_table(tmp_path / f"{name}.parquet")) == 0


def test_listing_of_a_part_is_json(tmp_path):
    write_part(tmp_path / "x.parquet", [("a", conform(descriptors("a"), VIDEO))], VIDEO)
    listing = json.loads(pq.read_metadata(tmp_path / "x.parquet").metadata[b"avlib.clips"])
    assert listing == [["a", clip_refs(tmp_path)[0].digest]]
