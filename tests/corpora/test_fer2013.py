import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from avlib.corpora.fer2013 import EMOTIONS, FOLDERS, count, digest, find, read_faces
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


def test_kaggles_other_csv_begins_with_a_mark_and_blanks(tmp_path):
    path = tmp_path / "icml_face_data.csv"
    path.write_bytes(f"\ufeffemotion, Usage, pixels\r\n5, PrivateTest, {GREY}\r\n".encode())
    (face,) = read_faces(path, Counter())
    assert (face.part, EMOTIONS[face.emotion]) == ("test", "surprise")
    assert (face.pixels == 7).all()


def pictures(folder, n=40):
    """Write pictures of noise, no two alike, in the folders of their emotions."""
    random = np.random.default_rng(0)
    for part, each in (("train", n), ("test", 2)):
        for name in FOLDERS:
            place = folder / part / name
            place.mkdir(parents=True)
            for k in range(each):
                face = Image.fromarray(random.integers(0, 256, (48, 48), np.uint8))
                face.save(place / f"{k}.png")
    return folder


def test_pictures_are_faces_and_an_eighth_of_train_is_held_out(tmp_path):
    rejected = Counter()
    faces = list(read_faces(pictures(tmp_path), rejected))
    assert not rejected
    parts = Counter(face.part for face in faces)
    assert parts["test"] == 14
    assert parts["train"] + parts["validation"] == 280
    assert 20 < parts["validation"] < 50
    counts = np.bincount([face.emotion for face in faces])
    np.testing.assert_array_equal(counts, 42)
    first = np.array(Image.open(tmp_path / "test" / FOLDERS[3] / "0.png"))
    (found,) = [face for face in faces if np.array_equal(face.pixels, first)]
    assert (found.part, EMOTIONS[found.emotion]) == ("test", "happiness")


def test_what_is_held_out_depends_on_the_seed_and_the_picture_alone(tmp_path):
    folder = pictures(tmp_path)

    def held_out(seed):
        faces = read_faces(folder, Counter(), seed)
        return {face.pixels.tobytes() for face in faces if face.part == "validation"}

    before = held_out(0)
    assert before != held_out(1)
    (folder / "train/sad/9.png").unlink()
    source = next(
        path
        for path in sorted((folder / "train").rglob("*.png"))
        if np.array(Image.open(path)).tobytes() in before
    )
    shutil.copy(source, folder / "train/sad/copy.png")
    after = held_out(0)
    assert after <= before
    assert len(before - after) <= 1
    faces = read_faces(folder, Counter())
    twice = np.array(Image.open(source)).tobytes()
    assert [face.part for face in faces if face.pixels.tobytes() == twice] == ["validation"] * 2


def test_bad_pictures_are_counted_by_reason_and_cost_no_other(tmp_path):
    folder = pictures(tmp_path, n=1)
    (folder / "train/angry/cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (folder / "train/angry/.DS_Store").write_bytes(b"x")
    Image.new("L", (50, 48)).save(folder / "train/happy/wide.png")
    (folder / "train/contempt").mkdir()
    Image.new("L", (48, 48)).save(folder / "train/contempt/0.png")
    Image.new("RGB", (48, 48), (9, 9, 9)).save(folder / "test/fear/colour.jpeg")
    rejected = Counter()
    assert len(list(read_faces(folder, rejected))) == 7 + 14 + 1
    assert {reason.partition(" of ")[0]: n for reason, n in rejected.items()} == {
        "no readable picture": 1,
        "the name ends in none": 1,
        "not 48 x 48 pixels": 1,
        "the folder is none": 1,
    }


def test_the_csv_is_found_before_the_pictures_and_nothing_is_none(tmp_path):
    assert find(tmp_path) is None
    pictures(tmp_path, n=1)
    assert find(tmp_path) == tmp_path
    assert count(tmp_path) == 7 + 14
    for name in ("icml_face_data.csv", "fer2013.csv"):
        write(tmp_path / name, [f"3,{GREY},Training"])
        assert find(tmp_path) == tmp_path / name
        assert count(tmp_path / name) == 1


def test_digest_tells_moved_and_changed_pictures(tmp_path):
    pictures(tmp_path, n=1)
    digests = [digest(tmp_path)]
    (tmp_path / "train/sad/0.png").rename(tmp_path / "train/happy/1.png")
    digests.append(digest(tmp_path))
    Image.new("L", (48, 48)).save(tmp_path / "test/sad/0.png")
    digests.append(digest(tmp_path))
    assert len(set(digests)) == 3


def test_a_folder_without_train_is_one_clear_line(tmp_path):
    with pytest.raises(
        CorpusError, match="has no folder train; expected train and test with angry"
    ):
        list(read_faces(tmp_path, Counter()))
