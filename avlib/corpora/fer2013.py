"""FER2013, the still faces of the 2013 Facial Expression Recognition challenge, from its csv."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avlib.runtime.errors import CorpusError

# The file's codes 0-6, in canonical words.
EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
PARTS = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
COLUMNS = ("emotion", "pixels", "Usage")
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


def read_faces(path: Path, rejected: Counter[str]) -> Iterator[Face]:
    """Stream the faces of a ``fer2013.csv``, in file order and with one row in memory.

    Parameters
    ----------
    path : Path
        As distributed: columns emotion, pixels and Usage, in any order.
    rejected : Counter
        Counts rows that cannot be used, by reason; complete when the stream ends.

    Raises
    ------
    CorpusError
        The file is missing, empty, no text, or lacks a column.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
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
