"""Mini-batches of two modalities that are drawn apart from each other (EmoBed, section 4.2)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

from avlib.systems.common.batch import ShuffledBatches, batch_loader, in_order
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
