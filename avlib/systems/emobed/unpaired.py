"""Mini-batches of two modalities that are drawn apart from each other (EmoBed, section 4.2)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, Sampler

from avlib.systems.common.batch import EvenBatches, ShuffledBatches, batch_loader, in_order
from avlib.systems.common.model import BOTH

UnpairedRows = dict[str, list[int]]  # by modality: which of its sequences


class UnpairedBatches(ShuffledBatches):
    """Once an epoch every clip of the target; with each batch some of the auxiliary modality.

    The auxiliary's clips are drawn without regard to the target's, in an order of their own that
    begins anew when all have had their turn: no recording need have both modalities, nor need they
    come from one corpus. Everything depends on the seed and the epoch alone, and the target's order
    not on the auxiliary modality.

    Parameters
    ----------
    counts : mapping of str to int
        How many clips each modality has; the target stands first.
    size : int
        Clips of each modality in a mini-batch; the target's last one may be smaller, and an
        auxiliary modality that has fewer shows all of them each time.
    seed : int
    """

    def __init__(self, counts: Mapping[str, int], size: int, seed: int) -> None:
        self.target, self.counts = next(iter(counts)), counts
        super().__init__(np.arange(counts[self.target]), size, seed)

    def __iter__(self) -> Iterator[UnpairedRows]:
        sizes = {m: min(self.size, n) for m, n in self.counts.items()}
        orders = {}
        for modality, n in self.counts.items():
            rng = np.random.default_rng([self.seed, self.epoch, BOTH.index(modality)])
            needed = n if modality == self.target else len(self) * sizes[modality]
            rounds = [rng.permutation(n) for _ in range(math.ceil(needed / n))]
            orders[modality] = np.concatenate(rounds)[:needed].tolist()
        for batch in range(len(self)):
            yield {m: orders[m][batch * n : (batch + 1) * n] for m, n in sizes.items()}


class DrawnApart(Sampler[UnpairedRows]):
    """An epoch of a given number of mini-batches; each modality begins anew when it has ended.

    Everything depends on the samplers' seeds and the epoch alone.

    Parameters
    ----------
    samplers : mapping of str to ShuffledBatches
        Of each modality. One seed for all would draw modalities of one size in pairs.
    steps : int
        Mini-batches in an epoch, at least 1.
    """

    def __init__(self, samplers: Mapping[str, ShuffledBatches], steps: int) -> None:
        self.samplers, self.steps, self.epoch = samplers, steps, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next; Lightning calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[UnpairedRows]:
        streams = [self._stream(sampler) for sampler in self.samplers.values()]
        for _, *rows in zip(range(self.steps), *streams, strict=False):
            yield dict(zip(self.samplers, rows, strict=True))

    def _stream(self, sampler: ShuffledBatches) -> Iterator[list[int]]:
        """Yield at least as many batches as an epoch has, others in every epoch."""
        rounds = math.ceil(self.steps / len(sampler))
        for number in range(self.epoch * rounds, (self.epoch + 1) * rounds):
            sampler.set_epoch(number)
            yield from sampler


def drawn_apart(
    emotions: Mapping[str, np.ndarray], size: int, seed: int, *, balanced: bool, steps: int
) -> DrawnApart:
    """Return the mini-batches of the modern recipe.

    Parameters
    ----------
    emotions
        By modality, int64 of shape (n,): of its clips.
    size
        Clips of each modality in a mini-batch.
    seed
    balanced
        Whether all emotions are equally likely, in each modality.
    steps
        Mini-batches in an epoch.
    """
    samplers: dict[str, ShuffledBatches] = {}
    for modality, emotion in emotions.items():
        own = len(BOTH) * seed + BOTH.index(modality)
        samplers[modality] = (
            EvenBatches(emotion, size, own)
            if balanced
            else ShuffledBatches(np.arange(len(emotion)), size, own)
        )
    return DrawnApart(samplers, steps)


def epochs_over(
    counts: Mapping[str, int], every: Mapping[str, int], settings: Mapping[str, Any]
) -> Sampler[UnpairedRows]:
    """Return the mini-batches of clips as they come, by the settings.

    Parameters
    ----------
    counts
        Clips of each modality that is drawn, the target first.
    every
        Clips of each modality of the corpus, also of those that a system does without.
    settings
        ``batch_size``, ``seed`` and ``epoch_over``: "target", as in the paper, or "larger".
    """
    size, seed = settings["batch_size"], settings["seed"]
    if settings["epoch_over"] == "target":
        return UnpairedBatches(counts, size, seed)
    emotions = {modality: np.zeros(n, int) for modality, n in counts.items()}  # not balanced
    steps = math.ceil(max(every.values()) / size)
    return drawn_apart(emotions, size, seed, balanced=False, steps=steps)


class Half(NamedTuple):
    """The sequences of one modality in a mini-batch.

    Attributes
    ----------
    features : float32 Tensor of shape (n, n_steps, d)
        Padded with zeros to the longest.
    lengths : int64 Tensor of shape (n,)
        Steps of each.
    labels : Tensor
        Either int64 of shape (n,), the emotion of each; or float32 of shape (n, n_steps, 2), NaN
        where a step has no label and after the end.
    """

    features: Tensor
    lengths: Tensor
    labels: Tensor


class Sequences(NamedTuple):
    """Standardised sequences of one modality and their labels.

    Attributes
    ----------
    features : list of float32 arrays of shape (n_steps, d)
    labels : int64 array of shape (n,), or list of float arrays of shape (n_steps, 2)
        Codes of emotions, or what was felt at each step.
    """

    features: list[np.ndarray]
    labels: np.ndarray | list[np.ndarray]

    def half(self, rows: Sequence[int]) -> Half:
        """Return some of them as a mini-batch."""
        features = [torch.from_numpy(self.features[row]) for row in rows]
        labels = [torch.as_tensor(self.labels[row]) for row in rows]
        if labels[0].ndim:
            joined = pad_sequence(labels, batch_first=True, padding_value=torch.nan).float()
        else:
            joined = torch.stack(labels)
        lengths = torch.tensor([len(values) for values in features])
        return Half(pad_sequence(features, batch_first=True), lengths, joined)


class UnpairedDataset(Dataset):
    """Mini-batches by modality; an item is asked for by an `UnpairedRows`."""

    def __init__(self, sequences: Mapping[str, Sequences]) -> None:
        self.sequences = sequences

    def __getitem__(self, draw: UnpairedRows) -> dict[str, Half]:
        return {modality: self.sequences[modality].half(rows) for modality, rows in draw.items()}


def held_out_loader(target: str, watched: Sequences, size: int) -> DataLoader:
    """Return all sequences of the target modality, in order."""
    draws = [{target: rows} for rows in in_order(range(len(watched.labels)), size)]
    return batch_loader(UnpairedDataset({target: watched}), draws)
