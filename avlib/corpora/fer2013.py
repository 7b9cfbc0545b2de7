"""FER2013, the still faces of the 2013 Facial Expression Recognition challenge.

From a csv, or from folders of pictures, as Kaggle distributes them.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from avlib.runtime.digests import file_digest
from avlib.runtime.errors import CorpusError

# The file's codes 0-6, in canonical words.
EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
PARTS = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
COLUMNS = ("emotion", "pixels", "Usage")
CSVS = ("fer2013.csv", "icml_face_data.csv")  # the second one's columns begin with a blank
# The folders of pictures, by emotion, in the order of `EMOTIONS`.
FOLDERS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
PICTURES = (".png", ".jpg", ".jpeg")
# The pictures' train folder is Training, their test folder PublicTest and PrivateTest together.
# This share of train is held out for validation: as many as PublicTest has.
HELD_OUT = 1 / 8
SIZE = 48  # pixels
# In the whole file (Goodfellow et al. 2013, Challenges in Representation Learning: A report on
# three machine learning contests).
N_FACES = 35887
SOURCE = "https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge"
LICENCE = "the challenge's terms: research"


@dataclass(frozen=True)
class Face:
    """One row: which part it belongs to, its emotion as an index into `EMOTIONS`, its pixels.

    Attributes
    ----------
    part : {"train", "validation", "test"}
    emotion : int
    pixels : uint8 of shape (48, 48)
        Grey.
    """

    part: str
    emotion: int
    pixels: np.ndarray


def find(folder: Path) -> Path | None:
    """Return what `read_faces` reads in ``data/raw/fer2013``; None where there is nothing."""
    for name in CSVS:
        if (folder / name).is_file():
            return folder / name
    return folder if (folder / "train").is_dir() else None


def where_looked(folder: Path) -> str:
    """Say where `find` looks."""
    return f"{folder}: neither {' nor '.join(CSVS)} nor a folder train of pictures by emotion"


def digest(path: Path) -> str:
    """Return a digest of a csv's bytes; of a folder, of its pictures and their places."""
    if path.is_file():
        return file_digest(path)
    files = _pictures(path)
    places = "\n".join(str(file.relative_to(path)) for file in files)
    return hashlib.sha256(f"{places} {file_digest(*files)}".encode()).hexdigest()


def count(path: Path) -> int:
    """Count rows or pictures, without looking into them."""
    if path.is_dir():
        return len(_pictures(path))
    with path.open("rb") as file:
        return max(sum(1 for _ in file) - 1, 0)  # without the titles


def read_faces(path: Path, rejected: Counter[str], seed: int = 0) -> Iterator[Face]:
    """Stream the faces, with one in memory.

    Parameters
    ----------
    path : Path
        A csv as distributed, with columns emotion, pixels and Usage, in any order; or a folder that
        holds ``train/angry/*.png`` (or jpg) and ``test/angry/*.png``, and so on, see `FOLDERS`.
    rejected : Counter
        Counts rows and files that cannot be used, by reason; complete when the stream ends.
    seed : int
        Of the pictures in ``train`` that are held out for validation, an eighth; copies of a
        picture are all held out, or none. A csv tells its parts itself.

    Raises
    ------
    CorpusError
        The file is missing, empty, no text, or lacks a column; the folder lacks ``train``.
    """
    return _read_folder(path, rejected, seed) if path.is_dir() else _read_csv(path, rejected)


def _read_csv(path: Path, rejected: Counter[str]) -> Iterator[Face]:
    try:
        # Not plain utf-8: a byte-order mark would become part of the first column's name.
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            where = _columns(next(rows, []), path)
            for row in rows:
                face = _parse(row, where)
                if isinstance(face, Face):
                    yield face
                else:
                    rejected[face] += 1
    except OSError as error:
        raise CorpusError(
            f"{path}: {error.strerror}; put fer2013.csv there, see data/raw/fer2013/README.md"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path} is no csv ({error}); expected fer2013.csv, unpacked") from None


def _read_folder(folder: Path, rejected: Counter[str], seed: int) -> Iterator[Face]:
    if not (folder / "train").is_dir():
        raise CorpusError(
            f"{folder} has no folder train; expected train and test with {', '.join(FOLDERS)}"
        )
    for path in _pictures(folder):
        found, part = _open(path), path.parent.parent.name
        if isinstance(found, str):
            rejected[found] += 1
            continue
        held_out = part == "train" and _drawn(found, seed) < HELD_OUT
        emotion = FOLDERS.index(path.parent.name)
        yield Face("validation" if held_out else part, emotion, found)


def _pictures(folder: Path) -> list[Path]:
    """Return the files of the parts' folders, sorted, whatever they hold."""
    files = [file for part in ("train", "test") for file in (folder / part).glob("*/*")]
    return sorted(file for file in files if file.is_file())


def _open(path: Path) -> np.ndarray | str:
    """Return a picture's pixels, or why they cannot be used."""
    if path.parent.name not in FOLDERS:
        return f"the folder is none of {', '.join(FOLDERS)}"
    if path.suffix.lower() not in PICTURES:
        return f"the name ends in none of {', '.join(PICTURES)}"
    try:
        with Image.open(path) as picture:
            if picture.size != (SIZE, SIZE):
                return f"not {SIZE} x {SIZE} pixels"
            return np.array(picture.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return "no readable picture"


def _drawn(pixels: np.ndarray, seed: int) -> float:
    """Return a number of 0 to 1 that copies of a picture share; the seed draws others."""
    digest = hashlib.sha256(f"{seed} ".encode() + pixels.tobytes()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _columns(header: list[str], path: Path) -> tuple[int, ...]:
    names = [name.strip() for name in header]  # one distribution has " Usage"
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        found = ", ".join(names)[:80] if header else "an empty file"
        raise CorpusError(
            f"{path} lacks the column {', '.join(missing)}; found {found}, expected "
            f"{', '.join(COLUMNS)} (train.csv and test.csv of the challenge do not tell the parts)"
        )
    return tuple(names.index(column) for column in COLUMNS)


def _parse(row: list[str], where: tuple[int, ...]) -> Face | str:
    """Return the face, or why there is none."""
    if len(row) <= max(where):
        return "too few columns"
    emotion, text, usage = (row[index].strip() for index in where)
    if usage not in PARTS:
        return "Usage is none of Training, PublicTest, PrivateTest"
    if emotion not in {str(code) for code in range(len(EMOTIONS))}:
        return "emotion is not 0 to 6"
    try:
        pixels = np.array(text.split(), dtype=np.int64)
    except (ValueError, OverflowError):
        return "pixels are not whole numbers"
    if pixels.size != SIZE * SIZE:
        return f"not {SIZE * SIZE} pixels"
    if pixels.min() < 0 or pixels.max() > 255:
        return "a pixel is not 0 to 255"
    return Face(PARTS[usage], int(emotion), pixels.astype(np.uint8).reshape(SIZE, SIZE))
