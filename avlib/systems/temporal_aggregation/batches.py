"""Batches of clips as temporal aggregation sees them: a face and a stretch of sound per segment.

Only what the segments show is read from disk, not the whole streams: at the paper's size a clip of
CREMA-D holds some ten megabytes of faces, of which ten segments look at 1.5.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from avlib.systems.common.batch import TensorBatch, in_order
from avlib.systems.common.model import BOTH
from avlib.systems.common.sequences import SequenceClips
from avlib.systems.temporal_aggregation.sampling import SegmentSampler, SegmentSamples, cut_windows

RATE = 16000  # Hz, of the sound


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


class RandomDraws(Sampler[Draw]):
    """All clips once an epoch, in random order and with random frames and windows.

    Everything depends on the seed and the epoch alone, so that a resumed run goes on as an
    undisturbed one would, whichever processes read the batches.

    Parameters
    ----------
    n : int
        Number of clips.
    size : int
        Clips in a batch.
    seed : int
    """

    def __init__(self, n: int, size: int, seed: int) -> None:
        self.n, self.size, self.seed, self.epoch = n, size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next; Lightning calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.n // self.size)

    def __iter__(self) -> Iterator[Draw]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.n).tolist()
        for batch, start in enumerate(range(0, self.n, self.size)):
            yield Draw(order[start : start + self.size], (self.seed, self.epoch, batch))


def centre_draws(n: int, size: int) -> list[Draw]:
    """Return all clips in order, each with the frames and windows in its segments' middles."""
    return [Draw(rows, None) for rows in in_order(n, size)]


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
    n_segments : int
        N.
    window : float
        d, s.
    offset : float
        b, s.
    """

    def __init__(
        self,
        clips: SequenceClips,
        modalities: tuple[str, ...],
        *,
        n_segments: int,
        window: float,
        offset: float,
    ) -> None:
        self.clips, self.modalities = clips, modalities
        seen = [s.seen if "video" in modalities else s.seen[:0] for s in clips.streams]
        heard = [s.samples if "audio" in modalities else 0 for s in clips.streams]
        self._faces = [np.flatnonzero(flags) for flags in seen]  # places of the chips with a face
        fps = [s.format.fps for s in clips.streams]
        self._sampler = SegmentSampler(
            np.array([max(len(f) / r, n / RATE) for f, r, n in zip(seen, fps, heard, strict=True)]),
            [places / rate for places, rate in zip(self._faces, fps, strict=True)],
            n_segments=n_segments,
            window=window,
            offset=offset,
            sample_rate=RATE,
        )

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
        used = "audio" in self.modalities
        nothing = np.zeros(0, np.int16)
        signals = [self.clips.streams[row].sound() if used else nothing for row in rows]
        return cut_windows(signals, samples.start, self._sampler.n_samples)

    def _chips(self, rows: np.ndarray, samples: SegmentSamples) -> np.ndarray:
        size = self.clips.streams[0].format.size if "video" in self.modalities else 0
        chips = np.zeros((*samples.frame.shape, size, size, 3), np.uint8)
        for shown, row, frames in zip(chips, rows, samples.frame, strict=True):
            if len(self._faces[row]):
                shown[:] = self.clips.streams[row].chips()[self._faces[row][frames]]
        return chips


def segment_loader(
    dataset: SegmentDataset, draws: Sampler[Draw] | list[Draw], *, workers: int
) -> DataLoader:
    """Return a loader of `SegmentBatch`.

    Parameters
    ----------
    workers
        Processes that read ahead; 0 reads in the process that trains.
    """
    return DataLoader(
        dataset,
        batch_size=None,
        sampler=draws,
        num_workers=workers,
        pin_memory=torch.cuda.is_available() and workers > 0,
        persistent_workers=workers > 0,
    )
