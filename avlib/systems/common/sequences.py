"""Clips as streams of chips and samples, and the batches that a network is fed with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from avlib.systems.common.batch import TensorBatch
from avlib.systems.common.fold_clips import in_parts, label_columns
from avlib.systems.common.model import Clips
from avlib.systems.common.pieces import Piece, unlabelled
from avlib.systems.common.stream_cache import decode, read_streams
from avlib.systems.common.streams import StreamFormat, Streams, nearest_places, streams_of_piece


@dataclass(frozen=True)
class SequenceClips(Clips):
    """Clips with their streams (see `avlib.systems.common.streams`).

    Attributes
    ----------
    streams : object array of shape (n,)
        Of `Streams`.
    """

    streams: np.ndarray

    @property
    def durations(self) -> np.ndarray:
        """Length of each clip, s, shape (n,)."""
        return np.array([s.duration for s in self.streams], float)


@dataclass(frozen=True)
class Batch(TensorBatch):
    """Some clips, padded to the longest.

    Attributes
    ----------
    chips : uint8 of shape (n, n_chips, size, size, 3)
        RGB. A chip without a face, and the time after a clip's end, repeat the nearest chip.
    seen : bool of shape (n, n_chips)
        Whether a face was found at that time.
    sound : int16 of shape (n, n_samples)
        Zeros after a clip's end.
    samples : int64 of shape (n,)
        How many of them are the clip's; 0 without sound.
    durations : float32 of shape (n,)
        s.
    """

    chips: Tensor
    seen: Tensor
    sound: Tensor
    samples: Tensor
    durations: Tensor


@dataclass(frozen=True)
class CachedStreams:
    """A `Source`: the streams of all clips, sound decoded once, chips as they are asked for.

    Attributes
    ----------
    format : StreamFormat
        How the system wants them.
    """

    format: StreamFormat

    def inputs(self) -> list[Path]:
        """Decode the sound that is not decoded yet; return the index files."""
        return decode(self.format.rate)

    def read(
        self, labelled: pd.DataFrame, emotions: list[str], inputs: Sequence[Path]
    ) -> dict[str, Any]:
        """Say where the streams of a fold's clips lie; see `Source`."""
        streams = read_streams(inputs, self.format)
        rows = labelled[labelled["clip_id"].isin(streams)]
        found = [streams[clip_id] for clip_id in rows["clip_id"]]
        return in_parts(_clips(label_columns(rows, emotions), found), rows["part"])

    def of_pieces(self, pieces: Sequence[Piece]) -> SequenceClips:
        """Return pieces of recordings as clips without labels, their streams in memory."""
        found = [streams_of_piece(self.format, piece) for piece in pieces]
        return _clips(unlabelled(len(pieces)), found)


def _clips(labels: dict[str, np.ndarray], streams: Sequence[Streams]) -> SequenceClips:
    found = np.empty(len(streams), object)
    found[:] = streams
    present = {
        "audio": np.array([s.samples > 0 for s in streams], bool),
        "video": np.array([s.seen.any() for s in streams], bool),
    }
    return SequenceClips(**labels, present=present, streams=found)


class SequenceDataset(Dataset):
    """Batches of clips; an item is asked for by the list of its clips' indices.

    Parameters
    ----------
    clips : SequenceClips
    modalities : tuple of str
        What to read: "audio", "video". The other stream stays empty.
    """

    def __init__(self, clips: SequenceClips, modalities: tuple[str, ...]) -> None:
        self.clips, self.modalities = clips, modalities

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, rows: Sequence[int]) -> Batch:
        index = np.asarray(rows, int)
        clips = self.clips.select(index)
        chips, seen = self._chips(clips)
        silent = np.zeros(0, np.int16)
        heard = "audio" in self.modalities
        sound = [torch.tensor(s.sound() if heard else silent) for s in clips.streams]
        return Batch(
            emotion=torch.from_numpy(clips.emotion.astype(np.int64)),
            chips=torch.from_numpy(chips),
            seen=torch.from_numpy(seen),
            sound=pad_sequence(sound, batch_first=True),
            samples=torch.tensor([len(samples) for samples in sound]),
            durations=torch.from_numpy(clips.durations.astype(np.float32)),
        )

    def _chips(self, clips: SequenceClips) -> tuple[np.ndarray, np.ndarray]:
        used = "video" in self.modalities
        longest = max(len(s.seen) for s in clips.streams) if used else 0
        size = clips.streams[0].format.size
        chips = np.zeros((len(clips), longest, size, size, 3), np.uint8)
        seen = np.zeros((len(clips), longest), bool)
        for row, streams in enumerate(clips.streams if used else ()):
            if streams.seen.any():
                chips[row] = streams.chips(nearest_seen(streams.seen, longest))
                seen[row, : len(streams.seen)] = streams.seen
        return chips, seen


def nearest_seen(seen: np.ndarray, count: int) -> np.ndarray:
    """Return for each of `count` places the nearest place with a face, int of shape (count,).

    Parameters
    ----------
    seen : bool array of shape (n_chips,)
        True somewhere.
    """
    faces = np.flatnonzero(seen)
    return faces[nearest_places(faces, np.arange(count))]
