"""Batches of clips as temporal aggregation sees them: a face and a stretch of sound per segment.

Only what the segments show is read from disk, not the whole streams: at the paper's size a clip of
CREMA-D holds some ten megabytes of faces, of which ten segments look at 1.5.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from avlib.systems.common.batch import ShuffledBatches, TensorBatch, in_order
from avlib.systems.common.model import BOTH
from avlib.systems.common.sequences import SequenceClips
from avlib.systems.temporal_aggregation.sampling import (
    RATE,
    SegmentSampler,
    SegmentSamples,
    cut_windows,
)


@dataclass(frozen=True)
class SegmentBatch(TensorBatch):
    """What the segments of some clips show.

    Attributes
    ----------
    sound : int16 of shape (n, n_segments, n_samples)
    faces : uint8 of shape (n, n_segments, size, size, 3)
        RGB. Without video in the whole system: of shape (n, n_segments, 0, 0, 3).
    present : bool of shape (n, 2)
        Which clips have audio, and which video; the others' sound and faces are 0.
    """

    sound: Tensor
    faces: Tensor
    present: Tensor


class Draw(NamedTuple):
    """A batch that is asked for.

    Attributes
    ----------
    clips : list of int
    seed : tuple of int, optional
        Of the random frames and windows; None: those in the middle of the segments.
    """

    clips: list[int]
    seed: tuple[int, ...] | None


class RandomDraws(ShuffledBatches):
    """All clips once an epoch, in random order and with random frames and windows."""

    def __iter__(self) -> Iterator[Draw]:
        for batch, clips in enumerate(super().__iter__()):
            yield Draw(clips, (self.seed, self.epoch, batch))


def centre_draws(n: int, size: int) -> list[Draw]:
    """Return all clips in order, each with the frames and windows in its segments' middles."""
    return [Draw(clips, None) for clips in in_order(range(n), size)]


class SegmentDataset(Dataset):
    """Batches of clips; an item is asked for by a `Draw`.

    A modality that is not among `modalities` counts as absent: nothing of it is read, and neither
    its frames nor its length have a say in where the segments lie.

    Parameters
    ----------
    clips : SequenceClips
        Each has one of the modalities; sound at 16 kHz.
    modalities : tuple of str
        What to read: "audio", "video".
    **sampling
        ``n_segments``, ``window`` and ``offset`` of `SegmentSampler`.
    """

    def __init__(self, clips: SequenceClips, modalities: tuple[str, ...], **sampling: Any) -> None:
        self.clips, self.modalities = clips, modalities
        self._faces, face_times, durations = [], [], []  # of each clip
        for streams in clips.streams:
            fps = streams.format.fps
            has_face = streams.seen if "video" in modalities else streams.seen[:0]
            n_samples = streams.samples if "audio" in modalities else 0
            self._faces.append(np.flatnonzero(has_face))  # places of the chips with a face
            face_times.append(self._faces[-1] / fps)
            durations.append(max(len(has_face) / fps, n_samples / RATE))
        self._sampler = SegmentSampler(np.array(durations), face_times, **sampling)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, draw: Draw) -> SegmentBatch:
        rows = np.asarray(draw.clips, int)
        if draw.seed is None:
            samples = self._sampler.centre(rows)
        else:
            samples = self._sampler.draw(rows, np.random.default_rng(draw.seed))
        present = [self.clips.present[m][rows] & (m in self.modalities) for m in BOTH]
        return SegmentBatch(
            emotion=torch.from_numpy(self.clips.emotion[rows].astype(np.int64)),
            sound=torch.from_numpy(self._sound(rows, samples)),
            faces=torch.from_numpy(self._chips(rows, samples)),
            present=torch.from_numpy(np.stack(present, axis=1)),
        )

    def _sound(self, rows: np.ndarray, samples: SegmentSamples) -> np.ndarray:
        signals = [np.zeros(0, np.int16) for _ in rows]
        if "audio" in self.modalities:
            signals = [self.clips.streams[row].sound() for row in rows]
        return cut_windows(signals, samples.start, self._sampler.n_samples)

    def _chips(self, rows: np.ndarray, samples: SegmentSamples) -> np.ndarray:
        size = self.clips.streams[0].format.size if "video" in self.modalities else 0
        chips = np.zeros((*samples.frame.shape, size, size, 3), np.uint8)
        for shown, row, frames in zip(chips, rows, samples.frame, strict=True):
            if len(self._faces[row]):
                shown[:] = self.clips.streams[row].chips()[self._faces[row][frames]]
        return chips
