"""Reader of BAUM-1s, spontaneous affective and mental states from Bahcesehir University."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import ClassVar

from avlib.corpora.baum1s.annotations import CODES, Annotation, read_annotations
from avlib.corpora.common.base import Listing, Reader, Recording, Subset
from avlib.corpora.common.files import original_files, walk
from avlib.corpora.common.labels import BASIC
from avlib.runtime.errors import CorpusError

_NAME = re.compile(r"S(?P<subject>\d{3})_(?P<clip>\d{3})", re.IGNORECASE)
_ACTED = re.compile(r"baum[ _-]?1a.*", re.IGNORECASE)
_WORKBOOK = re.compile(r"annotations?[ _-]?baum[ _-]?1s.*\.xlsx", re.IGNORECASE)


class Baum1s(Reader):
    """BAUM-1s as distributed (Zhalehpour, Onder, Akhtar, Erdem 2017, IEEE Trans. Aff. Comp. 8(3)).

    Files are ``BAUM1s_MP4 - All/s001/S001_001.mp4``: subject and clip; subtitles (``.srt``) may
    lie beside them. ``Annotations_BAUM1s.xlsx`` gives each clip one of 13 states, as a word and
    as a code from 1 to 13. Both may stand at any depth. The acted part of the corpus, BAUM-1a,
    uses the same file names: what lies under a folder ``BAUM1a...`` is left out.

    The subset ``basic`` is the six basic emotions, 521 clips in Ma et al. 2019 (AVEF), section 3;
    ``all`` takes the mental states, and clips that the workbook does not label, as well. A clip_id
    is the file's name.
    """

    name: ClassVar[str] = "baum1s"
    emotions: ClassVar[tuple[str, ...]] = tuple(sorted(CODES.values()))
    subsets: ClassVar[Mapping[str, Subset]] = {
        "basic": Subset(521, None, lambda clip: clip.emotion in BASIC),
        "all": Subset(None, None, lambda clip: True),
    }

    def read(self, folder: Path) -> Listing:
        """List an existing folder, searched at any depth, with the labels of the workbook."""
        paths, left_out = original_files(folder)
        spontaneous = [path for path in paths if not _is_acted(path)]
        files = list(filter(_is_named, spontaneous))
        reason = "not named like S001_001.mp4; rename it back"
        unrecognised = [(path, reason) for path in spontaneous if not _is_named(path)]
        if not files:
            return Listing([], unrecognised)
        annotations, odd = read_annotations(folder / self._workbook(folder))
        recordings = [_recording(path, annotations) for path in files]
        if acted := list(filter(_is_acted, paths)):
            left_out["files of the acted BAUM-1a"] = acted
        notes = odd + _differences(recordings, annotations)
        return Listing(recordings, unrecognised, notes, left_out=left_out)

    def _workbook(self, folder: Path) -> str:
        """Find the workbook."""
        for path in walk(folder):
            if _WORKBOOK.fullmatch(PurePosixPath(path).name):
                return path
        raise CorpusError(
            f"{folder}: Annotations_BAUM1s.xlsx is missing, and the files' names hold no labels; "
            "put the workbook that comes with BAUM-1s there"
        )


def _is_acted(path: str) -> bool:
    return any(_ACTED.fullmatch(part) for part in PurePosixPath(path).parts[:-1])


def _is_named(path: str) -> bool:
    place = PurePosixPath(path)
    return place.suffix.lower() == ".mp4" and _NAME.fullmatch(place.stem) is not None


def _recording(path: str, annotations: Mapping[str, Annotation]) -> Recording:
    clip_id = PurePosixPath(path).stem.upper()
    label = annotations.get(clip_id, Annotation(None, None, None))
    return Recording(
        clip_id=clip_id,
        subject=clip_id.partition("_")[0],
        emotion=label.emotion,
        original_emotion=label.original,
        video_path=path,
        audio_path=path,
        sex=label.sex,
    )


def _differences(recordings: list[Recording], annotations: Mapping[str, Annotation]) -> list[str]:
    """Say what only the files or only the workbook knows."""
    here = {recording.clip_id for recording in recordings}
    notes = []
    if unknown := sorted(here - annotations.keys()):
        notes.append(f"{len(unknown):,} clips have no row in the workbook, e.g. {unknown[0]}")
    if absent := sorted(annotations.keys() - here):
        notes.append(f"{len(absent):,} clips of the workbook are not here, e.g. {absent[0]}")
    return notes
