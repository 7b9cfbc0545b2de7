"""Reader of the generated demo corpus."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import pandas as pd

from avlib.corpora.base import Listing, Reader, Recording, is_media, leaves_folder, no_traces, walk
from avlib.corpora.demo import read_labels, read_traces
from avlib.errors import CorpusError

_EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness")


class Demo(Reader):
    """The demo corpus that the pipeline's first stage generates (see `avlib.corpora.demo`).

    ``clips.csv`` names every clip with its subject, emotion, take, sex, arousal and valence; the
    clips are audio-visual mp4 files beside it. The clip_id is the file's name without its suffix.
    ``traces.csv`` labels them continuously, 25 times per second, with an annotator's delay. A file
    that the table names and the folder lacks is listed, and fails when it is read.
    """

    name: ClassVar[str] = "demo"
    title: ClassVar[str] = "the demo corpus"
    layout: ClassVar[str] = "clips.csv and the mp4 files that it names"
    emotions: ClassVar[tuple[str, ...]] = _EMOTIONS

    def read(self, folder: Path) -> Listing:
        """List the clips of ``clips.csv``."""
        recordings = [_recording(folder, row) for row in read_labels(folder).to_dict("records")]
        named = {recording.video_path for recording in recordings}
        others = [path for path in filter(is_media, walk(folder)) if path not in named]
        unnamed = [(path, "clips.csv does not name it") for path in others]
        traces = read_traces(folder)
        return Listing(recordings, unnamed, traces=no_traces() if traces is None else traces)

    def _expected(self, folder: Path) -> str:
        return f"expected {self.layout}; generate them again: dvc repro --force corpus"


def _recording(folder: Path, row: dict[Any, Any]) -> Recording:
    path = str(row["path"])
    if not path or leaves_folder(path):
        raise CorpusError(
            f"{folder / 'clips.csv'}: column 'path' holds {path!r}, expected a path inside the "
            "corpus folder; generate the corpus again"
        )
    value = {key: None if pd.isna(cell) else cell for key, cell in row.items()}
    if value["emotion"] is not None and value["emotion"] not in _EMOTIONS:
        raise CorpusError(
            f"{folder / 'clips.csv'}: column 'emotion' holds {value['emotion']!r} for {path}, "
            f"expected one of {', '.join(_EMOTIONS)}"
        )
    return Recording(
        clip_id=PurePosixPath(path).stem,
        subject=str(value["subject"]),
        emotion=value["emotion"],
        video_path=path,
        audio_path=path,
        take=None if value["take"] is None else str(value["take"]),
        sex=value["sex"],
        arousal=None if value["arousal"] is None else float(value["arousal"]),
        valence=None if value["valence"] is None else float(value["valence"]),
    )
