"""From descriptors of frames to means and standard deviations in the windows of the gates."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from avlib.runtime import paths, tables
from avlib.runtime.memo import stamp
from avlib.systems.common.fold_clips import in_parts, label_columns
from avlib.systems.common.functionals import sliding_functionals
from avlib.systems.common.pieces import Piece, unlabelled
from avlib.systems.common.stream_cache import decode, read_streams
from avlib.systems.common.streams import StreamFormat, Streams, held_streams, streams_of_piece
from avlib.systems.gating.clips import DescribedClips, described_windows
from avlib.systems.gating.recorded import Hearing, recordings
from avlib.systems.gating.windows import Windows, apex_start

MOVES = (-1.0, -0.5, 0.5, 1.0)  # by shares of `shift`
_NO_ROWS = np.zeros(0), np.zeros((0, 0), np.float32)


@dataclass(frozen=True)
class WindowDescriptors:
    """A `Source`: frame descriptors pooled window by window, and streams of what is not described.

    A modality that is described may exist as a table alone, without recordings. One clip's frames
    are in memory at a time; what stays, for the next fold too, is a vector per window.

    Attributes
    ----------
    modalities : tuple of str
        Those that are described.
    windows : Windows
    apex : bool
        Whether the one window lies in the middle of each clip.
    format : StreamFormat, optional
        How the streams of the others are kept; None where there are no others.
    shift : float
        How much earlier or later windows to learn from may lie, s; 0: not at all.
    hearing : Hearing, optional
        Of streams of sound; see `RecordedStreams`.
    """

    modalities: tuple[str, ...]
    windows: Windows
    apex: bool
    format: StreamFormat | None
    shift: float = 0.0
    hearing: Hearing | None = None

    def inputs(self) -> list[Path]:
        """Decode sound that is not decoded yet; return its index files and the tables' parts."""
        parts = [part for modality in self.modalities for part in _parts(modality)]
        if self.format is None:
            return parts
        heard = None if "audio" in self.modalities else self.hearing
        return parts + decode(self.format.rate, wider=recordings(heard))

    def read(
        self, labelled: pd.DataFrame, emotions: list[str], inputs: Sequence[Path]
    ) -> dict[str, Any]:
        """Describe the clips of a fold; see `Source`."""
        stamps = tuple((path.absolute(), *stamp(path)) for path in inputs)
        streams, until, described = _everything(self, stamps)
        ids, nothing = labelled["clip_id"], self._streams(None)
        every = _clips(
            label_columns(labelled, emotions),
            [streams.get(clip_id, nothing) for clip_id in ids],
            [until.get(clip_id, 0.0) for clip_id in ids],
            {m: [of.get(clip_id) for clip_id in ids] for m, of in described.items()},
            self.windows.count,
        )
        return in_parts(every, labelled["part"])

    def of_pieces(self, pieces: Sequence[Piece]) -> DescribedClips:
        """Describe pieces of recordings, as clips without labels."""
        streams = [self._streams(piece) for piece in pieces]
        rows = [[p.described.get(m, _NO_ROWS) for m in self.modalities] for p in pieces]
        until = [max((_last(times) for times, _ in of), default=0.0) for of in rows]
        described: dict[str, list[np.ndarray | None]] = {m: [] for m in self.modalities}
        for held, end, of_piece in zip(streams, until, rows, strict=True):
            starts = self._starts(held, end)
            for modality, found in zip(self.modalities, of_piece, strict=True):
                described[modality].append(pooled(*found, starts, self.windows.length)[None])
        labels = unlabelled(len(pieces))
        return _clips(labels, streams, until, described, self.windows.count)

    def _streams(self, piece: Piece | None) -> Streams:
        """Return the streams of a piece of a recording; empty ones where there is none."""
        if self.format is None or piece is None:
            return held_streams(self.format or StreamFormat.of_sound(1), None, None)
        return streams_of_piece(self.format, piece)

    def _starts(self, streams: Streams | None, until: float) -> np.ndarray:
        """Return when a clip's windows start, s, shape (n_gates,)."""
        if not self.apex:
            return self.windows.starts()
        duration = streams.duration if streams and streams.duration else until
        return apex_start(np.array([duration]), self.windows.length)


@functools.lru_cache(maxsize=1)
def _everything(
    source: WindowDescriptors, stamps: tuple[tuple[Any, ...], ...]
) -> tuple[dict[str, Streams], dict[str, float], dict[str, dict[str, np.ndarray]]]:
    """Return streams, last times and windows of all clips, once for all folds of a worker."""
    streams: dict[str, Streams] = {}
    if source.format is not None:
        indices = [path for path, *_ in stamps if path.suffix == ".json"]
        streams |= read_streams(indices, source.format)
    until: dict[str, float] = {}
    for modality in source.modalities:
        for clip_id, rows in _clips_of(modality, ["time"]):
            last = _last(rows["time"].to_numpy())
            until[clip_id] = max(until.get(clip_id, 0.0), last)
    described: dict[str, dict[str, np.ndarray]] = {m: {} for m in source.modalities}
    moves = [0.0, *(source.shift * share for share in MOVES if source.shift)]
    for modality, of in described.items():
        for clip_id, rows in _clips_of(modality, ["time", "descriptor"]):
            starts = source._starts(streams.get(clip_id), until[clip_id])
            times, values = rows["time"].to_numpy(), tables.vectors(rows["descriptor"])
            length = source.windows.length
            of[clip_id] = np.stack([pooled(times, values, starts + m, length) for m in moves])
    return streams, until, described


def _parts(modality: str) -> list[Path]:
    """Return the parts of a modality's table; none where it is not used."""
    return sorted(paths.DESCRIPTORS[modality].glob("*.parquet"))


def _clips_of(modality: str, columns: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    for part in _parts(modality):
        yield from tables.iter_clips(part, columns)


def _last(times: np.ndarray) -> float:
    return float(times[-1]) if len(times) else 0.0


def pooled(times: np.ndarray, values: np.ndarray, starts: np.ndarray, length: float) -> np.ndarray:
    """Describe the windows of a clip by means and standard deviations.

    As with sound (see `avlib.systems.gating.batch.cut_sound`), half of a window must lie before the
    last descriptor, but for the first window. A row that is a clip's only one describes it as a
    whole, and so each of its windows.

    Parameters
    ----------
    times : float array of shape (n_rows,)
        s, increasing.
    values : float array of shape (n_rows, d)
        A row that is not finite, such as one without a face, is left out.
    starts : float array of shape (n_gates,)
        s.
    length : float
        s.

    Returns
    -------
    float32 array of shape (n_gates, 2 d)
        NaN where a window holds no row.
    """
    if len(times) == 1:
        times, starts = np.zeros(1), np.full(len(starts), -length / 2)
    late = starts + length / 2 > _last(times) + 1e-9
    late[:1] = False
    finite = np.isfinite(values).all(axis=1)
    middles = starts + length / 2
    found, counted = sliding_functionals(values[finite], times[finite], middles, length)
    found[late | (counted == 0)] = np.nan
    return found.astype(np.float32)


def _clips(
    labels: dict[str, np.ndarray],
    streams: Sequence[Streams],
    until: Sequence[float],
    described: Mapping[str, Sequence[np.ndarray | None]],
    n_gates: int,
) -> DescribedClips:
    found = np.empty(len(streams), object)
    found[:] = streams
    present = {
        "audio": np.array([s.samples > 0 for s in streams], bool),
        "video": np.array([s.seen.any() for s in streams], bool),
    }
    windows = {}
    for modality, of in described.items():
        shapes = [values.shape for values in of if values is not None]
        n_places, _, width = np.max(shapes, axis=0) if shapes else (1, n_gates, 0)
        windows[modality] = np.full((len(of), n_places, n_gates, width), np.nan, np.float32)
        for row, values in enumerate(of):
            if values is not None and values.shape[2]:
                windows[modality][row] = values
        present[modality] = np.any(described_windows(windows[modality][:, 0]), axis=1)
    return DescribedClips(
        **labels,
        present=present,
        streams=found,
        described=windows,
        until=np.array(until, float),
    )
