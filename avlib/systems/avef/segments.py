"""The segments of clips: mel images and chips, and the batches that networks are fed with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

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
    counts = [spoken.n_segments for spoken in clips.spoken]
    clip = np.repeat(np.arange(len(clips)), counts)
    if not len(clip):
        return Segments(clips, clip, np.zeros((0, *IMAGE), np.float32), np.zeros((0, FACES), int))
    shape = (len(clip), *IMAGE)
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.float32, shape)
    first = np.searchsorted(clip, np.arange(len(clips)))  # segment of each clip
    for row, streams in enumerate(clips.streams):
        if streams.samples:
            signal = pre_emphasis(streams.sound().astype(np.float32) / 32768)
            drawn = mel_images(cut_signal(signal, clips.spoken[row]))
            images[first[row] : first[row] + len(drawn)] = drawn
    frames = np.concatenate([clips.frames(row) for row in range(len(clips))])
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


class MelFaceDataset(Dataset):
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


def channel_statistics(
    segments: Segments, modality: str, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and spread of each channel over some segments, two arrays of shape (3,).

    Of the chips, one in the middle of each segment counts. A spread of zero counts as one.
    """
    total, squares, n = np.zeros(3), np.zeros(3), 0
    for row in rows:
        image = segments.images[row] if modality == "audio" else segments.chips(row)[8]
        values = np.asarray(image, np.float64)
        values = values.reshape(3, -1) if modality == "audio" else values.reshape(-1, 3).T
        total += values.sum(1)
        squares += np.square(values).sum(1)
        n += values.shape[1]
    mean = total / n
    spread = np.sqrt(np.maximum(squares / n - mean**2, 0))
    return mean, np.where(spread > 0, spread, 1.0)
