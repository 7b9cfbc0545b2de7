"""Recordings as sequences: frame features beside continuous labels, moment by moment.

EmoBed, section 4.1.1: means and standard deviations of frame features over a sliding window, at the
moments of the labels.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from avlib.descriptors.geometry import N_POINTS, geometric_features
from avlib.protocols import PARTS
from avlib.runtime import paths, tables
from avlib.runtime.errors import DataError
from avlib.runtime.memo import stamp
from avlib.systems.common.functionals import moments, sliding_functionals
from avlib.systems.emobed.sequence_prep import frames_of, matched
from avlib.systems.emobed.traces import DIMENSIONS
from avlib.systems.emobed.traces.avec_features import avec_features, avec_paths

TOLERANCE = 0.5  # s by which labels and recording may differ in length
_UNEVEN = 0.25  # share of a step by which a label may be off its time
_TABLES = {
    "audio": paths.DESCRIPTORS["audio"],
    "geometry": paths.FACES,
    "appearance": paths.DESCRIPTORS["video"],
}


@dataclass(frozen=True)
class TraceRecording:
    """A recording's labels and features at the same moments.

    Attributes
    ----------
    clip_id : str
    labels : float64 array of shape (n_moments, n_dimensions)
        Arousal and valence as annotated, late; NaN where there is none.
    features : dict of str to float32 array of shape (n_moments, d)
        By modality, those that the recording has: "audio", "video". NaN at moments whose window
        holds no frame.
    """

    clip_id: str
    labels: np.ndarray
    features: dict[str, np.ndarray]


@dataclass(frozen=True)
class TraceRecordings:
    """A `Source`: recordings with continuous labels, described at the labels' moments.

    Those of a test part whose labels are kept secret are among them, without labels.

    Attributes
    ----------
    kinds : tuple of (modality, kind)
        What describes each modality: "audio", "geometry" or "appearance".
    window : float
        Of the functionals, s.
    avec : Path, optional
        Folder of the corpus, to take AVEC's features there instead of ours.
    apart : bool
        Whether each dimension has a model of its own: of AVEC's features it is shown those of the
        window that AVEC chose for it.
    """

    kinds: tuple[tuple[str, str], ...]
    window: float
    avec: Path | None = None
    apart: bool = False

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The dimensions of each model."""
        return tuple((d,) for d in DIMENSIONS) if self.apart else (DIMENSIONS,)

    def inputs(self) -> list[Path]:
        """Return the labels and the files of features."""
        kinds = [kind for _, kind in self.kinds]
        if self.avec:
            return [paths.TRACES, *avec_paths(self.avec, kinds)]
        return [paths.TRACES, *(part for kind in kinds for part in _TABLES[kind].glob("*.parquet"))]

    def read(
        self, fold: int, inputs: Sequence[Path], dimensions: Sequence[str] = DIMENSIONS
    ) -> tuple[float, dict[str, list[TraceRecording]]]:
        """Return the labels' step in s, and the recordings of each part of a fold.

        Their labels are of some of the dimensions, one of `groups`.
        """
        folds = tables.read_table(paths.FOLDS)
        stamps = tuple((str(file.absolute()), *stamp(file)) for file in (paths.FOLDS, *inputs))
        windows = tuple(dimensions) if self.avec else DIMENSIONS
        recordings, step = _all_recordings(self, windows, stamps)
        of = [DIMENSIONS.index(dimension) for dimension in dimensions]
        shown = [replace(recording, labels=recording.labels[:, of]) for recording in recordings]
        part = folds[folds["fold"] == fold].set_index("clip_id")["part"]
        return step, {name: [r for r in shown if part[r.clip_id] == name] for name in PARTS}


@functools.lru_cache(maxsize=len(DIMENSIONS))
def _all_recordings(
    source: TraceRecordings,
    windows: tuple[str, ...],
    _stamps: tuple[tuple[str | int, ...], ...],
) -> tuple[list[TraceRecording], float]:
    """Read the recordings once for all models and folds of a worker."""
    labels = ["emotion", *DIMENSIONS]
    clips = tables.read_table(paths.CLIPS, ["clip_id", "duration", *labels]).set_index("clip_id")
    clips = clips[clips.index.isin(tables.read_table(paths.FOLDS, ["clip_id"])["clip_id"])]
    awaited = clips.index[clips[labels].isna().all(axis=1)]
    traces = tables.read_table(paths.TRACES)
    traces = traces[traces["clip_id"].isin(clips.index)]
    return read_recordings(source, traces, clips["duration"], awaited, windows)


def read_recordings(
    source: TraceRecordings,
    traces: pd.DataFrame,
    durations: pd.Series,
    awaited: Iterable[str] = (),
    windows: Sequence[str] = DIMENSIONS,
) -> tuple[list[TraceRecording], float]:
    """Read the recordings that have continuous labels, and those whose labels are kept secret.

    Parameters
    ----------
    source
        What describes them.
    traces
        Rows of table ``traces``.
    durations
        Of recordings in s, by clip_id; where it is not known, the labels tell it.
    awaited
        The clip_id of recordings without labels that are to be predicted. One of which neither the
        duration is known nor a feature is there is left out.
    windows
        The dimensions of whose windows AVEC's features are.

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
    step = _common_step(traces)
    labels = {
        str(name): rows[list(DIMENSIONS)].to_numpy(float)
        for name, rows in traces.groupby("clip_id")
    }
    waiting = set(awaited) - set(labels)
    features: dict[str, dict[str, np.ndarray]] = {name: {} for name in [*labels, *waiting]}
    labelled = traces["clip_id"].value_counts() * step  # s
    lengths = durations.reindex([*labelled.index, *waiting]).fillna(labelled).dropna()
    for modality, kind in source.kinds:
        if source.avec:
            at: dict[str, np.ndarray | None] = dict.fromkeys(waiting)
            at |= {name: np.arange(len(own)) * step for name, own in labels.items()}
            described = avec_features(source.avec, kind, at, step, windows)
        else:
            described = _functionals(kind, lengths, step, source.window)
        for name, values in described:
            there = np.isfinite(values).all(axis=1).any()
            own = labels.get(name, np.full((len(values), len(DIMENSIONS)), np.nan))
            cut, labels[name] = matched(values, own, frames_of(TOLERANCE, step), name)
            if there:
                features[name][modality] = cut.astype(np.float32)
    return [TraceRecording(name, labels[name], features[name]) for name in sorted(labels)], step


def _common_step(traces: pd.DataFrame) -> float:
    """Return the step of all labels, in s, after a look at every recording's times."""
    clip_ids = traces["clip_id"]
    times = traces["time"].groupby(clip_ids)
    step = times.diff().groupby(clip_ids).median().round(6).min()
    if np.isnan(step):
        raise DataError(
            f"none of the {times.ngroups} recordings has two labels, so their step is not known;"
            " expected labels every few ms from 0 on: look into data/traces.parquet"
        )
    even = (traces["time"] - times.cumcount() * step).abs() <= _UNEVEN * step
    if not even.all():
        name = clip_ids[~even].min()
        own = times.get_group(name)
        raise DataError(
            f"{name}: {len(own)} labels from {own.min():g} to {own.max():g} s; expected one every"
            f" {step:g} s from 0 on, as in the other recordings: resample its labels"
        )
    return float(step)


def _functionals(
    kind: str, lengths: pd.Series, step: float, window: float
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield functionals of the recordings whose length is given, at moments `step` apart.

    Yields
    ------
    clip_id : str
    values : float64 array of shape (n_moments, d)
        NaN at moments whose window holds no frame with features.
    """
    column = "landmarks" if kind == "geometry" else "descriptor"
    for name, rows in tables.iter_clips(_TABLES[kind], ["time", column]):
        if name in lengths and rows.num_rows:
            values = tables.vectors(rows[column])
            if kind == "geometry":
                values, there = geometric_features(values.reshape(-1, N_POINTS, 2))
                values[~there] = np.nan
            valid = np.isfinite(values).all(axis=1)
            times, at = rows["time"].to_numpy()[valid], moments(lengths[name], step)
            described, counted = sliding_functionals(values[valid], times, at, window)
            described[counted == 0] = np.nan
            yield name, described
