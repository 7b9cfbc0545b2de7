"""Columns that the clips' tables have in common, and those that would give the answer away."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from avlib.descriptors.table_audio import AudioTable
from avlib.descriptors.table_vote import look, refuse_labels, voted_columns
from avlib.runtime.errors import DataError

CLIPS = [f"c{i:02}" for i in range(24)]
EMOTIONS = {clip_id: ("anger", "fear", "joy")[i % 3] for i, clip_id in enumerate(CLIPS)}
CODES = {"anger": 7, "fear": 0, "joy": 3}
TABLE = AudioTable(path="mine")


def table_of(clips=CLIPS, rows=1, **columns):
    """Look at a table with `rows` rows a clip, of columns that are functions of the clip."""
    ids = pd.Series(np.repeat(list(clips), rows))
    return look(pd.DataFrame({name: ids.map(of) for name, of in columns.items()}), ids)


def code(clip_id):
    return CODES[EMOTIONS[clip_id]]


def refused(looks, table=TABLE):
    names = ("code",)
    refuse_labels(replace(table, names=names), looks, EMOTIONS)


@pytest.mark.parametrize("rows", [1, 5])
def test_a_code_of_the_emotion_is_refused_under_any_name(rows):
    said = r"data/raw/mine: column code tells the emotion: each of its 3 values .* in 24 clips"
    with pytest.raises(DataError, match=said) as caught:
        refused([table_of(rows=rows, code=code)])
    assert "\n" not in str(caught.value)
    refused([table_of(code=code)], replace(TABLE, columns=("code",)))
    with pytest.raises(DataError, match="tells the emotion"):
        refused([table_of(code=code)], replace(TABLE, columns=("c*",)))


def test_also_where_the_clips_stand_in_many_tables():
    with pytest.raises(DataError, match="in 24 clips"):
        refused([table_of([clip_id], code=code) for clip_id in CLIPS])
    with pytest.raises(DataError, match="its 6 values"):  # of which emotion and which sex
        refused([table_of(code=lambda c: 10 * (int(c[1:]) % 2) + code(c))])


HARMLESS = {
    "one row is otherwise": (CLIPS, lambda c: 0 if c == "c00" else code(c)),
    "nine clips": (CLIPS[:9], code),
    "one emotion": (CLIPS[::3], lambda c: int(c[1:]) % 2),
    "constant": (CLIPS, lambda c: 1.0),
    "continuous": (CLIPS, lambda c: np.sin(int(c[1:]))),
    "continuous, few clips": (CLIPS[:12], lambda c: np.sin(int(c[1:]))),
    "text": (CLIPS, lambda c: EMOTIONS[c]),
    "nothing": (CLIPS, lambda c: np.nan),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_does_not_tell_the_emotion_is_taken(name):
    clips, of = HARMLESS[name]
    refused([table_of(clips, code=of)])


def test_clips_without_an_emotion_tell_nothing():
    unknown = dict.fromkeys(CLIPS)
    refuse_labels(replace(TABLE, names=("code",)), [table_of(code=code)], unknown)


def test_a_column_is_one_of_numbers_where_most_tables_with_anything_in_it_say_so():
    full = table_of(CLIPS[:2], a=code, b=len)
    empty = [table_of([c], a=code, b=lambda c: np.nan) for c in CLIPS[2:9]]
    assert voted_columns(TABLE, [*empty, full], "") == ("a", "b")
    text = table_of(CLIPS[2:9], a=code, b=str)
    assert voted_columns(TABLE, [full, text], "") == ("a",)


def test_the_table_of_most_clips_tells_the_columns():
    looks = [table_of(CLIPS[:2], a=len, b=len), table_of(CLIPS[2:9], a=len, c=len)]
    assert voted_columns(TABLE, looks, "") == ("a", "c")
