"""The demo corpus's own label files, ``clips.csv`` and ``traces.csv`` beside the recordings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

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
