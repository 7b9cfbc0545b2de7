"""The demo corpus's own label files, ``clips.csv`` and ``traces.csv`` beside the recordings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from avlib.corpora.common.base import no_traces
from avlib.runtime.errors import CorpusError

if TYPE_CHECKING:
    from avlib.corpora.demo.plan import DemoClip

LABELS = "clips.csv"
TRACES = "traces.csv"
COLUMNS = {
    **dict.fromkeys(("path", "subject", "emotion", "take", "sex"), str),
    **dict.fromkeys(("arousal", "valence"), float),
}
TRACE_COLUMNS = {"clip_id": str, **dict.fromkeys(("time", "arousal", "valence"), float)}


def write_labels(folder: Path | str, plan: Sequence[DemoClip]) -> None:
    """Write ``clips.csv`` into ``folder``: one line per clip, in the plan's order."""
    pd.DataFrame(plan)[list(COLUMNS)].to_csv(Path(folder) / LABELS, index=False)


def write_traces(folder: Path | str, traces: Iterable[tuple[str, np.ndarray]]) -> None:
    """Write ``traces.csv`` into ``folder``: one line per moment of each clip.

    Parameters
    ----------
    folder
        The corpus.
    traces
        Clip id, and time (s), arousal and valence as an array of shape (n, 3).
    """
    _, *numbers = TRACE_COLUMNS
    tables = {clip_id: pd.DataFrame(rows.round(4), columns=numbers) for clip_id, rows in traces}
    table = pd.concat(tables, names=["clip_id", None]).reset_index(level="clip_id")
    table.to_csv(Path(folder) / TRACES, index=False)


def read_traces(folder: Path | str) -> pd.DataFrame:
    """Read ``traces.csv``, as `Listing.traces` has it; empty where there is no such file."""
    path = Path(folder) / TRACES
    return _read(path, TRACE_COLUMNS) if path.is_file() else no_traces()


def read_labels(folder: Path | str) -> pd.DataFrame:
    """Read ``clips.csv``.

    Returns
    -------
    pandas.DataFrame
        Columns path (relative to ``folder``), subject, emotion, take, sex (text), arousal and
        valence (-1..1, mean over the clip); one row per clip.
    """
    return _read(Path(folder) / LABELS, COLUMNS)


def _read(path: Path, columns: Mapping[str, type]) -> pd.DataFrame:
    """Read a table that the corpus stage has written; CorpusError says what is wrong with it."""
    try:
        return pd.read_csv(path, dtype=dict(columns), usecols=list(columns))[list(columns)]
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise CorpusError(
            f"{path}: not a table of {', '.join(columns)} ({error}); generate the corpus again "
            "(dvc repro --force corpus)"
        ) from error
