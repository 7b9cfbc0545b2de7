"""The demo corpus's own label files, ``clips.csv`` and ``traces.csv`` beside the recordings."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from avlib.runtime.errors import CorpusError

if TYPE_CHECKING:
    from avlib.corpora.demo.plan import DemoClip

LABELS = "clips.csv"
TRACES = "traces.csv"
TRACE_COLUMNS = ("clip_id", "time", "arousal", "valence")
COLUMNS = ("path", "subject", "emotion", "take", "sex", "arousal", "valence")


def write_labels(folder: Path | str, plan: Sequence[DemoClip]) -> None:
    """Write ``clips.csv`` into ``folder``: one line per clip, in the plan's order."""
    folder = Path(folder)
    partial = folder / (LABELS + ".part")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for clip in plan:
            writer.writerow([getattr(clip, column) for column in COLUMNS])
    partial.replace(folder / LABELS)


def write_traces(folder: Path | str, traces: Iterable[tuple[str, np.ndarray]]) -> None:
    """Write ``traces.csv`` into ``folder``: one line per moment of each clip.

    Parameters
    ----------
    folder
        The corpus.
    traces
        Clip id, and time (s), arousal and valence as an array of shape (n, 3).
    """
    folder = Path(folder)
    partial = folder / (TRACES + ".part")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(TRACE_COLUMNS)
        for clip_id, rows in traces:
            writer.writerows([clip_id, *row] for row in rows.round(4).tolist())
    partial.replace(folder / TRACES)


def read_traces(folder: Path | str) -> pd.DataFrame | None:
    """Read ``traces.csv``, or return None where there is none.

    Raises
    ------
    CorpusError
        The file is unreadable or lacks a column.
    """
    path = Path(folder) / TRACES
    if not path.is_file():
        return None
    numbers = dict.fromkeys(TRACE_COLUMNS[1:], float)
    try:
        traces = pd.read_csv(path, dtype={"clip_id": str, **numbers}, usecols=TRACE_COLUMNS)
    except (ValueError, pd.errors.ParserError) as error:
        raise CorpusError(
            f"{path}: not a table of {', '.join(TRACE_COLUMNS)} ({error}); generate the corpus "
            "again (dvc repro --force corpus)"
        ) from error
    return traces[list(TRACE_COLUMNS)]


def read_labels(folder: Path | str) -> pd.DataFrame:
    """Read ``clips.csv``.

    Returns
    -------
    pandas.DataFrame
        Columns path (relative to ``folder``), subject, emotion, take (int), sex, arousal and
        valence (-1..1, mean over the clip); one row per clip.

    Raises
    ------
    CorpusError
        The file is missing, unreadable, or lacks a column.
    """
    path = Path(folder) / LABELS
    if not path.is_file():
        raise CorpusError(f"{path}: not found; generate the demo corpus (dvc repro) first")
    try:
        labels = pd.read_csv(path, dtype={"path": str, "subject": str, "emotion": str, "sex": str})
    except (ValueError, pd.errors.ParserError) as error:
        raise CorpusError(
            f"{path}: not a table of comma-separated values ({error}); generate the corpus again"
        ) from error
    missing = [column for column in COLUMNS if column not in labels]
    if missing:
        raise CorpusError(
            f"{path}: found no column {missing[0]!r}, expected {', '.join(COLUMNS)}; "
            "generate the corpus again"
        )
    return labels[list(COLUMNS)]
