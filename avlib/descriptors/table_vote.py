"""Which columns of a user's tables are the descriptor: those that most clips' tables have."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from avlib.descriptors.table import Table
from avlib.descriptors.table_columns import ABOUT_CLIPS, kind_of, listed, matches
from avlib.runtime import paths
from avlib.runtime.errors import DataError

FEW = 20  # fewer different values than this may be a code of something
ENOUGH = 10  # clips from which on values can be said to tell the emotion
_SHOWN = 8  # columns that a message names


@dataclass(frozen=True)
class Look:
    """What is seen of a table, of one clip or of many.

    Attributes
    ----------
    clips : int
        How many it holds.
    kinds : dict of str
        What each column holds, see `kind_of`.
    coded : dict of DataFrame
        Of the columns of numbers with fewer than `FEW` different ones: each value with each clip
        that it occurs in, columns value and clip_id.
    """

    clips: int
    kinds: Mapping[str, str]
    coded: Mapping[str, pd.DataFrame]


def look(rows: pd.DataFrame, clip_ids: pd.Series) -> Look:
    """Look at the rows of a table, with the clip of each."""
    kinds = {column: kind_of(rows[column]) for column in rows.columns.tolist()}
    numeric = [column for column, kind in kinds.items() if kind == "numbers"]
    coded = {
        column: pd.DataFrame({"value": rows[column], "clip_id": clip_ids})
        .dropna()
        .drop_duplicates()
        for column in numeric
        if rows[column].nunique() < FEW
    }
    return Look(clip_ids.nunique(), kinds, coded)


def voted_columns(table: Table, looks: Sequence[Look], problem: str) -> tuple[str, ...]:
    """Return the columns of most clips' tables, of those that are asked for.

    A column is of numbers where it is in most tables that hold anything in it: a functional that
    most clips lack is none the less a column of all tables.

    Parameters
    ----------
    table
        Says which columns are asked for.
    looks
        One of each table.
    problem
        What to say where there is no column.

    Raises
    ------
    DataError
        A column that is asked for is in none of them, or there are no numbers.
    """
    place = paths.RAW / table.path
    held: Counter[tuple[str, str]] = Counter()
    for seen in looks:
        held.update(dict.fromkeys(seen.kinds.items(), seen.clips))
    numeric = {column for column, _ in held if held[column, "numbers"] > held[column, "text"]}
    votes: Counter[tuple[str, ...]] = Counter()
    for seen in looks:
        if chosen := table.select(seen.kinds.keys(), numeric):
            votes[chosen] += seen.clips
    names = votes.most_common(1)[0][0] if votes else ()
    for wanted in table.columns or ():
        if looks and not any(matches(name, wanted) for name in names):
            there = listed(list(looks[0].kinds), _SHOWN)
            raise DataError(
                f"{place}: no column {wanted}; found {there}: correct"
                f" {table.modality}.table.columns"
            )
    if not names:
        raise DataError(f"{place}: no columns of numbers in its tables; {problem}")
    passed = {column for column, _ in held} - set(names)
    ordered = sorted(passed, key=lambda column: (column.lower() not in ABOUT_CLIPS, column))
    logging.getLogger(__name__).info(
        f"{place}: columns used: {listed(names, _SHOWN)}; passed over:"
        f" {listed(ordered, _SHOWN) or 'none'}"
    )
    return names


def refuse_labels(table: Table, looks: Sequence[Look], emotions: Mapping[str, str | None]) -> None:
    """Refuse a column that tells the emotion of every clip, such as a code of it under any name.

    Fewer than `FEW` different values, each with one emotion only, in at least `ENOUGH` clips and
    at least twice as many as values: what occurs in one clip alone tells nothing.

    Parameters
    ----------
    table
        With the names of its columns; one that it lists by its full name may be what it likes.
    looks
        One of each table.
    emotions
        By clip_id; None where there is none.

    Raises
    ------
    DataError
        There is such a column.
    """
    for column in table.names:
        if column in (table.columns or ()):
            continue
        having = [seen for seen in looks if seen.kinds.get(column) == "numbers"]
        if not having or any(column not in seen.coded for seen in having):
            continue
        values = pd.concat([seen.coded[column] for seen in having], ignore_index=True)
        values = values.assign(emotion=values["clip_id"].map(emotions)).dropna()
        clips, different = values["clip_id"].nunique(), values["value"].nunique()
        if (
            clips >= max(ENOUGH, 2 * different)
            and different < FEW
            and values["emotion"].nunique() > 1
            and values.groupby("value")["emotion"].nunique().max() == 1
        ):
            raise DataError(
                f"{paths.RAW / table.path}: column {column} tells the emotion: each of its"
                f" {different} values occurs with one emotion only, in {clips} clips; choose others"
                f" in {table.modality}.table.columns, or list {column} there if it is no label"
            )
