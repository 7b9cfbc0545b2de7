"""Mini-batches of sequences of two modalities that are drawn apart from each other."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

Draw = dict[str, list[int]]  # by modality, which sequences


class SequenceBatch(NamedTuple):
    """Sequences of one modality; after their ends come zeros without labels.

    features has shape (n, n_steps, d), labels (n, n_steps, 2) with NaN where a step has none. What
    comes after an end changes nothing before it, as the network reads from the past to the future:
    it may read on, which is quicker than packing the sequences.
    """

    features: Tensor
    labels: Tensor

    @property
    def lengths(self) -> Tensor:
        """All steps of each sequence, with those after its end, (n,)."""
        return torch.full(self.features.shape[:1], self.features.shape[1])


class UnpairedDraws(Sampler[Draw]):
    """Each sequence of the target modality once an epoch; of the other modality as many batches.

    Both are shuffled by themselves (section 3.3), so that they need not be of the same recordings,
    nor of the same corpus. Where the other has fewer sequences they come again.

    Parameters
    ----------
    counts : mapping of str to int
        Sequences of each modality, the target first.
    size : int
        Sequences of each modality in a batch.
    seed : int
    """

    def __init__(self, counts: Mapping[str, int], size: int, seed: int) -> None:
        self.counts, self.size, self.seed, self.epoch = dict(counts), size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next; Lightning calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-next(iter(self.counts.values())) // self.size)

    def __iter__(self) -> Iterator[Draw]:
        target = next(iter(self.counts))
        orders = {}
        for number, (modality, n) in enumerate(self.counts.items()):
            rng = np.random.default_rng([self.seed, self.epoch, number])
            needed = n if modality == target else len(self) * min(self.size, n)
            rounds = [rng.permutation(n) for _ in range(-(-needed // n))]
            orders[modality] = np.concatenate(rounds)[:needed].tolist()
        for batch in range(len(self)):
            yield {
                modality: order[batch * size : (batch + 1) * size]
                for modality, order in orders.items()
                for size in [min(self.size, self.counts[modality])]
            }


class SequenceDataset(Dataset):
    """Batches of sequences; an item is asked for by a `Draw`.

    Parameters
    ----------
    sequences : mapping of str to sequence of (features, labels)
        By modality: float32 arrays of shape (n_steps, d), and (n_steps, 2).
    """

    def __init__(self, sequences: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]]) -> None:
        self.sequences = sequences

    def __getitem__(self, draw: Draw) -> dict[str, SequenceBatch]:
        return {m: padded([self.sequences[m][row] for row in rows]) for m, rows in draw.items()}


def padded(sequences: Sequence[tuple[np.ndarray, np.ndarray]]) -> SequenceBatch:
    """Put sequences of features (n_steps, d) and labels (n_steps, 2) into one batch."""
    shape = (len(sequences), max(len(features) for features, _ in sequences))
    features = torch.zeros(*shape, sequences[0][0].shape[1])
    labels = torch.full((*shape, sequences[0][1].shape[1]), torch.nan)
    for row, (values, wanted) in enumerate(sequences):
        features[row, : len(values)] = torch.from_numpy(values)
        labels[row, : len(wanted)] = torch.from_numpy(wanted.astype(np.float32))
    return SequenceBatch(features, labels)
