from collections import Counter

import numpy as np
import pytest

from avlib.corpora.fer2013 import EMOTIONS, read_faces
from avlib.runtime.errors import CorpusError

GREY = " ".join(["7"] * 2304)


def write(path, rows, header="emotion,pixels,Usage"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_faces_come_with_part_emotion_and_pixels_row_by_row(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (48, 48))
    text = " ".join(map(str, pixels.ravel()))
    rows = [f"3,{text},Training", f"6,{GREY},PublicTest", f"0,{GREY},PrivateTest"]
    rejected = Counter()
    faces = list(read_faces(write(tmp_path / "fer.csv", rows), rejected))
    assert [(face.part, EMOTIONS[face.emotion]) for face in faces] == [
        ("train", "happiness"),
        ("validation", "neutral"),
        ("test", "anger"),
    ]
    assert faces[0].pixels.dtype == np.uint8
    np.testing.assert_array_equal(faces[0].pixels, pixels)
    assert not rejected


def test_columns_may_stand_in_another_order_and_after_blanks(tmp_path):
    path = write(tmp_path / "fer.csv", [f"2,Training,{GREY}"], "emotion, Usage, pixels")
    (face,) = read_faces(path, Counter())
    assert (face.part, EMOTIONS[face.emotion]) == ("train", "fear")


def test_bad_rows_are_counted_by_reason_and_cost_no_other_row(tmp_path):
    rows = [
        f"3,{GREY},Training",
        "3",
        f"7,{GREY},Training",
        f"happy,{GREY},Training",
        f"1,{GREY},Test",
        f"1,{GREY} 7,Training",
        f"1,{GREY[:-1]}300,Training",
        f"1,{GREY[:-1]}-1,Training",
        f"1,{GREY[:-1]}x,Training",
        f"1,{GREY[:-1]}nan,Training",
        "1,,Training",
        f"4,{GREY},PublicTest",
    ]
    rejected = Counter()
    faces = list(read_faces(write(tmp_path / "fer.csv", rows), rejected))
    assert [face.emotion for face in faces] == [3, 4]
    assert rejected == {
        "too few columns": 1,
        "emotion is not 0 to 6": 2,
        "Usage is none of Training, PublicTest, PrivateTest": 1,
        "not 2304 pixels": 2,
        "a pixel is not 0 to 255": 2,
        "pixels are not whole numbers": 2,
    }


def test_rows_are_read_one_at_a_time(tmp_path):
    path = write(tmp_path / "fer.csv", [f"3,{GREY},Training", "broken"])
    rejected = Counter()
    next(read_faces(path, rejected))
    assert not rejected, "the second row was read before it was asked for"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "lacks the column emotion, pixels, Usage; found an empty file"),
        (b"emotion,pixels\n3,1 2\n", "lacks the column Usage; found emotion, pixels"),
        (b"\x1f\x8b\xff\xfe\x00", "is no csv"),
    ],
    ids=["empty", "without Usage", "packed"],
)
def test_a_file_that_is_not_fer2013_is_one_clear_line(content, expected, tmp_path):
    (tmp_path / "fer.csv").write_bytes(content)
    with pytest.raises(CorpusError, match=expected):
        list(read_faces(tmp_path / "fer.csv", Counter()))


def test_a_missing_file_says_where_to_put_it(tmp_path):
    with pytest.raises(CorpusError, match=r"put fer2013\.csv there"):
        list(read_faces(tmp_path / "fer.csv", Counter()))
