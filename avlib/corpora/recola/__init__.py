"""Reader of RECOLA, remote collaborative and affective interactions, in either of its forms."""

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
from avlib.corpora.recola.gold_standard import gold_standard
from avlib.runtime.errors import CorpusError

_PARTITIONS = {"train": "train", "dev": "validation", "test": "test"}
_NAME = re.compile(r"(train|dev|test)_0?([1-9])|P(\d+)")
_DIMENSIONS = ("arousal", "valence")
_GIVEN = "partitions.csv"


class Recola(base.Reader):
    """RECOLA as in AV+EC 2015 and AVEC 2016, or as its authors distribute it.

    Ringeval et al. (2013), Introducing the RECOLA multimodal corpus, EmoSPACE; Valstar et al.
    (2016), AVEC 2016, section 3; https://diuf.unifr.ch/main/diva/recola. French speakers, five
    minutes each. The clip_id, and the subject, is the recording's name.

    AVEC's form: ``recordings_video/train_1.mp4`` and ``recordings_audio/train_1.wav``, 1 to 9 of
    each of ``train``, ``dev`` (partition "validation") and ``test``, whose labels are not
    published. The labels are ``ratings_gold_standard/arousal/train_1.arff`` (or ``.csv``) and the
    same for valence: ``Instance_name``, ``frameTime`` (0 to 300 s every 0.04 s, 7,501 rows) and
    ``GoldStandard``. AVEC's features (``features_audio``, ``features_video_appearance``,
    ``features_video_geometric``, each ``/arousal`` and ``/valence``) are found by `feature_files`;
    a recording that is there as its features alone is listed too.

    The authors' form: recordings named ``P16.mp4`` and ``P16.wav``, and
    ``RECOLA-Annotation/emotional_behaviour/arousal/P16.csv`` with a column ``time`` and one for
    each of six raters, of which `gold_standard` makes the labels; so it does of AVEC's
    ``ratings_individual`` where there is no gold standard. These names say nothing of a partition:
    ``partitions.csv`` may (columns recording and partition, which is train, dev or test).

    The sound is the audio file's where there is one that can be read, else the video's own. The
    labels become the listing's traces, and their means the clip's arousal and valence. No clip has
    an emotion.
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
                reason = "not named like train_1, dev_1 or test_1 (as AVEC does) or P16"
                unrecognised.append((path, reason))
            else:
                kind = "audio_path" if is_sound(path) else "video_path"
                recordings.setdefault(clip_id, {}).setdefault(kind, path)
        features: dict[str, list[str]] = {}
        tables = feature_files(folder)
        for (clip_id, _, _), place in tables.items():
            features.setdefault(clip_id, []).append(place.relative_to(folder).as_posix())
        ratings = sorted(_rating_files(files).items())
        traces = {clip_id: _trace(folder, clip_id, own) for clip_id, own in ratings}
        here = {**{name: {} for name in features}, **recordings}
        parts = _parts(folder)
        listed = [
            _recording(name, paths, sorted(features.get(name, [])), traces.get(name), parts)
            for name, paths in here.items()
        ]
        lost = "neither recording nor features here, only its labels"
        return base.Listing(
            listed,
            unrecognised,
            _notes(listed, sorted({kind for _, kind, _ in tables})),
            missing=[(name, lost) for name in traces.keys() - here],
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
    """Yield tables over time with their clip_id and their dimension, which their folder names."""
    for path in map(PurePosixPath, files):
        clip_id, dimension = _clip_id(path), path.parent.name.lower()
        if clip_id and dimension in _DIMENSIONS and path.suffix.lower() in (".arff", ".csv"):
            yield path, clip_id, dimension


def _clip_id(path: PurePosixPath) -> str | None:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return None
    return f"P{match[3]}" if match[3] else f"{match[1]}_{match[2]}"


def _parts(folder: Path) -> dict[str, str]:
    """Read which partition each recording is of, where its name does not tell."""
    if not (folder / _GIVEN).is_file():
        return {}
    table = base.read_csv(folder / _GIVEN, ("recording", "partition"))
    table = table.apply(lambda column: column.str.strip())
    wrong = table[~table["partition"].isin(_PARTITIONS)]
    if len(wrong):
        first = wrong.iloc[0]
        raise CorpusError(
            f"{folder / _GIVEN}: the partition of {first['recording']:.99} is"
            f" {first['partition']!r:.99}; expected one of {', '.join(_PARTITIONS)}"
        )
    return dict(zip(table["recording"], table["partition"].map(_PARTITIONS), strict=True))


def _rating_files(files: list[str]) -> dict[str, dict[str, str]]:
    """Find the labels, by clip_id and dimension: a gold standard, or else the raters' own.

    Of two forms of one table arff comes first.
    """
    found: dict[str, dict[str, str]] = {}
    arff_first = sorted(files, key=lambda path: (not path.endswith(".arff"), path))
    for words in (("gold",), ("annotation", "individual")):
        for path, clip_id, dimension in _tables(arff_first):
            folders = "/".join(path.parts[:-1]).lower()
            if any(word in folders for word in words):
                found.setdefault(clip_id, {}).setdefault(dimension, str(path))
    return found


def _trace(folder: Path, clip_id: str, files: dict[str, str]) -> pd.DataFrame:
    """Read a recording's gold standard in both dimensions, or compute it."""
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
        values = table.iloc[:, 1:].to_numpy()
        if np.isnan(values).all():
            raise CorpusError(f"{path}: holds no value at all; unpack or download it again")
        if "gold" not in files[dimension].lower():
            values = gold_standard(values)[:, None]
        if values.shape[1] != 1:
            raise CorpusError(
                f"{path}: has {values.shape[1]} columns of values, expected one, the gold "
                "standard; the ratings of single raters are another folder"
            )
        if len(trace) and not np.array_equal(trace["time"], table["time"]):
            raise CorpusError(
                f"{path}: its {len(table)} times are not the {len(trace)} of "
                f"{folder / files['arousal']}; expected the same moments, unpack both again"
            )
        trace = trace.assign(time=table["time"], **{dimension: values[:, 0]})
    trace.insert(0, "clip_id", clip_id)
    return trace


def _recording(
    clip_id: str,
    paths: dict[str, str],
    features: list[str],
    trace: pd.DataFrame | None,
    parts: dict[str, str],
) -> base.Recording:
    sounds = [paths[kind] for kind in ("audio_path", "video_path") if kind in paths]
    labels: Any = {} if trace is None else trace[list(_DIMENSIONS)].mean().to_dict()
    return base.Recording(
        clip_id=clip_id,
        subject=clip_id,
        emotion=None,
        video_path=paths.get("video_path"),
        audio_path=sounds[0] if sounds else None,
        spare_audio=tuple(sounds[1:]),
        features=() if paths else tuple(features),
        partition=_PARTITIONS.get(clip_id.partition("_")[0], parts.get(clip_id)),
        **labels,
    )


def _notes(listed: list[base.Recording], kinds: list[str]) -> list[str]:
    notes = []
    unlabelled = [r for r in listed if r.arousal is None]
    lost = sorted(r.clip_id for r in unlabelled if r.partition != "test")
    if kept := len(unlabelled) - len(lost):
        notes.append(f"{kept} test recordings have no labels, which are not published")
    if lost:
        notes.append(f"{', '.join(lost)}: no file in ratings_gold_standard, so without labels")
    if kinds:
        notes.append(f"AVEC's features are here ({', '.join(kinds)})")
    if without := sum(bool(r.features) for r in listed):
        notes.append(f"{without} recordings are here as AVEC's features alone: traces.avec: true")
    return notes
