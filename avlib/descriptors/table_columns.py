"""The columns of a user's table: what is known of them by name, and their numbers."""

import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from avlib.runtime.errors import DataError

# What is known of a row beside its values, by the names that tools give it, in small letters.
TIME = ("timestamp", "time", "frametime")  # s; OpenFace's, AVEC's, openSMILE's
FRAME = ("frame",)
CONFIDENCE = ("confidence", "facescore")  # OpenFace's, py-feat's
SUCCESS = ("success",)  # OpenFace's: 1 where the face was followed
FACE = ("face_id",)
ABOUT_ROWS = (*TIME, *FRAME, *CONFIDENCE, *SUCCESS, *FACE)
# What is known of the clip, which a descriptor must not tell: its label, who is recorded, where it
# stands in the corpus. A tool may call a descriptor so (arousal): it is taken if it is asked for.
ABOUT_CLIPS = (
    *("emotion", "emotions", "emotion_id", "label", "labels", "label_id", "class", "class_id"),
    *("category", "target", "arousal", "valence", "dominance"),
    *("subject", "subject_id", "speaker", "speaker_id", "actor", "actor_id", "person", "person_id"),
    *("participant", "participant_id", "sex", "gender", "age"),
    *("fold", "split", "part", "partition", "set", "usage", "session", "sentence", "statement"),
    *("take", "repetition", "id", "index", "clip", "clip_id", "file", "filename", "name"),
)


def known_column(rows: pd.DataFrame, names: Sequence[str]) -> np.ndarray | None:
    """Return a column that a tool calls by one of these names, float64 of shape (n,), if any."""
    found = [column for column in rows.columns.tolist() if column.lower() in names]
    return numbers(rows, found[:1])[:, 0] if found else None


def numeric_columns(rows: pd.DataFrame) -> list[str]:
    """Return the columns that hold numbers; a cell of other text does not make them text."""
    return [column for column in rows.columns.tolist() if kind_of(rows[column]) == "numbers"]


def kind_of(column: pd.Series) -> Literal["numbers", "text", "nothing"]:
    """Tell what most cells of a column hold, of those that hold anything."""
    there = column.dropna()
    if not len(there):
        return "nothing"
    if pd.api.types.is_numeric_dtype(column):
        return "numbers"
    if not pd.api.types.is_string_dtype(there):  # times, lists
        return "text"
    share = pd.to_numeric(there, errors="coerce").notna().mean()
    return "numbers" if share > 0.5 else "text"


def matches(column: str, wanted: str) -> bool:
    """Tell whether a column has a name, in which ``*`` stands for any text.

    Brackets are no pattern: openSMILE has columns like ``pcm_fftMag_mfcc_sma[1]``.
    """
    return re.fullmatch(re.escape(wanted).replace(r"\*", ".*"), column) is not None


def numbers(rows: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Return columns as numbers, float64 of shape (n, n_columns); NaN where there is none.

    Raises
    ------
    DataError
        A cell holds something else.
    """
    chosen = rows[list(columns)]
    if all(map(pd.api.types.is_numeric_dtype, chosen.dtypes)):  # most tables, at once
        return chosen.to_numpy("float64", na_value=np.nan)
    values = np.empty((len(rows), len(columns)))
    for place, column in enumerate(columns):
        try:
            values[:, place] = rows[column].astype("float64")
        except (TypeError, ValueError):
            found = [cell for cell in rows[column] if not _is_number(cell)] or list(rows[column])
            raise DataError(
                f"column {column} holds {str(found[0])[:40]!r}; expected a number in every row"
            ) from None
    return values


def _is_number(cell: Any) -> bool:
    """Tell whether a cell is a number, the text of one, or missing."""
    try:
        float("nan" if cell is None else cell)
    except (TypeError, ValueError):
        return False
    return True


def listed(columns: Sequence[str], shown: int = 3) -> str:
    """Return the first of some names, and how many more there are."""
    more = f" and {len(columns) - shown} more" if len(columns) > shown else ""
    return ", ".join(columns[:shown]) + more
