"""The mel bands of clips, drawn once for all epochs, and batches of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from avlib.speech.mel import (
    HOP,
    N_BANDS,
    SAMPLE_RATE,
    SEGMENT,
    relative_log_mel,
    standardised,
)
from avlib.systems.common.batch import TensorBatch
from avlib.systems.common.sequences import SequenceClips

TOGETHER = 4  # frames of the spectrogram whose mean is one of ours
RATE = SAMPLE_RATE / HOP / TOGETHER  # frames per second, 25


@dataclass(frozen=True)
class Mels:
    """Standardised log mel bands of some clips, clip after clip.

    Attributes
    ----------
    frames : float32 array of shape (n_frames, 64)
        Mapped from disk.
    first : int array of shape (n_clips + 1,)
        First frame of each clip, and the number of all.
    statistics : float32 array of shape (n_clips, 128)
        Mean and deviation of each band over the clip before it was standardised, dB; 0 of a clip
        without sound.
    """

    frames: np.ndarray
    first: np.ndarray
    statistics: np.ndarray

    def of(self, clip: int) -> np.ndarray:
        """Return the bands of a clip, (n_frames, 64)."""
        return self.frames[self.first[clip] : self.first[clip + 1]]


def draw_mels(clips: SequenceClips, path: Path) -> Mels:
    """Draw the bands of each clip; of one without sound there are none.

    Parameters
    ----------
    clips : SequenceClips
        Sound at 16 kHz.
    path : Path
        File for them, 6 kB a second of sound; it must outlive the result.
    """
    counts, statistics = [], np.zeros((len(clips), 2 * N_BANDS), np.float32)
    with path.open("wb") as file:
        for row, streams in enumerate(clips.streams):
            bands = np.zeros((0, N_BANDS), np.float32)
            if streams.samples:
                bands, statistics[row] = _bands(streams.sound())
            file.write(bands.tobytes())
            counts.append(len(bands))
    n = sum(counts)
    frames = np.memmap(path, "f4", "r", shape=(n, N_BANDS)) if n else np.zeros((0, N_BANDS), "f4")
    return Mels(frames, np.append(0, np.cumsum(counts, dtype=int)), statistics)


def _bands(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # A shorter sound goes on in silence: every pooling of the network needs some frames.
    signal = np.pad(sound, (0, max(0, SEGMENT - len(sound)))).astype(np.float32) / 32768
    levels, statistics = standardised(relative_log_mel(signal))
    whole = len(levels) // TOGETHER * TOGETHER
    return levels[:whole].reshape(-1, TOGETHER, N_BANDS).mean(axis=1), statistics.ravel()


@dataclass(frozen=True)
class MelBatch(TensorBatch):
    """Some clips.

    Attributes
    ----------
    mels : float32 of shape (n, 1, 64, n_frames)
        Padded with zeros to the longest.
    lengths : int64 of shape (n,)
        Frames of each.
    statistics : float32 of shape (n, 128)
        See `Mels`.
    """

    mels: Tensor
    lengths: Tensor
    statistics: Tensor


class MelDataset(Dataset):
    """Batches of clips; an item is asked for by the list of its clips' indices."""

    def __init__(self, mels: Mels, emotion: np.ndarray) -> None:
        self.mels, self.emotion = mels, emotion.astype(np.int64)

    def __len__(self) -> int:
        return len(self.emotion)

    def __getitem__(self, rows: Sequence[int]) -> MelBatch:
        bands = [torch.from_numpy(self.mels.of(row).copy()) for row in rows]
        return MelBatch(
            emotion=torch.from_numpy(self.emotion[rows]),
            mels=pad_sequence(bands, batch_first=True).transpose(1, 2)[:, None],
            lengths=torch.tensor([len(of_clip) for of_clip in bands]),
            statistics=torch.from_numpy(self.mels.statistics[rows]),
        )
