"""Reader of RECOLA, remote collaborative and affective interactions, as AVEC distributes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from avlib.corpora.common import base
from avlib.corpora.common.avec import read_frames
from avlib.corpora.common.files import is_media, is_sound, walk
from avlib.runtime.errors import CorpusError

_PARTITIONS = {"train": "train", "dev": "validation", "test": "test"}
_NAME = re.compile(r"(train|dev|test)_0?([1-9])")
_DIMENSIONS = ("arousal", "valence")


class Recola(base.Reader):
    """RECOLA as in AV+EC 2015 and AVEC 2016 (https://diuf.unifr.ch/main/diva/recola).

    Ringeval et al. (2013), Introducing the RECOLA multimodal corpus, EmoSPACE; Valstar et al.
    (2016), AVEC 2016, section 3. 27 recordings of 27 French speakers, five minutes each:
    ``recordings_video/train_1.mp4`` and ``recordings_audio/train_1.wav``, 1 to 9 of each of
    ``train``, ``dev`` (partition "validation") and ``test``, whose labels are not published. The
    clip_id, and the subject, is ``train_1``. The sound is the audio file's where there is one that
    can be read, else the video's own.

    The labels are ``ratings_gold_standard/arousal/train_1.arff`` (or ``.csv``) and the same for
    valence: ``Instance_name``, ``frameTime`` (0 to 300 s every 0.04 s, 7,501 rows) and
    ``GoldStandard``; they become the listing's traces, and their means the clip's arousal and
    valence. No clip has an emotion.

    AVEC's features (``features_audio``, ``features_video_appearance``,
    ``features_video_geometric``, each ``/arousal`` and ``/valence``) are found by `feature_files`.
    """

    name: ClassVar[str] = "recola"
    emotions: ClassVar[tuple[str, ...]] = ()

    def read(self, folder: Path) -> base.Listing:
        """List the recordings and their gold standard."""
        files = list(walk(folder))
        recordings: dict[str, dict[str, str]] = {}
        unrecognised = []
        for path in filter(is_media, files):
            pure = PurePosixPath(path)
            clip_id = _clip_id(pure)
            if clip_id is None:
                reason = "not named like train_1, dev_1 or test_1 (AVEC's names of RECOLA's)"
                unrecognised.append((path, reason))
            else:
                kind = "audio_path" if is_sound(path) else "video_path"
                recordings.setdefault(clip_id, {}).setdefault(kind, path)
        ratings = sorted(_rating_files(files).items())
        traces = {clip_id: _trace(folder, clip_id, tables) for clip_id, tables in ratings}
        lost = "recording not here, only its labels"
        return base.Listing(
            [_recording(name, paths, traces.get(name)) for name, paths in recordings.items()],
            unrecognised,
            _notes(recordings.keys() - traces, feature_files(folder)),
            missing=[(name, lost) for name in traces.keys() - recordings],
            traces=pd.concat(traces.values(), ignore_index=True) if traces else base.no_traces(),
        )


def feature_files(folder: Path) -> dict[tuple[str, str, str], Path]:
    """Find AVEC's feature files, which `avlib.corpora.common.avec.read_frames` reads.

    Returns
    -------
    dict of (clip_id, kind, dimension) to Path
        The kind is the folder's name after ``features_``: "audio", "video_appearance" or
        "video_geometric"; AVEC chose windows for "arousal" and "valence" apart.
    """
    found = {}
    for path, clip_id, dimension in _tables(walk(folder)):
        kinds = [part[9:] for part in path.parts[:-1] if part.startswith("features_")]
        if kinds and kinds[0]:
            found[clip_id, kinds[0], dimension] = folder / path
    return found


def _tables(files: Iterable[str]) -> Iterator[tuple[PurePosixPath, str, str]]:
    """Yield AVEC's tables with their clip_id and their dimension, which their folder names."""
    for path in map(PurePosixPath, files):
        clip_id, dimension = _clip_id(path), path.parent.name.lower()
        if clip_id and dimension in _DIMENSIONS and path.suffix.lower() in (".arff", ".csv"):
            yield path, clip_id, dimension


def _clip_id(path: PurePosixPath) -> str | None:
    match = _NAME.fullmatch(path.stem)
    return f"{match[1]}_{match[2]}" if match else None


def _rating_files(files: list[str]) -> dict[str, dict[str, str]]:
    """Find the gold standard, by clip_id and dimension; arff where there are both."""
    found: dict[str, dict[str, str]] = {}
    arff_first = sorted(files, key=lambda path: (not path.endswith(".arff"), path))
    for path, clip_id, dimension in _tables(arff_first):
        if any("gold" in part.lower() for part in path.parts[:-1]):
            found.setdefault(clip_id, {}).setdefault(dimension, str(path))
    return found


def _trace(folder: Path, clip_id: str, files: dict[str, str]) -> pd.DataFrame:
    """Read a recording's gold standard in both dimensions."""
    trace = pd.DataFrame()
    for dimension in _DIMENSIONS:
        if dimension not in files:
            there = folder / next(iter(files.values()))
            raise CorpusError(
                f"{there}: has no counterpart for {dimension}; expected the gold standard of "
                f"{clip_id} in both arousal and valence, unpack both"
            )
        path = folder / files[dimension]
        table = read_frames(path)
        if table.shape[1] != 2:
            raise CorpusError(
                f"{path}: has {table.shape[1] - 1} columns of values, expected one, the gold "
                "standard; the ratings of single raters are another folder"
            )
        if table.iloc[:, 1].isna().all():
            raise CorpusError(f"{path}: holds no value at all; unpack or download it again")
        if len(trace) and not np.array_equal(trace["time"], table["time"]):
            raise CorpusError(
                f"{path}: its {len(table)} times are not the {len(trace)} of "
                f"{folder / files['arousal']}; expected the same moments, unpack both again"
            )
        trace = trace.assign(time=table["time"], **{dimension: table.iloc[:, 1]})
    trace.insert(0, "clip_id", clip_id)
    return trace


def _recording(clip_id: str, paths: dict[str, str], trace: pd.DataFrame | None) -> base.Recording:
    sounds = [paths[kind] for kind in ("audio_path", "video_path") if kind in paths]
    labels: Any = {} if trace is None else trace[list(_DIMENSIONS)].mean().to_dict()
    return base.Recording(
        clip_id=clip_id,
        subject=clip_id,
        emotion=None,
        video_path=paths.get("video_path"),
        audio_path=sounds[0],
        spare_audio=tuple(sounds[1:]),
        partition=_PARTITIONS[clip_id.partition("_")[0]],
        **labels,
    )


def _notes(unlabelled: set[str], features: dict[tuple[str, str, str], Path]) -> list[str]:
    notes = []
    lost = sorted(name for name in unlabelled if not name.startswith("test_"))
    if kept := len(unlabelled) - len(lost):
        notes.append(f"{kept} test recordings have no labels, which are not published")
    if lost:
        notes.append(f"{', '.join(lost)}: no file in ratings_gold_standard, so without labels")
    if features:
        kinds = ", ".join(sorted({kind for _, kind, _ in features}))
        notes.append(f"AVEC's features are here ({kinds})")
    return notes
