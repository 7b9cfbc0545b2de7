"""Reader of the generated demo corpus; `labels` writes what is read here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import pandas as pd

from avlib.corpora.common.base import Listing, Reader, Recording, no_traces
from avlib.corpora.common.files import is_media, walk
from avlib.corpora.demo.labels import COLUMNS, LABELS, TRACE_COLUMNS, TRACES
from avlib.runtime.errors import CorpusError

_EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness")


class Demo(Reader):
    """The demo corpus that the pipeline's first stage generates (see `avlib.corpora.demo`).

    ``clips.csv`` names every clip with its subject, emotion, take, sex, arousal and valence; the
    clips are audio-visual mp4 files beside it. The clip_id is the file's name without its suffix.
    ``traces.csv`` labels them continuously, 12.5 times a second, with an annotator's delay. A file
    that the table names and the folder lacks is listed, and fails when it is read.
    """

    name: ClassVar[str] = "demo"
    emotions: ClassVar[tuple[str, ...]] = _EMOTIONS

    def read(self, folder: Path) -> Listing:
        """List the clips of ``clips.csv``."""
        rows: Any = read_labels(folder).to_dict("records")
        recordings = [
            Recording(
                clip_id=PurePosixPath(row["path"]).stem,
                original_emotion=row["emotion"],
                video_path=row["path"],
                audio_path=row.pop("path"),
                **row,
            )
            for row in rows
        ]
        named = {recording.video_path for recording in recordings}
        others = [path for path in filter(is_media, walk(folder)) if path not in named]
        unnamed = [(path, "clips.csv does not name it") for path in others]
        return Listing(recordings, unnamed, traces=read_traces(folder))

    def _expected(self, folder: Path) -> str:
        return f"expected {self.layout}; generate them again: dvc repro --force corpus"


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
    path = Path(folder) / LABELS
    table = _read(path, COLUMNS)
    for column in ("path", "subject", "emotion"):
        if (blank := table[column].isna()).any():
            line = int(blank.argmax()) + 2
            raise CorpusError(
                f"{path} line {line}: has no {column}; generate the corpus again "
                "(dvc repro --force corpus)"
            )
    return table


def _read(path: Path, columns: Mapping[str, type]) -> pd.DataFrame:
    """Read a table that the corpus stage has written; CorpusError says what is wrong with it."""
    try:
        return pd.read_csv(path, dtype=dict(columns), usecols=list(columns))[list(columns)]
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise CorpusError(
            f"{path}: not a table of {', '.join(columns)} ({error}); generate the corpus again "
            "(dvc repro --force corpus)"
        ) from error
