"""The mel bands of clips, drawn once for all epochs at each speed, and batches of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset, Sampler

from avlib.speech.mel import (
    HOP,
    N_BANDS,
    SAMPLE_RATE,
    SEGMENT,
    relative_log_mel,
    standardised,
)
from avlib.systems.common.batch import ShuffledBatches, TensorBatch
from avlib.systems.common.sequences import SequenceClips

TOGETHER = 2  # frames of the spectrogram whose mean is one of ours
RATE = SAMPLE_RATE / HOP / TOGETHER  # frames per second, 50


@dataclass(frozen=True)
class Mels:
    """Standardised log mel bands of some clips, clip after clip; a row is a clip at a speed.

    Attributes
    ----------
    frames : float32 array of shape (n_frames, 64)
        Mapped from disk.
    first : int array of shape (n_rows + 1,)
        First frame of each row, and the number of all.
    statistics : float32 array of shape (n_rows, 128)
        Mean and deviation of each band over the clip before it was standardised, dB; 0 of a clip
        without sound.
    """

    frames: np.ndarray
    first: np.ndarray
    statistics: np.ndarray

    def of(self, row: int) -> np.ndarray:
        """Return the bands of a row, (n_frames, 64)."""
        return self.frames[self.first[row] : self.first[row + 1]]


def draw_mels(clips: SequenceClips, path: Path, speeds: Sequence[float] = (1.0,)) -> Mels:
    """Draw the bands of each clip; of one without sound there are none.

    Parameters
    ----------
    clips : SequenceClips
        Sound at 16 kHz.
    path : Path
        File for them, 13 kB a second of sound; it must outlive the result.
    speeds : sequence of float
        At which all clips are played, one speed after the other.
    """
    counts, statistics = [], np.zeros((len(speeds) * len(clips), 2 * N_BANDS), np.float32)
    played = [(speed, streams) for speed in speeds for streams in clips.streams]
    with path.open("wb") as file:
        for row, (speed, streams) in enumerate(played):
            bands = np.zeros((0, N_BANDS), np.float32)
            if streams.samples:
                bands, statistics[row] = _bands(at_speed(streams.sound(), speed))
            file.write(bands.tobytes())
            counts.append(len(bands))
    n = sum(counts)
    frames = np.memmap(path, "f4", "r", shape=(n, N_BANDS)) if n else np.zeros((0, N_BANDS), "f4")
    return Mels(frames, np.append(0, np.cumsum(counts, dtype=int)), statistics)


def at_speed(sound: np.ndarray, speed: float) -> np.ndarray:
    """Play a sound faster or slower, and so higher or lower (Ko et al. 2015).

    Parameters
    ----------
    sound : array of shape (n_samples,)
    speed
        Twice as fast is an octave higher.

    Returns
    -------
    array of shape (about n_samples / speed,)
        Float32, and `sound` itself at speed 1.
    """
    ratio = Fraction(speed).limit_denominator(100)
    if ratio == 1:
        return sound
    from scipy.signal import resample_poly  # slow to import, and the demo and `predict` need none

    return resample_poly(sound.astype(np.float32), ratio.denominator, ratio.numerator)


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


class AtAnySpeed(Sampler[list[int]]):
    """Batches of rows: of other batches' clips, each at a random speed.

    Parameters
    ----------
    batches : ShuffledBatches
    n_clips, n_speeds : int
        Row ``n_clips * speed + clip`` of `Mels` is a clip at a speed.
    """

    def __init__(self, batches: ShuffledBatches, n_clips: int, n_speeds: int) -> None:
        self.batches, self.n_clips, self.n_speeds = batches, n_clips, n_speeds

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next; Lightning calls this."""
        self.batches.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[int]]:
        # Whoever draws the batches begins with the seed and the epoch alone.
        rng = np.random.default_rng([self.batches.seed, self.batches.epoch, self.n_speeds])
        for clips in self.batches:
            speeds = rng.integers(self.n_speeds, size=len(clips))
            yield (np.asarray(clips) + self.n_clips * speeds).tolist()


class MelDataset(Dataset):
    """Batches of clips; an item is asked for by the list of its rows of `Mels`.

    Parameters
    ----------
    mels : Mels
    emotion : int array of shape (n_clips,)
    """

    def __init__(self, mels: Mels, emotion: np.ndarray) -> None:
        n_speeds = len(mels.statistics) // len(emotion) if len(emotion) else 1
        self.mels, self.emotion = mels, np.tile(emotion.astype(np.int64), n_speeds)

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
