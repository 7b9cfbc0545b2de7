"""The segments of clips: mel images and chips, and the batches that networks are fed with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from avlib.speech.mel import FRAMES, N_BANDS, mel_images
from avlib.speech.preprocess import pre_emphasis
from avlib.systems.avef.denoise import FACES, cut_signal
from avlib.systems.avef.spoken import SpokenClips
from avlib.systems.common.batch import TensorBatch

IMAGE = (3, N_BANDS, FRAMES)


@dataclass(frozen=True)
class Segments:
    """All segments of some clips, clip after clip.

    Attributes
    ----------
    clips : SpokenClips
    clip : int array of shape (n,)
        Row of the clip that a segment belongs to.
    images : float32 array of shape (n, 3, 64, 64)
        Mel images, mapped from disk; zeros without sound.
    frames : int array of shape (n, 16)
        Chips of the clip's streams; -1 all along without a face.
    """

    clips: SpokenClips
    clip: np.ndarray
    images: np.ndarray
    frames: np.ndarray

    def __len__(self) -> int:
        return len(self.clip)

    @property
    def emotion(self) -> np.ndarray:
        """Code of each segment's emotion, which is its clip's, int of shape (n,)."""
        return self.clips.emotion[self.clip]

    def has(self, modalities: tuple[str, ...]) -> np.ndarray:
        """Return which segments have all of these modalities, bool of shape (n,)."""
        there = {"audio": self.clips.has(("audio",))[self.clip], "video": self.frames[:, 0] >= 0}
        return np.all([there[m] for m in modalities], axis=0)

    def chips(self, segment: int) -> np.ndarray:
        """Return the chips of a segment, uint8 of shape (16, size, size, 3); black without face."""
        streams = self.clips.streams[self.clip[segment]]
        if self.frames[segment, 0] < 0:
            return np.zeros((FACES, streams.format.size, streams.format.size, 3), np.uint8)
        return streams.chips()[self.frames[segment]]


def cut_segments(clips: SpokenClips, folder: Path) -> Segments:
    """Cut clips into their segments and draw the mel images, once for all epochs.

    Parameters
    ----------
    clips : SpokenClips
    folder : Path
        Gets ``images.npy``, 48 kB a segment; it must outlive the result.
    """
    counts = np.array([kept.n_segments for kept in clips.kept], int)
    clip = np.repeat(np.arange(len(clips)), counts)
    if not len(clip):
        return Segments(clips, clip, np.zeros((0, *IMAGE), np.float32), np.zeros((0, FACES), int))
    frames = np.concatenate([clips.frames(row) for row in range(len(clips))])
    folder.mkdir(parents=True, exist_ok=True)
    shape = (len(clip), *IMAGE)
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.float32, shape)
    ends = np.cumsum(counts)
    for row, (streams, kept) in enumerate(zip(clips.streams, clips.kept, strict=True)):
        if streams.samples:
            signal = pre_emphasis(streams.sound().astype(np.float32) / 32768)
            drawn = mel_images(cut_signal(signal, kept))
            images[ends[row] - counts[row] : ends[row]] = drawn
    return Segments(clips, clip, images, frames)


@dataclass(frozen=True)
class MelFaceBatch(TensorBatch):
    """Some segments.

    Attributes
    ----------
    inputs : dict of str to Tensor
        "audio": float32 of shape (n, 3, 64, 64), mel images; "video": uint8 of shape (n, 16, size,
        size, 3), chips.
    """

    inputs: dict[str, Tensor]


class SegmentDataset(Dataset):
    """Batches of segments; an item is asked for by the list of its segments' indices.

    Parameters
    ----------
    segments : Segments
    modalities : tuple of str
        What to read.
    """

    def __init__(self, segments: Segments, modalities: tuple[str, ...]) -> None:
        self.segments, self.modalities = segments, modalities
        self.emotion = segments.emotion.astype(np.int64)

    def __len__(self) -> int:
        return len(self.segments)

    def __getitem__(self, rows: Sequence[int]) -> MelFaceBatch:
        inputs = {}
        if "audio" in self.modalities:
            inputs["audio"] = torch.from_numpy(np.ascontiguousarray(self.segments.images[rows]))
        if "video" in self.modalities:
            inputs["video"] = torch.from_numpy(np.stack([self.segments.chips(r) for r in rows]))
        return MelFaceBatch(torch.from_numpy(self.emotion[rows]), inputs)


class ShuffledSegments(Sampler[list[int]]):
    """Batches of the segments of a mask, in an order of its own for each seed and epoch.

    Parameters
    ----------
    used : bool array of shape (n_segments,)
    size : int
        Segments of a batch; the last one has fewer.
    seed : int
    """

    def __init__(self, used: np.ndarray, size: int, seed: int) -> None:
        self.rows, self.size, self.seed, self.epoch = np.flatnonzero(used), size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next; Lightning calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.rows) // self.size)

    def __iter__(self) -> Any:
        drawn = np.random.default_rng([self.seed, self.epoch]).permutation(self.rows)
        return (drawn[k : k + self.size].tolist() for k in range(0, len(drawn), self.size))


def in_turn(used: np.ndarray, size: int) -> list[list[int]]:
    """Return the segments of a mask in batches, in order."""
    rows = np.flatnonzero(used)
    return [rows[k : k + size].tolist() for k in range(0, len(rows), size)]


def segment_batches(
    segments: Segments,
    modalities: tuple[str, ...],
    rows: Sampler | Sequence[Sequence[int]],
    *,
    workers: int = 0,
) -> DataLoader:
    """Return a loader of `MelFaceBatch`, one for each list of indices that `rows` yields."""
    return DataLoader(
        SegmentDataset(segments, modalities),
        batch_size=None,
        sampler=rows,
        num_workers=workers,
        pin_memory=torch.cuda.is_available() and workers > 0,
        persistent_workers=workers > 0,
    )


def channel_statistics(
    segments: Segments, modality: str, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and spread of each channel over some segments, two arrays of shape (3,).

    Of the chips, one in the middle of each segment counts. A spread of zero counts as one.
    """
    total, squares, n = np.zeros(3), np.zeros(3), 0
    for row in rows:
        values = segments.images[row] if modality == "audio" else segments.chips(row)[8]
        values = np.asarray(values, np.float64)
        values = values.reshape(3, -1) if modality == "audio" else values.reshape(-1, 3).T
        total += values.sum(1)
        squares += np.square(values).sum(1)
        n += values.shape[1]
    mean = total / n
    spread = np.sqrt(np.maximum(squares / n - mean**2, 0))
    return mean, np.where(spread > 0, spread, 1.0)
