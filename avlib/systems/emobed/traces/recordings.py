"""Recordings as sequences: frame features beside continuous labels, moment by moment.

EmoBed, section 4.1.1: means and standard deviations of frame features over a sliding window, at the
moments of the labels.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from avlib.descriptors.geometry import N_POINTS, geometric_features
from avlib.protocols import PARTS
from avlib.runtime import paths, tables
from avlib.runtime.errors import DataError
from avlib.runtime.memo import stamp
from avlib.systems.emobed.functionals import moments, sliding_functionals
from avlib.systems.emobed.sequence_prep import frames_of, matched
from avlib.systems.emobed.traces import DIMENSIONS
from avlib.systems.emobed.traces.avec_features import avec_features, avec_paths

TOLERANCE = 0.5  # s by which labels and recording may differ in length
_UNEVEN = 0.25  # share of a step by which a label may be off its time
_TABLES = {
    "audio": paths.DESCRIPTORS["audio"],
    "geometry": paths.FACES,
    "descriptors": paths.DESCRIPTORS["video"],
}


@dataclass(frozen=True)
class Features:
    """What describes one modality at each moment.

    Attributes
    ----------
    values : float32 array of shape (n_moments, d)
    there : bool array of shape (n_moments,)
        Moments whose window holds a frame; values of the others are zeros.
    """

    values: np.ndarray
    there: np.ndarray


@dataclass(frozen=True)
class TraceRecording:
    """A recording's labels and features at the same moments.

    Attributes
    ----------
    clip_id : str
    labels : float64 array of shape (n_moments, 2)
        Arousal and valence as annotated, late; NaN where there is none.
    features : dict of str to Features
        By modality, those that the recording has: "audio", "video".
    """

    clip_id: str
    labels: np.ndarray
    features: dict[str, Features]


@dataclass(frozen=True)
class TraceRecordings:
    """A `Source`: recordings with continuous labels, described at the labels' moments.

    Attributes
    ----------
    kinds : tuple of (modality, kind)
        What describes each modality: "audio", "geometry" or "descriptors".
    window : float
        Of the functionals, s.
    avec : Path, optional
        Folder of the corpus, to take AVEC's features there instead of ours.
    """

    kinds: tuple[tuple[str, str], ...]
    window: float
    avec: Path | None = None

    def inputs(self) -> list[Path]:
        """Return the labels and the files of features."""
        kinds = [kind for _, kind in self.kinds]
        if self.avec:
            return [paths.TRACES, *avec_paths(self.avec, kinds)]
        return [paths.TRACES, *(part for kind in kinds for part in _TABLES[kind].glob("*.parquet"))]

    def read(
        self, fold: int, inputs: Sequence[Path]
    ) -> tuple[float, dict[str, list[TraceRecording]]]:
        """Return the labels' step in s, and the recordings of each part of a fold."""
        folds = tables.read_table(paths.FOLDS)
        stamps = tuple((str(file.absolute()), *stamp(file)) for file in (paths.FOLDS, *inputs))
        recordings, step = _all_recordings(self, stamps)
        part = folds[folds["fold"] == fold].set_index("clip_id")["part"]
        return step, {name: [r for r in recordings if part[r.clip_id] == name] for name in PARTS}


@functools.lru_cache(maxsize=1)
def _all_recordings(
    source: TraceRecordings, _stamps: tuple[tuple[str | int, ...], ...]
) -> tuple[list[TraceRecording], float]:
    """Read the recordings once for all models and folds of a worker."""
    traces = tables.read_table(paths.TRACES)
    tested = tables.read_table(paths.FOLDS, ["clip_id"])["clip_id"]
    clips = tables.read_table(paths.CLIPS, ["clip_id", "duration"])
    durations = clips.set_index("clip_id")["duration"]
    return read_recordings(source, traces[traces["clip_id"].isin(tested)], durations)


def read_recordings(
    source: TraceRecordings, traces: pd.DataFrame, durations: pd.Series
) -> tuple[list[TraceRecording], float]:
    """Read the recordings that have continuous labels.

    Parameters
    ----------
    source
        What describes them.
    traces
        Rows of table ``traces``.
    durations
        Of recordings in s, by clip_id; where it is not known, the labels tell it.

    Returns
    -------
    recordings : list of TraceRecording
        In the order of their clip_id. One that lacks a modality has no features of it.
    step : float
        Of all labels, s.

    Raises
    ------
    DataError
        Labels are not evenly spaced from 0 on, or not as long as their recording.
    """
    by_clip = {str(name): rows for name, rows in traces.groupby("clip_id")}
    step = _common_step(by_clip)
    found: dict[str, dict[str, Features]] = {name: {} for name in by_clip}
    labels = {name: rows[list(DIMENSIONS)].to_numpy(float) for name, rows in by_clip.items()}
    for modality, kind in source.kinds:
        if source.avec:
            at = {name: np.arange(len(rows)) * step for name, rows in labels.items()}
            for name, values in avec_features(source.avec, kind, at, step):
                there = np.isfinite(values).all(axis=1)
                values = np.where(there[:, None], values, 0.0).astype(np.float32)
                if there.any():
                    found[name][modality] = Features(values, there)
            continue
        for name, times, values in _frames(kind, found):
            length = durations[name] if np.isfinite(durations[name]) else len(labels[name]) * step
            at_steps = moments(length, step)
            described, counted = sliding_functionals(values, times, at_steps, source.window)
            cut, labels[name] = matched(
                described.astype(np.float32), labels[name], frames_of(TOLERANCE, step), name
            )
            if counted.any():
                found[name][modality] = Features(cut, counted[: len(cut)] > 0)
    recordings = [TraceRecording(name, labels[name], found[name]) for name in sorted(found)]
    return recordings, step


def _common_step(by_clip: dict[str, pd.DataFrame]) -> float:
    """Return the step of all labels, in s, after a look at every recording's times."""
    step = min(
        (
            round(float(np.median(np.diff(rows["time"]))), 6)
            for rows in by_clip.values()
            if len(rows) > 1
        ),
        default=np.nan,
    )
    if np.isnan(step):
        raise DataError(
            f"none of the {len(by_clip)} recordings has two labels, so their step is not known;"
            " expected labels every few ms from 0 on: look into data/traces.parquet"
        )
    for name, rows in by_clip.items():
        off = np.abs(rows["time"].to_numpy() - np.arange(len(rows)) * step)
        if not (off <= _UNEVEN * step).all():
            raise DataError(
                f"{name}: {len(rows)} labels from {rows['time'].min():g} to"
                f" {rows['time'].max():g} s; expected one every {step:g} s from 0 on, as in the"
                " other recordings: resample its labels"
            )
    return step


def _frames(kind: str, wanted: Iterable[str]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield clip_id, times and values of each wanted clip's frames; of those with features only."""
    wanted = set(wanted)
    column = "landmarks" if kind == "geometry" else "descriptor"
    for name, rows in tables.iter_clips(_TABLES[kind], ["time", column]):
        if name in wanted and rows.num_rows:
            values = _described(kind, rows[column])
            there = np.isfinite(values).all(axis=1)
            yield name, rows["time"].to_numpy()[there], values[there]


def _described(kind: str, column: pa.ChunkedArray) -> np.ndarray:
    """Return features of frames, (n_frames, d); NaN in frames without."""
    values = tables.vectors(column)
    if kind != "geometry":
        return values
    features, there = geometric_features(values.reshape(-1, N_POINTS, 2))
    return np.where(there[:, None], features, np.nan)
