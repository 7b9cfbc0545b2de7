"""Batches of clips as temporal aggregation sees them: a face and a stretch of sound per segment.

Only the faces that the segments show are decoded, in whatever process reads the batches: of the 60
chips of a clip of CREMA-D ten segments look at ten.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from avlib.systems.common.batch import ShuffledBatches, TensorBatch, in_order
from avlib.systems.common.model import BOTH
from avlib.systems.common.sequences import SequenceClips
from avlib.systems.temporal_aggregation.sampling import (
    RATE,
    SegmentSampler,
    SegmentSamples,
    cut_windows,
)
from avlib.systems.temporal_aggregation.spectrogram import FLOOR_DB, SIZES, row_statistics


@dataclass(frozen=True)
class SegmentBatch(TensorBatch):
    """What the segments of some clips show.

    Attributes
    ----------
    sound : int16 of shape (n, n_segments, n_samples)
    floors : float32 of shape (n,)
        Of the spectrograms, dB.
    rows : float32 of shape (n, 2, 192) or (n, 2, 64)
        What is taken off each row of a clip's spectrograms, and what they are divided by.
    faces : uint8 of shape (n, n_segments, size, size, 3)
        RGB. Without video in the whole system: of shape (n, n_segments, 0, 0, 3).
    present : bool of shape (n, 2)
        Which clips have audio, and which video; the others' sound and faces are 0.
    """

    sound: Tensor
    floors: Tensor
    rows: Tensor
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
    """The batches of an epoch, with random frames and windows."""

    def __init__(self, batches: ShuffledBatches) -> None:
        self.batches = batches

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next; Lightning calls this."""
        self.batches.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Draw]:
        for batch, clips in enumerate(self.batches):
            yield Draw(clips, (self.batches.seed, self.batches.epoch, batch))


def fixed_draws(n: int, size: int, again: int | None = None) -> list[Draw]:
    """Return all clips in order, each with the frames and windows in its segments' middles.

    Parameters
    ----------
    n
        Clips.
    size
        Of a batch.
    again
        With a number, with random ones instead, others for each number.
    """
    batches = enumerate(in_order(range(n), size))
    return [Draw(clips, None if again is None else (again, batch)) for batch, clips in batches]


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
    shown : int, optional
        How many segments a random draw shows at most, drawn too; by default all.
    inside : bool
        Whether windows are moved inside of the sound; then one that is too short for a window is
        heard repeatedly. Otherwise silence precedes and follows it.
    standard : bool
        Whether each row of a spectrogram is to be standardised over its clip.
    frequencies : {"linear", "mel"}
        Of the spectrograms.
    **sampling
        ``n_segments``, ``window`` and ``offset`` of `SegmentSampler`.
    """

    def __init__(
        self,
        clips: SequenceClips,
        modalities: tuple[str, ...],
        *,
        shown: int | None = None,
        inside: bool = False,
        standard: bool = False,
        frequencies: str = "linear",
        **sampling: Any,
    ) -> None:
        self.clips, self.modalities, self.shown, self.inside = clips, modalities, shown, inside
        heard = standard and "audio" in modalities
        self._heard = [_heard(s.sound() if heard else None, frequencies) for s in clips.streams]
        self._faces, face_times, durations = [], [], []  # of each clip
        for streams in clips.streams:
            fps = streams.format.fps
            has_face = streams.seen if "video" in modalities else streams.seen[:0]
            n_samples = streams.samples if "audio" in modalities else 0
            self._faces.append(np.flatnonzero(has_face))  # places of the chips with a face
            face_times.append(self._faces[-1] / fps)
            durations.append(max(len(has_face) / fps, n_samples / RATE))
        samples = np.array([s.samples for s in clips.streams], int) if inside else None
        self._sampler = SegmentSampler(np.array(durations), face_times, samples=samples, **sampling)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, draw: Draw) -> SegmentBatch:
        rows = np.asarray(draw.clips, int)
        if draw.seed is None:
            samples = self._sampler.centre(rows)
        else:
            samples = self._drawn(rows, np.random.default_rng(draw.seed))
        present = [self.clips.present[m][rows] & (m in self.modalities) for m in BOTH]
        return SegmentBatch(
            emotion=torch.from_numpy(self.clips.emotion[rows].astype(np.int64)),
            sound=torch.from_numpy(self._sound(rows, samples)),
            floors=torch.stack([self._heard[row][0] for row in rows]),
            rows=torch.stack([self._heard[row][1] for row in rows]),
            faces=torch.from_numpy(self._chips(rows, samples)),
            present=torch.from_numpy(np.stack(present, axis=1)),
        )

    def _drawn(self, rows: np.ndarray, rng: np.random.Generator) -> SegmentSamples:
        samples = self._sampler.draw(rows, rng)
        if self.shown is None or self.shown >= self._sampler.n_segments:
            return samples
        every = np.tile(np.arange(self._sampler.n_segments), (len(rows), 1))
        chosen = np.sort(rng.permuted(every, axis=1)[:, : self.shown], axis=1)
        return SegmentSamples(*(np.take_along_axis(v, chosen, axis=1) for v in samples))

    def _sound(self, rows: np.ndarray, samples: SegmentSamples) -> np.ndarray:
        signals, size = [np.zeros(0, np.int16) for _ in rows], self._sampler.n_samples
        if "audio" in self.modalities:
            signals = [self.clips.streams[row].sound() for row in rows]
        if self.inside:
            signals = [np.resize(s, size) if 0 < len(s) < size else s for s in signals]
        return cut_windows(signals, samples.start, size)

    def _chips(self, rows: np.ndarray, samples: SegmentSamples) -> np.ndarray:
        size = self.clips.streams[0].format.size if "video" in self.modalities else 0
        chips = np.zeros((*samples.frame.shape, size, size, 3), np.uint8)
        for shown, row, frames in zip(chips, rows, samples.frame, strict=True):
            if len(self._faces[row]):
                shown[:] = self.clips.streams[row].chips(self._faces[row][frames])
        return chips


def _heard(sound: np.ndarray | None, frequencies: str) -> tuple[Tensor, Tensor]:
    """Return floor and rows of a sound; without one, those that leave spectrograms as they are."""
    if sound is None or not len(sound):
        _, n_rows, _ = SIZES[frequencies]
        return torch.tensor(FLOOR_DB), torch.stack([torch.zeros(n_rows), torch.ones(n_rows)])
    return row_statistics(torch.from_numpy(sound.astype(np.float32) / 32768), frequencies)
