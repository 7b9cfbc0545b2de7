"""Labels of BAUM-1s from its workbook ``Annotations_BAUM1s.xlsx``.

The order and the titles of the columns are not documented, so columns are told by what they hold:
clip names like S001_001, words for emotions, and, under titles that say so, codes and sexes. Only
stored values are read; formulas are not computed.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from openpyxl import load_workbook

from avlib.corpora.common.labels import canonical
from avlib.runtime.errors import CorpusError

_STATES = (
    *("anger", "boredom", "bothered", "concentrating", "contempt", "disgust", "fear"),
    *("happiness", "neutral", "sadness", "surprise", "thinking", "unsure"),
)
CODES = dict(enumerate(_STATES, start=1))
_CLIP = re.compile(r"(S\d{3}_\d{3})(?:\.mp4)?", re.IGNORECASE)
_SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}


class Annotation(NamedTuple):
    """What the workbook says of a clip; None where it says nothing, or contradicts itself."""

    emotion: str | None
    original: str | None
    sex: str | None


def read_annotations(path: Path) -> tuple[dict[str, Annotation], list[str]]:
    """Read the label of every clip.

    Parameters
    ----------
    path : Path
        The workbook; every sheet with clip names is read.

    Returns
    -------
    annotations : dict
        By clip name in capitals.
    notes : list of str
        What in it is contradictory or unknown.

    Raises
    ------
    CorpusError
        The file is no workbook, names no clips, or has no column of emotions, or several.
    """
    annotations: dict[str, Annotation] = {}
    odd: dict[str, list[str]] = {"twice": [], "code": [], "word": []}
    for columns in _sheets(path):
        chosen = _columns(columns, path)
        for name, word, code, sex in zip(*(columns[i][1:] for i in chosen), strict=True):
            if (clip := _clip(name)) is None:
                continue
            label = _annotation(clip, word, code, sex, odd)
            if clip in annotations and annotations[clip].emotion != label.emotion:
                odd["twice"].append(clip)
                label = label._replace(emotion=None)
            annotations[clip] = label
    if not annotations:
        raise CorpusError(f"{path}: names no clips like S001_001; put BAUM-1s's own workbook there")
    texts = {
        "twice": "stand in the workbook with different emotions, e.g. {}: taken as unlabelled",
        "code": "have a code of another emotion than their word, e.g. {}: the word is followed",
        "word": "have an emotion that is not known, e.g. {}: taken as unlabelled",
    }
    notes = [
        f"{len(odd[k]):,} clips {text.format(odd[k][0])}" for k, text in texts.items() if odd[k]
    ]
    return annotations, notes


def _sheets(path: Path) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the columns, each with its title first, of every sheet that names clips.

    The last column is empty: it stands for one that is absent.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles, which do not matter here
            book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
            sheets = [list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets]
            book.close()
    except Exception:  # damage in its archive or XML, as whatever it meets first
        raise CorpusError(f"{path}: is no xlsx workbook; download it again") from None
    for sheet in sheets:
        rows = [(), *sheet]  # titles are not required
        first = next((i for i, row in enumerate(rows) if any(map(_clip, row))), None)
        if first is not None:
            yield [*zip_longest(*rows[first - 1 :]), (None,) * len(rows[first - 1 :])]


def _columns(columns: list[tuple[Any, ...]], path: Path) -> tuple[int, int, int, int]:
    """Find the columns of clips, words, codes and sexes; -1, the empty one, for what is absent."""
    names = [str(title or "").strip().lower() for title, *_ in columns]
    clips = [sum(_clip(cell) is not None for cell in cells) for _, *cells in columns]
    known = [sum(_word(cell) is not None for cell in cells) for _, *cells in columns]
    # A stray "ha" among remarks makes no column of emotions.
    words = [i for i, n in enumerate(known) if 2 * n >= max(clips)]
    if len(words) > 1:  # e.g. one of every annotator beside the final one
        words = [i for i in words if "emotion" in names[i]]
    code = next((i for i, name in enumerate(names) if "code" in name), -1)
    if len(words) != 1 and code == -1:
        found = ", ".join(name for name in names if name) or "none"
        raise CorpusError(
            f"{path}: expected one column of emotions beside the clips' names, found titles "
            f"{found}; title it Emotion"
        )
    sex = next((i for i, name in enumerate(names) if "gender" in name or "sex" in name), -1)
    return clips.index(max(clips)), words[0] if len(words) == 1 else -1, code, sex


def _annotation(clip: str, word: Any, code: Any, sex: Any, odd: dict[str, list[str]]) -> Annotation:
    by_word = _word(word)
    digits = str(code).removesuffix(".0")  # a spreadsheet's numbers may be floats
    by_code = CODES.get(int(digits)) if digits.isdecimal() else None
    if by_word and by_code and by_word != by_code:
        odd["code"].append(clip)
    emotion = by_word or by_code
    if emotion is None and (word is not None or code is not None):
        odd["word"].append(clip)
    original = word if word is not None else code
    known_sex = _SEXES.get(str(sex or "").strip().lower())
    return Annotation(emotion, None if original is None else str(original), known_sex)


def _clip(cell: Any) -> str | None:
    match = _CLIP.fullmatch(cell.strip()) if isinstance(cell, str) else None
    return match[1].upper() if match else None


def _word(cell: Any) -> str | None:
    word = canonical(cell) if isinstance(cell, str) else None
    return word if word in CODES.values() else None
