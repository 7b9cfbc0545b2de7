"""The segments of clips: mel images and chips, and the batches that networks are fed with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from avlib.speech.mel import N_BANDS, PAPERS, SegmentLength, mel_images
from avlib.speech.preprocess import pre_emphasis
from avlib.systems.avef.denoise import FACES, cut_signal
from avlib.systems.avef.mels import MELS
from avlib.systems.avef.spoken import SpokenClips
from avlib.systems.common.batch import EvenBatches, ShuffledBatches, TensorBatch


@dataclass(frozen=True)
class Segments:
    """All segments of some clips, clip after clip.

    Attributes
    ----------
    clips : SpokenClips
    clip : int array of shape (n,)
        Row of the clip that a segment belongs to.
    images : float32 array of shape (n, 3, 64, n_frames)
        Mel images, mapped from disk; zeros without sound.
    frames : int array of shape (n, 16)
        Chips of the clip's streams; -1 all along without a face.
    folder : Path
        Where the images lie.
    fc7 : dict of str to float32 array of shape (n, d)
        By modality whose network does not learn any more: what its fc7 says, mapped from disk. See
        `avlib.systems.avef.inference.with_fc7`.
    """

    clips: SpokenClips
    clip: np.ndarray
    images: np.ndarray
    frames: np.ndarray
    folder: Path
    fc7: Mapping[str, np.ndarray] = field(default_factory=dict)

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
        return streams.chips(self.frames[segment])

    def middle_chip(self, segment: int) -> np.ndarray:
        """Return one chip of a segment with a face, uint8 of shape (size, size, 3)."""
        places = self.frames[segment, FACES // 2, None]
        return self.clips.streams[self.clip[segment]].chips(places)[0]


def cut_segments(clips: SpokenClips, folder: Path, mels: str = "paper") -> Segments:
    """Cut clips into their segments and draw the mel images, once for all epochs.

    Parameters
    ----------
    clips : SpokenClips
    folder : Path
        Gets ``images.npy``, 48 kB a segment of 655 ms; it must outlive the result.
    mels : str
        Channel 0 of the images, of what is left of a clip; see `MELS`.
    """
    counts = [spoken.n_segments for spoken in clips.spoken]
    clip = np.repeat(np.arange(len(clips)), counts)
    length = clips.spoken[0].length if len(clip) else PAPERS
    shape = (len(clip), *image_shape(length))
    if not len(clip):
        return Segments(clips, clip, np.zeros(shape, np.float32), np.zeros((0, FACES), int), folder)
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.float32, shape)
    first = np.searchsorted(clip, np.arange(len(clips)))  # segment of each clip
    for row, streams in enumerate(clips.streams):
        if streams.samples:
            signal = pre_emphasis(streams.sound().astype(np.float32) / 32768)
            drawn = mel_images(cut_signal(signal, clips.spoken[row]), MELS[mels], length)
            images[first[row] : first[row] + len(drawn)] = drawn
    frames = np.concatenate([clips.frames(row) for row in range(len(clips))])
    return Segments(clips, clip, images, frames, folder)


def image_shape(length: SegmentLength) -> tuple[int, int, int]:
    """Return the shape of a segment's mel image: channels, bands, frames."""
    return 3, N_BANDS, length.frames


@dataclass(frozen=True)
class MelFaceBatch(TensorBatch):
    """Some segments.

    Attributes
    ----------
    inputs : dict of str to Tensor
        "audio": float32 of shape (n, 3, 64, n_frames), mel images; "video": uint8 of shape (n, 16,
        size, size, 3), chips; "audio_fc7" or "video_fc7" in their place: float32 of shape (n, d).
    """

    inputs: dict[str, Tensor]


class MelFaceDataset(Dataset):
    """Batches of chosen segments; an item is asked for by the list of their places.

    Parameters
    ----------
    segments : Segments
    rows : int array of shape (n,)
        Which segments there are.
    modalities : tuple of str
        What to read.
    """

    def __init__(self, segments: Segments, rows: np.ndarray, modalities: tuple[str, ...]) -> None:
        self.segments, self.rows, self.modalities = segments, rows, modalities
        self.emotion = segments.emotion[rows].astype(np.int64)
        self.clip = segments.clip[rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, places: Sequence[int]) -> MelFaceBatch:
        rows, known = self.rows[places], self.segments.fc7
        inputs, asked = {}, [m for m in self.modalities if m not in known]
        for modality in set(self.modalities) - set(asked):
            inputs[f"{modality}_fc7"] = torch.from_numpy(known[modality][rows])
        if "audio" in asked:
            inputs["audio"] = torch.from_numpy(np.ascontiguousarray(self.segments.images[rows]))
        if "video" in asked:
            inputs["video"] = torch.from_numpy(np.stack([self.segments.chips(r) for r in rows]))
        return MelFaceBatch(torch.from_numpy(self.emotion[places]), inputs)


class DrawnSegments(Sampler[list[int]]):
    """Batches of segments that are drawn from clips, so that a long clip counts as a short one.

    Parameters
    ----------
    clip : int array of shape (n,)
        Which of the clips each segment belongs to, in ascending order; each clip has one at least.
    shown : int
        How often an epoch draws from a clip.
    batches : ShuffledBatches
        Of n_clips * shown indices, `shown` neighbours of which are of a clip.
    """

    def __init__(self, clip: np.ndarray, shown: int, batches: ShuffledBatches) -> None:
        self.first = np.searchsorted(clip, np.arange(clip.max() + 2))
        self.shown, self.batches = shown, batches

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next; Lightning calls this."""
        self.batches.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.batches.seed, self.batches.epoch])
        for indices in self.batches:
            of = np.asarray(indices) // self.shown
            yield rng.integers(self.first[of], self.first[of + 1]).tolist()


def drawn_segments(
    dataset: MelFaceDataset, shown: int, modern: Mapping[str, Any], seed: int
) -> DrawnSegments:
    """Return batches of the segments of a dataset, drawn as section ``modern`` has it.

    Parameters
    ----------
    dataset : MelFaceDataset
        Its segments, clip after clip.
    shown : int
        See `DrawnSegments`.
    modern
        ``balanced``: whether every emotion is as frequent, or every clip; ``batch_size``.
    seed : int
    """
    _, first, clip = np.unique(dataset.clip, return_index=True, return_inverse=True)
    emotion, size = np.repeat(dataset.emotion[first], shown), modern["batch_size"]
    batches = (
        EvenBatches(emotion, size, seed)
        if modern["balanced"]
        else ShuffledBatches(np.arange(len(emotion)), size, seed)
    )
    return DrawnSegments(clip, shown, batches)


def channel_statistics(
    segments: Segments, modality: str, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and spread of each channel over some segments, two arrays of shape (3,).

    Of the chips, one in the middle of each segment counts. A spread of zero counts as one.
    """
    total, squares, n = np.zeros(3), np.zeros(3), 0
    for row in rows:
        image = segments.images[row] if modality == "audio" else segments.middle_chip(row)
        values = np.asarray(image, np.float64)
        values = values.reshape(3, -1) if modality == "audio" else values.reshape(-1, 3).T
        total += values.sum(1)
        squares += np.square(values).sum(1)
        n += values.shape[1]
    mean = total / n
    spread = np.sqrt(np.maximum(squares / n - mean**2, 0))
    return mean, np.where(spread > 0, spread, 1.0)
