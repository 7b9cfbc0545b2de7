"""Reader of the generated demo corpus."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from avlib.corpora.common.base import (
    Listing,
    Reader,
    Recording,
    is_media,
    walk,
)
from avlib.corpora.demo.labels import read_labels, read_traces

_EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness")


class Demo(Reader):
    """The demo corpus that the pipeline's first stage generates (see `avlib.corpora.demo`).

    ``clips.csv`` names every clip with its subject, emotion, take, sex, arousal and valence; the
    clips are audio-visual mp4 files beside it. The clip_id is the file's name without its suffix.
    ``traces.csv`` labels them continuously, 25 times per second, with an annotator's delay. A file
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
